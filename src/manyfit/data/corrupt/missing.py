"""Missing features: cells that were there in training are empty."""

from __future__ import annotations

from typing import ClassVar

from manyfit.data.corrupt._base import Stage, rule, uniforms
from manyfit.data.domain import Domain, Sample


@rule
class Missing:
    """A share of the cells of the table, drawn at random, is empty, and is encoded as empty cells are.

    Example:
        >>> import numpy as np
        >>> X = np.array([[0.0, 3.0], [1.0, 5.0], [2.0, 4.0]])
        >>> Missing().apply(Sample(X, X, np.ones(3)), Domain.of(X), 1.0, key=1).X[0].tolist()
        [1.0, 4.0]
    """

    said: ClassVar[tuple[str, str]] = ("missing", "缺失")
    unit: ClassVar[tuple[str, str]] = ("share of the cells", "单元格所占比例")
    stage: ClassVar[Stage] = "score"
    strengths: ClassVar[tuple[float, ...]] = (0.05, 0.1, 0.2, 0.5)

    def apply(self, sample: Sample, domain: Domain, strength: float, key: int) -> Sample:
        """Empty a share of the cells."""
        X = sample.X.copy()
        is_hit = uniforms(key, len(X), len(domain.columns)) < strength
        for k, inputs in enumerate(domain.columns):
            rows = is_hit[:, k].nonzero()[0][:, None]
            X[rows, inputs] = domain.empty[inputs]
        return sample._replace(X=X)
