"""How fast networks train here: a first guess from a second's measurement, then what the job's own trainings have taken.

It decides how large the next part of a job is, never what a network becomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from manyfit.job.plan import NETWORK_S, Size
from manyfit.recipe import Recipe

GUESS_S = 0.5
"""Seconds of training after which what was seen counts as much as the guess."""

KEPT = 0.7
"""How much of what was seen before still counts when a part has been trained: what comes next is like the last, not the first."""


@dataclass
class Pace:
    """Seconds that trainings take, by the cost model and what has been seen of them.

    size: The table.
    rate: Operations per second, all threads together, as guessed; 0 when nobody has looked.

    Example:
        >>> pace = Pace(Size(1000, 250, 10, 1), 1e9)
        >>> recipe = Recipe(batch_size=32, epochs=10)
        >>> before = pace.seconds([recipe])
        >>> pace.took([recipe] * 8, 80 * before)  # ten times slower than it was thought to be
        >>> 1.5 * before < pace.seconds([recipe]) < 10 * before
        True
    """

    size: Size
    rate: float = 0.0
    _work: float = field(default=0.0, init=False)
    _seconds: float = field(default=0.0, init=False)

    @property
    def is_known(self) -> bool:
        """Whether there is anything to go by."""
        return self.rate > 0 or self._work > 0

    def took(self, recipes: Sequence[Recipe], seconds: float, rows: int | None = None) -> None:
        """Learn from a part.

        Args:
            recipes: What was trained, each at its own length.
            seconds: What that took.
            rows: Training rows that each saw; all of them by default.
        """
        around = min(NETWORK_S * len(recipes), 0.7 * seconds)
        work = sum(self.size.work(recipe, recipe.epochs, rows) for recipe in recipes)
        self._work = KEPT * self._work + work
        self._seconds = KEPT * self._seconds + max(seconds - around, 1e-6)

    def seconds(self, recipes: Sequence[Recipe], rows: int | None = None) -> float:
        """Seconds that some recipes, each at its own length, should take together."""
        guess = GUESS_S if self.rate > 0 else 0.0
        rate = (self.rate * guess + self._work) / (guess + self._seconds)
        return sum(self.size.work(r, r.epochs, rows) / rate + NETWORK_S for r in recipes)

    def fitting(self, recipes: Sequence[Recipe], seconds: float, rows: int | None = None) -> int:
        """How many of the first recipes fit into so many seconds."""
        spent, n = 0.0, 0
        for recipe in recipes:
            spent += self.seconds([recipe], rows)
            if spent > seconds:
                break
            n += 1
        return n
