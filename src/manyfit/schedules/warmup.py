"""The rate rises from almost nothing, then stays.

Goyal et al. 2017, Accurate, Large Minibatch SGD, section 2.2, https://arxiv.org/abs/1706.02677
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.schedules._base import rule


@rule
class Warmup:
    """Small steps while the gradients of a fresh network are wild, full steps afterwards.

    Example:
        >>> Warmup(epochs=2).table(3, 2).tolist()
        [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    """

    epochs: float = hyper(
        1.0, low=0, usual=(0, 5), doc="Epochs over which the rate rises in a straight line to its full value."
    )

    examples: ClassVar = ({}, {"epochs": 0.5}, {"epochs": 0.0})

    def table(self, n_epochs: int, steps_per_epoch: int) -> NDArray[np.float64]:
        """Multipliers that rise to 1 and stay there, shape `(n_epochs * steps_per_epoch,)`."""
        n_warm = max(round(self.epochs * steps_per_epoch), 1)
        return np.minimum(np.arange(1, n_epochs * steps_per_epoch + 1) / n_warm, 1.0)
