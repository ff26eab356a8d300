"""Training one part of a stage: a population to its end, watched, recorded, and dropped whole when it is interrupted."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from manyfit.engines.base import train
from manyfit.engines.choose import engine_for
from manyfit.engines.interrupt import Interrupt
from manyfit.job.narrator import Narrator, Progress, Silent
from manyfit.population import Population
from manyfit.runs import Fate, Ledger, Run, RunFolder, Sums
from manyfit.runs.members import describe, write_members
from manyfit.runs.parts import Parts


@dataclass
class Trainer:
    """What all stages of a job share: engine, folder, narrator, the wish to stop, and the clock.

    folder: Where rounds are kept; None keeps nothing.
    interrupt: Ctrl-C.
    clock: Where the time comes from.
    began: When the job began.
    shown: From a loss of training to the number that a reader understands.
    described: The engine's own description, once something was trained.
    n_threads: Threads that the engine takes, once something was trained.
    """

    narrator: Narrator = field(default_factory=Silent)
    folder: RunFolder | None = None
    interrupt: Interrupt = field(default_factory=Interrupt)
    engine: str = "auto"
    threads: int | None = None
    clock: Callable[[], float] = time.perf_counter
    began: float = 0.0
    shown: Callable[[float], float] = float
    described: dict[str, object] = field(default_factory=dict)
    n_threads: int = 1
    _round: int = 0

    @property
    def elapsed(self) -> float:
        """Seconds since the job began."""
        return self.clock() - self.began

    def train(
        self,
        population: Population,
        *,
        stage: str,
        done: int,
        total: int,
        diverged: int,
        best: float,
        until: float = np.inf,
        left_s: Callable[[float], float] = lambda share: 0.0,
        seconds: float | None = None,
        keep: bool = True,
    ) -> Run | None:
        """Train a population to its end.

        Args:
            population: What to train.
            stage: For the narrator.
            done: Networks of the stage that were done before.
            total: Networks of the stage in all.
            diverged: Networks of the stage that diverged before.
            best: Best score before.
            until: Second of the job at which this part is given up.
            left_s: From the share of the stage that is done to the seconds it will still take.
            seconds: Cut networks after so long and return what there is; for measuring.
            keep: Whether to write a round into the folder.

        Returns:
            The run, or None when it was given up: results of half a part would depend on the clock.
        """
        engine = engine_for(population, self.engine, self.threads)
        self.described = dict(engine.describe())
        self.n_threads = int(getattr(engine, "threads", 1))
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
        if keep and self.folder is not None and last:
            self._keep(run, last[0])
        return run

    def _keep(self, run: Run, ledger: Ledger) -> None:
        """Write a finished part as a round: recipes, curves and fates. Weights of losers are not worth their room."""
        assert self.folder is not None
        self._round += 1
        round_ = self.folder.round(self._round)
        path = round_.begin()
        round_.claim(run.population, run.engine)
        Parts(path, len(run)).write(ledger)
        write_members(path, describe(run.population), run, run.fate.tolist())
        round_.amend(state="finished", seconds=round(run.seconds, 3))


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
