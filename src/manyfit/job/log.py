"""The log of a job: its rounds on disk, in their order. A job that was killed repeats them from there, and trains on behind them.

Everything that the clock has decided (how far a rung came, how many recipes were confirmed) can be read off the rounds, and
nothing else of a killed job is needed: no network depends on what was trained beside it.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manyfit.engines.base import Engine
from manyfit.errors import Problem, RunError
from manyfit.population import Population
from manyfit.runs import Ledger, Run, RunFolder, checkpoint
from manyfit.runs.checkpoint import Checkpoint
from manyfit.runs.members import describe, write_members
from manyfit.runs.parts import Parts
from manyfit.text import Text


@dataclass(frozen=True)
class Part:
    """Which part of a job a round holds.

    stage: "search", "confirm" or "twins".
    number: Rung of the search, or first fold of a group of folds.
    networks: How many were trained.
    facts: What else was decided for it, plain values.
    """

    stage: str
    number: int
    networks: int
    facts: Mapping[str, Any]


class Log:
    """The rounds of one job: those that a killed one has left are repeated, then new ones are written.

    Args:
        folder: Where rounds are kept; None keeps nothing.
        repeat: Whether to repeat what the folder holds.
    """

    def __init__(self, folder: RunFolder | None = None, *, repeat: bool = False) -> None:
        self.folder = folder
        self._stored: list[RunFolder] = []
        self._done = 0
        if folder is not None and repeat:
            for number, round_ in enumerate(folder.rounds, 1):
                if not round_.is_complete or round_.path.name != str(number):
                    shutil.rmtree(round_.path)  # what was begun and not finished, and whatever came after it
                else:
                    self._stored.append(round_)

    @property
    def upcoming(self) -> Part | None:
        """The round to be repeated next; None when all were, and new ones are written."""
        if self._done >= len(self._stored):
            return None
        header = self._stored[self._done].header
        about = dict(header["plan"])
        return Part(about.pop("stage"), about.pop("number"), int(header["population"]["networks"]), about)

    @property
    def n_stored(self) -> int:
        """Rounds that a killed job has left."""
        return len(self._stored)

    @property
    def seconds(self) -> float:
        """Seconds of the job at which the last of them ended."""
        return float(self._stored[-1].header.get("elapsed", 0.0)) if self._stored else 0.0

    def repeat(self, population: Population, engine: Engine) -> tuple[Run, float]:
        """The next stored round.

        Args:
            population: What would be trained now.
            engine: What would train it.

        Returns:
            Its run, and the second of the job at which it ended.

        Raises:
            RunError: If something else was trained there, or with something else.
        """
        round_ = self._stored[self._done]
        kept = round_.resume(population, engine.describe())
        if not kept.ledger.is_done:
            rule = Text("holds no whole round", "里面没有完整的一轮")
            raise RunError(Problem(str(round_.path), rule, hint=Text("Start over: --force.", "请重新开始：--force。")))
        self._done += 1
        run = Run.of(
            population,
            kept.ledger,
            seconds=kept.seconds,
            core_seconds=kept.core_seconds,
            engine=engine.describe(),
        )
        return run, float(round_.header["elapsed"])

    def write(
        self, run: Run, ledger: Ledger, about: Mapping[str, Any], elapsed: float, *, weights: bool
    ) -> None:
        """Write a round that has come to its end: recipes, curves and fates, and weights where somebody needs them again."""
        self._done += 1
        if self.folder is None:
            return
        round_ = self.folder.round(self._done)
        round_.header["plan"] = dict(about)
        path = round_.begin()
        round_.claim(run.population, run.engine)
        Parts(path, len(run)).write(ledger)
        write_members(path, describe(run.population), run, run.fate.tolist())
        kept = ledger if weights else _weightless(ledger)
        checkpoint.save(path, Checkpoint(kept, run.seconds, run.core_seconds))
        round_.amend(state="finished", seconds=round(run.seconds, 3), elapsed=round(elapsed, 3))

    def forget_weights(self) -> None:
        """Take the weights of all rounds away: those that matter are in the model."""
        if self.folder is not None:
            for round_ in self.folder.rounds:
                shutil.rmtree(round_.path / checkpoint.FOLDER, ignore_errors=True)


def _weightless(ledger: Ledger) -> Ledger:
    """A ledger without what is as large as the networks: losers of a search are not worth their room."""
    return dataclasses.replace(
        ledger,
        parameters=[flat[:0] for flat in ledger.parameters],
        state=[flat[:, :0] for flat in ledger.state],
        best=[flat[:0] for flat in ledger.best],
    )
