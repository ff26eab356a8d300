"""The rate falls along half a cosine, as torch's CosineAnnealingLR does. The chapter's 3.5.5.

Loshchilov & Hutter 2017, SGDR, https://arxiv.org/abs/1608.03983
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.schedules._base import Floats, Timed, rule


@rule
class Cosine(Timed):
    """Slow at both ends, fast in the middle: big steps first, settling last.

    The multiplier of update t of n is floor + (1 − floor)·(1 + cos(πt/n))/2, as in torch's CosineAnnealingLR with T_max = n and
    eta_min = floor times the rate; the first update has the full rate, the last one stands a step above the floor. After
    `length` the rate stays at the floor, where torch's would climb again.

    Example:
        >>> Cosine().table(1, 4).round(3).tolist()
        [1.0, 0.854, 0.5, 0.146]
        >>> Cosine(0.1, length=1).table(3, 2).round(3).tolist()
        [1.0, 0.55, 0.1, 0.1, 0.1, 0.1]
    """

    floor: float = hyper(
        0.0, low=0, high=1, usual=(0, 0.1), doc="Share of the rate that the cosine falls to."
    )

    stretches: ClassVar = True
    aliases: ClassVar = ("CosineAnnealingLR", "CosineAnnealing")
    examples: ClassVar = ({}, {"floor": 0.1}, {"length": 2.0})

    def course(self, t: NDArray[np.int64], n: int, steps_per_epoch: int) -> Floats:
        """From 1 to `floor`."""
        return half_cosine(t / max(n, 1), 1.0, self.floor)


def half_cosine(share: Floats, start: float, end: float) -> Floats:
    """Values from `start` to `end` along half a cosine, at shares of the way.

    Example:
        >>> half_cosine(np.array([0.0, 0.5, 1.0]), 1.0, 0.2).round(12).tolist()
        [1.0, 0.6, 0.2]
    """
    return end + (start - end) * 0.5 * (1 + np.cos(np.pi * share))
