"""Whatever comes in, what comes out is a data set or a DataError, which can be read in Chinese: never another exception."""

import datetime as dt
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from manyfit.data import Encoder, folds, holdout, load, read
from manyfit.errors import DataError


def is_chinese(error: DataError) -> bool:
    """Whether an error is told in Chinese, whatever names of columns are in it."""
    return all(re.search("[一-鿿]", line) for line in error.to("zh").splitlines() if line)


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(0, 3),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=6),
    st.sampled_from(
        [
            "",
            "NA",
            "1,5",
            "1.5",
            "$3",
            "2024-01-02",
            "01/02/2024",
            "a",
            "b",
            "True",
            "inf",
            "-",
            "1e400",
            "\x00",
        ]
    ),
    st.dates(),
    st.datetimes(),
    st.binary(max_size=3),
    st.lists(st.integers(0, 3), max_size=2),
)
ONE_KIND = st.sampled_from(
    [
        st.integers(0, 3),
        st.floats(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from([True, False, None]),
        st.dates(dt.date(1, 1, 1)),
        st.text(max_size=8),
        st.integers(-(2**63), 2**63 - 1),
        CELLS,
    ]
)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list]:
    n = draw(st.integers(8, 40))
    width = draw(st.integers(1, 4))
    return {
        f"c{i}": draw(ONE_KIND.flatmap(lambda cell: st.lists(cell, min_size=n, max_size=n)))
        for i in range(width)
    }


def use(data) -> None:
    """Everything that is done to a data set that was accepted."""
    development, test = holdout(data, 1)
    assert len(development) + len(test) == data.n_rows
    assert all(data.describe("en")) and all(data.describe("zh"))
    fold = folds(data, development, 2, 1)[0]
    encoder = Encoder.fit(data, fold.train, development)
    X = encoder.transform(data.frame)
    assert X.shape == (data.n_rows, encoder.n_inputs)
    assert np.isfinite(X).all()
    assert np.isfinite(encoder.encode_target(data.y)).all()
    again = Encoder.from_arrays(*encoder.to_arrays())
    assert np.array_equal(again.transform(data.frame), X)


@settings(max_examples=150)
@given(columns=tables())
def test_random_table_is_used_or_refused(columns):
    try:
        use(load(columns, "c0"))
    except DataError as error:
        assert is_chinese(error)


@settings(max_examples=60)
@given(columns=tables(), new=tables())
def test_random_new_rows_are_encoded_or_refused(columns, new):
    columns = {**columns, "y": [i % 5 + 0.5 for i in range(len(columns["c0"]))]}
    try:
        encoder = Encoder.fit(load(columns, "y"))
        rows = encoder.read(new)
    except DataError as error:
        assert is_chinese(error)
        return

    assert np.isfinite(encoder.transform(rows.frame)).all()
    assert all(n.text and n.zh for n in rows.notes)


@settings(max_examples=200)
@given(data=st.binary(max_size=200))
@example(data=b"\xff\xfe\x00")
@example(data=b'a,b\n"')
@example(data=b"\x1f\x8b\x08")
@example(data=b"PAR1")
@example(data=b"sep=\n\n")
def test_random_bytes_are_read_or_refused(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "noise"
    path.write_bytes(data)
    try:
        assert read(path).frame.width
    except DataError as error:
        assert "noise" in str(error) and is_chinese(error)


LINES = st.lists(st.text(alphabet='ab1,;\t"\n\r .é中\x00', max_size=12), max_size=30)


@settings(max_examples=200)
@given(lines=LINES, encoding=st.sampled_from(["utf-8", "utf-16", "gb18030"]))
def test_random_lines_are_used_or_refused(tmp_path_factory, lines, encoding):
    path = tmp_path_factory.getbasetemp() / "lines.csv"
    path.write_bytes("\n".join(lines).encode(encoding))
    try:
        table = read(path)
        use(load(path, table.frame.columns[0]))
    except DataError as error:
        assert is_chinese(error)


@pytest.mark.long
@pytest.mark.timeout(1800)
@settings(max_examples=2_000)
@given(columns=tables(), task=st.sampled_from([None, "regression", "classification"]), extra=st.booleans())
def test_many_random_tables_are_used_or_refused(columns, task, extra):
    names = list(columns)
    roles = {"group": names[-1]} if extra and len(names) > 2 else {}
    try:
        use(load(pl.DataFrame(columns, strict=False) if extra else columns, "c0", task=task, **roles))
    except (DataError, pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        if isinstance(error, DataError):
            assert is_chinese(error)
        else:
            with pytest.raises(type(error)):  # polars itself refused to build the frame
                pl.DataFrame(columns, strict=False)
