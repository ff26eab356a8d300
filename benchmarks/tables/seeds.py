"""Whether the verdict depends on the seed: the main job on the same rows, from ten seeds.

python -m benchmarks.tables.seeds --out seeds.jsonl       the benchmark's tables, seeds 0 to 9, 20 s each
python -m benchmarks.tables.seeds --show --out seeds.jsonl

Everything random comes from the seed: what is searched, folds, initial weights, order, resamples. The rows that are learned
from and the rows that are tested on stay what they are, so that whatever changes is the job's own doing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from benchmarks.tables.__main__ import Book, ask
from benchmarks.tables.sources import EVERY, PRACTICE, TABLES
from benchmarks.tables.verdict import OURS

ENOUGH = 0.9
"""Share of the seeds in which a verdict must hold."""
ADVICE = {"yes": "a network", "no": "no network", "same": "no network", "nothing": "no network"}
"""What a headline advises; one that can't tell advises nothing."""
CLAIMS = {
    "overfitting": "holding back helps",
    "underfitting": "more helps",
    "gap-without-harm": "nothing helps",
    "fits": "nothing helps",
}
"""What a code of the fit claims; "cannot-tell" and "unstable" claim nothing."""


@dataclass(frozen=True)
class Tally:
    """What one part of the verdict said from several seeds.

    counts: How often each word was said, the commonest first.
    contradicting: Seeds that claim something else than most seeds that claim anything.
    """

    counts: Mapping[str, int]
    contradicting: int

    @property
    def n(self) -> int:
        """Seeds."""
        return sum(self.counts.values())

    @property
    def agreeing(self) -> int:
        """Seeds that said what most said."""
        return next(iter(self.counts.values()), 0)

    def __str__(self) -> str:
        said = ", ".join(f"{word} {n}" for word, n in self.counts.items())
        return f"{self.agreeing}/{self.n} ({said})" + (
            f", {self.contradicting} contradicting" if self.contradicting else ""
        )


def tally(words: Sequence[str], claims: Mapping[str, str]) -> Tally:
    """Count what was said, and who contradicts the others.

    Args:
        words: One for each seed.
        claims: What a word claims; words that are not in it claim nothing.

    Example:
        >>> str(tally(["yes", "yes", "unknown", "same"], ADVICE))
        '2/4 (yes 2, unknown 1, same 1), 1 contradicting'
    """
    claimed = Counter(claims[word] for word in words if word in claims)
    most = claimed.most_common(1)[0][1] if claimed else 0
    return Tally(dict(Counter(words).most_common()), sum(claimed.values()) - most)


def tallies(records: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Tally, Tally]]:
    """By table: headline and fit, from the newest record of each seed."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for record in records:
        if "scores" in record and "seed" in record:
            found.setdefault(record["table"], {})[record["seed"]] = record["plan"]
    return {
        table: (
            tally([plan["answer"] for plan in seeds.values()], ADVICE),
            tally([plan["fit"] for plan in seeds.values()], CLAIMS),
        )
        for table, seeds in found.items()
    }


def lines_of(found: Mapping[str, tuple[Tally, Tally]]) -> list[str]:
    """A line for each table, and what they say together."""
    lines = [f"{table:14} headline {headline}   fit {fit}" for table, (headline, fit) in found.items()]
    for place, name in enumerate(("headline", "fit")):
        parts = [both[place] for both in found.values()]
        holds = sum(part.agreeing >= ENOUGH * part.n for part in parts)
        unharmed = sum(part.contradicting <= (1 - ENOUGH) * part.n + 1e-9 for part in parts)
        agreeing, n = sum(part.agreeing for part in parts), max(sum(part.n for part in parts), 1)
        lines.append(
            f"{name}: {agreeing} of {n} verdicts say what most of their table's do ({agreeing / n:.0%}); "
            f"the same words from {ENOUGH:.0%} of the seeds on {holds} of {len(parts)} tables; "
            f"not contradicted by more than the rest on {unharmed}; contradicted at all on "
            f"{sum(part.contradicting > 0 for part in parts)}"
        )
    return lines


def work(core: int, todo: SimpleQueue[tuple[str, int]], book: Book, given: argparse.Namespace) -> None:
    """Do tasks on one core until there are none."""
    while True:
        try:
            table, seed = todo.get_nowait()
        except Empty:
            return
        key = {"table": table, "split": given.split, "seed": seed, "budget": given.seconds}
        if any(key.items() <= record.items() and "scores" in record for record in book.records):
            continue
        found = ask(core, OURS, table, given.split, given.seconds, given.clock, seed) | key
        book.add(found)
        told = (
            found["plan"]["verdict"].splitlines()[0] if "plan" in found else found.get("failed") or "absent"
        )
        print(f"{table} seed {seed} {found.get('seconds', 0):.1f} s {told}", file=sys.stderr, flush=True)


def main() -> None:
    """Run what is not done yet, then say how often the verdict held."""
    given = options().parse_args()
    tables = given.tables or list(PRACTICE if given.practice else TABLES)
    book = Book(given.out)
    if not given.show:
        todo: SimpleQueue[tuple[str, int]] = SimpleQueue()
        for seed in range(given.seeds):  # seed by seed, so that a run cut short has whole seeds
            for table in tables:
                todo.put((table, seed))
        lanes = [threading.Thread(target=work, args=(core, todo, book, given)) for core in given.cores]
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
    chosen = [
        r
        for r in book.records
        if r["table"] in tables and r["budget"] == given.seconds and r["seed"] < given.seeds
    ]
    found = tallies(chosen)
    print("\n".join(lines_of(found)))
    if given.json:
        print(json.dumps({t: [dict(part.counts) for part in both] for t, both in found.items()}))


def options() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "benchmarks.tables.seeds", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", choices=list(EVERY), metavar="NAME", help="only these")
    parser.add_argument("--practice", action="store_true", help="the tables for tuning defaults")
    parser.add_argument("--seeds", type=int, default=10, help="how many (default 10)")
    parser.add_argument("--split", type=int, default=0, help="which split of the rows (default 0)")
    parser.add_argument("--seconds", type=float, default=20.0, help="budget (default 20)")
    parser.add_argument(
        "--cores",
        type=int,
        nargs="+",
        default=sorted(os.sched_getaffinity(0)),
        help="one lane on each (default all)",
    )
    parser.add_argument("--clock", choices=("wall", "cpu"), default="wall", help="what seconds are")
    parser.add_argument("--out", type=Path, help="JSON lines; a run that breaks goes on from there")
    parser.add_argument("--show", action="store_true", help="run nothing, say what --out holds")
    parser.add_argument("--json", action="store_true", help="the counts as JSON, too")
    return parser


if __name__ == "__main__":
    main()
