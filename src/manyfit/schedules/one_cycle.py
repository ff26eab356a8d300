"""The rate rises to its full value and falls far below where it began, as torch's OneCycleLR does.

Smith & Topin 2018, Super-Convergence, https://arxiv.org/abs/1708.07120
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.schedules._base import Floats, Timed, rule
from manyfit.schedules.cosine import half_cosine


@rule
class OneCycle(Timed):
    """One rise, one fall: large steps in the middle, where they do most good and least harm.

    torch's max_lr is the optimizer's rate here; its div_factor and final_div_factor are given as the shares they lead to. Only
    the rate cycles, not the momentum.

    Example:
        >>> OneCycle(rise=0.5, start=0.2, end=0.1, curve="linear").table(1, 6).round(3).tolist()
        [0.2, 0.6, 1.0, 0.7, 0.4, 0.1]
    """

    rise: float = hyper(0.3, above=0, below=1, usual=(0.1, 0.5), doc="Share of the updates that rise.")
    start: float = hyper(
        1 / 25,
        above=0,
        high=1,
        usual=(0.01, 0.2),
        doc="Share of the rate at the first update: 1 / div_factor.",
    )
    end: float = hyper(
        1 / 25e4,
        low=0,
        high=1,
        usual=(1e-6, 0.01),
        doc="Share of the rate at the last update: 1 / (div_factor · final_div_factor).",
    )
    curve: str = hyper("cosine", options=("cosine", "linear"), doc="How it rises and falls.")
    three_phase: bool = hyper(
        False, doc="Fall as fast as it rose, to `start`, and then to `end` in what is left."
    )

    stretches: ClassVar = True
    aliases: ClassVar = ("OneCycleLR",)
    examples: ClassVar = ({}, {"curve": "linear", "rise": 0.5}, {"three_phase": True}, {"length": 2.0})

    def course(self, t: NDArray[np.int64], n: int, steps_per_epoch: int) -> Floats:
        """From `start` to 1 to `end`, in two phases or three."""
        last, peak = max(n - 1, 0), self.rise * n - 1
        ends, values = [peak, last], [self.start, 1.0, self.end]
        if self.three_phase:
            ends, values = [peak, 2 * peak, last], [self.start, 1.0, self.start, self.end]
        t = np.minimum(t, last)
        table, begin = np.full(len(t), values[-1]), 0.0
        is_set = np.zeros(len(t), dtype=bool)
        for k, end in enumerate(ends):
            now = ~is_set & ((t <= end) | (k == len(ends) - 1))
            share = (t[now] - begin) / (end - begin) if end != begin else np.ones(now.sum())
            table[now] = self._between(share, values[k], values[k + 1])
            is_set |= now
            begin = end
        return table

    def _between(self, share: Floats, start: float, end: float) -> Floats:
        return half_cosine(share, start, end) if self.curve == "cosine" else start + (end - start) * share
