"""Tables in memory: DataFrames of other libraries, arrays, tensors, records, data sets of items."""

import datetime as dt

import numpy as np
import polars as pl
import pytest

from manyfit.data import load, read
from manyfit.errors import DataError

X = np.arange(12.0).reshape(6, 2) ** 2
Y = np.array([0, 1, 0, 1, 1, 0])


def test_arrays_become_columns_named_by_place():
    table = read((X, Y))

    assert table.frame.columns == ["x0", "x1", "target"]
    assert np.array_equal(table.frame.select("x0", "x1").to_numpy(), X)
    assert table.target == "target"


def test_array_of_pictures_is_laid_out_flat():
    table = read((np.arange(24).reshape(2, 3, 4), [0, 1]))

    assert table.frame.width == 13
    assert [n.code for n in table.notes] == ["reshaped"]


def test_column_vector_is_a_target():
    assert read((X, Y[:, None])).frame["target"].to_list() == Y.tolist()


def test_named_target_keeps_its_name():
    assert read((pl.DataFrame({"a": X[:, 0]}), pl.Series("price", Y))).target == "price"


def test_object_array_is_read_cell_by_cell():
    array = np.array([[1, "a", None], [2.5, "b", True]], dtype=object)

    frame = read(array).frame

    assert frame.schema == {"x0": pl.Float64, "x1": pl.String, "x2": pl.Boolean}
    assert frame["x2"].to_list() == [None, True]


def test_structured_array_keeps_its_names():
    array = np.array([(1, 2.5), (3, 4.5)], dtype=[("n", "i4"), ("v", "f8")])

    assert read(array).frame.to_dict(as_series=False) == {"n": [1, 3], "v": [2.5, 4.5]}


def test_mapping_and_records_are_tables():
    columns = {"a": [1, 2], "b": ["x", None]}
    records = [{"a": 1, "b": "x"}, {"a": 2, "b": None}]

    assert read(columns).frame.equals(read(records).frame)


def test_sparse_matrix_is_filled_out():
    sparse = pytest.importorskip("scipy.sparse")

    assert np.array_equal(read(sparse.csr_matrix(X)).frame.to_numpy(), X)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ((X, Y[:3]), "as many rows as X, got 3 for 6"),
        ((X, np.column_stack([Y, Y])), "must be one-dimensional"),
        ((X, Y, Y), r"a pair \(X, y\), got 3"),
        (X + 1j, "real numbers"),
        (3, "must be a path, a DataFrame"),
        (None, "must be a path, a DataFrame"),
        ([[1, 2], [3]], "rows of one length"),
        (np.array(5.0), "rows and columns"),
        ({"a": [1, 2], "b": [1]}, "one length, got a 2, b 1"),
        (np.empty((0, 3)), "no rows"),
        (pl.DataFrame(), "is empty"),
    ],
)
def test_what_is_no_table_is_refused(source, words):
    with pytest.raises(DataError, match=words):
        read(source)


class Items:
    """A data set in torch's manner, without torch."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, i):
        return self.pairs[i]


def test_data_set_of_items_is_stacked():
    table = read(Items([(np.ones((2, 2)) * i, i % 2) for i in range(4)]))

    assert table.frame.shape == (4, 5)
    assert table.frame["target"].to_list() == [0, 1, 0, 1]


def test_items_of_different_shapes_are_refused():
    with pytest.raises(DataError, match="items of one shape"):
        read(Items([(np.ones(2), 0), (np.ones(3), 1)]))


def test_torch_tensors_and_data_sets_are_read():
    torch = pytest.importorskip("torch")
    tensors = torch.tensor(X, requires_grad=True), torch.tensor(Y)
    expected = read((X, Y)).frame

    assert read(tensors).frame.equals(expected)
    assert read(torch.utils.data.TensorDataset(*tensors)).frame.equals(expected)
    assert read(torch.utils.data.Subset(torch.utils.data.TensorDataset(*tensors), range(6))).frame.equals(
        expected
    )


def test_pandas_is_read_whatever_its_columns_hold():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            1: [1.5, None],
            "c": pd.Categorical(["u", "v"]),
            "d": pd.to_datetime(["2024-01-01", None]),
            "mixed": ["a", 3],
            "n": pd.array([1, None], dtype="Int64"),
            "b": pd.array([True, None], dtype="boolean"),
        }
    )

    read_frame = read(frame).frame

    assert read_frame.columns == ["1", "c", "d", "mixed", "n", "b"]
    assert read_frame["1"].to_list() == [1.5, None]
    assert read_frame["c"].cast(pl.String).to_list() == ["u", "v"]
    assert read_frame["d"].to_list() == [dt.datetime(2024, 1, 1), None]
    assert read_frame["mixed"].to_list() == ["a", "3"]
    assert read_frame["n"].to_list() == [1, None]
    assert read_frame["b"].to_list() == [True, None]


def test_pandas_columns_of_one_name_are_refused():
    pd = pytest.importorskip("pandas")

    with pytest.raises(DataError, match="several columns of one name: 'a'"):
        read(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_arrow_table_and_lazy_frame_are_read():
    frame = pl.DataFrame({"a": [1, 2]})

    assert read(frame.lazy()).frame.equals(frame)
    pytest.importorskip("pyarrow")
    assert read(frame.to_arrow()).frame.equals(frame)


def test_values_as_target_of_a_table():
    data = load(pl.DataFrame({"a": np.sqrt(np.arange(20.0)), "b": np.arange(20.0) % 7}), np.arange(20.0))

    assert data.task == "regression"
    assert data.target.name == "target"


def test_target_may_be_a_frame_of_one_column():
    frame = pl.DataFrame({"a": X[:, 0]})

    assert read((frame, pl.DataFrame({"price": Y}))).target == "price"
    with pytest.raises(DataError, match="y must have one column, got 2"):
        read((frame, pl.DataFrame({"p": Y, "q": Y})))


def test_target_that_bears_the_name_of_an_input_gets_another():
    table = read((pl.DataFrame({"target": X[:, 0]}), Y))

    assert table.frame.columns == ["target", "target_"]
    assert table.target == "target_"


def test_column_that_is_no_column_is_refused():
    with pytest.raises(DataError, match=r"must be one-dimensional, got shape 2 × 2"):
        read({"a": [[1, 2], [3, 4]], "b": [1, 2]})


def test_intervals_and_periods_of_pandas_are_read_as_text():
    pd = pytest.importorskip("pandas")
    months = pd.period_range("2024-01", periods=3, freq="M")

    frame = read(pd.DataFrame({"bin": pd.cut([1.0, 2.0, 9.0], [0, 5, 10]), "month": months})).frame

    assert frame["bin"].to_list() == ["(0, 5]", "(0, 5]", "(5, 10]"]
    assert frame["month"].to_list() == ["2024-01", "2024-02", "2024-03"]
