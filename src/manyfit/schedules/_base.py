"""What a schedule is: a frozen record with one pure function, `table(n_epochs, steps_per_epoch) -> multipliers of the rate`.

Every engine reads the table; none computes a schedule. Lengths are in epochs unless the schedule says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from manyfit.registry import Registry

registry = Registry("schedule")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@runtime_checkable
class Schedule(Protocol):
    """A course of the learning rate."""

    examples: ClassVar[tuple[Mapping[str, Any], ...]]

    def table(self, n_epochs: int, steps_per_epoch: int) -> NDArray[np.float64]:
        """One multiplier of the rate for each update, shape `(n_epochs * steps_per_epoch,)`."""
        ...
