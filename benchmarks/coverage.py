"""`python -m benchmarks.coverage`: how often intervals and findings are right, measured on simulated scores.

Prints the tables of docs/statistics.md, a quarter of an hour on two cores, or those that are named:
`python -m benchmarks.coverage winners compare` says how often the same recipe wins against itself. `--quick` takes a tenth of the
simulations.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from itertools import combinations

import numpy as np
from scipy.signal import lfilter

from manyfit.data import Fold, cuts, shared_rows
from manyfit.questions._contest.meeting import decide, picked
from manyfit.stats import (
    Finding,
    Looks,
    Overlap,
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


def stretches(n_sims: int) -> None:
    """Two recipes that are alike in the long run, on 800 rows in the order of time, where what sets them apart comes and goes.

    Rows differ by an autocorrelated number (a first-order autoregression of spread 1), networks by their seeds besides.
    """
    n_rows, places = 800, cuts(np.arange(800.0))
    overlap, long = Overlap.of_shared(places.shared), np.linspace(0, n_rows, 7).astype(int)
    sizes, seeds = places.end - places.cut, (0.0, 1.0)
    ways = {
        "five long stretches in turns, pairs counted as independent": None,
        "a cut for each pair, counted as independent": Overlap(),
        "a cut for each pair, corrected for shared rows": overlap,
    }
    head = [f"{luck}{n}" for luck in ("rows alone, ", "rows and seeds, ") for n in ("10", "20", "10 × 4")]

    def is_found(r: np.random.Generator, keep: float, seed: float, n: int, shared: Overlap | None) -> bool:
        drawn = r.normal(size=n_rows) * np.sqrt(1 - keep**2)
        apart = lfilter([1.0], [1.0, -keep], drawn, zi=[keep * r.normal()])[0]
        sums = np.concatenate([[0.0], np.cumsum(apart)])
        if shared is None:
            values = (np.diff(sums[long]) / np.diff(long))[1 + np.arange(n) % 5]
        else:
            at = r.choice(len(sizes), n, replace=False)
            values = (sums[places.end] - sums[places.cut])[at] / sizes[at]
        values = values + seed / np.sqrt(sizes[0]) * r.normal(size=n)
        met = values.reshape(10, -1) if n == 40 else values[:, None]
        of = Overlap.of(shared or 0.0).of_groups(met)
        return not mean_interval(met.mean(1), scope="", overlap=of).contains(0.0)

    rows = []
    for memory in (0, 4, 20):
        keep = float(np.exp(-1 / memory)) if memory else 0.0
        for way, shared in ways.items():
            row = [f"{memory} rows", way]
            for seed in seeds:
                for n in (10, 20, 40):
                    r = np.random.default_rng(n)
                    row.append(
                        percent(float(np.mean([is_found(r, keep, seed, n, shared) for _ in range(n_sims)])))
                    )
            rows.append(row)
    show(
        f"False findings in the order of time, % of {n_sims}", ["differences last", "replicates", *head], rows
    )


def groups(n_sims: int) -> None:
    """Two recipes that are alike over groups, each a little better on some, on a table of so many of which a fifth scores."""
    rows = []
    for k in (3, 5, 10, 50):
        n_held = max(round(0.2 * k), 1)
        ways = list(combinations(range(k), n_held)) if k < 50 else []
        held = [Fold(np.arange(0), np.array(way)) for way in ways]
        overlap = Overlap.of_shared(shared_rows(held), len(ways)) if ways else Overlap.of_shared(0.2)
        for name, of in (("pairs counted as independent", Overlap()), ("as it is done here", overlap)):
            row = [str(k), name]
            for n in (10, 20):
                r, found = np.random.default_rng(n), 0
                for _ in range(n_sims):
                    apart, order = r.normal(size=k), r.permutation(len(ways))
                    chosen = [
                        list(ways[order[i % len(ways)]]) if ways else r.choice(k, n_held, replace=False)
                        for i in range(n)
                    ]
                    values = np.array([apart[each].mean() for each in chosen])
                    values += r.normal(size=n) / np.sqrt(n_held)
                    found += not mean_interval(values, scope="", overlap=of).contains(0.0)
                row.append(percent(found / n_sims))
            rows.append(row)
    show(f"False findings on groups, % of {n_sims}", ["groups", "replicates", "10 pairs", "20 pairs"], rows)


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
    "stretches": (stretches, 2000),
    "groups": (groups, 2000),
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
