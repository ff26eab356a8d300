"""Many questions at once: p-values adjusted so that a family of findings claims no more than one finding would."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manyfit.stats.comparison import Comparison, pairs_to_add
from manyfit.stats.finding import Finding
from manyfit.stats.interval import LEVEL

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
    return _step_down(p, np.arange(len(p)))


def _step_down(p: Floats, owner: NDArray[np.integer]) -> Floats:
    """Holm's procedure where several hypotheses may belong to one owner, of which one at most is true.

    Each p-value, from the smallest on, counts as often as owners still have a hypothesis that has not been rejected: so
    many of those left may be true (Shaffer 1986). With one hypothesis for each owner that is Holm's own.
    """
    order = np.argsort(p, kind="stable")
    # An owner is done with its last hypothesis: the one of the largest p-value.
    last = np.full(int(owner.max(initial=-1)) + 1, -1)
    np.maximum.at(last, owner[order], np.arange(len(p)))
    done = np.searchsorted(np.sort(last[last >= 0]), np.arange(len(p)), side="left")
    factors = np.sum(last >= 0) - done
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def as_family(
    comparisons: Sequence[Comparison], *, level: float = LEVEL, overlap: float = 0.0
) -> tuple[Comparison, ...]:
    """Comparisons that are read together: each keeps its finding only if it stands among all of them.

    The chance that any of them says better, worse or the same where that is wrong stays below 1 − level. A comparison asks
    two things, whether there is a difference and whether there is one of a margin or more; it can't err in both.

    Args:
        comparisons: Of any of the functions for pairs. Their intervals stay as they are, each for itself.
        level: Confidence of all findings together.
        overlap: As in `mean_interval`, for planning more replicates.

    Returns:
        The same with adjusted p-values and findings, in the order given.

    Example:
        >>> from manyfit.stats.pairs import paired
        >>> base = [1.0, 1.2, 0.9, 1.1]
        >>> alone = paired([0.8, 1.1, 0.8, 0.85], base, scope="seeds")
        >>> among = as_family([alone] + [paired([1.0, 1.1, 1.0, 1.1], base, scope="seeds")] * 4)
        >>> alone.finding.value, among[0].finding.value, round(among[0].p / alone.p, 9)
        ('better', 'cannot tell', 5.0)

    References:
        Holm 1979, as in `holm`
        Shaffer 1986, Modified Sequentially Rejective Multiple Test Procedures, https://doi.org/10.1080/01621459.1986.10478341
    """
    n = len(comparisons)
    has_margin = np.array([each.margin > 0 for each in comparisons], dtype=bool)
    asked = np.concatenate([np.arange(n), np.flatnonzero(has_margin)])
    p = np.array(
        [*(each.p for each in comparisons), *(each.p_same for each in comparisons if each.margin > 0)]
    )
    adjusted = _step_down(p, asked)
    p_same = np.ones(n)
    p_same[has_margin] = adjusted[n:]
    return tuple(
        _among(each, float(adjusted[i]), float(p_same[i]), n, level, overlap)
        for i, each in enumerate(comparisons)
    )


def _among(each: Comparison, p: float, p_same: float, n: int, level: float, overlap: float) -> Comparison:
    decides = p_same if each.finding is Finding.SAME else p
    if each.finding is Finding.UNKNOWN or decides <= 1 - level:
        return dataclasses.replace(each, p=p, p_same=p_same)
    strict = 1 - (1 - level) / n
    margin = math.log1p(each.margin) if each.difference.method.endswith("logarithms") else each.margin
    more = pairs_to_add(Finding.UNKNOWN, each.difference.n, each.sd, margin, strict, overlap)
    return dataclasses.replace(each, finding=Finding.UNKNOWN, more=more, p=p, p_same=p_same)


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
