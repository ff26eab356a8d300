"""The rate falls by the same share again and again, as torch's ExponentialLR does. The chapter's 3.5.5."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.schedules._base import Floats, Timed, rule


@rule
class ExponentialLR(Timed):
    """η·γ^epoch: after every epoch, or every update if `unit` says so, the rate is multiplied by γ.

    Example:
        >>> ExponentialLR(gamma=0.5).table(3, 2).tolist()
        [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
        >>> ExponentialLR(gamma=0.5, unit="step").table(1, 3).tolist()
        [1.0, 0.5, 0.25]
    """

    gamma: float = hyper(
        0.95, above=0, high=1, usual=(0.8, 0.999), doc="γ, what each epoch multiplies the rate by."
    )

    examples: ClassVar = ({}, {"gamma": 0.5}, {"gamma": 0.99, "unit": "step"})

    def course(self, t: NDArray[np.int64], n: int, steps_per_epoch: int) -> Floats:
        """γ to the power of the epochs, or updates, passed."""
        return self.gamma ** (t // self.steps(1, steps_per_epoch)).astype(np.float64)
