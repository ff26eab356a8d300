"""Remedies tried on fresh pairs, which had no part in asking for them, beside the recipe as it is."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from manyfit.population import Population
from manyfit.questions._diagnosis.findings import Twin
from manyfit.questions._diagnosis.pairs import by_ratio, in_units, without
from manyfit.questions._frame.task import Task
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Comparison

Floats = NDArray[np.float64]

STAGE = 1
"""Of the seeds and splits of fresh pairs; the twins have those of stage 0."""


@dataclass
class Fresh:
    """Fresh pairs, and what was learned on them; no recipe trains on them twice.

    task: What is asked about.
    n: Pairs.
    margin: Share of the score that counts as the same.
    n_networks: Trained so far.
    """

    task: Task
    n: int
    margin: float
    n_networks: int = 0
    _scores: dict[Recipe, Floats] = field(default_factory=dict)

    def changes(self, levels: Mapping[Twin, float]) -> Generator[Population, Run, dict[Twin, Comparison]]:
        """Train what is not trained yet, and compare it with the recipe as it is; a column less in a round of its own.

        Args:
            levels: Confidence level of each twin.
        """
        if not levels:
            return {}
        task, pairs = self.task, self.task.replicates(self.n, stage=STAGE)
        wanted = [task.recipe, *(twin.recipe for twin in levels if not twin.without)]
        missing = [recipe for recipe in dict.fromkeys(wanted) if recipe not in self._scores]
        if missing:
            run = yield task.population(task.member(recipe, pair) for recipe in missing for pair in pairs)
            self.n_networks += len(run)
            scores = task.scores(run).reshape(len(missing), len(pairs))
            self._scores.update(zip(missing, scores, strict=True))
        found = {}
        for twin, level in levels.items():
            scores = (yield from self._without(twin)) if twin.without else self._scores[twin.recipe]
            found[twin] = self._change(scores, level)
        return found

    def _without(self, twin: Twin) -> Generator[Population, Run, Floats]:
        less, pairs = without(self.task, twin.without, self.n, STAGE)
        run = yield less.population(less.member(twin.recipe, pair) for pair in pairs)
        self.n_networks += len(run)
        return less.scores(run)

    def _change(self, scores: Floats, level: float) -> Comparison:
        task = self.task
        own = self._scores[task.recipe]
        scale = float(np.mean(own)) if np.isfinite(own).all() else 1.0
        return in_units(by_ratio(scores, own, task, self.margin, level), scale)
