"""The rate falls along half a cosine again and again, as torch's CosineAnnealingWarmRestarts does.

Loshchilov & Hutter 2017, SGDR, https://arxiv.org/abs/1608.03983
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.schedules._base import Floats, Timed, rule
from manyfit.schedules.cosine import half_cosine


@rule
class CosineRestarts(Timed):
    """Half a cosine, back to the full rate, a longer cosine, and so on: each restart may leave a narrow valley.

    Example:
        >>> CosineRestarts(period=2, growth=2, unit="step").table(1, 6).round(3).tolist()
        [1.0, 0.5, 1.0, 0.854, 0.5, 0.146]
    """

    period: float = hyper(
        10.0, above=0, usual=(1, 50), doc="T₀, length of the first cosine: epochs, or as `unit` says."
    )
    growth: int = hyper(
        1, low=1, usual=(1, 3), doc="How many times longer each cosine is than the one before."
    )
    floor: float = hyper(
        0.0, low=0, high=1, usual=(0, 0.1), doc="Share of the rate that each cosine falls to."
    )

    aliases: ClassVar = ("CosineAnnealingWarmRestarts", "SGDR")
    examples: ClassVar = ({}, {"period": 1.0, "growth": 2}, {"period": 3, "unit": "step", "floor": 0.1})

    def course(self, t: NDArray[np.int64], n: int, steps_per_epoch: int) -> Floats:
        """From 1 to `floor` in each period."""
        begins, periods = [0], [self.steps(self.period, steps_per_epoch)]
        while begins[-1] + periods[-1] < n:
            begins.append(begins[-1] + periods[-1])
            periods.append(periods[-1] * self.growth)
        t = np.minimum(t, max(n - 1, 0))  # when it is over it must not begin another one
        which = np.searchsorted(begins, t, side="right") - 1
        return half_cosine((t - np.array(begins)[which]) / np.array(periods)[which], 1.0, self.floor)
