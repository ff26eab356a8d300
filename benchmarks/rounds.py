"""Rounds: every peer trains every task, in turn, again and again, so that a slow minute of the machine hits them all."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import Peer
from benchmarks.tasks import Task

ENOUGH_S = 0.25
"""A peer repeats a task within a round until this much has been timed: short trainings need more looks."""

_MOST_REPEATS = 20
_ROOT = Path(__file__).parent.parent
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
    "TORCHINDUCTOR_COMPILE_THREADS": "1",
    # Compile times are those of a first run, not of a cache on disk.
    "TORCHINDUCTOR_FORCE_DISABLE_CACHES": "1",
}


@dataclass
class Measurement:
    """What one peer did on one task, over all rounds.

    share: part of the task's steps that was run; the seconds are already scaled to all of them.
    seconds, core_seconds: one value a training of `n_networks` together; core_seconds empty if the peer doesn't tell.
    losses: one value a network; empty when a share of the steps was run.
    compile_seconds: once, before the first training; None if there is nothing to compile.
    undisturbed: part of the wall time in which the peer had its core, one value a training.
    absent: why the peer did not run; failed: how it broke.
    """

    task: str
    peer: str
    n_networks: int
    share: float = 1.0
    seconds: list[float] = field(default_factory=list)
    core_seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    compile_seconds: float | None = None
    note: str = ""
    undisturbed: list[float] = field(default_factory=list)
    absent: str = ""
    failed: str = ""

    def add(self, answer: dict[str, Any]) -> None:
        """Takes in one answer of the peer's process."""
        self.absent, self.failed = answer.get("absent", ""), answer.get("failed", "")
        if self.absent or self.failed:
            return
        self.seconds.append(answer["seconds"] / self.share)
        if answer["core_seconds"] is not None:
            self.core_seconds.append(answer["core_seconds"] / self.share)
        if self.share == 1:
            self.losses += answer["losses"]
        self.compile_seconds = answer["compile_seconds"] or self.compile_seconds
        self.note = answer["note"]
        self.undisturbed.append(answer["undisturbed"])


class PeerProcess:
    """A peer's own process, so that no library's threads or settings reach another's.

    Args:
        peer: Whose.
        core: Number of the core it is pinned to.
    """

    def __init__(self, peer: Peer, core: int) -> None:
        self._peer = peer
        self._chatter = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", str(core), peer.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._chatter,
            cwd=_ROOT,
            env={**os.environ, **ONE_THREAD},
            text=True,
        )

    def train(self, task: Task, share: float, seed: int) -> dict[str, Any]:
        """One training of the peer's number of networks: the answer of its process, or how it failed."""
        request = {
            "task": task.name,
            "share": share,
            "n_networks": self._peer.networks[task.name],
            "seed": seed,
            "options": dict(self._peer.options),
        }
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            answer = json.loads(line)
            if "absent" in answer and self._peer.how:
                answer["absent"] += f" ({self._peer.how})"
            return answer
        self._chatter.seek(0)
        words = self._chatter.read().decode(errors="replace").strip().splitlines()
        return {"failed": words[-1] if words else f"its process ended ({self._process.wait()})"}

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it may have ended before, with a request unread
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
        self._chatter.close()


def measure(
    tasks: Sequence[Task],
    peers: Sequence[Peer],
    *,
    n_rounds: int,
    core: int,
    is_quick: bool,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Measurement]:
    """Times all peers on all tasks, interleaved: a round is every task, a task is every peer.

    Args:
        tasks: What to train.
        peers: Who trains. The order turns by one from round to round.
        n_rounds: How often.
        core: The core all of them share.
        is_quick: Whether slow peers run only their share of the steps of long tasks.
        tell: Called with a line about what is going on.
    """
    found = {
        (task.name, peer.name): Measurement(
            task.name,
            peer.name,
            peer.networks[task.name],
            peer.quick_share if is_quick and task.is_long else 1.0,
        )
        for task in tasks
        for peer in peers
    }
    processes = {peer.name: PeerProcess(peer, core) for peer in peers}
    try:
        for turn in range(n_rounds):
            order = [*peers[turn % len(peers) :], *peers[: turn % len(peers)]]
            for task in tasks:
                for peer in order:
                    entry = found[task.name, peer.name]
                    if entry.absent or entry.failed:
                        continue
                    tell(f"round {turn + 1} of {n_rounds}: {task.name}, {peer.name}")
                    _train_a_while(entry, processes[peer.name], task, turn)
    finally:
        for process in processes.values():
            process.close()
    return list(found.values())


def _train_a_while(entry: Measurement, process: PeerProcess, task: Task, turn: int) -> None:
    before = len(entry.seconds)
    for repeat in range(_MOST_REPEATS):
        entry.add(process.train(task, entry.share, seed=turn * _MOST_REPEATS + repeat))
        if entry.absent or entry.failed or sum(entry.seconds[before:]) * entry.share >= ENOUGH_S:
            return
