"""Scores of predictions on test rows, by scikit-learn's functions, so that nobody marks his own work."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.splits import Split

Floats = NDArray[np.float64]

LEAST = 1e-7
"""Probabilities are kept this far from 0, or one sure mistake would decide the mean log loss."""
BINS = 15


def scores(split: Split, predicted: Floats) -> dict[str, float]:
    """R² and RMSE of numbers, accuracy and log loss of probabilities.

    Args:
        split: What was predicted.
        predicted: [n] numbers, or [n, C] probabilities in the order of `split.labels`.
    """
    from sklearn.metrics import accuracy_score, log_loss, r2_score, root_mean_squared_error

    y = split.y_test
    if split.task == "regression":
        return {"r2": float(r2_score(y, predicted)), "rmse": float(root_mean_squared_error(y, predicted))}
    kept = np.clip(predicted, LEAST, None)
    kept = kept / kept.sum(1, keepdims=True)
    loss = log_loss(y, kept, labels=np.arange(len(split.labels)))
    return {"accuracy": float(accuracy_score(y, predicted.argmax(1))), "log_loss": float(loss)}


def calibration_error(y: NDArray[Any], probabilities: Floats, n_bins: int = BINS) -> float:
    """How far the probability of the class decided for lies from how often it is right: in groups of equal size, weighted.

    Example:
        >>> round(calibration_error(np.array([0, 0, 0, 0, 1]), np.array([[0.7, 0.3]] * 5), 1), 3)
        0.1
    """
    sure, right = probabilities.max(1), probabilities.argmax(1) == y
    groups = np.array_split(np.argsort(sure, kind="stable"), min(n_bins, max(len(y) // 10, 1)))
    return float(sum(abs(sure[g].mean() - right[g].mean()) * len(g) for g in groups) / len(y))
