"""The rate falls in steps, as torch's StepLR does. The chapter's 3.5.5."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.schedules._base import Floats, Timed, rule


@rule
class StepLR(Timed):
    """η·γ^⌊t / size⌋: the same rate for a while, then a share of it, and so on.

    Example:
        >>> StepLR(size=1, gamma=0.5).table(3, 2).tolist()
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """

    size: float = hyper(
        10.0, above=0, usual=(5, 50), doc="How long the rate stays the same: epochs, or as `unit` says."
    )
    gamma: float = hyper(
        0.1, above=0, high=1, usual=(0.1, 0.9), doc="γ, what each cut multiplies the rate by."
    )

    examples: ClassVar = ({}, {"size": 1.5, "gamma": 0.5}, {"size": 3, "unit": "step"})

    def course(self, t: NDArray[np.int64], n: int, steps_per_epoch: int) -> Floats:
        """γ to the power of how many cuts were made."""
        return self.gamma ** (t // self.steps(self.size, steps_per_epoch)).astype(np.float64)
