"""One schedule after another, as torch's SequentialLR does: `Warmup(5) >> Cosine()`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from manyfit.errors import Problem
from manyfit.hyper import hyper
from manyfit.schedules._base import Course, Floats, Schedule, registry, rule

if TYPE_CHECKING:
    from manyfit.schedules.plateau import Plateau


@rule
class Sequence(Course):
    """Schedules in turn, each from its own beginning. All but the last must say how long they take.

    Written with `>>`; in JSON and TOML a list under `parts`, or names as in "warmup >> cosine". Paths lead to the parts by name
    or by number: `recipe.set("schedule.warmup.length", 3)`, `recipe.set("schedule.0.length", 3)`.

    Example:
        >>> from manyfit.schedules.cosine import Cosine
        >>> from manyfit.schedules.warmup import Warmup
        >>> (Warmup(1) >> Cosine()).table(3, 2).round(3).tolist()
        [0.333, 0.667, 1.0, 0.854, 0.5, 0.146]
    """

    parts: tuple[Schedule, ...] = hyper((), structural=True, doc="Schedules, first to last.")

    aliases: ClassVar = ("SequentialLR",)
    examples: ClassVar = (
        {"parts": ("warmup", "cosine")},
        {"parts": ({"rule": "warmup", "length": 1.5}, {"rule": "constant", "length": 2}, "exponential_lr")},
        {"parts": ("warmup", "plateau")},
    )

    def __post_init__(self) -> None:
        given = self.parts if isinstance(self.parts, (tuple, list)) else (self.parts,)
        flat: list[Any] = []
        for part in map(registry.make, given):
            flat += part.parts if isinstance(part, Sequence) else [part]
        object.__setattr__(self, "parts", tuple(flat))

    def __repr__(self) -> str:
        return " >> ".join(map(repr, self.parts))

    @property
    def plateau(self) -> Plateau | None:
        """The last part, if it watches the score."""
        return getattr(self.parts[-1], "plateau", None) if self.parts else None

    @property
    def needs_total(self) -> bool:
        """Whether the course of the last part depends on the length of the whole training."""
        return bool(self.parts) and getattr(self.parts[-1], "needs_total", True)

    def problems(self) -> Iterator[Problem]:
        """What is wrong with how the parts are put together."""
        if not self.parts:
            yield Problem(
                "Sequence.parts", "must hold at least one schedule", hint="Write Warmup(5) >> Cosine()."
            )
        for part in self.parts[:-1]:
            if _span(part, 1) is None:
                name = type(part).__name__
                can = hasattr(part, "length")
                hint = f"For example {name}(length=5) >> …" if can else f"{name} must be the last one."
                yield Problem(f"{name} before >>", "must say how long it takes", hint=hint)

    def span(self, steps_per_epoch: int) -> int | None:
        """Updates of all parts; None where the last one takes all that is left."""
        spans = [_span(part, steps_per_epoch) for part in self.parts]
        return sum(span for span in spans if span is not None) if None not in spans else None

    def table(self, n_epochs: float, steps_per_epoch: int) -> Floats:
        """The multipliers of the parts end to end, shape `(round(n_epochs * steps_per_epoch),)`."""
        left = round(n_epochs * steps_per_epoch)
        tables = [np.empty(0)]
        for number, part in enumerate(self.parts, 1):
            span = _span(part, steps_per_epoch)
            n = left if span is None or number == len(self.parts) else min(span, left)
            tables.append(part.table(n / steps_per_epoch, steps_per_epoch))
            left -= n
        return np.concatenate(tables)


def _span(part: Any, steps_per_epoch: int) -> int | None:
    """How many updates a part takes; somebody else's schedule takes all that is left unless it says otherwise."""
    return part.span(steps_per_epoch) if hasattr(part, "span") else None
