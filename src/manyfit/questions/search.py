"""Which settings, of many at once? A random search whose winner is met on fresh pairs, and what mattered in it.

The chapter's 3.6.6. The score by which a search picks its winner is too good: it is the luckiest of many. So the best few meet on
fresh pairs of seed and split, and the score that is quoted comes from yet others, beside the recipe as it is.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import ClassVar

import numpy as np

from manyfit.hyper import hyper
from manyfit.population import Population
from manyfit.questions._frame.base import Interrupted, Rounds, question
from manyfit.questions._frame.task import Replicate, Task, watches
from manyfit.questions._search.pictures import Told
from manyfit.questions._search.searched import Searched, searched
from manyfit.questions._search.told import answer_of
from manyfit.questions._search.trials import Confirmed, Trials, trials_of
from manyfit.recipe import Recipe
from manyfit.rng import derive
from manyfit.runs import Run
from manyfit.samplers.bayes import Bayes
from manyfit.samplers.random import Random
from manyfit.stats import confidence_set, margin_of, mean_interval, paired

TRY, MEET, CONFIRM = 0, 1, 2
"""Stages: recipes are tried on some pairs, the best few meet on others, the winner is scored on yet others."""
RANDOM, BAYES = "random", "bayes"
BATCH = 16
"""Recipes of one structure in a row, and recipes that a Bayesian search proposes at once."""
_KEY = 0x73656172
"""Under which number the root of a task says what is drawn."""


@question
class Search:
    """Which settings: many recipes drawn from ranges, the best confirmed on fresh pairs, and how much each setting matters.

    Every recipe trains on the same few pairs of seed and split. The best ones meet on fresh pairs, the winner is scored on yet
    others beside the recipe as it is. A forest says how much each setting matters, a curve what more trials would find.

    Example:
        >>> Search(trials=32).trials
        32
    """

    example: ClassVar[str] = "digits"

    vary: tuple[str, ...] = hyper(
        (),
        kind="texts",
        doc="PATH=LOW..HIGH or PATH=VALUE,VALUE of a setting; by default sizes, activation, rate, decay, dropout, noise.",
    )
    trials: int = hyper(128, low=4, doc="Recipes that are tried.")
    replicates: int = hyper(3, low=2, doc="Pairs of fresh seed and split that all of them share.")
    sampler: str = hyper(RANDOM, options=(RANDOM, BAYES), doc="How recipes are drawn: random or bayes.")
    finalists: int = hyper(5, low=1, doc="Recipes that meet on fresh pairs.")
    fresh: int = hyper(10, low=2, doc="Fresh pairs on which they meet.")
    confirm: int = hyper(
        20, low=3, doc="Other fresh pairs, on which the winner is scored beside the recipe as it is."
    )
    margin: float | None = hyper(
        None,
        low=0,
        optional=True,
        kind="number",
        doc="What counts as the same, in the score's unit; by default a share of it.",
    )
    level: float = hyper(0.95, above=0.5, below=1, doc="Confidence level.")

    def rounds(self, task: Task) -> Rounds:
        """All recipes on the same pairs; the best few on fresh ones; the winner and the recipe as it is on yet others."""
        found = searched(task.recipe, self.vary)
        trials: Trials | None = None
        finalists: list[int] = []
        met: Trials | None = None
        last: Trials | None = None
        is_whole = True
        try:
            pairs = task.replicates(self.replicates, stage=TRY)
            for start in range(0, self.trials, self.trials if self.sampler == RANDOM else BATCH):
                recipes = self._next(found, task, start, trials)
                more = yield from self._train(task, found, recipes, pairs)
                trials = more if trials is None else trials.joined(more)
            assert trials is not None
            finalists = trials.best(self.finalists)
            if finalists:
                recipes = [trials.recipes[i] for i in finalists]
                met = yield from self._train(task, found, recipes, task.replicates(self.fresh, stage=MEET))
                winner = recipes[int(np.argmin(met.mean))]
                pairs = task.replicates(self.confirm, stage=CONFIRM)
                last = yield from self._train(task, found, [winner, task.recipe], pairs)
        except Interrupted:
            if trials is None:
                raise
            is_whole = False
        confirmed = self.read(task, trials, finalists or trials.best(self.finalists), met, last)
        is_random = self.sampler == RANDOM
        told = Told(found, trials, confirmed, self.level, is_random, is_whole)
        return answer_of(task, told)

    def _next(self, found: Searched, task: Task, start: int, trials: Trials | None) -> list[Recipe]:
        """Recipes to try: all at once, or a batch where earlier ones decide about later ones."""
        key = derive(task.seed, _KEY)
        if self.sampler == RANDOM:
            block = min(max(self.trials // len(found.space.structures), 1), BATCH)  # no structure is left out
            return Random(block).draw(found.space, range(self.trials), key)
        n = min(BATCH, self.trials - start)
        known = ([], []) if trials is None else (trials.recipes, trials.mean.tolist())
        return Bayes().propose(found.space, n, key, *known)

    def _train(
        self, task: Task, found: Searched, recipes: Sequence[Recipe], pairs: Sequence[Replicate]
    ) -> Generator[Population, Run, Trials]:
        watch = any(watches(recipe) for recipe in (*recipes, task.recipe))
        run = yield task.population(
            [task.member(each, pair, watch=watch) for each in recipes for pair in pairs]
        )
        return trials_of(task, run, recipes)

    def read(
        self, task: Task, trials: Trials, finalists: Sequence[int], met: Trials | None, last: Trials | None
    ) -> Confirmed:
        """What became of the best trials, a pure function of their scores."""
        given = {"scope": task.scope, "level": self.level}
        if not finalists:
            return Confirmed((), np.empty(0), None, mean_interval([], **given), None, None)
        order, among, shown = list(range(len(finalists))), None, trials.mean[list(finalists)]
        score = mean_interval(trials.score[finalists[0]], overlap=task.overlap, **given)
        if met is not None:
            order = np.argsort(met.mean, kind="stable").tolist()
            among, shown = confidence_set(met.score[order].T, overlap=task.overlap, **given), met.mean[order]
            score = mean_interval(met.score[order[0]], overlap=task.overlap, **given)
        places = tuple(finalists[i] for i in order)
        if last is None:
            return Confirmed(places, shown, among, score, None, None)
        mean = float(last.score[1].mean())
        margin = margin_of(self.margin, task.measure.share, mean)
        score, base = (mean_interval(each, overlap=task.overlap, **given) for each in last.score)
        against = paired(last.score[0], last.score[1], margin=margin, overlap=task.overlap, **given)
        return Confirmed(places, shown, among, score, base, against)
