"""The laws behind the embedded examples that were drawn from one: fresh rows, and what the best possible prediction is.

With them bias, variance and noise can be told apart, which no real table allows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import logsumexp

from manyfit.data.dataset import Dataset
from manyfit.data.examples import (
    ARMS,
    CUBIC_NOISE,
    MOONS_NOISE,
    SPIRAL_SQUARES,
    SPIRALS_NOISE,
    cubic,
    line,
    moon_arc,
    moons,
    spiral_arm,
    spirals,
)
from manyfit.data.load import load
from manyfit.rng import derive

Floats = NDArray[np.float64]

GRID = 1000
"""Points along an arc over which densities are averaged: of the noise's width there are more than 40."""


@dataclass(frozen=True)
class Truth:
    """The law that an example was drawn from.

    draw: Fresh rows: how many, by which generator.
    center: From the columns x (and y) to the mean of the number [N], or to the probability of each class [N, C] in the order of
        the classes' names.
    noise: Deviation of the number around its mean; 0 for classes.
    """

    draw: Callable[[int, np.random.RandomState], pl.DataFrame]
    center: Callable[[pl.DataFrame], Floats]
    noise: float = 0.0

    def rows(self, n: int, seed: int) -> pl.DataFrame:
        """Fresh rows, a pure function of the seed."""
        return self.draw(n, np.random.RandomState(np.random.Philox(key=derive(seed, n))))


def truth_of(data: Dataset) -> Truth | None:
    """The law behind a data set; None if it is not an embedded example that was drawn from one.

    Example:
        >>> truth_of(load("line")).noise, truth_of(load("iris"))
        (1.0, None)
    """
    law = TRUTHS.get(data.name)
    if law is None:
        return None
    known = load(data.name, leaks=False)
    return law if known.fingerprint == data.fingerprint else None


def _line(frame: pl.DataFrame) -> Floats:
    return 2 * frame["x"].to_numpy() + 1


def _cubic(frame: pl.DataFrame) -> Floats:
    x = frame["x"].to_numpy()
    return x**3 - x**2


def _moons(frame: pl.DataFrame) -> Floats:
    angles = np.pi * (np.arange(GRID) + 0.5) / GRID
    upper, lower = (moon_arc(side, angles) for side in (0, 1))
    return _posterior(frame, [lower, upper], MOONS_NOISE)  # by name


def _spirals(frame: pl.DataFrame) -> Floats:
    low, high = SPIRAL_SQUARES
    radii = np.sqrt(low + (high - low) * (np.arange(GRID) + 0.5) / GRID)
    arms = [spiral_arm(arm, radii) for arm in range(len(ARMS))]
    return _posterior(frame, arms, SPIRALS_NOISE)


def _posterior(frame: pl.DataFrame, curves: list[tuple[Floats, Floats]], noise: float) -> Floats:
    """[N, C] probability of each of several curves, equally frequent, that points were drawn from with normal noise."""
    x, y = (frame[name].to_numpy()[:, None] for name in ("x", "y"))
    logs = [logsumexp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * noise**2), axis=1) for cx, cy in curves]
    table = np.stack(logs, axis=1)
    return np.exp(table - logsumexp(table, axis=1, keepdims=True))


TRUTHS: dict[str, Truth] = {
    "line": Truth(line, _line, 1.0),
    "cubic": Truth(cubic, _cubic, CUBIC_NOISE),
    "moons": Truth(moons, _moons),
    "spirals": Truth(spirals, _spirals),
}
