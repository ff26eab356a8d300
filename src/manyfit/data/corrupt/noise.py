"""Noise: every number is measured a little wrongly."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from manyfit.data.corrupt._base import Stage, normals, rule
from manyfit.data.domain import Domain, Sample


@rule
class Noise:
    """Gaussian noise on every number, its deviation in units of the input's own spread.

    Example:
        >>> X = np.array([[0.0, 1.0], [2.0, 1.0], [4.0, 0.0]])
        >>> spoiled = Noise().apply(Sample(X, X, np.ones(3)), Domain.of(X), 0.1, key=1)
        >>> bool((spoiled.X[:, 1] == X[:, 1]).all()), bool((spoiled.X[:, 0] == X[:, 0]).any())
        (True, False)
    """

    said: ClassVar[tuple[str, str]] = ("noise", "噪声")
    unit: ClassVar[tuple[str, str]] = ("deviation of the noise, in spreads", "噪声标准差（以特征标准差计）")
    stage: ClassVar[Stage] = "score"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.2, 0.5, 1.0)

    def apply(self, sample: Sample, domain: Domain, strength: float, key: int) -> Sample:
        """Add noise to the numbers."""
        X = sample.X
        moved = domain.within(X + strength * domain.spread * normals(key, *X.shape))
        return sample._replace(X=np.where(domain.free(X), moved, X))
