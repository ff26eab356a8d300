"""What a search tried, who went on, and what the trials say of the edges of what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import Choice
from manyfit.questions._frame.task import Task
from manyfit.questions._search.searched import Searched
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.space import EDGE, share_of
from manyfit.stats import Comparison, ConfidenceSet, Interval

Floats = NDArray[np.float64]

NEAR, FAR = 0.2, 0.6
"""Share of a range that counts as near its edge; trials between here and `FAR` are what it is compared with."""
FEWEST = 4
"""Trials on each side that it takes to tell."""
ALPHA = 0.05


class Trials(NamedTuple):
    """Recipes that were tried, in this order.

    recipes: [R].
    score: [R, n] on n pairs of seed and split that all of them share; infinite where a network diverged.
    diverged: [R, n].
    """

    recipes: tuple[Recipe, ...]
    score: Floats
    diverged: NDArray[np.bool_]

    @property
    def mean(self) -> Floats:
        """[R] mean score; infinite where any network diverged."""
        return self.score.mean(1)

    def joined(self, other: Trials) -> Trials:
        """The two one after another."""
        return Trials(
            (*self.recipes, *other.recipes),
            np.concatenate([self.score, other.score]),
            np.concatenate([self.diverged, other.diverged]),
        )

    def best(self, n: int) -> list[int]:
        """The best few, the best first; none that diverged."""
        order = np.argsort(self.mean, kind="stable")
        return [int(i) for i in order[:n] if np.isfinite(self.mean[i])]


class Confirmed(NamedTuple):
    """What came of the best trials.

    finalists: Trials that met on fresh pairs, the winner first.
    met: [K] their mean scores there; as the search saw them where they did not meet.
    among: Which of them may be the best; None where they did not meet.
    score: Of the winner, on pairs that chose nothing; where it was not confirmed, as far as it is known.
    base: Of the recipe as it is, on the same pairs; None where it was not confirmed.
    against: Winner − recipe as it is; None where it was not confirmed.
    """

    finalists: tuple[int, ...]
    met: Floats
    among: ConfidenceSet | None
    score: Interval
    base: Interval | None
    against: Comparison | None


def trials_of(task: Task, run: Run, recipes: Sequence[Recipe]) -> Trials:
    """What a run shows, whose networks are every recipe on every pair in this order."""
    shape = (len(recipes), -1)
    return Trials(tuple(recipes), task.scores(run).reshape(shape), run.diverged.reshape(shape))


def settings_of(found: Searched, recipes: Sequence[Recipe]) -> Floats:
    """[R, J] where each recipe lies in what varies, from 0 to 1; paths in the order of `found.paths`."""
    table = np.zeros((len(recipes), len(found.paths)))
    for i, recipe in enumerate(recipes):
        for j, path in enumerate(found.paths):
            value = recipe.get(path)
            if path in found.shared:
                table[i, j] = place_of(found, path, value)
            else:
                table[i, j] = share_of(found.space.ranges[path], value) or 0.0
    return table


def place_of(found: Searched, path: str, value: Any) -> float:
    """Where a value lies among those of a setting that structures share; rules are known by their kind."""
    values = found.shared[path]
    made = [found.space.base.set(path, each).get(path) for each in values]
    kinds = [
        each if each == value or not hasattr(each, "__dataclass_fields__") else type(each) for each in made
    ]
    wanted = value if value in kinds else type(value)
    return kinds.index(wanted) / max(len(values) - 1, 1)


def edges_of(found: Searched, trials: Trials, best: Recipe) -> list[tuple[str, str, Any]]:
    """Settings of the best recipe at an end of what was tried, where trials near that end were better than those farther off.

    The valley of a rate or a decay is wide and flat, and its best point may lie anywhere in it: an edge by luck is not named.

    Returns:
        Path, "lowest" or "highest", and the value, of each.
    """
    table, mean = settings_of(found, trials.recipes), trials.mean
    place = settings_of(found, [best])[0]
    edges = []
    for j, path in enumerate(found.paths):
        is_ordered = path in ("network.hidden", "batch_size", "epochs") or (
            path not in found.shared and not isinstance(found.space.ranges[path], Choice)
        )
        if not is_ordered:
            continue
        at_end = EDGE if path not in found.shared else 0.0
        for end, away in (("lowest", table[:, j]), ("highest", 1 - table[:, j])):
            here = place[j] if end == "lowest" else 1 - place[j]
            if here <= at_end and _is_better_near(away, mean, is_shared=path in found.shared):
                edges.append((path, end, best.get(path)))
    return edges


def _is_better_near(away: Floats, mean: Floats, *, is_shared: bool) -> bool:
    """Whether trials near an end were better than those farther off, by ranks (Mann and Whitney 1947)."""
    from scipy.stats import mannwhitneyu

    near = mean[away <= (0.0 if is_shared else NEAR)]
    far = mean[away > 0.0] if is_shared else mean[(away > NEAR) & (away <= FAR)]
    if min(len(near), len(far)) < FEWEST:
        return False
    return bool(mannwhitneyu(near, far, alternative="less").pvalue < ALPHA)
