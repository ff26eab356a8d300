"""The recorder: stands between the loop and a run folder, and writes what is new, seldom enough never to slow the training."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from manyfit.errors import Problem, RunError
from manyfit.population import Population
from manyfit.runs import checkpoint, members
from manyfit.runs.checkpoint import Checkpoint
from manyfit.runs.files import sweep
from manyfit.runs.ledger import Fate, Ledger
from manyfit.runs.parts import MANY_PARTS, Parts
from manyfit.runs.run import Run
from manyfit.text import Text

if TYPE_CHECKING:
    from manyfit.runs.folder import RunFolder

PART_S = 1.0
CHECKPOINT_S = 10.0
_SHARE = 20
"""Writing takes at most one part in so many of the time: what takes 2 s to write is written every 40 s."""


class Recorder:
    """Writes one population's training into a run folder. It is the loop's watcher.

    Nothing is written before the first segment has been trained, so a training that can't begin leaves no folder behind.

    Args:
        folder: Where to.
        population: What is trained.
        engine: The engine's own description, kept so that a resume on another can be refused.
        since: The checkpoint that training goes on from; None when it begins.
        clock: Where the time comes from.

    Example:
        See `RunFolder.record`.
    """

    def __init__(
        self,
        folder: RunFolder,
        population: Population,
        engine: Mapping[str, Any],
        *,
        since: Checkpoint | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.folder = folder
        self.population = population
        self.engine = engine
        self._since = since
        self._clock = clock
        self._began = self._part_due = self._checkpoint_due = clock()
        self._fate: np.ndarray[Any, np.dtype[np.int64]] | None = None
        self._parts: Parts | None = None
        self._described: Any = None
        self._ledger: Ledger | None = None if since is None else since.ledger
        self._lock: int | None = None

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, ledger: Ledger) -> None:
        """Write what is due. Called between segments."""
        self._ledger = ledger
        parts = self._begin(ledger)
        now = self._clock()
        if now >= self._part_due:
            parts.write(ledger)
            if self._fate is None or not np.array_equal(self._fate, ledger.fate):
                self._write_members(ledger)
            self._part_due = max(now + PART_S, self._rested(now))
        now = self._clock()
        if now >= self._checkpoint_due:
            self._save(ledger)
            self._write_members(ledger)
            self._checkpoint_due = max(now + CHECKPOINT_S, self._rested(now))

    def finish(self, run: Run, ledger: Ledger | None = None) -> Run:
        """Write the end: last losses, final parameters, probes, fates.

        Args:
            run: What the training returned.
            ledger: The last one; by default the one last seen between segments.

        Returns:
            The same run, its seconds with those of earlier sessions.
        """
        ledger = self._ledger if ledger is None else ledger
        if ledger is None:
            raise RunError(
                Problem(
                    str(self.folder.path),
                    "needs the ledger of a training that ended before its first segment",
                )
            )
        parts = self._begin(ledger)
        if self._since is not None:
            before = self._since
            run = replace(
                run, seconds=run.seconds + before.seconds, core_seconds=run.core_seconds + before.core_seconds
            )
        if parts.n_parts >= MANY_PARTS:
            parts.join(ledger)
        else:
            parts.write(ledger)
        checkpoint.save(self.folder.path, Checkpoint(ledger, run.seconds, run.core_seconds))
        members.write_members(self.folder.path, self._described, run, run.fate.tolist())
        cut = int((run.fate == Fate.CUT).sum())
        self.folder.amend(state="cut" if cut else "finished", seconds=round(run.seconds, 3))
        self.close()
        return run

    def close(self) -> None:
        """Let others write into the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _begin(self, ledger: Ledger) -> Parts:
        if self._parts is not None:
            return self._parts
        path = self.folder.begin()
        self._lock = _locked(path)
        self.folder.claim(self.population, self.engine)
        self._parts = Parts(path, len(self.population))
        self._described = members.describe(self.population)
        if self._since is not None:
            sweep(path)
            self._parts.join(ledger)
        now = self._clock()
        self._part_due, self._checkpoint_due = now + PART_S, now + CHECKPOINT_S
        return self._parts

    def _rested(self, since: float) -> float:
        now = self._clock()
        return now + _SHARE * (now - since)

    def _save(self, ledger: Ledger) -> None:
        before = 0.0 if self._since is None else self._since.seconds
        checkpoint.save(self.folder.path, Checkpoint(ledger, before + self._clock() - self._began))

    def _write_members(self, ledger: Ledger) -> None:
        now = Run.of(self.population, ledger, seconds=0.0, core_seconds=0.0, engine=self.engine)
        members.write_members(self.folder.path, self._described, now, ledger.fate.tolist())
        self._fate = ledger.fate.copy()


def _locked(path: Path) -> int | None:
    """Hold a folder against a second writer until the descriptor is closed; the system lets go when the process dies."""
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        hint = Text("Wait for it, or end it, or give another folder.", "请等它结束或结束它，或换一个文件夹。")
        rule = Text("is being written by another training", "正由另一次训练写入")
        raise RunError(Problem(str(path), rule, hint=hint)) from None
    except OSError:  # a file system without locks
        os.close(descriptor)
        return None
    return descriptor
