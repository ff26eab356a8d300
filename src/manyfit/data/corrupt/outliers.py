"""Outliers in features: a few numbers are far off, as from a slipped comma or a failing sensor."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from manyfit.data.corrupt._base import Stage, rule, uniforms
from manyfit.data.domain import Domain, Sample
from manyfit.hyper import hyper


@rule
class Outliers:
    """A share of the numbers, drawn at random, lies many spreads away from where it was.

    An encoder clips what is far out, and so do its outliers here: that protection belongs to the network's.
    """

    size: float = hyper(10.0, above=0, doc="How far an outlier lies from the true number, in spreads.")

    said: ClassVar[tuple[str, str]] = ("outliers", "离群值")
    unit: ClassVar[tuple[str, str]] = ("share of the numbers", "数值所占比例")
    stage: ClassVar[Stage] = "score"
    strengths: ClassVar[tuple[float, ...]] = (0.01, 0.02, 0.05, 0.1)

    def apply(self, sample: Sample, domain: Domain, strength: float, key: int) -> Sample:
        """Push a share of the numbers up or down."""
        X = sample.X
        is_hit = (uniforms(key, *X.shape) < strength) & domain.free(X)
        sign = np.where(uniforms(key, *X.shape, layer=1) < 0.5, -1.0, 1.0)
        return sample._replace(X=np.where(is_hit, domain.within(X + sign * self.size * domain.spread), X))
