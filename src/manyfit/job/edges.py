"""What lies at an edge of the search, where going on would pay. A best value at an edge by luck is not worth a word.

The valley of a rate or a decay is wide and flat, and its best point may lie anywhere in it. So an edge is named only
where the evidence points beyond it: for a width, unless twice of it was tried and is no better; for any other
setting, when the recipes near the edge were better than those farther off, in trainings of a fair length. (High rates
look best in short trainings and are not in long ones.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from manyfit.hyper import Choice
from manyfit.job.search import Search
from manyfit.job.training import groups_of
from manyfit.recipe import Recipe
from manyfit.space import Space, share_of
from manyfit.stats import Finding

NEAR, FAR = 0.2, 0.6
"""Share of a range that counts as near its edge; those between here and `FAR` are what it is compared with."""
LENGTH = 0.25
"""Share of the longest training from which on a rung tells."""
FEWEST = 4
"""Recipes on each side that it takes to tell."""
ALPHA = 0.05


def edges(space: Space, search: Search, best: Recipe, shown: Mapping[str, Finding]) -> list[list[Any]]:
    """Settings of the best recipe at an end of what was tried, as far as the evidence points beyond.

    Args:
        space: What was searched.
        search: What was found.
        best: The best confirmed recipe.
        shown: What each remedy has shown, twice the width among them.

    Returns:
        Path, end ("lowest" or "highest") and value of each. Below no decay, dropout or noise there is nothing to try.
    """
    found = [
        list(edge)
        for edge in space.edges(best)
        if (edge[0] == "optimizer.lr" or edge[1] == "highest")
        and _points_beyond(space, search, best, *edge[:2])
    ]
    tried = [s.fixed.get("network.hidden", space.base.dense.hidden) for s in space.structures]
    widest = max(max(hidden, default=0) for hidden in tried)
    is_settled = shown.get("larger") in (Finding.SAME, Finding.WORSE)
    if best.dense.hidden and max(best.dense.hidden) == widest and not is_settled:
        found.append(["network.hidden", "highest", widest])
    return found


def _points_beyond(space: Space, search: Search, best: Recipe, path: str, end: str) -> bool:
    """Whether recipes near this end were better than those farther off, by ranks (Mann and Whitney 1947)."""
    from scipy.stats import mannwhitneyu

    longest = max(tried.rung.epochs for tried in search.rungs)
    kind = groups_of([best])[0]
    for tried in reversed(search.rungs):
        if tried.rung.epochs < LENGTH * longest:
            continue
        near, far = [], []
        for recipe, score in zip(tried.recipes, tried.scores.tolist(), strict=True):
            values = space.ranges_for(recipe).get(path)
            if groups_of([recipe])[0] != kind or values is None or isinstance(values, Choice):
                continue
            share = share_of(values, recipe.get(path))
            if share is None:
                continue
            away = share if end == "lowest" else 1.0 - share
            if away <= FAR:
                (near if away <= NEAR else far).append(score)
        if min(len(near), len(far)) >= FEWEST:
            ranked = [np.nan_to_num(np.array(scores), nan=np.inf) for scores in (near, far)]
            return bool(mannwhitneyu(*ranked, alternative="less").pvalue < ALPHA)
    return False
