"""The rate falls along half a cosine, after a warm-up if asked.

Loshchilov & Hutter 2017, SGDR, https://arxiv.org/abs/1608.03983
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.schedules._base import rule


@rule
class Cosine:
    """Slow at both ends, fast in the middle: big steps first, settling last.

    The multiplier of update k of n (after the warm-up) is floor + (1 − floor)·(1 + cos(πk/n))/2, as in torch's
    CosineAnnealingLR with T_max = n; the first update has the full rate, the last one stands a step above the floor.

    Example:
        >>> Cosine().table(1, 4).round(3).tolist()
        [1.0, 0.854, 0.5, 0.146]
        >>> Cosine(warmup_epochs=1).table(3, 2).round(3).tolist()
        [0.5, 1.0, 1.0, 0.854, 0.5, 0.146]
    """

    floor: float = hyper(0.0, low=0, high=1, doc="Share of the rate that the cosine falls to.")
    warmup_epochs: float = hyper(
        0.0, low=0, usual=(0, 5), doc="Epochs over which the rate first rises in a straight line."
    )

    examples: ClassVar = ({}, {"floor": 0.1}, {"warmup_epochs": 1.0})

    def table(self, n_epochs: int, steps_per_epoch: int) -> NDArray[np.float64]:
        """Multipliers that rise, then fall to `floor`, shape `(n_epochs * steps_per_epoch,)`."""
        n_steps = n_epochs * steps_per_epoch
        n_warm = min(round(self.warmup_epochs * steps_per_epoch), n_steps)
        rise = np.arange(1, n_warm + 1) / max(n_warm, 1)
        phase = np.arange(n_steps - n_warm) / max(n_steps - n_warm, 1)
        return np.concatenate([rise, self.floor + (1 - self.floor) * 0.5 * (1 + np.cos(np.pi * phase))])
