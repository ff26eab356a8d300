"""What a network has to beat, all from scikit-learn and on the same rows: mean or majority, linear model, boosted trees."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.data import Encoder
from manyfit.job.rows import Stage, Table
from manyfit.rng import derive

Floats = NDArray[np.float64]

BOOSTING_CELLS = 3e9
"""Rows × inputs × outputs × trees that boosting may look at: keeps it within some ten seconds on a large table."""
LINEAR_CELLS = 2e9


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
    if data.task == "regression":
        yield "mean", np.full(len(test), np.average(y, weights=w))
        yield "linear", _ridge(X, encoder.encode_target(y), w, X_test, encoder)
        yield "boosting", _boosting(X, y, w, X_test, None, table.seed)
        return
    shares = np.bincount(y.astype(np.int64), weights=w, minlength=data.target.n_classes)
    yield "majority", np.tile(shares / shares.sum(), (len(test), 1))
    yield "linear", _logistic(X, y, w, X_test, data.target.n_classes)
    yield "boosting", _boosting(X, y, w, X_test, data.target.n_classes, table.seed)


def _ridge(X: Floats, y: Floats, w: Floats | None, X_test: Floats, encoder: Encoder) -> Floats:
    from sklearn.linear_model import RidgeCV

    model = RidgeCV(alphas=np.logspace(-3, 4, 15)).fit(X, y, sample_weight=w)
    return encoder.decode_target(model.predict(X_test))


def _logistic(X: Floats, y: Any, w: Floats | None, X_test: Floats, n_classes: int) -> Floats:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    n_passes = int(np.clip(LINEAR_CELLS / (X.size * n_classes), 20, 300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(max_iter=n_passes).fit(X, y, sample_weight=w)
    return spread(model.predict_proba(X_test), model.classes_, n_classes)


def _boosting(
    X: Floats, y: Any, w: Floats | None, X_test: Floats, n_classes: int | None, seed: int
) -> Floats:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    n_trees = int(np.clip(BOOSTING_CELLS / (X.size * max(n_classes or 1, 1)), 20, 100))
    state = derive(seed, Stage.TEST) % 2**32
    if n_classes is None:
        return (
            HistGradientBoostingRegressor(max_iter=n_trees, random_state=state)
            .fit(X, y, sample_weight=w)
            .predict(X_test)
        )
    # a class with one row can't be shared between training and its inner validation rows
    has_rare = np.bincount(y.astype(np.int64), minlength=n_classes).min() < 2
    stopping: Any = False if has_rare else "auto"
    model = HistGradientBoostingClassifier(max_iter=n_trees, random_state=state, early_stopping=stopping)
    model.fit(X, y, sample_weight=w)
    return spread(model.predict_proba(X_test), model.classes_, n_classes)


def spread(probabilities: Floats, classes: NDArray[Any], n_classes: int) -> Floats:
    """Probabilities of the classes a model has met, as columns of all classes.

    Example:
        >>> spread(np.array([[0.4, 0.6]]), np.array([0, 2]), 3).tolist()
        [[0.4, 0.0, 0.6]]
    """
    full = np.zeros((len(probabilities), n_classes))
    full[:, classes.astype(np.int64)] = probabilities
    return full
