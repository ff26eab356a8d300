"""Training one part of a stage: a population to its end, watched, recorded, and dropped whole when it is interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from manyfit.engines.base import train
from manyfit.engines.choose import engine_for
from manyfit.engines.interrupt import Interrupt
from manyfit.job.log import Log, Part
from manyfit.job.narrator import Narrator, Progress, Silent
from manyfit.population import Population
from manyfit.runs import Fate, Ledger, Run, Sums


@dataclass
class Trainer:
    """What all stages of a job share: engine, log, narrator, the wish to stop, and the clock.

    log: Where rounds are kept, and repeated from when a killed job goes on.
    interrupt: Ctrl-C.
    interrupted: Stages that Ctrl-C ended.
    clock: Where the time comes from.
    began: When the job began.
    shown: From a loss of training to the number that a reader understands.
    described: The engine's own description, once something was trained.
    n_threads: Threads that the engine takes, once something was trained.
    """

    narrator: Narrator = field(default_factory=Silent)
    log: Log = field(default_factory=Log)
    interrupt: Interrupt = field(default_factory=Interrupt)
    interrupted: list[str] = field(default_factory=list)
    engine: str = "auto"
    threads: int | None = None
    clock: Callable[[], float] = time.perf_counter
    began: float = 0.0
    shown: Callable[[float], float] = float
    described: dict[str, object] = field(default_factory=dict)
    n_threads: int = 1

    @property
    def elapsed(self) -> float:
        """Seconds since the job began."""
        return self.clock() - self.began

    def recorded(self, stage: str, number: int = 0) -> Part | None:
        """What a killed job has done next in this part of a stage; without networks when the part was over by then.

        None when nothing is recorded any more, so that the clock decides.
        """
        part = self.log.upcoming
        if part is None or (part.stage, part.number) == (stage, number):
            return part
        return Part(stage, number, 0, {})

    def ends(self, stage: str) -> bool:
        """Whether Ctrl-C has ended a stage. It is noted, and the next stage begins as if nobody had pressed anything."""
        was = self.log.folder.header.get("interrupted", []) if self.log.folder is not None else []
        if not self.interrupt.is_set and not (self.log.upcoming is not None and stage in was):
            return False
        self.interrupt.is_set = False
        self.interrupted.append(stage)
        if self.log.folder is not None:
            self.log.folder.amend(interrupted=self.interrupted)
        return True

    def train(
        self,
        population: Population,
        *,
        stage: str,
        number: int = 0,
        done: int,
        total: int,
        diverged: int,
        best: float,
        until: float = np.inf,
        left_s: Callable[[float], float] = lambda share: 0.0,
        seconds: float | None = None,
        keep: bool = True,
        weights: bool = True,
        facts: Mapping[str, Any] | None = None,
    ) -> Run | None:
        """Train a population to its end.

        Args:
            population: What to train.
            stage: For the narrator and the log.
            number: Part of the stage, for the log.
            done: Networks of the stage that were done before.
            total: Networks of the stage in all.
            diverged: Networks of the stage that diverged before.
            best: Best score before.
            until: Second of the job at which this part is given up.
            left_s: From the share of the stage that is done to the seconds it will still take.
            seconds: Cut networks after so long and return what there is; for measuring.
            keep: Whether it is a round of the log.
            weights: Whether the log keeps the networks themselves.
            facts: What else the log shall know.

        Returns:
            The run, from the log where a killed job has trained it before; None when it was given up: results of half a part
            would depend on the clock.
        """
        engine = engine_for(population, self.engine, self.threads)
        self.described = dict(engine.describe())
        self.n_threads = int(getattr(engine, "threads", 1))
        if keep and self.log.upcoming is not None:
            run, ended = self.log.repeat(population, engine)
            self.began = self.clock() - ended  # the clock stood still while the job was dead
            return run
        last: list[Ledger] = []
        given_up = False

        def watch(ledger: Ledger) -> bool:
            nonlocal given_up
            last[:] = [ledger]
            ended = ledger.fate != Fate.TRAINING
            n_ended = int(ended.sum())
            scores = np.append(ledger.sums[:, Sums.BEST], best)
            finite = scores[np.isfinite(scores)]
            self.narrator.progress(
                Progress(
                    stage,
                    done + n_ended,
                    total,
                    len(population) - n_ended,
                    diverged + int((ledger.fate == Fate.DIVERGED).sum()),
                    self.shown(float(finite.min())) if len(finite) else np.nan,
                    left_s((done + n_ended) / max(total, 1)),
                )
            )
            given_up = self.interrupt.is_set or self.elapsed > until
            return given_up and not bool(ended.all())

        run = train(population, engine, seconds=seconds, watchers=[watch], clock=self.clock)
        if given_up and bool((run.fate == Fate.CUT).any()) and seconds is None:
            return None
        if keep and last:
            about = {"stage": stage, "number": number, **(facts or {})}
            self.log.write(run, last[0], about, self.elapsed, weights=weights)
        return run


def shares(n: int, parts: int, block: int = 1) -> list[range]:
    """Cut `n` things into about `parts` ranges of whole blocks.

    Example:
        >>> shares(10, 3, 4)
        [range(0, 4), range(4, 8), range(8, 10)]
    """
    size = max(-(-n // parts), 1)
    size = -(-size // block) * block
    return [range(start, min(start + size, n)) for start in range(0, n, size)]


def groups_of(recipes: Sequence[object]) -> list[str]:
    """What must not die out in a search: the kind of optimizer."""
    return [type(recipe.optimizer).__name__ for recipe in recipes]  # type: ignore[attr-defined]
