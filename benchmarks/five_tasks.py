"""Five tasks, every peer: milliseconds for one trained network and the loss it reached, in one table.

    python -m benchmarks                      everything, about six minutes
    python -m benchmarks --quick              two rounds, slow peers run a quarter of the steps of long tasks
    python -m benchmarks --peers "manyfit;prototype" --tasks digits

The result goes to standard output, progress to standard error.
"""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from rich.console import Console

from benchmarks import render
from benchmarks.machine import describe
from benchmarks.peers import PEERS, Peer
from benchmarks.rounds import measure
from benchmarks.summary import judge, share_of_core, summarize
from benchmarks.tasks import TASKS, Task

_WIDTH = 150
"""Columns of the table when it does not go to a terminal that says its own."""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the benchmark. Exits with 1 if a peer broke, 2 on wrong arguments; a peer that is not there is no error."""
    args = _arguments(argv)
    progress = Console(stderr=True)
    with progress.status("starting") as status:
        measurements = measure(
            args.tasks,
            args.peers,
            n_rounds=args.rounds,
            core=args.core,
            is_quick=args.quick,
            tell=status.update if progress.is_terminal else _once_a_round(),
        )
    entries, verdicts = summarize(measurements), judge(measurements)
    machine = {
        **describe(),
        "core used": str(args.core),
        "rounds": str(args.rounds),
        "date": date.today().isoformat(),
    }
    share = share_of_core(measurements)
    if share is not None:
        machine["core to itself"] = f"{share:.0%} of the time"
    if args.json:
        _write(
            args.json,
            json.dumps(_as_data(machine, measurements, entries, verdicts), indent=1, ensure_ascii=False)
            + "\n",
        )
    if args.markdown:
        _write(args.markdown, render.markdown(entries, verdicts, machine))
    if "-" not in (str(args.json), str(args.markdown)):
        console = Console(width=None if sys.stdout.isatty() else _WIDTH)
        console.print(", ".join(f"{key} {value}" for key, value in machine.items()), highlight=False)
        console.print(render.terminal(entries))
        for line in render.closing_lines(entries, verdicts):
            console.print(line, highlight=False, markup=False)
    sys.exit(1 if any(m.failed for m in measurements) else 0)


def _once_a_round() -> Callable[[str], None]:
    """What tells a log file how far it is: one line a round, not one a peer."""
    told = set()

    def tell(line: str) -> None:
        turn = line.split(":")[0]
        if turn not in told:
            told.add(turn)
            print(turn, file=sys.stderr, flush=True)

    return tell


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="manyfit beside its peers on one core."
    )
    parser.add_argument(
        "--quick", action="store_true", help="two rounds; slow peers run a quarter of a long task, scaled"
    )
    parser.add_argument(
        "--rounds", type=_count, help="how often every peer trains every task (default 5, quick 2)"
    )
    parser.add_argument(
        "--tasks", type=_tasks, default=list(TASKS.values()), help=f"some of {','.join(TASKS)}"
    )
    parser.add_argument(
        "--peers", type=_peers, default=_peers(""), help="beginnings of names, separated by semicolons"
    )
    parser.add_argument(
        "--core", type=int, default=_last_core(), help="the core to pin to (default: the last one)"
    )
    parser.add_argument("--json", metavar="FILE", help="write every measurement; - for standard output")
    parser.add_argument(
        "--markdown", metavar="FILE", help="write the table as Markdown; - for standard output"
    )
    args = parser.parse_args(argv)
    args.rounds = args.rounds or (2 if args.quick else 5)
    return args


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be ≥ 1, got {value}")
    return value


def _tasks(text: str) -> list[Task]:
    unknown = [name for name in text.split(",") if name not in TASKS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown task {unknown[0]!r}. Known: {', '.join(TASKS)}")
    return [TASKS[name] for name in text.split(",")]


def _peers(text: str) -> list[Peer]:
    starts = text.lower().split(";")
    chosen = {
        start: [
            peer
            for peer in PEERS
            if peer.name.lower() == start or (peer.name.lower().startswith(start) and not peer.is_extra)
        ]
        for start in starts
    }
    for start, found in chosen.items():
        if not found:
            raise argparse.ArgumentTypeError(
                f"unknown peer {start!r}. Known: {'; '.join(peer.name for peer in PEERS)}"
            )
    return [peer for peer in PEERS if any(peer in found for found in chosen.values())]


def _last_core() -> int:
    return max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0


def _as_data(machine: dict, measurements: Sequence, entries: Sequence, verdicts: Sequence) -> dict:
    return {
        "machine": machine,
        "table": [dataclasses.asdict(entry) for entry in entries],
        "verdicts": [{**v._asdict(), "is_fast": v.is_fast, "is_alike": v.is_alike} for v in verdicts],
        "measurements": [dataclasses.asdict(m) for m in measurements],
    }


def _write(target: str, text: str) -> None:
    if target == "-":
        sys.stdout.write(text)
    else:
        Path(target).write_text(text, encoding="utf-8")
