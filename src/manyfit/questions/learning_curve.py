"""Would more rows pay? The score over the number of training rows, and what twice and four times as many would change.

The chapter's 3.6.8 names more data as the first remedy of overfitting. Here it is asked before anybody collects them: networks
train on growing parts of the rows, a curve goes through their scores, and it is believed as far as its smaller parts foretold
the largest.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import ClassVar

from manyfit.hyper import hyper
from manyfit.population import Population
from manyfit.questions._frame.base import Interrupted, Rounds, question
from manyfit.questions._frame.task import Replicate, Task
from manyfit.questions._growth.grown import Grown, for_rows, grown_of, part_of, read, shares_of
from manyfit.questions._growth.told import answer_of
from manyfit.runs import Run

UPDATES, EPOCHS = "updates", "epochs"


@question
class LearningCurve:
    """Would more rows pay: the score over the number of training rows, with what twice as many would change.

    Every replicate trains on growing parts of its training rows, the smaller within the larger. A power law with an offset goes
    through the scores on unseen rows, replicates resampled, and says what twice and four times the rows would change. The same
    law through the smaller parts has to foretell the largest; where it doesn't, nothing is promised.

    Example:
        >>> LearningCurve(points=4).points
        4
    """

    example: ClassVar[str] = "digits"

    points: int = hyper(
        10, low=3, doc="Numbers of rows at most, each 1.4 times the one before, up to all of them."
    )
    replicates: int = hyper(30, low=4, doc="Pairs of fresh seed and split for every number of rows.")
    length: str = hyper(
        UPDATES,
        options=(UPDATES, EPOCHS),
        doc="What parts of the rows have in common: as many updates, or as many passes.",
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
        """Every part on every pair; half of the pairs first, so that an interruption leaves an answer."""
        pairs = task.replicates(self.replicates)
        wholes = [task.member(task.recipe, pair) for pair in pairs]
        shares = shares_of(task, min(len(whole.rows.train) for whole in wholes), self.points)
        first = (self.replicates + 1) // 2
        grown = yield from self._train(task, pairs[:first], shares)
        is_whole = True
        try:
            grown = grown.repeated((yield from self._train(task, pairs[first:], shares)))
        except Interrupted:
            is_whole = False
        found = read(
            grown,
            self.margin,
            task.measure.share,
            level=self.level,
            scope=task.scope,
            overlap=task.overlap,
        )
        return answer_of(task, grown, found, self.level, self.length == UPDATES, is_whole=is_whole)

    def _train(
        self, task: Task, pairs: Sequence[Replicate], shares: Sequence[float]
    ) -> Generator[Population, Run, Grown]:
        wholes = [task.member(task.recipe, pair) for pair in pairs]
        members = []
        for share in shares:
            for whole, pair in zip(wholes, pairs, strict=True):
                known = whole.rows.train
                part = part_of(task, pair, known, share)
                recipe = for_rows(task.recipe, len(part), len(known), same_updates=self.length == UPDATES)
                members.append(task.member(recipe, pair, train=part) if share < 1 else whole)
        run = yield task.population(members)
        return grown_of(task, run, len(shares))
