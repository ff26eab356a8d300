"""Mean squared error, the chapter's 3.1.2."""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.losses._base import Loss, Target, rule


@rule
class MSE(Loss):
    """Mean squared error: the mean over outputs of (y − ŷ)². The chapter's 3.1.2.

    Example:
        >>> import numpy as np
        >>> MSE().rows(np, np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])).tolist()
        [2.0]
    """

    target: ClassVar[Target] = "numbers"
    name: ClassVar[str] = "mse"
    aliases: ClassVar[tuple[str, ...]] = ("MSELoss",)

    def rows(self, xp: Any, output: Any, y: Any) -> Any:
        """Squared error of each row, averaged over the outputs."""
        error = output - y
        return (error * error).mean(-1)
