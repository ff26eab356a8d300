"""Binary cross-entropy with logits, as `torch.nn.BCEWithLogitsLoss` defines it."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.losses._base import Loss, Target, rule


@rule
class BCE(Loss):
    """Binary cross-entropy of sigmoid outputs (given as logits) against 0 and 1, averaged over the outputs.

    Label smoothing ε asks for ε/2 in place of 0 and for 1 − ε/2 in place of 1: what `CrossEntropy` does with two classes.

    Example:
        >>> import numpy as np
        >>> BCE().rows(np, np.array([[0.0]]), np.array([[1.0]])).round(4).tolist()
        [0.6931]
    """

    target: ClassVar[Target] = "binary"
    name: ClassVar[str] = "bce"
    aliases: ClassVar[tuple[str, ...]] = ("BCEWithLogitsLoss",)

    label_smoothing: float = hyper(
        0.0,
        low=0,
        high=1,
        usual=(0.05, 0.2),
        doc="ε, the share of every label that is spread over both answers.",
    )

    examples: ClassVar = ({}, {"label_smoothing": 0.1}, {"label_smoothing": 1.0})

    def rows(self, xp: Any, output: Any, y: Any) -> Any:
        """max(o, 0) − o·y + log(1 + exp(−|o|)): the textbook form, rewritten so that nothing overflows."""
        size = xp.abs(output)
        asked = y * (1 - self.label_smoothing) + self.label_smoothing / 2
        return ((output + size) / 2 - output * asked + xp.log1p(xp.exp(-size))).mean(-1)

    @property
    def scoring(self) -> BCE:
        """The same without smoothing."""
        return dataclasses.replace(self, label_smoothing=0.0)
