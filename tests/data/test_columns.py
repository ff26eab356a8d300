"""What a column is: kinds, numbers and dates written as text, identifiers, constants, and new cells of other types."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from manyfit.data.cells import cast_column, finite
from manyfit.data.columns import read_column
from manyfit.data.dates import expand, read_dates
from manyfit.data.numeric import read_numbers, tidy
from manyfit.errors import DataError

MANY = [f"text {i % 40}" for i in range(60)]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([1, 2, 4], "number"),
        ([0.5, None, 2.0], "number"),
        ([" 1", "2 ", "NA"], "number"),
        (["1,200", "3,400", "12"], "number"),
        (["12%", "$3", "4"], "number"),
        (["3,14", "2,5", "1"], "number"),
        ([True, False, None], "boolean"),
        (["a", "b", "a"], "category"),
        (["2024-01-01", "2024-02-01", None], "date"),
        (["5年", "6年", "5年"], "category"),
        ([dt.date(2024, 1, 1), dt.date(2024, 1, 2)], "date"),
        ([dt.datetime(2024, 1, 1, 3), None, dt.datetime(2025, 1, 2)], "date"),
        ([dt.time(3), dt.time(4)], "date"),
        ([20240101 + i for i in range(12)], "date"),
        ([20240101 + i for i in range(0, 120, 10)], "number"),
        (["1974Q1", "1974Q2"], "date"),
        ([dt.timedelta(1), dt.timedelta(2), dt.timedelta(5)], "number"),
        (["yes", None, "yes"], "category"),
        ([7, 7, 7], "dropped"),
        ([None, None], "dropped"),
        ([1, 2, 3, 4], "dropped"),
        (MANY, "dropped"),
        ([f"u{i}" for i in range(30)], "dropped"),
        ([[1], [2]], "dropped"),
        ([{"a": 1}, {"a": 2}], "dropped"),
        ([b"a", b"b"], "dropped"),
    ],
)
def test_kind_of_a_column_follows_its_cells(cells, kind):
    assert read_column(pl.Series("c", cells)).column.kind == kind


@pytest.mark.parametrize(
    ("name", "cells", "code"),
    [
        ("n", range(1, 30), "id"),
        ("customer_id", [5, 3, 9, 1], "id"),
        ("PassengerId", [5, 3, 9, 1], "id"),
        ("year", range(1990, 2020), ""),
        ("humid", [5, 3, 9, 1], ""),
        ("c", [4, 4, 4], "constant"),
        ("c", [f"key-{i}" for i in range(30)], "id"),
        ("c", MANY, "text"),
        ("c", [f"v{i % 60}" for i in range(200)], "high_cardinality"),
        ("c", [1.0, float("inf"), 3.0], "infinite"),
        ("c", ["1", "2"] * 100 + ["-"], "tokens"),
        ("c", ["01/02/2024", "03/04/2024"], "date_order"),
        ("c", ["01/02/2024", "13/04/2024"], ""),
    ],
)
def test_note_of_a_column_names_what_is_peculiar(name, cells, code):
    notes = read_column(pl.Series(name, list(cells))).notes

    assert [n.code for n in notes] == ([code] if code else [])
    assert all(n.columns == (name,) and n.zh and n.text for n in notes)


def test_column_that_would_be_dropped_can_be_kept():
    assert read_column(pl.Series("n", range(30)), keep=True).column.kind == "number"
    assert read_column(pl.Series("n", MANY), keep=True).column.kind == "category"


def test_kind_can_be_forced():
    numbers = pl.Series("zip", [501, 1001, 501])

    read = read_column(numbers, forced="category")

    assert read.column.kind == "category"
    assert read.values.to_list() == ["501", "1001", "501"]


def test_kind_that_no_cell_has_is_refused():
    with pytest.raises(DataError, match=r"column 'c' can't be read as date. Its cells look like 'a', 'b'"):
        read_column(pl.Series("c", ["a", "b"]), forced="date")


@pytest.mark.parametrize("word", ["", " ", "NA", "n/a", "NaN", "nan", "null", "None", "?", " ? ", "#N/A"])
def test_words_for_nothing_are_missing(word):
    assert tidy(pl.Series(["1", word])).to_list() == ["1", None]


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "-2.5", "1e3"], [1, -2.5, 1000]),
        (["1,234.5", "12"], [1234.5, 12]),
        (["$1,200", "€3"], [1200, 3]),
        (["1.234,5", "3,25"], [1234.5, 3.25]),
        (["12 %", "5%"], [12, 5]),
    ],
)
def test_numbers_are_read_as_people_write_them(cells, values):
    assert read_numbers(pl.Series(cells)).values.to_list() == values


@pytest.mark.parametrize("text", ["1,2,3", "1-2", "12:30", "1.2.3", "%", "$", ",", "v1"])
def test_what_is_no_number_stays_text(text):
    assert read_numbers(pl.Series([text])).n_others == 1


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-05",
        "2024-03-05T00:00:00",
        "2024-03-05 00:00",
        "2024/03/05",
        "13.03.2024",
        "05-Mar-2024",
        "2024年03月05日",
        "2024-03-05T00:00:00Z",
        "2024-03-05T08:00:00+08:00",
        "2024-03-05 00:00:00.000",
        "Mar 5, 2024",
    ],
)
def test_date_is_read_as_people_write_it(text):
    day = 13 if text.startswith("13") else 5

    assert read_dates(pl.Series([text])).values.to_list() == [dt.datetime(2024, 3, day)]


@pytest.mark.parametrize("cells", [["2024"], ["1.5"], ["2024-13-01"], ["2024-01-01", "soon"], ["abc"], []])
def test_what_is_no_date_stays_text(cells):
    assert read_dates(pl.Series(cells, dtype=pl.String)) is None


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("1974Q3", 7),
        ("1974-02", 2),
        ("1974/02", 2),
        ("Mar-1974", 3),
        ("Apr 1974", 4),
        ("1974年11月", 11),
        ("19740501", 5),
    ],
)
def test_month_or_quarter_is_read_as_its_first_day(text, month):
    assert read_dates(pl.Series([text])).values.to_list() == [dt.datetime(1974, month, 1)]


def test_parts_of_a_date_are_what_the_calendar_says():
    parts = expand(pl.Series([dt.datetime(2000, 4, 1, 6, 30)]))

    assert parts["elapsed"][0] == pytest.approx(91 + 6.5 / 24)
    assert parts["year"][0] == 2000
    assert parts["month.sin"][0] == pytest.approx(np.sin(2 * np.pi * 4 / 12))
    assert parts["weekday.cos"][0] == pytest.approx(np.cos(2 * np.pi * 6 / 7))  # a Saturday
    assert parts["hour.sin"][0] == pytest.approx(np.sin(2 * np.pi * 6.5 / 24))


@pytest.mark.parametrize(
    ("trained", "new", "values", "n_unreadable"),
    [
        ([1.5, 2.5], ["1", "x", None], [1.0, None, None], 1),
        ([1.5, 2.5], [True, False], [1.0, 0.0], 0),
        ([1.5, 2.5], [dt.date(2024, 1, 1)], [None], 1),
        ([1.5, 2.5], [float("inf"), 1.0], [None, 1.0], 1),
        ([True, False], ["yes", "FALSE", "maybe", None], [True, False, None, None], 1),
        ([True, False], [1, 0, 5], [True, False, None], 1),
        (["a", "b", "a"], [1, 2.0], ["1", "2"], 0),
        (["a", "b", "a"], [" a ", "zz"], ["a", "zz"], 0),
        (["2024-01-01", "2024-01-02"], ["2024/01/01"], [dt.datetime(2024, 1, 1)], 0),
        (["2024-01-01", "2024-01-02"], ["2024-01-01", "soon"], [dt.datetime(2024, 1, 1), None], 1),
        (["2024-01-01", "2024-01-02"], [20240101], [None], 1),
        ([20240101 + i for i in range(12)], [20240203.0, 5], [dt.datetime(2024, 2, 3), None], 1),
        ([1.5, 2.5], [None, None], [None, None], 0),
    ],
)
def test_new_cells_take_the_kind_of_the_column(trained, new, values, n_unreadable):
    column = read_column(pl.Series("c", trained)).column

    cast = cast_column(pl.Series("c", new, strict=False), column)

    assert cast.values.to_list() == values
    assert cast.n_unreadable == n_unreadable


def test_numbers_that_arithmetic_can_not_hold_are_missing_or_zero():
    values, n_infinite = finite(pl.Series([1e300, -1e101, 5e-324, 1e99, None]))

    assert values.to_list() == [None, None, 0.0, 1e99, None]
    assert n_infinite == 2
