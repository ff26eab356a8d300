"""Metrics against scikit-learn, and as functions of means over rows."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from manyfit.errors import UsageError
from manyfit.metrics import better, metric_for, metrics_for, registry


@pytest.fixture
def numbers(rng):
    return rng.normal(size=37), rng.normal(size=37), rng.uniform(0.1, 2, size=37)


@pytest.fixture
def classes(rng):
    p = rng.dirichlet(np.ones(3), size=37)
    return rng.integers(0, 3, size=37), p, rng.uniform(0.1, 2, size=37)


@pytest.mark.parametrize(
    ("name", "truth"),
    [("rmse", oracle.root_mean_squared_error), ("mae", oracle.mean_absolute_error), ("r2", oracle.r2_score)],
)
def test_metric_of_numbers_equals_scikit_learn(name, truth, numbers):
    y, predicted, weights = numbers
    metric = metric_for("regression", name)

    assert metric.score(y, predicted) == pytest.approx(truth(y, predicted), rel=1e-12)
    assert metric.score(y, predicted, weights) == pytest.approx(
        truth(y, predicted, sample_weight=weights), rel=1e-12
    )


def test_metrics_of_classes_equal_scikit_learn(classes):
    y, p, w = classes

    assert metric_for("multiclass", "log_loss").score(y, p, w) == pytest.approx(
        oracle.log_loss(y, p, sample_weight=w)
    )
    assert metric_for("multiclass", "accuracy").score(y, p, w) == pytest.approx(
        oracle.accuracy_score(y, p.argmax(1), sample_weight=w)
    )


def test_area_under_curve_equals_scikit_learn_with_ties_and_weights(rng):
    y = rng.integers(0, 2, size=50)
    p = rng.integers(0, 6, size=50) / 6  # few values: many ties
    w = rng.uniform(0.1, 2, size=50)

    scored = metric_for("binary", "auc").score(y, np.stack([1 - p, p], axis=1), w)

    assert scored == pytest.approx(oracle.roc_auc_score(y, p, sample_weight=w), rel=1e-12)


def test_area_under_curve_of_one_class_is_unknown():
    assert np.isnan(metric_for("binary", "auc").score(np.ones(3), np.full((3, 2), 0.5)))


@pytest.mark.parametrize("name", [name for name, metric in registry.all().items() if hasattr(metric, "rows")])
def test_weights_are_the_same_as_repeated_rows(name, numbers, classes):
    metric = registry.find(name)
    y, predicted, _ = numbers if "regression" in metric.tasks else classes
    times = np.arange(len(y)) % 3

    repeated = metric.score(np.repeat(y, times), np.repeat(predicted, times, axis=0))

    assert metric.score(y, predicted, times.astype(float)) == pytest.approx(repeated, rel=1e-9)


def test_explained_variance_survives_a_large_offset(rng):
    y = 1e9 + rng.normal(size=40)
    predicted = y + 0.1

    assert metric_for("regression", "r2").score(y, predicted) == pytest.approx(
        oracle.r2_score(y, predicted), abs=1e-4
    )


def test_default_metric_comes_first():
    assert next(iter(metrics_for("multiclass"))) == "log_loss"
    assert metric_for("regression").label == "RMSE"


def test_wrong_metric_names_those_that_fit():
    with pytest.raises(UsageError, match=r"can't score a regression.*Known: mae, r2, rmse"):
        metric_for("regression", "accuracy")
    with pytest.raises(UsageError, match=r"is no metric.*Did you mean 'accuracy'"):
        metric_for("binary", "acuracy")


def test_better_is_smaller_for_losses_and_never_nan():
    assert better(metric_for("regression"), 1.0, 2.0)
    assert better(metric_for("binary", "auc"), 0.9, 0.8)
    assert not better(metric_for("regression"), float("nan"), 2.0)
