"""The rate rises from almost nothing. The chapter's 3.5.5.

Goyal et al. 2017, Accurate, Large Minibatch SGD, section 2.2, https://arxiv.org/abs/1706.02677
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.schedules._base import Floats, Timed, rule


@rule
class Warmup(Timed):
    """Small steps while the gradients of a fresh network are wild, full steps afterwards: `Warmup(5) >> Cosine()`.

    Of n updates, number t (from 0) has the multiplier start + (1 − start)·t/n, as in torch's LinearLR, or start^(1 − t/n) along
    an exponential; the first update after the warm-up has the full rate.

    Example:
        >>> Warmup(1).table(2, 3).tolist()
        [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
        >>> Warmup(2, start=0.01, curve="exponential", unit="step").table(1, 4).round(9).tolist()
        [0.01, 0.1, 1.0, 1.0]
    """

    length: float = hyper(
        1.0, low=0, usual=(0, 5), doc="How long the rate rises: epochs, or as `unit` says; 0 for no warm-up."
    )
    start: float | None = hyper(
        None,
        above=0,
        high=1,
        optional=True,
        kind="number",
        usual=(0.001, 0.5),
        doc="Share of the rate at the first update; by default one of n + 1 equal steps from nothing to all.",
    )
    curve: str = hyper("linear", options=("linear", "exponential"), doc="How it rises.")

    aliases: ClassVar = ("LinearLR", "WarmupLR", "LinearWarmup")
    examples: ClassVar = (
        {},
        {"length": 0.5},
        {"length": 0.0},
        {"length": 7, "unit": "step", "start": 0.1},
        {"length": 2.0, "curve": "exponential"},
    )

    def span(self, steps_per_epoch: int) -> int:
        """Updates of the warm-up; there may be none."""
        return self.steps(self.length, steps_per_epoch) if self.length else 0

    def course(self, t: NDArray[np.int64], n: int, steps_per_epoch: int) -> Floats:
        """From `start` to 1."""
        start = 1 / (n + 1) if self.start is None else self.start
        share = t / max(n, 1)
        rise = start + (1 - start) * share if self.curve == "linear" else start ** (1 - share)
        return np.where(t < n, rise, 1.0)
