"""How large a network? Width and depth from too small to too large, with the smallest size that is as good as the best.

The chapter's 3.6.1: a network that is too small underfits, one that is too large may overfit. Here every size trains on the same
seeds and splits, and what was chosen on them is met on fresh ones: the best size, smaller ones that may do as well, the largest,
and the three sizes of a second descent where one seems to be there.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import ClassVar

import numpy as np

from manyfit.errors import Problem, UsageError
from manyfit.hyper import AnyRange, Choice, IntRange, hyper
from manyfit.networks import Dense
from manyfit.population import Population
from manyfit.questions._contest.meeting import compared_with
from manyfit.questions._frame.base import Interrupted, Rounds, question
from manyfit.questions._frame.task import Replicate, Task
from manyfit.questions._sizes.pictures import Told
from manyfit.questions._sizes.sizes import (
    Found,
    Met,
    Response,
    Size,
    beyond,
    doubling,
    has_setting,
    read,
    response_of,
    sizes_of,
)
from manyfit.questions._sizes.told import answer_of
from manyfit.runs import Run
from manyfit.stats import Looks, paired
from manyfit.text import Text

TRY, CONFIRM = 0, 1
"""Stages: sizes are tried on some pairs of seed and split, what was chosen is met on others."""


@question
class Capacity:
    """How large a network: the score over width and depth, the best size, and the smallest one that is as good.

    Networks of every size train on the same pairs of seed and split. Where the evidence points beyond what was tried, larger ones
    are tried as well. What was chosen is then met on fresh pairs: the best size, a few smaller ones, the linear model, the
    largest, and a second descent (the score worsens with size and gets better again) where one seems to be there.

    Example:
        >>> Capacity(widths=IntRange(2, 8)).tried()
        ([2, 4, 8], [0, 1, 2])
    """

    example: ClassVar[str] = "digits"

    widths: AnyRange = hyper(
        IntRange(1, 256),
        low=1,
        doc="Units of a hidden layer, LOW..HIGH by doubling, or some with commas between.",
    )
    depths: AnyRange = hyper(
        IntRange(0, 2),
        low=0,
        doc="Hidden layers, LOW..HIGH, or some with commas between; 0 is a linear model.",
    )
    replicates: int = hyper(10, low=3, doc="Pairs of fresh seed and split for every size.")
    confirm: int = hyper(20, low=3, doc="Other fresh pairs, on which what was chosen is met.")
    widen: int = hyper(1, low=0, doc="How often larger sizes are added when the best one lies at the edge.")
    margin: float | None = hyper(
        None,
        low=0,
        optional=True,
        kind="number",
        doc="What counts as the same, in the score's unit; by default a share of it.",
    )
    level: float = hyper(0.95, above=0.5, below=1, doc="Confidence level of all findings together.")

    def tried(self) -> tuple[list[int], list[int]]:
        """Widths and depths, rising."""
        w, d = self.widths, self.depths
        widths = w.options if isinstance(w, Choice) else doubling(int(w.low), int(w.high))
        depths = d.options if isinstance(d, Choice) else range(int(d.low), int(d.high) + 1)
        return sorted(set(map(int, widths))), sorted(set(map(int, depths)))

    def rounds(self, task: Task) -> Rounds:
        """Every size on every pair; more while the evidence points beyond; then what was chosen on fresh pairs."""
        pairs, sizes = task.replicates(self.replicates, stage=TRY), sizes_of(task.recipe, *self.tried())
        if len(sizes) < 2:
            hint = Text("For example --widths 4,16,64 or --depths 0..2.", "例如 --widths 4,16,64 或 --depths 0..2。")
            rule = Text("needs two sizes or more", "需要至少两种大小")
            raise UsageError(Problem("capacity", rule, str(len(sizes)), hint=hint))
        response = yield from self._try(task, sizes, pairs)
        n_first = len(response.sizes)
        try:
            for _ in range(self.widen):
                _, more = self.edge(task, response)
                if not more:
                    break
                response = response.joined((yield from self._try(task, more, pairs)))
            found = self.read(task, response)
            places = chosen(response, found)
            fresh = task.replicates(self.confirm, stage=CONFIRM)
            again = yield from self._try(task, [response.sizes[s] for s in places], fresh)
            met = self.meet(task, response, found, again)
            is_whole = True
        except Interrupted:
            found = self.read(task, response)
            met = self.meet(task, response, found, response)
            is_whole = False
        edge, _ = self.edge(task, response)
        told = Told(response, found, met, edge, n_first, self.level, is_whole)
        return answer_of(task, told)

    def _try(
        self, task: Task, sizes: Sequence[Size], pairs: Sequence[Replicate]
    ) -> Generator[Population, Run, Response]:
        recipes = [size.of(task.recipe) for size in sizes]
        run = yield task.population([task.member(recipe, pair) for recipe in recipes for pair in pairs])
        return response_of(task, run, sizes)

    def read(self, task: Task, response: Response) -> Found:
        """What a response says, a pure function of it."""
        of = {"scope": task.scope, "overlap": task.overlap}
        return read(response, self.margin, task.measure.share, level=self.level, **of)

    def edge(self, task: Task, response: Response) -> tuple[str, list[Size]]:
        """Where the best size lies at an edge, and what to try beyond it."""
        can_deepen = isinstance(task.recipe.network, Dense) or has_setting(task.recipe, "depth")
        found = self.read(task, response)
        return beyond(
            response, found, scope=task.scope, level=self.level, overlap=task.overlap, can_deepen=can_deepen
        )

    def meet(self, task: Task, response: Response, found: Found, again: Response) -> Met:
        """What the chosen sizes did when they met.

        Args:
            task: What about.
            response: What they were chosen by.
            found: What it said.
            again: The same sizes on fresh pairs.
        """
        place = {s: again.sizes.index(response.sizes[s]) for s in chosen(response, found)}
        score = {s: again.score[at] for s, at in place.items()}
        train = {s: again.train[at] for s, at in place.items()}
        margin, base = found.margin, score[found.best]
        others = [s for s in place if s != found.best and s in planned(response, found)]
        looks = Looks(len(base), self.level, overlap=task.overlap)
        table = np.stack([base, *(score[s] for s in others)], axis=1)
        found_of = compared_with(table, 0, range(1, len(others) + 1), looks, task.scope, margin)
        against = dict(zip(others, found_of, strict=True))
        if found.dip is None:
            return Met(score, train, against)
        low, peak, end = found.dip
        rise, fall = (
            paired(
                score[peak],
                score[other],
                scope=task.scope,
                margin=margin,
                level=self.level,
                overlap=task.overlap,
            )
            for other in (low, end)
        )
        return Met(score, train, against, rise, fall)


def planned(response: Response, found: Found) -> list[int]:
    """Sizes that are compared with the best one: smaller ones that may do as well, the linear model, the largest."""
    linear = [s for s, size in enumerate(response.sizes) if size.depth == 0]
    return sorted({*found.rivals, found.best, *linear, len(response.sizes) - 1})


def chosen(response: Response, found: Found) -> list[int]:
    """All sizes that are met on fresh pairs."""
    return sorted({*planned(response, found), *(found.dip or ())})
