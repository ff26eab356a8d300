"""The search: rungs of successive halving over one split of the development rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from manyfit.job.defaults import for_epochs
from manyfit.job.pace import Pace
from manyfit.job.plan import Plan, Size
from manyfit.job.rows import Stage, Table
from manyfit.job.training import Trainer, groups_of
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams, derive
from manyfit.runs import Fate
from manyfit.samplers.halving import Rung, survivors
from manyfit.samplers.random import Random
from manyfit.space import Space

PART_S = 1.0
"""Shortest part of a rung: between parts it can be cut without making a result depend on the clock."""
FIRST_PART = 32
"""Networks of a part where the clock has no say, and most of the first one, which tells how long the others take."""
LATE = 0.25
"""Share of a rung's seconds by which its last part may come late, before it is given up and all its work is lost."""
PAYS = 0.25
"""Share of the margin by which doubling the recipes must lower the best loss, or the search has paid out."""
PAYS_AT = (128, 256)
"""Numbers of recipes at which it is asked whether more would pay."""


@dataclass
class Tried:
    """One rung, as it went.

    rung: What was realised.
    numbers: [n] which of the drawn recipes were trained.
    recipes: [n] the same, at the rung's own length.
    scores: [n] held-out losses; infinite for diverged networks.
    """

    rung: Rung
    numbers: list[int]
    recipes: list[Recipe]
    scores: NDArray[np.float64]


@dataclass
class Search:
    """What a search found.

    rungs: Every rung that came to something.
    diverged: [(rate, optimizer)] of all networks that diverged.
    paid_out: Whether the first rung was ended because more recipes did not pay.
    pace: How fast networks trained.
    encoding_s: Seconds that encoding the development rows took.
    interrupted: Whether Ctrl-C ended it.
    """

    pace: Pace
    encoding_s: float = 0.0
    rungs: list[Tried] = field(default_factory=list)
    n_networks: int = 0
    diverged: list[tuple[float, str]] = field(default_factory=list)
    paid_out: bool = False
    interrupted: bool = False

    @property
    def ranking(self) -> list[Recipe]:
        """Recipes of the last rung, the best first; then those that only earlier rungs have seen.

        A rung that was cut short leaves few recipes by accident, and a plan's room for finalists is then filled from before.
        """
        found: dict[int, Recipe] = {}
        for tried in reversed(self.rungs):
            for i in np.argsort(tried.scores, kind="stable"):
                if np.isfinite(tried.scores[i]):
                    found.setdefault(tried.numbers[i], tried.recipes[i])
        return list(found.values())


def run_search(table: Table, space: Space, plan: Plan, trainer: Trainer, *, until: float = np.inf) -> Search:
    """Search by successive halving.

    Args:
        table: The data.
        space: What is searched.
        plan: How much.
        trainer: What trains.
        until: Second of the job at which the search should be over; parts not begun by then are left out. Infinity repeats a plan
            that was realised before, to the last network.

    Returns:
        What was found. The first part of the first rung is always trained.
    """
    begun, fold = trainer.elapsed, table.search_fold
    encoder = table.fit_encoder(fold)
    view = table.view(encoder)
    size = Size(len(fold.train), len(fold.held), encoder.n_inputs, encoder.n_outputs)
    search = Search(Pace(size, plan.rate), trainer.elapsed - begun)
    key = derive(plan.seed, Stage.SEARCH, 2)
    drawn = Random(plan.block).draw(space, range(plan.rungs[0].recipes), key)
    entrants = list(range(len(drawn)))
    begun = trainer.elapsed
    deadlines = (
        np.minimum(begun + np.cumsum(plan.expected_s), until)
        if plan.expected_s and np.isfinite(until)
        else np.full(len(plan.rungs), np.inf)
    )
    for level, rung in enumerate(plan.rungs):
        race = _Rung(level, rung, table.rows(fold, "search", rung.rows), view, float(deadlines[level]), until)
        entrants = entrants[: rung.recipes]
        tried = race.run(entrants, [drawn[i] for i in entrants], search, plan, trainer)
        search.interrupted = trainer.ends("search")
        if len(tried.scores):
            search.rungs.append(tried)
        if not len(tried.scores) or search.interrupted or level + 1 == len(plan.rungs):
            break
        order = survivors(tried.scores, plan.rungs[level + 1].recipes, groups_of(tried.recipes))
        entrants = [tried.numbers[i] for i in order]
        if not entrants:
            break
    return search


@dataclass
class _Rung:
    """One rung in training: its rows, and the seconds of the job at which no part is begun any more or one is given up."""

    level: int
    rung: Rung
    rows: Rows
    view: View
    deadline: float
    until: float

    def run(
        self, numbers: list[int], recipes: list[Recipe], search: Search, plan: Plan, trainer: Trainer
    ) -> Tried:
        """Train the recipes part by part. How they are parted changes no result, because no network depends on its neighbors."""
        streams = Streams.of(plan.seed, Stage.SEARCH, self.level)
        scores: list[float] = []
        made: list[Recipe] = []
        total = sum(rung.recipes for rung in plan.rungs)
        begun = trainer.elapsed
        while len(scores) < len(recipes):
            is_first = self.level == 0 and not scores
            left = [for_epochs(recipe, self.rung.epochs) for recipe in recipes[len(scores) :]]
            recorded = trainer.recorded("search", self.level)
            if recorded is not None:
                size = recorded.networks
            elif trainer.interrupt.is_set and not is_first:
                size = 0
            else:
                size = self._next_part(left, search.pace, trainer, begun, is_first=is_first)
            if not size:
                break
            length = left[:size]
            run = trainer.train(
                Population(
                    tuple(Member(recipe, streams, self.rows) for recipe in length), {"search": self.view}
                ),
                stage="search",
                number=self.level,
                done=search.n_networks,
                total=total,
                diverged=len(search.diverged),
                best=min(scores, default=float("inf")),
                until=np.inf if is_first else self.until + max(LATE * (self.until - begun), PART_S),
                left_s=lambda share: max(min(self.until, 1e6) - trainer.elapsed, 0.0),
                weights=False,
            )
            if run is None:
                break
            scores += run.score.tolist()
            made += length
            search.n_networks += len(run)
            search.pace.took(length, run.seconds, self.rung.rows)
            for recipe, fate in zip(length, run.fate, strict=True):
                if fate == Fate.DIVERGED:
                    search.diverged.append((float(recipe.optimizer.lr), groups_of([recipe])[0]))
            enough = self._enough(scores, plan) if self.level == 0 and np.isfinite(self.until) else None
            if enough is not None:
                scores, made, search.paid_out = scores[:enough], made[:enough], True
                break
        n = len(scores)
        return Tried(Rung(n, self.rung.epochs, self.rung.rows), numbers[:n], made, np.array(scores))

    def _next_part(
        self, left: list[Recipe], pace: Pace, trainer: Trainer, begun: float, *, is_first: bool
    ) -> int:
        """How many networks the next part has: some seconds' worth of them, as far as time allows; 0 when the rung is over."""
        if not np.isfinite(self.deadline) or not pace.is_known:
            return FIRST_PART if is_first else len(left)
        at_once = max(trainer.n_threads, 1)
        span = max((self.deadline - begun) / 8, PART_S)
        room = self.deadline - trainer.elapsed
        fitting = pace.fitting(left, min(span, room), self.rung.rows)
        if is_first:
            return max(min(fitting, FIRST_PART), at_once)
        if room <= 0 or pace.seconds(left[:at_once], self.rung.rows) > room + LATE * (self.until - begun):
            return 0
        return max(fitting // 16 * 16, min(fitting, 16), at_once)

    @staticmethod
    def _enough(scores: list[float], plan: Plan) -> int | None:
        """After how many recipes the search has paid out: the second half of them lowered the best loss by next to nothing."""
        for n in PAYS_AT:
            if len(scores) < n:
                return None
            half, all_ = min(scores[: n // 2]), min(scores[:n])
            if np.isfinite(all_) and half - all_ <= PAYS * plan.margin * abs(half):
                return n
        return None
