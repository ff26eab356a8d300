"""What manyfit is measured against: scikit-learn's MLP, tuned for as long as manyfit took, and boosted trees."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.splits import Split

Floats = NDArray[np.float64]
FOLDS = 3
SETTINGS = 100_000
"""More than any budget can try."""
MAX_EPOCHS = 300
FEWEST = 10
"""Epochs that must fit into the time left, or a setting is passed over for a cheaper one."""
SKIPS = 30
"""Settings passed over after which the time counts as used up."""


def settings_of(seed: int) -> Iterator[dict[str, Any]]:
    """Settings of an MLP: scikit-learn's own defaults first, then random ones."""
    from scipy.stats import loguniform
    from sklearn.model_selection import ParameterSampler

    yield {}
    space = {
        "hidden_layer_sizes": [(32,), (64,), (128,), (256,), (32, 32), (64, 64), (128, 128), (64, 64, 64)],
        "activation": ["relu", "relu", "tanh"],
        "learning_rate_init": loguniform(3e-4, 3e-2),
        "alpha": loguniform(1e-6, 10.0),
        "batch_size": [16, 32, 64, 128, 256, 512],
        "early_stopping": [True, False],
        "max_iter": [25, 50, 100, 200, MAX_EPOCHS],
    }
    yield from ParameterSampler(space, SETTINGS, random_state=seed)


def mlp_pipeline(split: Split, settings: dict[str, Any], seed: int) -> Any:
    """Imputed, scaled and one-hot columns, then the MLP; the target of a regression is scaled too."""
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers, words = columns_of(split)
    encode = ColumnTransformer(
        [
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()),
                numbers,
            ),
            (
                "words",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="missing"),
                    OneHotEncoder(handle_unknown="ignore", sparse_output=False),
                ),
                words,
            ),
        ]
    )
    if split.task == "classification":
        return make_pipeline(encode, MLPClassifier(random_state=seed, **settings))
    network = make_pipeline(encode, MLPRegressor(random_state=seed, **settings))
    return TransformedTargetRegressor(network, transformer=StandardScaler())


def columns_of(split: Split) -> tuple[list[str], list[str]]:
    """Names of the numeric columns, and of the others."""
    inputs = split.train.drop(columns=split.target)
    numbers = inputs.select_dtypes("number").columns.tolist()
    return numbers, [name for name in inputs.columns if name not in numbers]


class Pace:
    """What training an MLP costs on this machine, learned from what has been trained.

    A setting that could not end within the budget gets fewer epochs, as somebody with little time would choose.
    """

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows
        self.seconds = self.work = 0.0

    def work_of(self, settings: dict[str, Any]) -> float:
        """Cost of an epoch in no unit: rows by weights, and what every update costs."""
        hidden = settings.get("hidden_layer_sizes", (100,))
        weights = sum(hidden) * 20 + sum(a * b for a, b in pairwise(hidden))
        steps = self.n_rows / min(settings.get("batch_size", 200), self.n_rows)
        return self.n_rows * weights + steps * (200_000 + 20 * weights)

    def learn(self, settings: dict[str, Any], epochs: float, seconds: float) -> None:
        """Take in a training."""
        self.seconds += seconds
        self.work += epochs * self.work_of(settings)

    def epochs_within(self, settings: dict[str, Any], seconds: float) -> int:
        """Epochs that fit into so many seconds."""
        return int(seconds / (self.work_of(settings) * self.seconds / self.work)) if self.work else MAX_EPOCHS


def tuned_mlp(
    split: Split, seconds: float, seed: int, clock: Callable[[], float]
) -> tuple[Floats, dict[str, Any]]:
    """Random settings scored by 3-fold cross-validation until the time is up; the best fitted again on all rows.

    The score is scikit-learn's own for the task, accuracy or R², which is also what the verdict is about.

    Args:
        split: Only its training rows are seen before the prediction.
        seconds: Budget by `clock`, the last fit included.
        seed: Of the settings and of every network.
        clock: What counts.

    Returns:
        Predictions of the test rows, and what was tried.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import KFold, StratifiedKFold

    began = clock()
    X, y = split.train.drop(columns=split.target), split.coded(split.train[split.target])
    folds = (KFold if split.task == "regression" else StratifiedKFold)(FOLDS, shuffle=True, random_state=seed)
    parts = list(folds.split(X, y))
    pace = Pace(len(X) * (FOLDS - 1) // FOLDS)
    best, chosen, chosen_s = -np.inf, {}, 0.0
    tried = skipped = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # epochs are a setting here
        warnings.simplefilter("ignore", UserWarning)  # a batch larger than the rows
        warnings.simplefilter(
            "ignore", RuntimeWarning
        )  # a network that diverges scores badly, which is enough
        _warm_up(split, parts[0][0], pace, X, y, seed, clock)
        for settings in settings_of(seed):
            left = seconds - (clock() - began) - 1.5 * chosen_s
            # three folds and, should it win, a last fit on half as many rows again
            epochs = pace.epochs_within(settings, left / (FOLDS + 1.5))
            if tried and epochs < min(settings.get("max_iter", 200), FEWEST):
                skipped += 1
                if skipped == SKIPS:
                    break
                continue
            settings = {**settings, "max_iter": max(min(settings.get("max_iter", 200), epochs), 1)}
            started, scores = clock(), []
            for train, held in parts:
                model = mlp_pipeline(split, settings, seed)
                before = clock()
                try:
                    model.fit(X.iloc[train], y[train])
                except ValueError:  # weights that are no numbers any more
                    scores.append(-np.inf)
                    continue
                pace.learn(settings, epochs_of(model), clock() - before)
                scores.append(model.score(X.iloc[held], y[held]))
            tried += 1
            if np.mean(scores) > best or not chosen:
                best, chosen, chosen_s = float(np.mean(scores)), settings, (clock() - started) / FOLDS
        model = mlp_pipeline(split, chosen, seed).fit(X, y)
        inputs = split.test.drop(columns=split.target)
        predicted = model.predict(inputs) if split.task == "regression" else model.predict_proba(inputs)
    return predicted, {"tried": tried, "chosen": {key: str(value) for key, value in chosen.items()}}


def _warm_up(
    split: Split, rows: Any, pace: Pace, X: Any, y: Any, seed: int, clock: Callable[[], float]
) -> None:
    """Two epochs, to learn the pace; first imports are not part of it."""
    for _ in range(2):
        model, before = mlp_pipeline(split, {"max_iter": 2}, seed), clock()
        model.fit(X.iloc[rows], y[rows])
        seconds = clock() - before
    pace.learn({}, 2, seconds)


def epochs_of(model: Any) -> int:
    """Epochs that a fitted pipeline's network was trained for."""
    inner = getattr(model, "regressor_", model)
    return int(inner[-1].n_iter_)


def boosted(split: Split, seed: int) -> Floats:
    """Predictions of HistGradientBoosting as it comes: nothing tuned, categories as categories."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    _, words = columns_of(split)
    known = {name: split.train[name].dropna().unique() for name in words}
    pandas = __import__("pandas")

    def inputs(frame: Any) -> Any:
        as_categories = {name: pandas.Categorical(frame[name], categories=known[name]) for name in words}
        return frame.drop(columns=split.target).assign(**as_categories)

    kind = HistGradientBoostingRegressor if split.task == "regression" else HistGradientBoostingClassifier
    model = kind(random_state=seed).fit(inputs(split.train), split.coded(split.train[split.target]))
    rows = inputs(split.test)
    return model.predict(rows) if split.task == "regression" else model.predict_proba(rows)
