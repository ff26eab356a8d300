"""What a schedule is: a frozen record with one pure function, `table(n_epochs, steps_per_epoch) -> multipliers of the rate`.

Every engine reads the table; none computes a schedule. Lengths are in epochs unless the schedule says otherwise. A schedule that
watches the score (`Plateau`) has a table of ones, and is asked once an epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.registry import Registry

if TYPE_CHECKING:
    from manyfit.schedules.plateau import Plateau
    from manyfit.schedules.sequence import Sequence

Floats = NDArray[np.float64]


class Schedules(Registry):
    """Schedules by name; "warmup >> cosine" and a list of schedules are one after the other."""

    def make(self, given: Any) -> Any:
        """A schedule from its name, names joined by >>, a table of fields, a list of these, or itself."""
        if isinstance(given, str) and ">>" in given:
            given = [name.strip() for name in given.split(">>")]
        if isinstance(given, (list, tuple)):
            return self.find("sequence")(tuple(given))
        return super().make(given)


registry = Schedules("schedule")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@runtime_checkable
class Schedule(Protocol):
    """A course of the learning rate."""

    examples: ClassVar[tuple[Mapping[str, Any], ...]]

    def table(self, n_epochs: float, steps_per_epoch: int) -> Floats:
        """One multiplier of the rate for each update, shape `(round(n_epochs * steps_per_epoch),)`.

        Epochs may be a fraction: what a warm-up has left.
        """
        ...


@dataclass(frozen=True)
class Course:
    """What our schedules inherit: `a >> b` is a, then b. Nobody else's has to."""

    def __rshift__(self, after: Any) -> Sequence:
        """This schedule for as long as it lasts, then the other, which may be given by name."""
        return _one_after_the_other(self, after)

    def __rrshift__(self, before: Any) -> Sequence:
        return _one_after_the_other(before, self)

    def span(self, steps_per_epoch: int) -> int | None:
        """Updates until what follows may begin; None for a schedule that takes all that is left."""
        return None

    @property
    def needs_total(self) -> bool:
        """Whether its course depends on the length of the whole training, as that of a cosine without a length does."""
        return False

    @property
    def plateau(self) -> Plateau | None:
        """The part that watches the score, if there is one."""
        return None


@dataclass(frozen=True)
class Timed(Course):
    """A schedule that depends on the number of the update alone.

    length: How long it takes; what comes after it, if anything does, begins there. Where nothing follows the rate stays.
    unit: What lengths are counted in.
    stretches: Whether its course fills the training where no length is given.
    """

    stretches: ClassVar[bool] = False

    _: KW_ONLY
    length: float | None = hyper(
        None,
        above=0,
        optional=True,
        kind="number",
        doc="How long it takes, after which the next schedule begins or the rate stays; all that is left by default.",
    )
    unit: str = hyper(
        "epoch", options=("epoch", "step"), structural=True, doc="What lengths count: epoch or step."
    )

    def span(self, steps_per_epoch: int) -> int | None:
        """Updates until what follows may begin; None for a schedule that takes all that is left."""
        return None if self.length is None else self.steps(self.length, steps_per_epoch)

    @property
    def needs_total(self) -> bool:
        """Whether its course depends on the length of the whole training, as that of a cosine without a length does."""
        return self.stretches and self.length is None

    def steps(self, length: float, steps_per_epoch: int) -> int:
        """A length of this schedule in updates, at least one."""
        return max(round(length * (steps_per_epoch if self.unit == "epoch" else 1)), 1)

    def table(self, n_epochs: float, steps_per_epoch: int) -> Floats:
        """Multipliers, shape `(round(n_epochs * steps_per_epoch),)`."""
        n_steps = round(n_epochs * steps_per_epoch)
        span = self.span(steps_per_epoch)
        n = n_steps if span is None else span
        return self.course(np.minimum(np.arange(n_steps), n), n, steps_per_epoch)

    def course(self, t: NDArray[np.int64], n: int, steps_per_epoch: int) -> Floats:
        """The multiplier of each update t of a course of n updates; t counts from 0 and stays at n when it is over."""
        raise NotImplementedError


def _one_after_the_other(before: Any, after: Any) -> Sequence:
    from manyfit.schedules.sequence import Sequence

    return Sequence((before, after))
