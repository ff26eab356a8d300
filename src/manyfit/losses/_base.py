"""What a loss is: a frozen record of settings and a pure function of one network's outputs on a batch, row by row.

The engines weight and average the rows. `xp` is numpy or torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from manyfit.errors import Problem
from manyfit.registry import Registry

Target = Literal["numbers", "labels", "binary"]

registry = Registry("loss")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@runtime_checkable
class Loss(Protocol):
    """A loss. Derive from it and write `target` and `rows`; the rest has a usual answer.

    target: What it compares with: "numbers" `[B, C]`, "labels" `[B]` whole numbers below C, "binary" `[B, C]` of 0 and 1.

    The loss of a batch is Σ wᵢ·rowsᵢ / Σ wᵢ·row_weightᵢ, with wᵢ the sample weights.
    """

    target: ClassVar[Target]

    def rows(self, xp: Any, output: Any, y: Any) -> Any:
        """The loss of each row, shape `(B,)`, from outputs `[B, C]` and targets."""
        ...

    def row_weight(self, xp: Any, y: Any) -> Any:
        """What each row counts for in the mean beside its sample weight, float64 `(B,)` or one number: 1."""
        return 1.0

    @property
    def scoring(self) -> Loss:
        """The loss that scores held-out rows: this one, without what is only a device of training."""
        return self

    def misfits(self, n_outputs: int) -> Iterator[Problem]:
        """What is wrong with its settings on networks of that many outputs, beyond bounds of single values."""
        yield from ()
