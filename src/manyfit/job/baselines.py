"""What a network has to beat, all from scikit-learn and on the same rows: mean or majority, linear model, boosted trees."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from manyfit.data import Dataset, Encoder
from manyfit.job.rows import Stage, Table
from manyfit.rng import derive

Floats = NDArray[np.float64]

BOOSTING_CELLS = 3e9
"""Rows × columns × classes × trees that boosting may look at: keeps it within some ten seconds on a large table."""
LINEAR_CELLS = 2e9
"""The same for the passes of logistic regression."""
LINEAR_TUNED_CELLS = 3e5
"""Rows × inputs × classes up to which its penalty is chosen by cross-validation."""
THREADED_CELLS = 20_000_000
"""Cells of a table from which on more than one thread pays: below, one needs a few seconds."""
RIDGE_WORK = 1e9
"""Rows × inputs × inputs up to which the penalty of ridge regression is chosen by cross-validation."""
MOST_CODES = 254
"""Categories that scikit-learn's trees can tell apart."""
FEW_CODES = 8
"""Columns with so few categories are split as categories, others as numbers."""


def baselines(table: Table, test: NDArray[np.int64]) -> Iterator[tuple[str, Floats]]:
    """Fit the baselines on the development rows and predict the test rows.

    Args:
        table: The data.
        test: Rows to predict.

    Yields:
        Name ("mean" or "majority", "linear", "boosting") and predictions: numbers [n] or probabilities [n, C].
    """
    data, rows = table.data, table.development
    encoder = Encoder.fit(data, rows)
    X, y = encoder.transform(data.frame[rows]), data.y[rows]
    X_test = encoder.transform(data.frame[test])
    weights = data.training_weights()
    w = None if weights is None else weights[rows]
    yield "mean" if data.task == "regression" else "majority", constant(data, rows, len(test))
    if data.task == "regression":
        yield "linear", _ridge(X, encoder.encode_target(y), w, X_test, encoder)
    else:
        yield "linear", _logistic(X, y, w, X_test, data.target.n_classes)
    yield "boosting", _boosting(table, test, w)


def few_threads(n_cells: int, threads: int | None = None) -> AbstractContextManager[Any]:
    """One thread for the libraries underneath while a small table is looked at, for a large one as many as the job may take.

    Threads that wait for each other spin: on a busy machine with two cores boosting took 44 s of processor time for 160,000
    rows with two threads, 3.3 s with one.
    """
    import sklearn.ensemble  # noqa: F401 - a library that is not loaded yet can't be limited
    from threadpoolctl import threadpool_limits

    limit = 1 if n_cells < THREADED_CELLS else threads
    return nullcontext() if limit is None else threadpool_limits(limits=limit)


def constant(data: Dataset, rows: NDArray[np.int64], n: int) -> Floats:
    """What is best said without looking at a row: the mean of the target, or the share of each class; `n` times."""
    weights = data.training_weights()
    w = None if weights is None else weights[rows]
    if data.task == "regression":
        return np.full(n, np.average(data.y[rows], weights=w))
    shares = np.bincount(data.y[rows].astype(np.int64), weights=w, minlength=data.target.n_classes)
    return np.tile(shares / shares.sum(), (n, 1))


def _ridge(X: Floats, y: Floats, w: Floats | None, X_test: Floats, encoder: Encoder) -> Floats:
    from sklearn.linear_model import Ridge, RidgeCV

    # with many rows the penalty matters no more, and choosing it would take longer than boosting
    is_large = X.size * X.shape[1] > RIDGE_WORK
    model = Ridge() if is_large else RidgeCV(alphas=np.logspace(-3, 4, 15))
    model.fit(X, y, sample_weight=w)
    return encoder.decode_target(model.predict(X_test))


def _logistic(X: Floats, y: Any, w: Floats | None, X_test: Floats, n_classes: int) -> Floats:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    n_passes = int(np.clip(LINEAR_CELLS / (X.size * n_classes), 20, 300))
    model: Any = LogisticRegression(max_iter=n_passes)
    folds = min(5, int(np.unique(y, return_counts=True)[1].min()))
    # with many rows the penalty matters no more; a class of one row can't be shared among folds
    if X.size * n_classes < LINEAR_TUNED_CELLS and folds >= 2:
        model = GridSearchCV(model, {"C": np.logspace(-1, 2, 4)}, scoring="neg_log_loss", cv=folds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y, sample_weight=w)
    return spread(model.predict_proba(X_test), model.classes_, n_classes)


def _boosting(table: Table, test: NDArray[np.int64], w: Floats | None) -> Floats:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    data, rows = table.data, table.development
    X, is_category = cells(data, rows)
    # scikit-learn's binning breaks on a column without any value among the rows it learns from
    varies = np.flatnonzero([len(np.unique(column[~np.isnan(column)])) > 1 for column in X[rows].T])
    if not len(varies):
        return constant(data, rows, len(test))
    X, is_category = X[:, varies], [is_category[i] for i in varies]
    y, n_classes = data.y[rows], data.target.n_classes
    n_trees = int(np.clip(BOOSTING_CELLS / (len(rows) * X.shape[1] * max(n_classes, 1)), 20, 100))
    settings: dict[str, Any] = {
        "max_iter": n_trees,
        "random_state": derive(table.seed, Stage.TEST) % 2**32,
        "categorical_features": is_category if any(is_category) else None,
    }
    if not n_classes:
        return HistGradientBoostingRegressor(**settings).fit(X[rows], y, sample_weight=w).predict(X[test])
    # a class with one row can't be shared between training and its inner validation rows
    if np.bincount(y.astype(np.int64), minlength=n_classes).min() < 2:
        settings["early_stopping"] = False
    model = HistGradientBoostingClassifier(**settings).fit(X[rows], y, sample_weight=w)
    return spread(model.predict_proba(X[test]), model.classes_, n_classes)


def cells(data: Dataset, rows: NDArray[np.int64]) -> tuple[Floats, list[bool]]:
    """The table as boosted trees like it best: numbers as they are, empty cells left empty, categories as codes.

    Args:
        data: The table.
        rows: Development rows; the 254 most frequent categories among them get a code, all others count as empty.

    Returns:
        [N, columns] numbers with NaN, and for each column whether it is to be split as categories: those of few
        values. Trees that may group many categories freely learn their noise (RMSE 1.70 against 1.31 with plain codes on
        a table with text columns of 200 values that mean nothing).
    """
    out = np.empty((data.n_rows, len(data.used)))
    for i, column in enumerate(data.used):
        series = data.frame[column.name]
        if column.kind == "category":
            counts = series[rows].drop_nulls().value_counts(sort=True).head(MOST_CODES)
            known = counts[column.name].sort()
            codes = pl.Series(range(len(known)), dtype=pl.Float64)
            series = series.replace_strict(known, codes, default=None, return_dtype=pl.Float64)
        elif column.kind == "date":
            series = series.to_physical()
        out[:, i] = series.cast(pl.Float64).fill_null(np.nan).to_numpy()
    few = [column.kind == "category" for column in data.used]
    return out, [is_ and bool(np.nanmax(out[:, i], initial=0) < FEW_CODES) for i, is_ in enumerate(few)]


def spread(probabilities: Floats, classes: NDArray[Any], n_classes: int) -> Floats:
    """Probabilities of the classes a model has met, as columns of all classes.

    Example:
        >>> spread(np.array([[0.4, 0.6]]), np.array([0, 2]), 3).tolist()
        [[0.4, 0.0, 0.6]]
    """
    full = np.zeros((len(probabilities), n_classes))
    full[:, classes.astype(np.int64)] = probabilities
    return full
