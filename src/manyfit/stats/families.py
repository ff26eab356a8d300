"""Many questions at once: p-values adjusted so that a family of findings claims no more than one finding would."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def holm(p_values: ArrayLike) -> Floats:
    """p-values adjusted for asking many questions at once (Holm 1979), in the order given.

    For deciding: the chance of even one false finding in the family stays below α.

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]

    References:
        Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure, https://www.jstor.org/stable/4615733
    """
    p = np.asarray(p_values, dtype=np.float64)
    return step_down(p, np.arange(len(p), 0, -1))


def step_down(p: Floats, factors: NDArray[np.integer]) -> Floats:
    """p-values in rising order times falling factors, never falling and at most 1, in the order given."""
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """p-values adjusted so that of the questions below α a share of α at most is there by chance, in the order given.

    For naming some of many things, where a few wrong names do less harm than naming none.

    Example:
        >>> benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).round(4).tolist()
        [0.04, 0.0533, 0.0533, 0.5]

    References:
        Benjamini & Hochberg 1995, https://doi.org/10.1111/j.2517-6161.1995.tb02031.x
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(-p, kind="stable")
    places = np.arange(len(p), 0, -1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.minimum.accumulate(p[order] * len(p) / places), 1.0)
    return adjusted
