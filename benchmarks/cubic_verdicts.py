"""`python -m benchmarks.cubic_verdicts`: how often `mf.diagnose` says what the chapter's cubic calls for.

Each seed draws a data set of its own and has a diagnosis of its own, with everything as it is by default; findings beside the
verdict, which decide nothing of it and take remedies of their own, are muted. Networks train on 30
rows: of the 47 of a table nine are locked, and a fifth of the others scores. `--rows 30` gives the whole table 30 rows.

    python -m benchmarks.cubic_verdicts --seeds 20 --out verdicts.jsonl

A run that breaks goes on where it was; `--show` prints what was measured so far. Needs scipy alone beside manyfit.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

import manyfit as mf
from manyfit.asking.inquiry import Silent

ROWS = 47
"""Rows of a table whose networks train on 30."""
FIRST = 100
"""The first seed: those before it were looked at while the rules of the verdict were made."""


class Case(NamedTuple):
    """A data set and a network with a known verdict.

    noise: Deviation of the noise.
    hidden: Units.
    right: Verdict that is called for.
    """

    noise: float
    hidden: tuple[int, ...]
    right: str


BESIDE = (
    "unstable",
    "exploding-gradients",
    "vanishing-gradients",
    "dead-units",
    "leaking",
    "trained-too-long",
)
"""Findings whose remedies would be trained for nothing."""
CASES = {
    "overfitting": Case(8.0, (128, 128), "overfitting"),
    "gap-without-harm": Case(0.5, (128, 128), "gap-without-harm"),
    "underfitting": Case(0.5, (1,), "underfitting"),
}
HEAD = (
    "| noise sd | hidden units | called for | said so | 95 % | cannot tell | something else | 95 % | seeds |"
)


def verdict(case: Case, seed: int, n_rows: int) -> dict[str, Any]:
    """One diagnosis of one data set: 1,200 steps on all training rows at once, AdamW at 0.01."""
    random = np.random.default_rng(seed)
    x = np.linspace(-3, 3, n_rows)
    y = x**3 - x**2 + case.noise * random.standard_normal(n_rows)
    recipe = mf.Recipe(mf.Dense(case.hidden), "mse", "adamw", batch_size=None, epochs=1200)
    begun = time.process_time()
    recipe = recipe.set("optimizer.lr", 0.01)
    answer = mf.diagnose((x[:, None], y), recipe=recipe, seed=seed, mute=BESIDE, threads=1, narrator=Silent())
    found = answer.numbers
    return {
        "code": found["code"],
        "train": found["train"],
        "held": found["held"],
        "gap": [found["gap"][end] for end in ("estimate", "low", "high")],
        "remedies": {
            name: [*(each["difference"][end] for end in ("estimate", "low", "high")), each["finding"]]
            for name, each in found["remedies"].items()
        },
        "again": found["again"]
        and [
            found["again"]["remedy"],
            *(found["again"]["difference"][end] for end in ("estimate", "low", "high")),
        ],
        "findings": [each["code"] for each in found["findings"]],
        "seconds": time.process_time() - begun,
    }


def exact(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share."""
    found = stats.binomtest(successes, n).proportion_ci(level, method="exact")
    return float(found.low), float(found.high)


def table(measured: Sequence[dict[str, Any]], n_rows: int) -> list[str]:
    """The verdicts counted, in Markdown."""
    lines = [HEAD, "|---:|---|---|---:|---|---:|---:|---|---:|"]
    for name, case in CASES.items():
        codes = [each["code"] for each in measured if (each["case"], each["rows"]) == (name, n_rows)]
        if not codes:
            continue
        n, right, unknown = len(codes), codes.count(case.right), codes.count("cannot-tell")
        other = n - right - unknown
        said, wrong = (
            f"{100 * low:.0f}–{100 * high:.0f}" for low, high in (exact(right, n), exact(other, n))
        )
        hidden, share = ", ".join(map(str, case.hidden)), f"{100 * right / n:.0f} %"
        cells = (f"{case.noise:g}", hidden, case.right, share, said, unknown, other, wrong, n)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=100)
    options.add_argument("--first", type=int, default=FIRST)
    options.add_argument("--rows", type=int, default=ROWS)
    options.add_argument("--case", choices=CASES, action="append")
    options.add_argument("--out", type=Path, default=Path("verdicts.jsonl"))
    options.add_argument("--show", action="store_true")
    given = options.parse_args()
    measured = [json.loads(line) for line in given.out.read_text().splitlines()] if given.out.exists() else []
    done = {(each["case"], each["rows"], each["seed"]) for each in measured}
    wanted = (
        []
        if given.show
        else [
            (seed, name)
            for seed in range(given.first, given.first + given.seeds)
            for name in given.case or CASES
        ]
    )
    for seed, name in wanted:
        if (name, given.rows, seed) in done:
            continue
        found = {"case": name, "rows": given.rows, "seed": seed, **verdict(CASES[name], seed, given.rows)}
        measured.append(found)
        with given.out.open("a") as file:
            file.write(json.dumps(found) + "\n")
        print(name, seed, found["code"], f"{found['seconds']:.0f} s", flush=True)
    print("\n".join(table(measured, given.rows)))


if __name__ == "__main__":
    main()
