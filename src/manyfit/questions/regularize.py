"""Does regularization pay, and which: each curb tuned with as many trials as the others, then met on fresh pairs.

The chapter's 3.6.3 and 3.6.8: L1 chooses features, L2 or AdamW else; dropout, early stopping and noise against overfitting. Here
each has one strength to be tuned, what was picked meets the recipe as it is, and the answer may be that none pays.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import suppress
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import AnyRange, IntRange, LogRange, Range, hyper
from manyfit.population import Member, Population
from manyfit.questions._curbs.curbed import Met, Tuning, read
from manyfit.questions._curbs.curbs import CURBS, curbs_of, strengths, weights_of
from manyfit.questions._curbs.told import Again, regularized
from manyfit.questions._frame.base import Interrupted, Rounds, question
from manyfit.questions._frame.task import Replicate, Task
from manyfit.runs import Run
from manyfit.stats import margin_of, mean_interval, paired

Floats = NDArray[np.float64]

TUNE, MEET, CONFIRM = 0, 1, 2
"""Stages: strengths are tuned on some pairs, what was picked is met on others, the winner's strength on yet others."""


@question
class Regularize:
    """Does regularization pay: L1, L2, AdamW, dropout, early stopping, noise, each tuned and met; which columns L1 keeps.

    Every replicate tunes each of them over its strengths, as many trials for one as for another, on a pair of seed and split of
    its own, and meets what it picked on fresh pairs beside the recipe as it is. The weights of the first layer are followed over
    the strengths of L1 and L2.

    Example:
        >>> Regularize(methods=("l1", "dropout")).replicates
        10
    """

    example: ClassVar[str] = "diabetes"

    methods: tuple[str, ...] = hyper(
        (), kind="texts", doc=f"Which to try, commas between: {', '.join(CURBS)}; by default all that fit."
    )
    l1: AnyRange = hyper(LogRange(1e-4, 1.0), above=0, doc="λ of L1, LOW..HIGH, or some with commas between.")
    l2: AnyRange = hyper(LogRange(1e-4, 1.0), above=0, doc="λ of L2.")
    adamw: AnyRange = hyper(LogRange(1e-2, 30.0), above=0, doc="Decay of AdamW.")
    dropout: AnyRange = hyper(
        Range(0.05, 0.6), above=0, below=1, doc="Share of hidden units that is dropped."
    )
    stopping: AnyRange = hyper(
        IntRange(1, 50), low=1, doc="Patience of early stopping, in epochs, within the training."
    )
    noise: AnyRange = hyper(
        LogRange(0.01, 1.0), above=0, doc="Noise on the encoded inputs, its standard deviation."
    )
    points: int = hyper(12, low=2, doc="How many strengths of each: trials of a tuning.")
    replicates: int = hyper(
        10, low=3, doc="How often each is tuned, every time on a fresh pair of seed and split."
    )
    fresh: int = hyper(4, low=1, doc="Fresh pairs on which each tuning's pick is met.")
    confirm: int = hyper(20, low=2, doc="Other fresh pairs, on which the winner's strength is met.")
    margin: float | None = hyper(
        None,
        low=0,
        optional=True,
        kind="number",
        doc="What counts as the same, in the score's unit; by default a share of it.",
    )
    level: float = hyper(0.95, above=0.5, below=1, doc="Confidence level of all findings together.")

    def rounds(self, task: Task) -> Rounds:
        """Tune every curb; what was picked meets the recipe as it is; the winner once more on other pairs."""
        names, left_out = curbs_of(task.recipe, self.methods)
        tried = tuple(self.tried(name, task.recipe.epochs) for name in names)
        tuning = yield from self._tune(task, names, tried)
        sparse_at = tuning.sparsest(margin_of(self.margin, task.measure.share, float(tuning.plain.mean())))
        met = yield from self._meet(task, tuning, sparse_at)
        found = read(
            tuning,
            met,
            margin=self.margin,
            share=task.measure.share,
            level=self.level,
            scope=task.scope,
            overlap=task.overlap,
            sparse_at=sparse_at,
        )
        again: Again | None = None
        is_whole = found.winner is None
        with suppress(Interrupted):
            if found.winner is not None:
                again = yield from self._again(task, tuning, found.winner, found.verdict.margin)
                is_whole = True
        return regularized(task, found, again, left_out, is_whole=is_whole)

    def tried(self, name: str, epochs: int) -> Floats:
        """The strengths of a curb, rising; patience stays within half of the epochs."""
        most = max(epochs // 2, 1) if name == "stopping" else None
        return strengths(getattr(self, name), self.points, most)

    def _tune(
        self, task: Task, names: Sequence[str], tried: Sequence[Floats]
    ) -> Generator[Population, Run, Tuning]:
        """The recipe as it is, and every curb at every strength, on the same pairs, in one population."""
        pairs = task.replicates(self.replicates, stage=TUNE)
        recipes = [task.recipe]
        recipes += [
            CURBS[name].of(task.recipe, s)
            for name, values in zip(names, tried, strict=True)
            for s in values.tolist()
        ]
        run = yield task.population(task.member(recipe, pair) for recipe in recipes for pair in pairs)
        score = task.scores(run).reshape(len(recipes), -1)
        places = np.arange(len(run)).reshape(len(recipes), -1)
        parts = np.split(np.arange(1, len(recipes)), np.cumsum([len(values) for values in tried])[:-1])
        weights = {}
        for name, part in zip(names, parts, strict=True):
            found = weights_of(task, run, places[part]) if name in ("l1", "l2") else None
            if found is not None:
                weights[name] = found
        return Tuning(tuple(names), tuple(tried), tuple(score[part] for part in parts), score[0], weights)

    def _meet(self, task: Task, tuning: Tuning, sparse_at: float | None) -> Generator[Population, Run, Met]:
        """What each replicate picked, and the recipe as it is, on fresh pairs that all share."""
        n, m = self.replicates, self.fresh
        pairs = task.replicates(n * m, stage=MEET, each=m)

        def met(name: str, chosen: Floats) -> list[Member]:
            recipes = {s: CURBS[name].of(task.recipe, s) for s in set(chosen.tolist())}
            return [
                task.member(recipes[s], pairs[j * m + i])
                for j, s in enumerate(chosen.tolist())
                for i in range(m)
            ]

        groups = [[task.member(task.recipe, pair) for pair in pairs]]
        groups += [met(name, tuning.picks(k)) for k, name in enumerate(tuning.names)]
        n_curbs = len(groups)
        if sparse_at is not None:
            groups.append(met("l1", np.full(n, sparse_at)))
        if "stopping" in tuning.names:
            groups.append([task.member(task.recipe, pair, watch=True) for pair in pairs])
        run = yield task.population(member for group in groups for member in group)
        score, diverged = task.scores(run).reshape(-1, n, m), run.diverged.reshape(len(groups), -1)
        sparse, weights = None, None
        if sparse_at is not None:
            sparse = score[n_curbs]
            weights = weights_of(task, run, np.arange(n_curbs * n * m, (n_curbs + 1) * n * m)[None])
        return Met(
            score[0],
            score[1:n_curbs],
            sparse,
            None if weights is None else weights.kept[0],
            score[-1] if "stopping" in tuning.names else None,
            diverged.mean(1)[:n_curbs],
        )

    def _again(
        self, task: Task, tuning: Tuning, winner: str, margin: float
    ) -> Generator[Population, Run, Again]:
        """The winner's strength and the recipe as it is, on pairs that have chosen nothing."""
        pairs: list[Replicate] = task.replicates(self.confirm, stage=CONFIRM)
        curbed = CURBS[winner].of(task.recipe, tuning.strength(tuning.names.index(winner)))
        run = yield task.population(
            task.member(recipe, pair) for recipe in (curbed, task.recipe) for pair in pairs
        )
        score = task.scores(run).reshape(2, -1)
        of = {"scope": task.scope, "level": self.level, "overlap": task.overlap}
        return Again(mean_interval(score[0], **of), paired(*score, margin=margin, **of))
