"""The same rate from the first update to the last."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.schedules._base import Floats, Timed, rule


@rule
class Constant(Timed):
    """No schedule: every update uses the optimizer's rate. `Constant(length=5) >> Cosine()` falls after five epochs.

    Example:
        >>> Constant().table(2, 3).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    examples: ClassVar = ({}, {"length": 2.0})

    def course(self, t: NDArray[np.int64], n: int, steps_per_epoch: int) -> Floats:
        """Ones."""
        return np.ones(len(t))
