"""The same rate from the first update to the last."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.schedules._base import rule


@rule
class Constant:
    """No schedule: every update uses the optimizer's rate.

    Example:
        >>> Constant().table(2, 3).tolist()
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """

    examples: ClassVar = ({},)

    def table(self, n_epochs: int, steps_per_epoch: int) -> NDArray[np.float64]:
        """Ones, shape `(n_epochs * steps_per_epoch,)`."""
        return np.ones(n_epochs * steps_per_epoch)
