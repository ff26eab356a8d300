"""The estimators in scikit-learn's company: pipelines, grids, frames of mixed columns, weights; and the same bits every time."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

import manyfit as mf
from manyfit.errors import DataError, UsageError
from manyfit.sklearn import ManyfitClassifier, ManyfitRegressor

N, D = 60, 3


def inputs(rng):
    return rng.normal(size=(N, D))


def classifier(**options):
    return ManyfitClassifier(random_state=0, n_recipes=8, threads=1, **options)


def regressor(**options):
    return ManyfitRegressor(random_state=0, n_recipes=8, threads=1, **options)


def mixed(rng, n=N):
    """Columns of six kinds with holes; the text decides the class."""
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "town": rng.choice(["Bern", "Chur", "Ulm"], n),
            "kind": pd.Categorical(rng.choice(["x", "y"], n)),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 500, n), unit="D"),
            "is_new": rng.random(n) > 0.5,
            "age": pd.cut(rng.random(n), [0, 0.5, 1]),
        }
    )
    y = np.where(frame["town"] == "Bern", "cheap", "dear")
    frame.loc[3, "size"] = np.nan
    frame.loc[7, "town"] = None
    return frame, y


def test_two_fits_give_the_same_bits(rng):
    X = inputs(rng)
    y = X[:, 0] > 0

    assert np.array_equal(classifier().fit(X, y).predict_proba(X), classifier().fit(X, y).predict_proba(X))


def test_number_of_threads_changes_no_bit(rng):
    X = inputs(rng)
    one, two = (clone(regressor()).set_params(threads=n).fit(X, X[:, 0]) for n in (1, 2))

    assert np.array_equal(one.predict(X), two.predict(X))


def test_plan_of_a_fit_repeats_it_whatever_the_clock_says(rng):
    X = inputs(rng)
    first = ManyfitRegressor(budget=0.3, random_state=5, threads=1).fit(X, X[:, 0])
    again = ManyfitRegressor(plan=first.plan_, threads=1).fit(X, X[:, 0])
    from_text = ManyfitRegressor(plan=first.plan_.to_dict(), threads=1).fit(X, X[:, 0])

    assert again.plan_ == first.plan_
    assert np.array_equal(again.predict(X), first.predict(X))
    assert np.array_equal(from_text.predict(X), first.predict(X))


def test_only_a_budget_makes_a_fit_depend_on_the_clock():
    assert not get_tags(ManyfitClassifier()).non_deterministic
    assert get_tags(ManyfitClassifier(budget=10.0)).non_deterministic


def test_rows_predicted_one_by_one_are_the_rows_predicted_at_once(rng):
    X = inputs(rng)
    fitted = classifier().fit(X, X[:, 0] > 0)

    alone = np.concatenate([fitted.predict_proba(X[i : i + 1]) for i in range(N)])

    assert np.array_equal(alone, fitted.predict_proba(X))


def test_pickle_keeps_every_bit_and_no_training_data(rng):
    X = np.sort(inputs(rng), axis=0)
    fitted = regressor().fit(X, X[:, 0])
    stored = pickle.dumps(fitted)

    assert np.array_equal(pickle.loads(stored).predict(X), fitted.predict(X))
    assert X[10:20, 0].tobytes() not in stored


def test_model_saves_and_predicts_by_itself(rng, tmp_path):
    frame, y = mixed(rng)
    fitted = classifier().fit(frame, y)
    fitted.model_.save(tmp_path / "m")

    assert mf.load_model(tmp_path / "m").predict(frame).tolist() == fitted.predict(frame).tolist()


def test_clone_and_parameters_round_trip():
    given = classifier(max_width=16, metric="accuracy", class_weight="balanced")
    copied = clone(given)

    assert copied.get_params() == given.get_params()
    assert copied.set_params(max_width=8).max_width == 8
    assert set(ManyfitClassifier().get_params()) - set(ManyfitRegressor().get_params()) == {"class_weight"}


def test_grid_search_over_the_widest_layer(rng):
    X = inputs(rng)
    grid = GridSearchCV(classifier(), {"max_width": [4, 8]}, cv=2).fit(X, X[:, 0] > 0)

    widest = max(max(network.shape.hidden) for network in grid.best_estimator_.model_.networks)
    assert widest <= grid.best_params_["max_width"]
    assert grid.best_score_ > 0.8


def test_pipeline_and_cross_validation(rng):
    X = inputs(rng) * 1000
    scores = cross_val_score(make_pipeline(StandardScaler(), regressor()), X, X[:, 0] - X[:, 1], cv=3)

    assert scores.shape == (3,)
    assert scores.min() > 0.8


@pytest.mark.parametrize(
    "classes",
    [["no", "yes"], [3, -1], [0.5, 1.5], [False, True], ["a", "b", "c"], np.array([7, 8, 9], dtype=np.int8)],
    ids=["texts", "numbers", "halves", "booleans", "three texts", "small numbers"],
)
def test_classes_come_back_in_their_own_type(rng, classes):
    X = inputs(rng)
    codes = (
        np.digitize(X[:, 0], np.linspace(-0.5, 0.5, len(classes) - 1)) if len(classes) > 2 else X[:, 0] > 0
    )
    y = np.asarray(classes)[codes.astype(int)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that 0.5 and 1.5 may be numbers
        fitted = classifier()
        if y.dtype.kind == "f":
            with pytest.raises(ValueError, match="Unknown label type"):
                fitted.fit(X, y)
            return
        fitted.fit(X, y)
    predicted = fitted.predict(X)

    assert fitted.classes_.tolist() == sorted(classes)
    assert predicted.dtype == y.dtype
    assert fitted.score(X, y) > 0.8
    probabilities = fitted.predict_proba(X)
    assert probabilities.shape == (N, len(classes))
    assert np.allclose(probabilities.sum(1), 1)


@pytest.mark.parametrize("library", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_frame_of_mixed_columns_with_holes(rng, library):
    frame, y = mixed(rng, 120)
    fitted = classifier().fit(library(frame[:80]), y[:80])

    assert fitted.feature_names_in_.tolist() == list(frame.columns)
    assert fitted.n_features_in_ == 6
    assert fitted.score(library(frame[80:]), y[80:]) > 0.9


def test_array_of_objects_is_read_like_a_frame(rng):
    frame, y = mixed(rng)
    cells = frame[["size", "town", "is_new"]].to_numpy()

    fitted = classifier().fit(cells, y)

    assert fitted.score(cells, y) > 0.9
    assert fitted.predict([[0.0, "Bern", True], [0.0, "Nowhere", None]])[0] == "cheap"


def test_holes_in_an_array_are_filled(rng):
    X = inputs(rng)
    y = X[:, 0].copy()
    X[::7, 1] = np.nan

    assert regressor().fit(X, y).score(X, y) > 0.8


def test_other_column_names_are_refused(rng):
    frame, y = mixed(rng)
    fitted = classifier().fit(frame, y)

    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(frame.rename(columns={"town": "city"}))
    with pytest.raises(ValueError, match="expecting 6 features"):
        classifier().fit(frame.to_numpy(), y).predict(np.zeros((2, 4)))


def test_prediction_needs_a_fit():
    with pytest.raises(NotFittedError):
        ManyfitClassifier().predict(np.zeros((2, 2)))
    with pytest.raises(NotFittedError):
        ManyfitRegressor().predict(np.zeros((2, 2)))


def test_rows_of_weight_zero_are_ignored(rng):
    X = inputs(rng)
    y = X[:, 0].copy()
    y[:10] = 1e6
    weights = np.ones(N)
    weights[:10] = 0

    assert np.array_equal(
        regressor().fit(X, y, weights).predict(X), regressor().fit(X[10:], y[10:]).predict(X)
    )


def test_weight_two_is_a_copy_and_order_means_nothing(rng):
    X = inputs(rng)
    y = X[:, 0] > 0
    weights = rng.integers(1, 4, N)
    copied = rng.permutation(np.repeat(np.arange(N), weights))

    weighted = classifier().fit(X, y, sample_weight=weights)

    assert np.array_equal(weighted.predict_proba(X), classifier().fit(X[copied], y[copied]).predict_proba(X))


def test_unit_of_weights_means_nothing(rng):
    X = inputs(rng)
    weights = rng.random(N)

    small, large = (regressor().fit(X, X[:, 0], weights * unit) for unit in (1.0, 1024.0))

    assert np.array_equal(small.predict(X), large.predict(X))


def test_weighted_rows_are_fitted_better(rng):
    X = np.repeat(np.arange(5.0), 20)[:, None] + rng.normal(size=(100, 1)) * 1e-3
    y = np.tile([0.0, 1.0], 50)  # nothing to learn but a mean

    weights = np.where(y == 1, 9.0, 1.0)

    assert regressor().fit(X, y, weights).predict(X).mean() == pytest.approx(0.9, abs=0.08)


def test_class_weights_move_the_border(rng):
    X = inputs(rng)
    y = X[:, 0] + rng.normal(size=N) > 0.8

    plain, balanced, heavy = (
        classifier(class_weight=given).fit(X, y).predict(X).mean()
        for given in (None, "balanced", {False: 1, True: 50})
    )

    assert plain < balanced < heavy


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (np.zeros(N), "at least one non-zero"),
        (-np.ones(N), "Negative"),
        (np.ones(N - 1), "expected"),
        (np.ones((N, 2)), "1D"),
        (np.full(N, np.nan), "NaN"),
    ],
)
def test_impossible_weights_are_refused(rng, weights, said):
    X = inputs(rng)

    with pytest.raises(ValueError, match=said):
        regressor().fit(X, X[:, 0], weights)


def test_impossible_input_is_one_clear_error(rng):
    X = inputs(rng)
    y = X[:, 0]
    with pytest.raises(ValueError, match="only one class"):
        classifier().fit(X, np.ones(N, int))
    with pytest.raises(DataError, match="at least 3 different rows, got 1 sample"):
        regressor().fit(X[:1].repeat(9, 0), np.ones(9))
    with pytest.raises(DataError, match="column 'b' must be finite"):
        regressor().fit(pd.DataFrame({"a": y, "b": y * np.inf}), y)
    with pytest.raises(DataError, match="has no usable column"):
        regressor().fit(pd.DataFrame({"a": ["same"] * N}), y)
    with pytest.raises(DataError, match="'a' 2 times"):
        regressor().fit(pd.DataFrame(X[:, :2], columns=["a", "a"]), y)
    with pytest.raises(ValueError, match="0 sample"):
        regressor().fit(pd.DataFrame({"a": y, "b": y}), y).predict(pd.DataFrame({"a": [], "b": []}))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_recipes": 0}, "n_recipes must be ≥ 1"),
        ({"budget": -1}, "budget must be seconds > 0"),
        ({"max_width": 0}, "max_width must be ≥ 1"),
        ({"metric": "accuracy"}, "Known: mae, r2, rmse"),
        ({"ensemble": "best"}, "unknown ensemble 'best'"),
    ],
)
def test_options_are_checked_by_fit_not_before(rng, options, said):
    X = inputs(rng)
    given = regressor().set_params(**options)

    with pytest.raises(UsageError, match=said):
        given.fit(X, X[:, 0])


def test_three_rows_are_enough():
    X, y = np.array([[0.0, 1], [1, 0], [2, 5]]), [0.0, 1, 2]

    assert np.isfinite(regressor().fit(X, y).predict(X)).all()


def test_one_row_that_differs_is_enough(rng):
    X = inputs(rng)
    y = np.ones(N)
    y[5] = 3

    assert regressor().fit(X, y).predict(X).mean() == pytest.approx(1, abs=0.2)


def test_results_read_like_those_of_a_grid_search(rng):
    X = inputs(rng)
    fitted = regressor(metric="mae").fit(X, X[:, 0])
    results = pd.DataFrame(fitted.cv_results_)

    splits = results[[f"split{k}_test_score" for k in range(5)]]
    assert np.allclose(splits.mean(axis=1), results["mean_test_score"])
    assert results["rank_test_score"].min() == 1
    assert results["mean_test_score"].max() == fitted.best_score_ < 0
    assert results["rank_test_score"][fitted.best_index_] == 1
    assert fitted.best_recipe_.optimizer.lr == fitted.best_params_["optimizer.lr"]
    assert fitted.best_params_["network.hidden"] == fitted.best_recipe_.network.hidden
    assert len(results) == fitted.plan_.finalists


def test_notebooks_show_the_estimator():
    assert "ManyfitClassifier" in ManyfitClassifier(max_width=8)._repr_html_()
    assert "max_width=8" in repr(ManyfitClassifier(max_width=8))


def test_estimators_are_public_names():
    assert mf.ManyfitClassifier is ManyfitClassifier
    assert mf.ManyfitRegressor is ManyfitRegressor
