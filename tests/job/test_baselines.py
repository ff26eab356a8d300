"""The baselines: on the same rows, with missing cells and categories, against scikit-learn used by hand."""

import numpy as np
import polars as pl
import pytest
import threadpoolctl
from job.tables import classes, numbers

import manyfit as mf
from manyfit.data import holdout
from manyfit.job.baselines import baselines, cells, few_threads, spread
from manyfit.job.rows import Table


@pytest.mark.parametrize(
    "data", [numbers(), classes(), classes(n_classes=2)], ids=["numbers", "three", "two"]
)
def test_baselines_predict_every_test_row(data):
    table = Table(data, 1)
    test = holdout(data, 1).test

    found = dict(baselines(table, test))

    assert list(found) == ["mean" if data.task == "regression" else "majority", "linear", "boosting"]
    for values in found.values():
        assert len(values) == len(test)
        if data.task != "regression":
            assert values.shape[1] == data.target.n_classes
            assert np.allclose(values.sum(1), 1)


def test_mean_and_majority_come_from_development_rows_alone():
    for data in (numbers(), classes()):
        table = Table(data, 1)
        values = next(iter(baselines(table, holdout(data, 1).test)))[1][0]
        y = data.y[table.development]

        expected = y.mean() if data.task == "regression" else np.bincount(y) / len(y)
        assert np.allclose(values, expected)


def test_linear_model_recovers_a_line():
    data = numbers(400)
    test = holdout(data, 1).test
    error = dict(baselines(Table(data, 1), test))["linear"] - data.y[test]
    is_whole = data.frame["a"][test].is_not_null().to_numpy()

    assert np.sqrt(np.mean(error[is_whole] ** 2)) == pytest.approx(0.1, abs=0.05)


def test_cells_keep_empty_ones_empty_and_count_rare_categories_as_empty():
    n = 300
    city = [f"c{i}" for i in range(n - 40)] + ["home"] * 40
    frame = pl.DataFrame({"n": [None, *np.arange(n - 1.0)], "city": city, "y": np.arange(n) * 1.5})
    data = mf.load(frame, "y", kinds={"city": "category"}, keep=True, leaks=False)

    X, is_category = cells(data, np.arange(n))

    assert is_category == [False, False]  # too many to be grouped freely
    assert np.isnan(X[0, 0])
    codes = X[:, 1]
    assert len(np.unique(codes[~np.isnan(codes)])) == 254
    assert not np.isnan(codes[-1])


def test_probabilities_are_spread_over_classes_that_were_never_met():
    assert spread(np.array([[0.4, 0.6]]), np.array([0, 2]), 4).tolist() == [[0.4, 0.0, 0.6, 0.0]]


def test_small_table_is_looked_at_by_one_thread():
    with few_threads(1000):
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info()} <= {1}
    with few_threads(10**9):
        pass
