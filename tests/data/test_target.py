"""The target: its task, its classes in their own type, and what can't be one."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from manyfit.data.target import Target, read_target
from manyfit.errors import DataError


def read(cells, task=None, **options):
    return read_target(pl.Series("y", cells, **options), task, "t.csv")


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (np.linspace(0, 1, 30), "regression"),
        (list(range(30)), "regression"),
        ([0, 1] * 15, "binary"),
        ([0.0, 1.0] * 15, "binary"),
        ([1, 2, 3] * 20, "multiclass"),
        ([1.5, 2.5, 3.5] * 20, "regression"),
        ([1, 2, 3] * 2, "regression"),
        (["a", "b"] * 5, "binary"),
        (["a", "b", "c"] * 5, "multiclass"),
        ([True, False] * 5, "binary"),
        (["1.5", "2.5", "7"] * 5, "regression"),
        (["1,000", "2,000", "7,500"] * 5, "regression"),
    ],
)
def test_task_follows_the_values(cells, task):
    assert read(cells).target.task == task


def test_guess_from_few_whole_numbers_is_said_with_its_flag():
    (guess,) = read([3, 4, 5] * 20).notes

    assert guess.code == "task"
    assert guess.flag == "--task regression"


def test_task_can_be_given():
    assert read([1, 2, 3] * 20, "regression").target.task == "regression"
    assert read([1.5, 2.5, 3.5] * 20, "classification").target.task == "multiclass"


@pytest.mark.parametrize(
    ("cells", "labels", "codes"),
    [
        (["b", "a", "b", "a"], ("a", "b"), [1, 0, 1, 0]),
        ([7, 3, 7, 3], (3, 7), [1, 0, 1, 0]),
        ([True, False, True, False], (False, True), [1, 0, 1, 0]),
        ([1.0, 0.0, 1.0, 1.0], (0.0, 1.0), [1, 0, 1, 1]),
        (["1", "2", "1", "2"], (1, 2), [0, 1, 0, 1]),
        (["None", "mild", "mild", "None"], ("None", "mild"), [0, 1, 1, 0]),
    ],
)
def test_classes_keep_their_own_type(cells, labels, codes):
    result = read(cells)

    assert result.target.labels == labels
    assert [type(label) for label in result.target.labels] == [type(label) for label in labels]
    assert result.y.tolist() == codes
    assert result.target.decode(np.array(codes)).to_list() == [labels[code] for code in codes]


def test_target_survives_json():
    import json

    target = read(["b", "a", "b"] * 5).target

    assert Target.from_dict(json.loads(json.dumps(target.to_dict()))) == target


def test_new_target_cells_are_encoded_and_unknown_ones_are_not():
    assert np.array_equal(
        read(["b", "a"] * 5).target.encode(pl.Series(["a", "zz", None, "b"])), [0, np.nan, np.nan, 1], True
    )
    assert np.array_equal(read([7, 3] * 5).target.encode(pl.Series(["3", "7.0", "x"])), [0, 1, np.nan], True)
    assert np.array_equal(read([True, False] * 5).target.encode(pl.Series([True, False])), [1, 0])
    assert np.array_equal(
        read([1.5, 2.25, 4] * 5).target.encode(pl.Series(["1.5", None])), [1.5, np.nan], True
    )


def test_rows_without_a_target_are_marked_and_counted():
    result = read(["a", None, "NA", "b", "b", ""] * 3)

    assert result.has_value.tolist() == [True, False, False, True, True, False] * 3
    assert result.notes[0].text == "9 rows without y left out"


@pytest.mark.parametrize(
    ("cells", "task", "words"),
    [
        ([1.0, float("inf"), 2.0] * 4, None, r"must be finite.*inf in row 2, 5, 8"),
        ([3, 3, 3, 3], None, "has one value only: 3"),
        (["a", "a", None], None, "has one value only: 'a'"),
        ([None, None], None, "no value in any row"),
        ([dt.date(2024, 1, 1)] * 3, None, "must be numbers or classes, got dates"),
        ([[1], [2]], None, "lists"),
        (["a", "b", "c"] * 3, "binary", "two classes for the task 'binary', got 3"),
        (["1", "2", "oops", "3.5"] * 3, "regression", r"must be numbers, got 3 of 12 .*row 3 'oops'"),
        ([str(i) for i in range(40)] + ["abc"], None, r"must be numbers, got 1 of 41 .*row 41 'abc'"),
        ([f"t{i}" for i in range(40)], None, "40 different texts in 40 rows: no classes"),
        (np.linspace(0, 1, 40), "classification", "40 different numbers in 40 rows: no classes"),
        ([1, 2], "regresion", "Did you mean 'regression'"),
    ],
)
def test_what_can_not_be_predicted_is_refused(cells, task, words):
    with pytest.raises(DataError, match=words):
        read(cells, task)
