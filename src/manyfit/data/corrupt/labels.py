"""Outliers in labels: a few training rows have a wrong target."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from manyfit.data.corrupt._base import Stage, rule, uniforms
from manyfit.data.domain import Domain, Sample
from manyfit.hyper import hyper


@rule
class Labels:
    """A share of the training rows, drawn at random, has a wrong target: another class, or a number far away.

    Example:
        >>> X, y = np.zeros((4, 1)), np.array([0, 1, 2, 0])
        >>> Labels().apply(Sample(X, y, np.ones(4), 3), Domain.of(X), 1.0, key=1).y.tolist() != y.tolist()
        True
    """

    size: float = hyper(
        5.0, above=0, doc="How far a wrong number lies from the true one, in spreads of the target."
    )

    said: ClassVar[tuple[str, str]] = ("wrong targets", "错误标签")
    unit: ClassVar[tuple[str, str]] = ("share of the training rows", "训练行所占比例")
    stage: ClassVar[Stage] = "train"
    strengths: ClassVar[tuple[float, ...]] = (0.05, 0.1, 0.2)

    def apply(self, sample: Sample, domain: Domain, strength: float, key: int) -> Sample:
        """Give a share of the rows another target."""
        y, n = sample.y, len(sample.y)
        is_hit, other = uniforms(key, n, 1)[:, 0] < strength, uniforms(key, n, 1, layer=1)
        if sample.n_classes is not None:
            by = 1 + np.floor(other[:, 0] * (sample.n_classes - 1)).astype(np.int64)
            return sample._replace(y=np.where(is_hit, (y + by) % sample.n_classes, y))
        if np.isin(y, (0.0, 1.0)).all():  # yes or no, for binary cross-entropy
            return sample._replace(y=np.where(is_hit[:, None], 1.0 - y, y))
        wrong = y + np.where(other < 0.5, -1.0, 1.0) * self.size * y.std(0)
        return sample._replace(y=np.where(is_hit[:, None], wrong, y))
