"""Huber's loss, as `torch.nn.HuberLoss` defines it."""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.losses._base import Loss, Target, rule


@rule
class Huber(Loss):
    """Half the squared error up to δ, beyond it a line: the mean over outputs of e²/2 or δ·(|e| − δ/2).

    As smooth as squares near the target, and a wild row pulls with δ at most.

    Example:
        >>> import numpy as np
        >>> Huber(delta=1.0).rows(np, np.array([[0.0], [0.0]]), np.array([[0.5], [3.0]])).tolist()
        [0.125, 2.5]

    References:
        Huber 1964, https://doi.org/10.1214/aoms/1177703732
    """

    target: ClassVar[Target] = "numbers"
    aliases: ClassVar[tuple[str, ...]] = ("HuberLoss",)

    delta: float = hyper(
        1.0,
        above=0,
        scale="log",
        usual=(0.1, 10),
        doc="δ, the error beyond which the loss is a line; in units of the target.",
    )

    examples: ClassVar = ({}, {"delta": 0.3}, {"delta": 10.0})

    def rows(self, xp: Any, output: Any, y: Any) -> Any:
        """m·(|e| − m/2) of each row with m = min(|e|, δ), averaged over the outputs."""
        size = xp.abs(output - y)
        squared = xp.where(size <= self.delta, size, 0 * size + self.delta)
        return (squared * (size - squared / 2)).mean(-1)
