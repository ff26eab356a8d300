"""Importance of columns: what was planted is found, what is noise is called noise, and no test row is looked at."""

import numpy as np
import polars as pl
import pytest
from job.tables import classes, plan_for

from manyfit.data import Dataset, holdout, load
from manyfit.job import Job, Options
from manyfit.job.columns import _largest, _measured, _predicted, importance
from manyfit.job.confirm import Confirmed, confirm
from manyfit.job.search import run_search
from manyfit.metrics import RMSE


def confirmed_on(data: Dataset, **changes: object) -> Confirmed:
    """Two recipes confirmed by the small plan."""
    plan = plan_for(data, **changes)
    job = Job(data, Options(plan=plan, seed=plan.seed, threads=1))
    job.prepare()
    return confirm(job.table, run_search(job.table, job.space, plan, job.trainer), plan, job.trainer)


def planted(n: int = 160) -> Dataset:
    """y depends on `a` and on the category `kind`; `noise` and `blank` have nothing to do with it."""
    draw = np.random.default_rng(5)
    a, kind = draw.normal(size=n), draw.choice(["x", "y", "z"], size=n)
    y = 3 * a + 4 * (kind == "x") + 0.2 * draw.normal(size=n)
    frame = pl.DataFrame(
        {"noise": draw.normal(size=n), "a": a, "kind": kind, "blank": draw.normal(size=n), "y": y}
    )
    return load(frame, "y", name="planted")


@pytest.fixture(scope="module")
def found() -> Confirmed:
    return confirmed_on(planted(), epochs=40)


def test_planted_columns_are_found_and_noise_is_called_noise(found):
    looked = importance(found, [found.order[0]], "rmse")
    by_name = {each.column: each for each in looked.found}

    assert [each.column for each in looked.found if each.matters] == ["a", "kind"]
    assert by_name["noise"].increase.contains(0)
    assert by_name["blank"].increase.contains(0)
    assert looked.n_columns == 4
    assert by_name["a"].increase.n == 5 * 5


def test_importance_of_the_only_signal_is_what_a_shuffle_does_by_hand(found):
    looked = importance(found, [found.order[0]], "rmse")
    share = next(each for each in looked.found if each.column == "a").increase.estimate

    # y = 3a + …: after a shuffle the error of 3a has variance 2 · 9 · var(a)
    assert share == pytest.approx(np.sqrt(18), rel=0.35)


def test_shuffling_inputs_is_shuffling_the_column_and_encoding_it(found):
    table, encoder = found.table, found.encoders[0]
    frame = table.data.frame[found.folds[0].held]
    order = np.random.default_rng(0).permutation(frame.height)
    inputs = encoder.groups["kind"]

    X = encoder.transform(frame)
    X[:, inputs] = X[order][:, inputs]

    assert len(inputs) == 3
    np.testing.assert_array_equal(X, encoder.transform(frame.with_columns(frame["kind"][order.tolist()])))


def test_held_out_rows_alone_are_looked_at(found, monkeypatch):
    seen = []
    take = type(found.encoders[0]).transform
    monkeypatch.setattr(
        type(found.encoders[0]), "transform", lambda self, frame: seen.append(frame) or take(self, frame)
    )

    _measured(found, [0], ["a"], RMSE, 1000, 1.0, 1)

    test = holdout(found.table.data, found.table.seed).test
    locked = set(found.table.data.frame["a"][test.tolist()])
    assert len(seen) == 5
    assert not locked.intersection(value for frame in seen for value in frame["a"])


def test_inputs_are_put_back_after_each_column(found):
    both = _measured(found, [0], ["a", "noise"], RMSE, 1000, 1.0, 2)[1]
    alone = _measured(found, [0], ["noise"], RMSE, 1000, 1.0, 2)[1]

    np.testing.assert_array_equal(both[:, 1], alone[:, 0])


def test_probabilities_are_tempered_as_the_model_tempers_them():
    found = confirmed_on(classes())
    X = found.encoders[0].transform(found.table.data.frame)

    cold, warm = (_predicted(found, [0], 0, X, temperature) for temperature in (1.0, 2.0))

    np.testing.assert_allclose(warm, np.sqrt(cold) / np.sqrt(cold).sum(1, keepdims=True))


def test_of_too_many_columns_those_with_the_largest_first_weights_are_taken(found, monkeypatch):
    monkeypatch.setattr("manyfit.job.columns.MAX_COLUMNS", 2)

    assert _largest(found, [found.order[0]], found.encoders[0].groups) == ["a", "kind"]
    assert importance(found, [found.order[0]], "rmse").n_columns == 4


def test_metric_that_a_fold_cannot_have_gives_way_to_the_one_of_the_training():
    draw = np.random.default_rng(1)
    frame = pl.DataFrame({"a": draw.normal(size=60), "y": ["yes"] * 4 + ["no"] * 56})
    found = confirmed_on(load(frame, "y", name="rare"), metric="auc")

    looked = importance(found, [0], "auc")

    assert looked.metric == "log_loss"  # some fold holds no row of the rare class
    assert np.isfinite(looked.found[0].increase.estimate)
