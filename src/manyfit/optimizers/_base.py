"""What an optimizer is: a frozen record of hyperparameters and two pure functions on one parameter array of one network.

`init(xp, p, h)` makes the state, a dict of arrays shaped like `p`. `step(xp, p, g, s, t, h)` returns the new parameter and state.
`xp` is numpy or torch, `t` counts updates from 1, `h` holds the hyperparameters with `h.lr` already multiplied by the schedule.
Neither changes its inputs. Engines add the axis of networks: numbers in `h` may then be tensors, so a step never asks `if` about
them; switches stay switches, and what a rule keeps only with some settings is asked of the state (`"velocity" in s`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from manyfit.registry import Registry

State = dict[str, Any]

registry = Registry("optimizer")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@runtime_checkable
class Optimizer(Protocol):
    """An update rule.

    examples: Settings at which the contract tests it.
    oracle: The dotted name of the same rule in torch, and its names of the hyperparameters; None if torch has no such rule.

    A rule may declare `linear: ClassVar = True`: its step is a linear function of gradient and state, the same for every weight,
    as proximal penalties need it.
    """

    examples: ClassVar[tuple[Mapping[str, Any], ...]]
    oracle: ClassVar[tuple[str, Mapping[str, str]] | None]

    @property
    def lr(self) -> float:
        """The rate, which the schedule multiplies."""
        ...

    @staticmethod
    def init(xp: Any, p: Any, h: Any) -> State:
        """The state before the first update of a rule with the hyperparameters `h`: the same names whatever `p`."""
        ...

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """One update."""
        ...
