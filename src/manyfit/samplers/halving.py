"""Successive halving: many recipes for a short time, the better ones again and longer.

Each rung trains afresh and finishes its own schedule, so that its scores compare finished trainings, not beginnings of long ones.

References:
    Jamieson & Talwalkar 2016, https://proceedings.mlr.press/v51/jamieson16.html; Karnin, Koren & Somekh 2013.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Rung:
    """One round of a search.

    recipes: How many recipes are trained.
    epochs: How long, each to the end of its schedule.
    rows: Training rows they see.
    """

    recipes: int
    epochs: int
    rows: int


def ladder(
    recipes: int,
    epochs: int,
    rows: int,
    *,
    rungs: int = 3,
    factor: int = 4,
    last: int = 8,
    min_epochs: int = 2,
    min_rows: int = 4000,
) -> tuple[Rung, ...]:
    """The rungs of a search: `factor` times fewer recipes each time, about `factor` times as much training.

    Training is first shortened in epochs, then in rows, so that a rung on a large table does not cost a whole epoch of it.

    Args:
        recipes: Recipes of the first rung.
        epochs: Epochs of the last rung.
        rows: Training rows of the last rung.
        rungs: Rungs at most; fewer when there are few recipes.
        factor: How many times fewer.
        last: Recipes that reach the last rung at least, as far as there are so many.
        min_epochs: No rung trains for less, unless the last one does.
        min_rows: No rung sees fewer rows, unless the last one does.

    Example:
        >>> [(rung.recipes, rung.epochs) for rung in ladder(512, 96, 1000)]
        [(512, 6), (128, 24), (32, 96)]
    """
    found = []
    for step in range(rungs):
        n = max(recipes // factor**step, min(last, recipes))
        if found and n == found[-1][0]:
            break
        found.append((n, step))
    depth = len(found) - 1
    ladder_ = []
    for n, step in found:
        shrink = factor ** (depth - step)
        short = max(epochs // shrink, min(min_epochs, epochs))
        left = shrink * short / epochs  # what fewer epochs could not save
        ladder_.append(Rung(n, short, min(rows, max(round(rows / left), min_rows))))
    return tuple(ladder_)


def survivors(scores: ArrayLike, n: int, groups: Sequence[Hashable]) -> list[int]:
    """Who goes on: the best `n`, among them at least one of every group that has a network left.

    Args:
        scores: [P] losses; infinite for diverged networks, which never go on.
        n: How many.
        groups: [P] what must not die out in a short race, the kind of optimizer.

    Returns:
        Indices: the best of each group, then the others, each part the best first. Asking for fewer gives the beginning
        of the same list, so that a race cut short can be run again.

    Example:
        >>> survivors([0.3, 0.1, 0.2, 0.9], 3, ["adam", "adam", "adam", "sgd"])
        [1, 3, 2]
    """
    values = np.asarray(scores, dtype=np.float64)
    order = [
        int(i)
        for i in np.argsort(np.where(np.isnan(values), np.inf, values), kind="stable")
        if np.isfinite(values[i])
    ]
    best_of: dict[Hashable, int] = {}
    for i in order:
        best_of.setdefault(groups[i], i)
    seats = list(best_of.values())  # in the order of their scores, because `order` is
    return [*seats, *(i for i in order if i not in set(seats))][:n]
