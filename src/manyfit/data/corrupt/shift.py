"""Covariate shift: the same world, but other rows of it are common now."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.data.corrupt._base import Stage, rule, uniforms
from manyfit.data.domain import Domain, Sample


@rule
class Shift:
    """Rows towards one end of the direction in which rows differ most weigh more: weight · exp(strength · place along it).

    An exponential tilt resamples without changing a row: a direction that is normal keeps its shape and moves by `strength`
    spreads. Which end is drawn by the key.

    Example:
        >>> X = np.linspace(-1, 1, 5)[:, None]
        >>> weights = Shift().apply(Sample(X, X, np.ones(5)), Domain.of(X), 1.0, key=1).weights
        >>> bool(np.ptp(np.diff(np.log(weights))) < 1e-12)                    # exponential along the only direction
        True
    """

    said: ClassVar[tuple[str, str]] = ("shift", "偏移")
    unit: ClassVar[tuple[str, str]] = ("mean of the main direction, in spreads", "主方向均值（以标准差计）")
    stage: ClassVar[Stage] = "score"
    strengths: ClassVar[tuple[float, ...]] = (0.25, 0.5, 1.0)

    def apply(self, sample: Sample, domain: Domain, strength: float, key: int) -> Sample:
        """Weigh the rows anew."""
        place = main_direction(sample.X, domain)
        sign = -1.0 if uniforms(key, 1, 1)[0, 0] < 0.5 else 1.0
        tilted = strength * sign * place
        return sample._replace(weights=sample.weights * np.exp(tilted - tilted.max(initial=0.0)))


def main_direction(X: NDArray[np.float64], domain: Domain) -> NDArray[np.float64]:
    """[N] where rows lie along the direction in which they differ most, mean 0 and spread 1; 0 where no number varies.

    Numbers in units of their spread; flags and one-hot inputs are left out.
    """
    scaled = X[:, domain.is_number] / domain.spread[domain.is_number]
    if scaled.size == 0:
        return np.zeros(len(X))
    scaled = scaled - scaled.mean(0)
    _, directions = np.linalg.eigh(scaled.T @ scaled)
    first = directions[:, -1]
    place = scaled @ (
        first * np.sign(first[np.argmax(np.abs(first))])
    )  # a sign of its own, whatever the solver
    spread = place.std()
    return (place - place.mean()) / spread if spread > 0 else np.zeros(len(X))
