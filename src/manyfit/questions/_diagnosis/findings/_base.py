"""What a finding is: a class that looks at records, says what it sees with its evidence, and names the remedies to be tried.

A finding reads what the recipe has left behind on its pairs. Where it sees something, its remedies are tried on fresh pairs
that had no part in seeing it, beside the recipe as it is. It needs evidence beyond its threshold: an interval or a count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Text
from manyfit.questions._diagnosis.twins import WORDS
from manyfit.questions._frame.task import Replicate, Task
from manyfit.questions._frame.words import written
from manyfit.recipe import Recipe
from manyfit.registry import Registry
from manyfit.runs import Run
from manyfit.stats import Comparison, Interval, mean_interval, proportion_interval

Floats = NDArray[np.float64]

registry = Registry("finding")
finding = registry.rule
"""Registers a class as one of them, known by its `name`, which is the code that users mute."""

OFTEN = 0.05
"""Share of trainings that may go astray by bad luck without anybody calling the recipe ill: one in twenty."""


class Twin(NamedTuple):
    """A remedy to be tried.

    name: What it is called.
    recipe: The recipe with the remedy.
    without: A column that it does without; empty for none.
    """

    name: Text
    recipe: Recipe
    without: str = ""


class Tried(NamedTuple):
    """A remedy and what it changed on rows that no network has seen: remedy minus recipe as it is."""

    name: Text
    change: Comparison


class Seen(NamedTuple):
    """What a finding rests on.

    said: The evidence, in words with its numbers.
    numbers: The same as plain values.
    tried: Remedies of which the pairs at hand tell already.
    wants: Remedies to be tried on fresh pairs.
    """

    said: Text
    numbers: Mapping[str, Any]
    tried: tuple[Tried, ...] = ()
    wants: tuple[Twin, ...] = ()


class Found(NamedTuple):
    """A finding with its remedies tried."""

    code: str
    label: Text
    seen: Seen
    tried: tuple[Tried, ...]


@dataclass(frozen=True, eq=False)
class Records:
    """What the pairs have left behind. Axis n: pairs.

    task: What is asked about.
    pairs: [n] seeds and splits.
    base: Run of the recipe as it is, watched, a network for each pair.
    unseen: [n] scores on unseen rows, by twin; that of the recipe as it is under "base".
    seen: [n] scores of the recipe as it is on its training rows.
    remedies: What each twin changed, by twin.
    gap: Interval of unseen − seen.
    code: The main verdict.
    leader: The twin that helps most; empty where none is better.
    again: What it changed on fresh pairs; None where that is not known.
    margin: Share of the score that counts as the same.
    level: Confidence level.
    edges: Settings at an edge of what a search tried: path, end, value.
    """

    task: Task
    pairs: Sequence[Replicate]
    base: Run
    unseen: Mapping[str, Floats]
    seen: Floats
    remedies: Mapping[str, Comparison]
    gap: Interval
    code: str
    leader: str = ""
    again: Comparison | None = None
    margin: float = 0.01
    level: float = 0.95
    edges: Sequence[Sequence[Any]] = ()

    @property
    def recipe(self) -> Recipe:
        """The recipe in question."""
        return self.task.recipe

    @property
    def score(self) -> float:
        """Mean score of the recipe on unseen rows; NaN where networks diverged."""
        own = self.unseen["base"]
        return float(np.mean(own)) if np.isfinite(own).all() else float("nan")

    def interval(self, values: Floats) -> Interval:
        """Interval of the mean of one value a pair; pairs on the same rows count once."""
        return mean_interval(values, scope=self.task.scope, level=self.level, overlap=self.task.overlap)

    def share(self, is_so: NDArray[np.bool_]) -> Interval:
        """Share of trainings to which something happened."""
        return proportion_interval(int(is_so.sum()), len(is_so), scope=self.task.scope, level=self.level)

    def word(self, twin: str) -> Text:
        """What a twin is called."""
        return WORDS[twin]

    @cached_property
    def whole_gradient(self) -> Floats:
        """[T, n] norm of the gradient of all layers together; NaN after a network's end."""
        squares = self.base.gradient_norm**2
        known = ~np.isnan(squares)
        total = np.where(known, squares, 0.0).sum(-1)
        return np.where(known.any(-1), np.sqrt(total), np.nan)

    def tamed(self) -> tuple[Twin, ...]:
        """The remedies for steps that are too large: a third of the rate, and the gradient clipped at its usual size."""
        lr = self.recipe.optimizer.lr
        slower = Twin(
            Text("a third of the rate", "学习率的三分之一"), self.recipe.set("optimizer.lr", lr / 3)
        )
        norms = self.whole_gradient[np.isfinite(self.whole_gradient)]
        usual = float(np.median(norms)) if norms.size else 0.0
        if not usual > 0:
            return (slower,)
        usual = float(f"{usual:.2g}")
        return (
            slower,
            Twin(Text(f"clipping at {usual:g}", f"裁剪到 {usual:g}"), self.recipe.set("clip_norm", usual)),
        )


def percent(share: Interval) -> str:
    """A share with its interval in percent, in as many digits as it deserves.

    Example:
        >>> percent(Interval(0.18, 0.15, 0.21, 0.95, 9, "seeds", "t")), percent(Interval(0.002, 0, 0.004, 0.95, 9, "", ""))
        ('18 % [15, 21]', '0.2 % [0.0, 0.4]')
    """
    places = 0 if share.high - share.low >= 0.02 or share.estimate >= 0.1 else 1
    middle, low, high = (written(100 * end, places) for end in (share.estimate, share.low, share.high))
    return f"{middle} % [{low}, {high}]"


class Sign(Protocol):
    """A finding.

    name: Its code.
    label: The same in words.
    rank: Findings are told in this order, small numbers first.
    """

    name: str
    label: Text
    rank: int

    def look(self, records: Records) -> Seen | None:
        """What it sees; None where there is no evidence."""
        ...
