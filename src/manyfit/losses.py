"""Losses: how far one network's outputs are from the targets, row by row.

A loss is a pure function of one network's outputs on a batch; the engines weight and average the rows. `xp` is numpy or torch.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from manyfit.registry import Registry

Target = Literal["numbers", "labels", "binary"]

registry = Registry("loss")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@runtime_checkable
class Loss(Protocol):
    """A loss.

    target: What it compares with: "numbers" `[B, C]`, "labels" `[B]` whole numbers below C, "binary" `[B, C]` of 0 and 1.
    """

    target: ClassVar[Target]

    @staticmethod
    def rows(xp: Any, output: Any, y: Any) -> Any:
        """The loss of each row, shape `(B,)`, from outputs `[B, C]` and targets."""
        ...


@rule
class MSE:
    """Mean squared error: the mean over outputs of (y − ŷ)². The chapter's 3.1.2.

    Example:
        >>> import numpy as np
        >>> MSE.rows(np, np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])).tolist()
        [2.0]
    """

    target: ClassVar[Target] = "numbers"
    name: ClassVar[str] = "mse"

    @staticmethod
    def rows(xp: Any, output: Any, y: Any) -> Any:
        """Squared error of each row, averaged over the outputs."""
        error = output - y
        return (error * error).mean(-1)


@rule
class CrossEntropy:
    """Cross-entropy of softmax outputs against class labels: −log of the probability given to the right class.

    Example:
        >>> import numpy as np
        >>> CrossEntropy.rows(np, np.array([[0.0, 0.0]]), np.array([1])).round(4).tolist()
        [0.6931]
    """

    target: ClassVar[Target] = "labels"

    @staticmethod
    def rows(xp: Any, output: Any, y: Any) -> Any:
        """log Σ exp(o) − o[y], shifted by the largest output so that nothing overflows."""
        shifted = output - xp.amax(output, -1)[..., None]
        return xp.log(xp.exp(shifted).sum(-1)) - shifted[xp.arange(shifted.shape[0]), y]


@rule
class BCE:
    """Binary cross-entropy of sigmoid outputs (given as logits) against 0 and 1, averaged over the outputs.

    Example:
        >>> import numpy as np
        >>> BCE.rows(np, np.array([[0.0]]), np.array([[1.0]])).round(4).tolist()
        [0.6931]
    """

    target: ClassVar[Target] = "binary"
    name: ClassVar[str] = "bce"

    @staticmethod
    def rows(xp: Any, output: Any, y: Any) -> Any:
        """max(o, 0) − o·y + log(1 + exp(−|o|)): the textbook form, rewritten so that nothing overflows."""
        size = xp.abs(output)
        return ((output + size) / 2 - output * y + xp.log1p(xp.exp(-size))).mean(-1)
