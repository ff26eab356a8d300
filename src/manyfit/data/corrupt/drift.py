"""Drift: the instrument has changed since training, each column by a gain and an offset of its own."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from manyfit.data.corrupt._base import Stage, normals, rule
from manyfit.data.domain import Domain, Sample


@rule
class Drift:
    """Every number is scaled and shifted, in all rows alike: x becomes (1 + s·g)·x + s·o spreads.

    s is the strength; g and o are drawn for each input from a normal distribution.
    """

    said: ClassVar[tuple[str, str]] = ("drift", "漂移")
    unit: ClassVar[tuple[str, str]] = ("gain and offset, in spreads", "增益与偏移（以特征标准差计）")
    stage: ClassVar[Stage] = "score"
    strengths: ClassVar[tuple[float, ...]] = (0.1, 0.2, 0.5, 1.0)

    def apply(self, sample: Sample, domain: Domain, strength: float, key: int) -> Sample:
        """Scale and shift the numbers."""
        X = sample.X
        gain, offset = normals(key, 2, X.shape[1])
        moved = domain.within((1 + strength * gain) * X + strength * offset * domain.spread)
        return sample._replace(X=np.where(domain.free(X), moved, X))
