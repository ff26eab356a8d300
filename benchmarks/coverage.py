"""`python -m benchmarks.coverage`: how often intervals and findings are right, measured on simulated scores.

Prints the tables of docs/statistics.md, a quarter of an hour on two cores, or those that are named:
`python -m benchmarks.coverage winners compare` says how often the same recipe wins against itself. `--quick` takes a tenth of the
simulations.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

import numpy as np

from manyfit.questions._contest.meeting import decide, picked
from manyfit.stats import (
    Finding,
    Looks,
    as_family,
    bootstrap_rows,
    confidence_set,
    interquartile_mean,
    mean_interval,
    paired,
    paired_look,
    paired_sequence,
    stratified_interval,
    tuned_scores,
    tuning_curve,
)

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]
CLAIMS = (Finding.BETTER, Finding.WORSE)

SHAPES: dict[str, tuple[Draw, float]] = {
    "normal": (lambda r, size: r.normal(size=size), 0.0),
    "heavy tails (t, 3)": (lambda r, size: r.standard_t(3, size=size), 0.0),
    "skewed (exponential)": (lambda r, size: r.exponential(size=size), 1.0),
    "very skewed (log-normal, 1)": (lambda r, size: r.lognormal(size=size), float(np.exp(0.5))),
}


def show(title: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    """A table in Markdown."""
    print(f"\n### {title}\n\n| {' | '.join(head)} |")
    print("|" + "---|" * len(list(head)))
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def means(n_sims: int) -> None:
    sizes = (5, 10, 20, 29, 30, 50, 100)
    rows = []
    for name, (draw, truth) in SHAPES.items():
        row = [name]
        for n in sizes:
            samples = draw(np.random.default_rng(n), (n_sims, n))
            hits = [mean_interval(x, scope="", seed=i).contains(truth) for i, x in enumerate(samples)]
            row.append(percent(float(np.mean(hits))))
        rows.append(row)
    show(f"Interval of a mean covers it, % of {n_sims} samples", ["values", *map(str, sizes)], rows)


def rows_of_tests(n_sims: int) -> None:
    sizes = (20, 50, 100, 300)
    rows = []
    for name, (draw, truth) in SHAPES.items():
        row = [name]
        for n in sizes:
            samples = draw(np.random.default_rng(n), (n_sims, n))
            hits = [
                bootstrap_rows(lambda w, x=x: w @ x / w.sum(1), n, seed=i, n_resamples=1000).contains(truth)
                for i, x in enumerate(samples)
            ]
            row.append(percent(float(np.mean(hits))))
        rows.append(row)
    show(
        f"Interval over test rows covers the mean, % of {n_sims} samples", ["errors", *map(str, sizes)], rows
    )


def sets(n_sims: int) -> None:
    counts, sizes = (2, 4, 16, 100), (5, 10, 20, 50)
    rows = []
    for k in counts:
        row = [str(k)]
        for n in sizes:
            kept = 0
            for seed in range(n_sims):
                r = np.random.default_rng(seed)
                losses = 3 * r.normal(size=(n, 1)) + r.normal(size=(n, k))
                kept += all(confidence_set(losses, scope="", n_resamples=500).included)
            row.append(percent(kept / n_sims))
        rows.append(row)
    show(
        f"Confidence set keeps all of K options that are alike, % of {n_sims}",
        ["K", *(f"n = {n}" for n in sizes)],
        rows,
    )


def unequal_sets(n_sims: int) -> None:
    sizes = (5, 10, 20, 50)
    rows = []
    for name in ("one noisy option in sixteen, ten times the noise", "skewed noise", "one in ten diverges"):
        row = [name]
        for n in sizes:
            kept = 0
            for seed in range(n_sims):
                r = np.random.default_rng(seed)
                losses = r.normal(size=(n, 16))
                if name.startswith("one noisy"):
                    losses[:, 0] *= 10
                elif name.startswith("skewed"):
                    losses = r.exponential(size=(n, 16))
                else:
                    losses[r.uniform(size=losses.shape) < 0.1] = np.inf
                kept += confidence_set(losses, scope="", n_resamples=500).included[1]
            row.append(percent(kept / n_sims))
        rows.append(row)
    show(
        f"Confidence set keeps one that is as good as the best, % of {n_sims}",
        ["options", *(f"n = {n}" for n in sizes)],
        rows,
    )


def tuning(n_sims: int) -> None:
    ks, n = (1, 2, 5, 10, 20), 40
    hits, exact = np.zeros(len(ks)), np.zeros(len(ks))
    r = np.random.default_rng(0)
    for i in range(n_sims):
        curve = tuning_curve(r.uniform(size=n), 20, scope="", n_resamples=300, seed=i)
        for j, k in enumerate(ks):
            hits[j] += curve.low[k - 1] <= 1 / (k + 1) <= curve.high[k - 1]
            exact[j] += curve.median_low[k - 1] <= 1 - 0.5 ** (1 / k) <= curve.median_high[k - 1]
    rows = [["mean", *map(percent, hits / n_sims)], ["median", *map(percent, exact / n_sims)]]
    show(
        f"Interval of the best of k out of {n} trials, % of {n_sims}",
        ["of the", *(f"k = {k}" for k in ks)],
        rows,
    )


def middles(n_sims: int) -> None:
    sizes = ((3, 10), (5, 10), (10, 1), (10, 10))
    row = ["normal"]
    r = np.random.default_rng(1)
    for n, tasks in sizes:
        hits = [
            stratified_interval(
                interquartile_mean, r.normal(size=(n, tasks)), scope="", n_resamples=300, seed=i
            ).contains(0.0)
            for i in range(n_sims)
        ]
        row.append(percent(float(np.mean(hits))))
    show(
        f"Interval of the interquartile mean, % of {n_sims}",
        ["scores", *(f"{n} runs × {m} tasks" for n, m in sizes)],
        [row],
    )


def winners(n_sims: int) -> None:
    """The same recipe under two labels: best of 8 trials, whose truth varies as much as their luck, then 10 or 25 replicates."""
    r = np.random.default_rng(2)
    wrong = dict.fromkeys(
        (
            "tuned anew in each replicate, one look",
            "the same, five looks",
            "the same, five looks without spending",
            "the same, confidence sequence, a look after each replicate",
            "tuned once, then met often",
            "15 % diverge, one look",
        ),
        0,
    )
    names = list(wrong)
    for _ in range(n_sims):
        truth = r.normal(size=(2, 25, 8))
        search, fresh = truth + r.normal(size=truth.shape), truth + r.normal(size=truth.shape)
        a, b = (tuned_scores(s, f) for s, f in zip(search, fresh, strict=True))
        wrong[names[0]] += as_family([paired(a[:10], b[:10], scope="", margin=0.1)])[0].finding in CLAIMS
        looks, found = Looks(most=25), False
        for n in range(5, 26, 5):
            each, looks = paired_look(a[:n], b[:n], looks, scope="", margin=0.1)
            found |= as_family([each])[0].finding in CLAIMS
        wrong[names[1]] += found
        wrong[names[2]] += any(paired(a[:n], b[:n], scope="").finding in CLAIMS for n in range(5, 26, 5))
        wrong[names[3]] += any(
            paired_sequence(a[:n], b[:n], scope="").finding in CLAIMS for n in range(2, 26)
        )
        once = r.normal(size=(2, 8))
        best = (once + r.normal(size=once.shape)).argmin(1)
        met = [once[i, best[i]] + r.normal(size=10) for i in range(2)]
        wrong[names[4]] += paired(*met, scope="").finding in CLAIMS
        for scores in (search, fresh):
            scores[r.uniform(size=scores.shape) < 0.15] = np.inf
        a, b = (tuned_scores(s, f) for s, f in zip(search, fresh, strict=True))
        wrong[names[5]] += paired(a[:10], b[:10], scope="", margin=0.1).finding in CLAIMS
    rows = [[name, str(n), percent(n / n_sims)] for name, n in wrong.items()]
    show(f"False winners in {n_sims} trials", ["the same recipe under two labels", "trials", "%"], rows)


def false_winners(n_options: int, ends: tuple[int, ...], seed: int) -> bool:
    """Whether `compare` finds one of several labels of the same recipe better or worse, at any of its looks.

    A valley over nine rates; every label draws its own luck in the tuning and on the four fresh pairs where picks are met.
    """
    random, most = np.random.default_rng(seed), ends[-1]
    rates = np.geomspace(1e-3, 1e-1, 9)
    valley = 2 + 0.1 * (np.arange(9) - 4) ** 2
    search = valley + 0.3 * random.normal(size=(most, n_options, 9))
    chosen = np.stack([picked(search[:, k], rates) for k in range(n_options)], axis=1)
    met = valley[chosen][:, :, None] + 0.3 * random.normal(size=(most, n_options, 4))
    for place, n in enumerate(ends):
        looks = Looks(most, taken=ends[:place])
        verdict = decide(
            search[:n], met[:n], margin=0.05, share=0.1, looks=looks, scope="labels", values=rates
        )
        if any(each is not None and each.finding in CLAIMS for each in verdict.against):
            return True
    return False


def questions(n_sims: int) -> None:
    rows = []
    for name, n_options, ends in (
        ("2 labels, one look", 2, (10,)),
        ("5 labels, one look", 5, (10,)),
        ("2 labels, five looks", 2, (5, 10, 15, 20, 25)),
        ("5 labels, five looks", 5, (5, 10, 15, 20, 25)),
    ):
        wrong = sum(false_winners(n_options, ends, seed) for seed in range(n_sims))
        rows.append([name, str(wrong), percent(wrong / n_sims)])
    show(
        f"False winners of compare in {n_sims} trials: tuned, met on fresh pairs, Holm",
        ["the same recipe under", "trials", "%"],
        rows,
    )


PARTS: dict[str, tuple[Callable[[int], None], int]] = {
    "means": (means, 5000),
    "rows": (rows_of_tests, 1000),
    "sets": (sets, 300),
    "unequal-sets": (unequal_sets, 300),
    "tuning": (tuning, 1000),
    "middles": (middles, 500),
    "winners": (winners, 2000),
    "compare": (questions, 2000),
}
"""The tables, with as many simulations as docs/statistics.md shows."""


def main(names: list[str], share: float = 1.0) -> None:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise SystemExit(f"no table {', '.join(unknown)}; there are: {', '.join(PARTS)}")
    for name in names or PARTS:
        table, n_sims = PARTS[name]
        table(round(n_sims * share))


if __name__ == "__main__":
    given = sys.argv[1:]
    main([name for name in given if name != "--quick"], 0.1 if "--quick" in given else 1.0)
