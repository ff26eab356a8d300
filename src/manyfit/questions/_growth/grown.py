"""Networks on more and more of the training rows: which rows, for how long, what they did, and what that says of more."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.questions._frame.rows import TableRows
from manyfit.questions._frame.task import Replicate, Task
from manyfit.questions._growth.power_law import FEWEST, Check, Curve, check, curve
from manyfit.recipe import Recipe
from manyfit.rng import derive, epoch_order
from manyfit.runs import Run
from manyfit.stats import NEVER, Comparison, Finding, Interval, judge, margin_of, paired

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST = 16
"""Fewest rows that a network is trained on, whatever the number of classes."""
A_CLASS = 4
"""Rows for each class at least, on the average."""
_ORDER = 0x67726F77
"""Under which number the key of a split says which rows come first."""


class Grown(NamedTuple):
    """What networks did on growing parts of their training rows. K parts, the smallest first; n replicates.

    n_rows: [K] training rows, their mean over replicates.
    score: [K, n] on rows that no network has seen; infinite where it diverged.
    train: [K, n] on the rows that trained.
    diverged: [K, n].
    """

    n_rows: Floats
    score: Floats
    train: Floats
    diverged: NDArray[np.bool_]

    def repeated(self, other: Grown) -> Grown:
        """The two together: the same parts on more replicates."""
        n, more = self.score.shape[1], other.score.shape[1]
        return Grown(
            (n * self.n_rows + more * other.n_rows) / (n + more),
            np.concatenate([self.score, other.score], axis=1),
            np.concatenate([self.train, other.train], axis=1),
            np.concatenate([self.diverged, other.diverged], axis=1),
        )

    @property
    def half(self) -> int:
        """The part that lies nearest to half of the rows."""
        return int(np.argmin(np.abs(np.log(2 * self.n_rows / self.n_rows[-1]))))


class Found(NamedTuple):
    """What that says.

    kept: [K] sizes at which no network diverged; the curve goes through these.
    curve: None where too few sizes are left, or the largest is not among them.
    check: Whether smaller sizes foretold the largest; None where there are too few of them.
    twice, four: What twice and four times the rows change.
    finding: Better: more rows pay; the same: no more than the margin.
    more: Replicates to add before twice the rows could be told; 0 where it can be.
    half: All rows − half of them, measured.
    margin: What counts as the same.
    """

    kept: NDArray[np.bool_]
    curve: Curve | None
    check: Check | None
    twice: Interval | None
    four: Interval | None
    finding: Finding
    more: int
    half: Comparison
    margin: float


def shares_of(task: Task, n_rows: int, points: int) -> list[float]:
    """Shares of the training rows, the smallest first: each is the next one divided by √2, down to too few to learn from.

    Args:
        task: What about.
        n_rows: All training rows.
        points: How many at most.
    """
    least = max(LEAST, A_CLASS * task.rows.n_classes)
    shares = [2 ** (-k / 2) for k in range(points)]
    return sorted(share for share in shares if share == 1 or share * n_rows >= least)


def part_of(task: Task, pair: Replicate, known: Ints, share: float) -> Ints:
    """The first rows of a replicate's own random order: a smaller part lies within every larger one.

    Rows that belong together (one group, or copies of one row) come one after another.
    """
    if share == 1:
        return known
    place = np.empty(len(known), dtype=np.int64)
    place[epoch_order(derive(pair.streams.split, _ORDER), 0, len(known))] = np.arange(len(known))
    rows = task.rows
    if isinstance(rows, TableRows) and rows.data.block is not None:
        _, block = np.unique(rows.data.block[rows.development[known]], return_inverse=True)
        first = np.full(int(block.max()) + 1, len(known))
        np.minimum.at(first, block, place)
        order = np.lexsort((place, first[block]))
    else:
        order = np.argsort(place, kind="stable")
    return np.sort(known[order[: max(round(share * len(known)), 1)]])


def for_rows(recipe: Recipe, n: int, n_all: int, *, same_updates: bool) -> Recipe:
    """The recipe for a part of the rows: with as many updates as for all of them it passes over them more often.

    Example:
        >>> for_rows(Recipe(epochs=10, batch_size=32), 320, 1280, same_updates=True).epochs
        40
    """
    if not same_updates or n == n_all:
        return recipe
    size = recipe.batch_size
    steps, all_steps = (1, 1) if size is None else (math.ceil(n / size), math.ceil(n_all / size))
    times = all_steps / steps
    longer = recipe.set("epochs", max(round(recipe.epochs * times), 1))
    patience = recipe.stopping.patience
    return longer if patience is None else longer.set("stopping.patience", max(round(patience * times), 1))


def grown_of(task: Task, run: Run, n_parts: int) -> Grown:
    """What a run shows, whose networks are every part on every replicate in this order."""
    shape = (n_parts, -1)
    n_rows = np.array([len(member.rows.train) for member in run.population.members], dtype=np.float64)
    return Grown(
        n_rows.reshape(shape).mean(1),
        task.scores(run).reshape(shape),
        task.scores(run, seen=True).reshape(shape),
        run.diverged.reshape(shape),
    )


def read(
    grown: Grown,
    margin: float | None,
    share: float,
    *,
    level: float = 0.95,
    scope: str = "seeds and splits",
    overlap: float = 0.0,
) -> Found:
    """What growing parts say of twice the rows: a pure function of scores.

    A finding needs two things: an interval that allows it, and, where there are sizes enough to ask, that the smaller ones
    foretold the largest.

    Args:
        grown: What networks did.
        margin: What counts as the same; None for a share of the score with all rows.
        share: That share.
        level: Confidence level.
        scope: What varies between replicates.
        overlap: As in `mean_interval`.
    """
    kept = np.isfinite(grown.score).min(axis=1)
    within = margin_of(margin, share, float(grown.score[-1].mean()))
    half = paired(
        grown.score[-1], grown.score[grown.half], scope=scope, margin=within, level=level, overlap=overlap
    )
    if not kept[-1] or kept.sum() < FEWEST:
        return Found(kept, None, None, None, None, Finding.UNKNOWN, 0, half, within)
    x, scores = grown.n_rows[kept] / grown.n_rows[-1], grown.score[kept]
    through = curve(x, scores, overlap=overlap)
    tried = check(x, scores, scope=scope, level=level, overlap=overlap)
    twice, narrow = (through.change(2.0, scope=scope, level=at) for at in (level, 2 * level - 1))
    finding = judge(twice, narrow, within)
    if tried is not None and not tried.holds:
        finding = Finding.UNKNOWN
    more = _more(twice, within) if finding is Finding.UNKNOWN else 0
    four = through.change(4.0, scope=scope, level=level)
    return Found(kept, through, tried, twice, four, finding, more, half, within)


def _more(twice: Interval, margin: float) -> int:
    """Replicates to add until the interval is as narrow as the margin on either side; 0 where they can't help."""
    wide = (twice.high - twice.low) / 2
    if not (margin > 0 and math.isfinite(wide)) or wide <= margin:
        return 0
    return min(math.ceil(twice.n * (wide / margin) ** 2) - twice.n, NEVER)


def as_plain(interval: Interval | None) -> dict[str, Any] | None:
    """An interval for JSON."""
    return None if interval is None else dataclasses.asdict(interval)
