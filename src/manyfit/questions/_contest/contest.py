"""A contest: options tuned over the same rates with as many trials each, then met on fresh pairs of seed and split."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from manyfit.answers import Answer
from manyfit.errors import Problem, UsageError
from manyfit.hyper import AnyRange, Choice, LogRange, hyper
from manyfit.population import Member, Population
from manyfit.questions._contest.meeting import Found, Race, decide, picked, race_of, responses_of
from manyfit.questions._contest.options import Option
from manyfit.questions._frame.base import Interrupted, Rounds
from manyfit.questions._frame.task import Replicate, Task, watches
from manyfit.questions._rates.response import Response, beyond, read
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Interval, Looks, mean_interval
from manyfit.text import Text

Self = TypeVar("Self", bound="Contest")

TUNE, MEET, CONFIRM = 0, 1, 2
"""Stages: options are tuned on some pairs, what was picked is met on others, the winner's rate on yet others."""
WIDER = 1.0
"""Decades by which the rates of all options are widened when one of them is best at the edge."""


@dataclass(frozen=True)
class Contest:
    """The plan of a contest, and its rounds; what is compared and how it is told are for the question to say."""

    rates: AnyRange = hyper(
        LogRange(1e-4, 3.0), above=0, doc="Rates of the tuning, LOW..HIGH, or some with commas between."
    )
    points: int = hyper(16, low=1, doc="How many rates: trials of each tuning.")
    replicates: int = hyper(
        10, low=3, doc="How often each option is tuned, each time on a fresh pair of seed and split."
    )
    fresh: int = hyper(4, low=1, doc="Fresh pairs on which each tuning's pick is met.")
    confirm: int = hyper(20, low=2, doc="Other fresh pairs, on which the winner's rate is met.")
    widen: int = hyper(1, low=0, doc="How often all options get more rates when one is best at the edge.")
    most: int | None = hyper(
        None,
        low=3,
        optional=True,
        kind="whole number",
        doc="Replicates that there may ever be, those of --add included: declares looks; by default no more than --replicates.",
    )
    added: tuple[int, ...] = hyper((), kind="record", doc="Replicates added since, look by look.")
    margin: float | None = hyper(
        None,
        low=0,
        optional=True,
        kind="number",
        doc="What counts as the same, in the score's unit; by default a share of it.",
    )
    level: float = hyper(0.95, above=0.5, below=1, doc="Confidence level of all findings together.")

    def options(self, task: Task) -> tuple[Option, ...]:
        """What is compared."""
        raise NotImplementedError

    def answer(self, task: Task, found: Found, confirmed: Interval | None) -> Answer:
        """What is told; `confirmed` is None where the question was interrupted before the winner was confirmed."""
        raise NotImplementedError

    def tried(self) -> list[float]:
        """The rates of the tuning, rising."""
        chosen = self.rates.options if isinstance(self.rates, Choice) else self.rates.grid(self.points)
        return sorted({float(f"{rate:.6g}") for rate in chosen})

    @property
    def looks(self) -> tuple[int, ...]:
        """Replicates at each look, rising."""
        return tuple(int(n) for n in np.cumsum([self.replicates, *self.added]))

    def extended(self: Self, n: int) -> Self:
        """The same question with so many replicates more: another declared look.

        Raises:
            UsageError: If it is no number of replicates, or no more were declared.
        """
        if n < 1:
            raise UsageError(Problem("--add", Text("must be a whole number ≥ 1", "必须是 ≥ 1 的整数"), str(n)))
        most = self.most or self.looks[-1]
        if self.looks[-1] + n > most:
            hint = Text(
                "Declare them beforehand (--most), or ask anew on other seeds (--seed).",
                "请事先声明（--most），或换种子重新提问（--seed）。",
            )
            rule = Text(
                f"must stay within the {most} replicates that were declared", f"不能超过声明的 {most} 次重复"
            )
            raise UsageError(Problem("--add", rule, str(self.looks[-1] + n), hint=hint))
        return dataclasses.replace(self, added=(*self.added, n))

    def rounds(self, task: Task) -> Rounds:
        """Tune and meet, look by look; then the winner's rate on pairs that have chosen nothing."""
        options = self.options(task)
        found, is_whole = yield from self.compete(task, options)
        confirmed: Interval | None = None
        if is_whole:
            with suppress(Interrupted):
                confirmed = yield from self.met_again(task, options, found)
        return self.answer(task, found, confirmed)

    def compete(
        self, task: Task, options: Sequence[Option]
    ) -> Generator[Population, Run, tuple[Found, bool]]:
        """Tune and meet, look by look: what was found, and whether no look was interrupted.

        Raises:
            Interrupted: If the first look was.
        """
        rates = self.tried()
        tuning: list[Response] = []
        races: list[Race] = []
        found: Found | None = None
        start = 0
        try:
            for end in self.looks:
                more = yield from self._tune(task, options, rates, start, end)
                if not start:
                    more = yield from self._widened(task, options, more, end)
                    rates = more[0].rates.tolist()
                met = yield from self._meet(task, options, more, start, end)
                tuning = [a.repeated(b) for a, b in zip(tuning, more, strict=True)] if start else more
                races = [a.joined(b) for a, b in zip(races, met, strict=True)] if start else met
                found = self.read(task, options, tuning, races)
                start = end
        except Interrupted:
            if found is None:
                raise
            return found, False
        assert found is not None
        return found, True

    def met_again(
        self, task: Task, options: Sequence[Option], found: Found
    ) -> Generator[Population, Run, Interval]:
        """The score of the winner's rate on pairs that have chosen nothing."""
        recipe = options[found.verdict.winner].of(task.recipe, found.rate)
        pairs = task.replicates(self.confirm, stage=CONFIRM)
        run = yield task.population([member_of(task, options, recipe, pair) for pair in pairs])
        return mean_interval(task.scores(run), scope=task.scope, level=self.level, overlap=task.overlap)

    def read(
        self, task: Task, options: Sequence[Option], tuning: Sequence[Response], races: Sequence[Race]
    ) -> Found:
        """What tuning and meeting say, a pure function of them."""
        n = races[0].score.shape[0]
        looks = self.looks[: self.looks.index(n)]
        of = {"scope": task.scope, "overlap": task.overlap}
        verdict = decide(
            np.stack([response.score.T for response in tuning], axis=1),
            np.stack([race.score for race in races], axis=1),
            margin=self.margin,
            share=task.measure.share,
            looks=Looks(self.most or self.looks[-1], self.level, overlap=task.overlap, taken=looks),
            scope=task.scope,
            values=tuning[0].rates,
        )
        basins = tuple(
            read(response, verdict.margin, task.measure.share, level=self.level, **of) for response in tuning
        )
        return Found(tuple(options), tuple(tuning), basins, tuple(races), verdict, self.level)

    def _tune(
        self, task: Task, options: Sequence[Option], rates: Sequence[float], start: int, end: int
    ) -> Generator[Population, Run, list[Response]]:
        """Every option at every rate on the pairs of these replicates, in one population."""
        pairs = task.replicates(end - start, stage=TUNE, start=start)
        run = yield task.population(
            member_of(task, options, recipe, pair)
            for option in options
            for recipe in [option.of(task.recipe, rate) for rate in rates]
            for pair in pairs
        )
        return responses_of(task, run, rates, len(options))

    def _widened(
        self, task: Task, options: Sequence[Option], tuning: list[Response], end: int
    ) -> Generator[Population, Run, list[Response]]:
        """More rates for all options while one of them is best at an edge."""
        for _ in range(self.widen):
            of = {"scope": task.scope, "overlap": task.overlap}
            edges = {
                read(each, self.margin, task.measure.share, level=self.level, **of).edge for each in tuning
            }
            rates = tuning[0].rates
            wider = sorted(rate for edge in edges - {""} for rate in beyond(rates, edge, WIDER))
            if not wider:
                break
            extra = yield from self._tune(task, options, wider, 0, end)
            tuning = [a.joined(b) for a, b in zip(tuning, extra, strict=True)]
        return tuning

    def _meet(
        self, task: Task, options: Sequence[Option], tuning: Sequence[Response], start: int, end: int
    ) -> Generator[Population, Run, list[Race]]:
        """What each replicate picked, on fresh pairs; an option a round, so that its seconds are its own."""
        races = []
        n, m = end - start, self.fresh
        pairs = task.replicates(n * m, stage=MEET, start=start * m, each=m)
        for option, response in zip(options, tuning, strict=True):
            chosen = response.rates[picked(response.score.T, response.rates)]
            recipes = {rate: option.of(task.recipe, rate) for rate in chosen.tolist()}
            run = yield task.population(
                member_of(task, options, recipes[rate], pairs[j * m + i])
                for j, rate in enumerate(chosen.tolist())
                for i in range(m)
            )
            races.append(race_of(task, run, chosen, m))
        return races


def member_of(task: Task, options: Sequence[Option], recipe: Recipe, pair: Replicate) -> Member:
    """A network of an option: where one of them watches rows while it trains, all leave the same rows out of training."""
    return task.member(recipe, pair, watch=any(watches(option.of(task.recipe)) for option in options))
