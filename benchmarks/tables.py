"""The main job on real tables, beside a tuned scikit-learn MLP of the same wall time, boosted trees and a linear model.

    python -m benchmarks.tables                     ten splits of every table, 20 s each: about two hours
    python -m benchmarks.tables --tables wine --splits 2 --seconds 5

Every split locks other test rows; nothing is tuned on them. Differences are paired over splits. Points are percent of accuracy, or hundredths
of R². "non-inferior" means that the lower end of the paired 95 % interval lies above −1 point (−2 hundredths of R²).
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import manyfit as mf
from manyfit.data import Dataset, Encoder
from manyfit.job.baselines import baselines
from manyfit.job.narrator import Silent
from manyfit.job.rows import Table
from manyfit.metrics import metric_for
from manyfit.stats import paired

MARGIN = {"regression": 0.02, "binary": 0.01, "multiclass": 0.01}
BUNDLED = ("iris", "wine", "breast_cancer", "digits", "diabetes", "moons", "spirals", "cubic")


def mnist1d() -> Dataset:
    """4,000 rows of 40 numbers in 10 classes, made by the package `mnist1d` (generated, no download)."""
    from mnist1d.data import get_dataset_args, make_dataset

    made = make_dataset(get_dataset_args())
    columns = {f"x{i}": made["x"][:, i] for i in range(made["x"].shape[1])}
    return mf.load(pl.DataFrame({**columns, "digit": made["y"].astype(str)}), "digit", name="mnist1d", leaks=False)


def survey(module: str, target: str, drop: tuple[str, ...] = ()) -> Callable[[], Dataset]:
    """A table of the package `statsmodels`."""

    def load() -> Dataset:
        from importlib import import_module

        frame = import_module(f"statsmodels.datasets.{module}").load_pandas().data
        return mf.load(frame, target, drop=drop, name=module, leaks=False)

    return load


TABLES: dict[str, Callable[[], Dataset]] = {
    **{name: (lambda name=name: mf.load(name, leaks=False)) for name in BUNDLED},
    "mnist1d": mnist1d,
    "fair": survey("fair", "affairs"),
    "anes96": survey("anes96", "vote"),
    "randhie": survey("randhie", "mdvis"),
    "star98": survey("star98", "NABOVE", ("NBELOW",)),
}


def tuned_mlp(table: Table, test: np.ndarray, seconds: float, seed: int) -> np.ndarray:
    """scikit-learn's MLP: random settings scored by 3-fold cross-validation until the time is up, the best fitted again."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import ParameterSampler, cross_val_score
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    data, rows = table.data, table.development
    encoder = Encoder.fit(data, rows)
    X, y = encoder.transform(data.frame[rows]), encoder.encode_target(data.y[rows])
    is_numbers = data.task == "regression"
    kind = MLPRegressor if is_numbers else MLPClassifier
    space: dict[str, Any] = {
        "hidden_layer_sizes": [(32,), (64,), (128,), (32, 32), (64, 64), (128, 128)],
        "learning_rate_init": np.logspace(-4, -1.5, 100),
        "alpha": np.logspace(-6, 0, 100),
        "batch_size": [16, 32, 64, 128, 256],
        "early_stopping": [True, False],
        "max_iter": [50, 100, 200],
    }
    until, best, chosen = time.perf_counter() + seconds, -np.inf, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)  # a batch larger than the rows
        for settings in ParameterSampler(space, 10_000, random_state=seed):
            began = time.perf_counter()
            score = cross_val_score(kind(random_state=seed, **settings), X, y, cv=3, n_jobs=2, error_score=-np.inf).mean()
            if score > best or chosen is None:
                best, chosen = score, settings
            if time.perf_counter() + (time.perf_counter() - began) > until:
                break
        model = kind(random_state=seed, **(chosen or {})).fit(X, y)
        X_test = encoder.transform(data.frame[test])
        if is_numbers:
            return encoder.decode_target(model.predict(X_test))
        return model.predict_proba(X_test)


def measure(name: str, split: int, seconds: float) -> dict[str, Any]:
    """One split of one table: the score of each contender on its test rows, accuracy or R²."""
    data = TABLES[name]()
    scorer = metric_for(data.task, "r2" if data.task == "regression" else "accuracy")
    began = time.perf_counter()
    model = mf.train(data, budget=seconds, seed=split, narrator=Silent())
    spent = time.perf_counter() - began
    opened = model.open_test(data)
    table = Table(data, split)
    predicted = {"manyfit": opened.predicted, "sklearn MLP": tuned_mlp(table, opened.rows, spent, split)}
    predicted.update(baselines(table, opened.rows))
    covered = model.facts["test"]["covered"]
    return {
        "table": name,
        "split": split,
        "task": data.task,
        "seconds": spent,
        "scores": {who: scorer.score(opened.y, values) for who, values in predicted.items()},
        "covered": covered and [covered["estimate"], covered["n"]],
        "plan": model.facts["plan_hash"],
    }


def summary(rounds: list[dict[str, Any]]) -> list[str]:
    """A line for each table: mean scores, the paired difference to the MLP, and what it amounts to."""
    lines = [f"{'table':14} {'n':>2} {'manyfit':>8} {'MLP':>8} {'boosting':>8} {'linear':>8}   manyfit minus MLP, paired 95 %"]
    for name in dict.fromkeys(r["table"] for r in rounds):
        mine = [r for r in rounds if r["table"] == name]
        means = {who: np.mean([r["scores"][who] for r in mine]) for who in ("manyfit", "sklearn MLP", "boosting", "linear")}
        cells = " ".join(f"{means[who]:8.4f}" for who in means)
        verdict = "one split"
        if len(mine) > 1:
            ours, theirs = (np.array([r["scores"][who] for r in mine]) for who in ("manyfit", "sklearn MLP"))
            gap = paired(ours, theirs, scope="splits").difference
            is_fine = gap.low >= -MARGIN[mine[0]["task"]]
            verdict = f"{gap.estimate:+.4f} [{gap.low:+.4f}, {gap.high:+.4f}] {'non-inferior' if is_fine else 'NOT SHOWN'}"
        lines.append(f"{name:14} {len(mine):2} {cells}   {verdict}")
    covered = [r["covered"] for r in rounds if r["covered"]]
    if covered:
        share = sum(c * n for c, n in covered) / sum(n for _, n in covered)
        lines.append(f"90 % prediction intervals cover {100 * share:.1f} % of {sum(n for _, n in covered):,} test rows")
    return lines


def main() -> None:
    """Run, print a line for each split as it comes, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", default=",".join(TABLES), help="names, with commas between them")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--out", type=Path, help="JSON lines, appended")
    given = parser.parse_args()
    rounds = []
    for name in given.tables.split(","):
        for split in range(given.splits):
            try:
                found = measure(name, split, given.seconds)
            except ImportError as error:
                print(f"{name}: left out ({error})", flush=True)
                break
            rounds.append(found)
            print(json.dumps(found), flush=True)
            if given.out:
                with given.out.open("a") as file:
                    file.write(json.dumps(found) + "\n")
    print("\n".join(summary(rounds)))


if __name__ == "__main__":
    main()
