"""Mean absolute error, as `torch.nn.L1Loss` defines it."""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.losses._base import Loss, Target, rule


@rule
class MAE(Loss):
    """Mean absolute error: the mean over outputs of |y − ŷ|.

    One wild row pulls no harder than a tame one, and what is learned is a median, not a mean. Its slope at 0 is 0.

    Example:
        >>> import numpy as np
        >>> MAE().rows(np, np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])).tolist()
        [1.0]
    """

    target: ClassVar[Target] = "numbers"
    name: ClassVar[str] = "mae"
    aliases: ClassVar[tuple[str, ...]] = ("L1Loss",)

    def rows(self, xp: Any, output: Any, y: Any) -> Any:
        """Absolute error of each row, averaged over the outputs."""
        return xp.abs(output - y).mean(-1)
