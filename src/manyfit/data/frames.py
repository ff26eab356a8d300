"""What is in memory already, into a frame: DataFrames of any library, arrays, tensors, records, torch data sets.

No library is imported here for its types: a DataFrame is what narwhals takes, a tensor is what can `detach`, a data set
is what has a length and items.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl

from manyfit.data.notes import Note, note, shown
from manyfit.errors import DataError, Problem
from manyfit.text import Text

TARGET = "target"
"""What the target is called when it comes without a name."""
TABLE, ARRAY, DATA_SET = Text("the table", "表格"), Text("the array", "数组"), Text("the data set", "数据集")
REAL, COMPLEX = Text("must hold real numbers", "必须是实数"), Text("complex ones", "复数")
ONE_TARGET = Text("One target is predicted at a time.", "一次只预测一个目标。")


def from_memory(source: Any) -> tuple[pl.DataFrame, list[Note]]:
    """Turn rows without a separate target into a frame.

    Args:
        source: A DataFrame of any library narwhals knows, an Arrow table, a mapping of columns, a list of records, or an array
            or tensor of shape (N, D) or (N,).

    Returns:
        The frame, and what there is to say about it.

    Raises:
        DataError: If it is none of these.
    """
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    if isinstance(source, pl.DataFrame):
        return source.with_columns(_series(name, source[name].to_list()) for name in _extended(source)), []
    if isinstance(source, (pl.Series, list)) and len(source) and isinstance(source[0], Mapping):
        return pl.DataFrame([dict(record) for record in source], infer_schema_length=None, strict=False), []
    if isinstance(source, Mapping):
        return _frame({str(name): _series(str(name), values) for name, values in source.items()}), []
    frame = _from_dataframe(source)
    if frame is not None:
        return frame, []
    return _from_array(source)


def from_pair(X: Any, y: Any) -> tuple[pl.DataFrame, str, list[Note]]:
    """Turn inputs and a separate target into one frame; returns it with the name of its target column."""
    frame, notes = from_memory(X)
    target = str(getattr(y, "name", None) or TARGET)
    if isinstance(y, pl.DataFrame) or hasattr(y, "columns"):
        y_frame, _ = from_memory(y)
        if y_frame.width != 1:
            raise DataError(Problem("y", Text("must have one column", "必须只有一列"), str(y_frame.width), hint=ONE_TARGET))
        target, values = y_frame.columns[0], y_frame.to_series()
    else:
        values = _series(target, y)
    if len(values) != frame.height:
        rule = Text("must have as many rows as X", "必须和 X 行数相同")
        got = Text(f"{len(values)} for {frame.height}", f"{len(values)} 对 {frame.height}")
        raise DataError(Problem("y", rule, got))
    while target in frame.columns:
        target += "_"
    return frame.with_columns(values.alias(target)), target, notes


def is_item_set(source: Any) -> bool:
    """Whether this is a torch-style data set: a length, and items that are (inputs, target)."""
    if isinstance(source, (str, bytes, np.ndarray, Mapping, pl.DataFrame, pl.Series, tuple)) or hasattr(
        source, "detach"
    ):
        return False
    if not (hasattr(source, "__len__") and hasattr(source, "__getitem__")) or hasattr(source, "shape"):
        return False
    try:
        first = source[0]
    except (KeyError, IndexError, TypeError):
        return False
    return isinstance(first, tuple) and len(first) == 2


def from_items(source: Any) -> tuple[pl.DataFrame, str, list[Note]]:
    """Turn a torch-style data set into one frame; returns it with the name of its target column."""
    tensors = getattr(source, "tensors", None)  # torch's TensorDataset holds them whole
    if tensors is not None and len(tensors) == 2:
        return from_pair(tensors[0], tensors[1])
    inputs, targets = [], []
    for i in range(len(source)):
        x, y = source[i]
        inputs.append(to_array(x))
        targets.append(to_array(y))
    shapes = sorted({x.shape for x in inputs})
    if len(shapes) > 1:
        rule = Text("must have items of one shape", "的各项必须形状相同")
        raise DataError(Problem(DATA_SET, rule, shown(shapes)))
    try:
        return from_pair(np.stack(inputs), np.stack(targets))
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        rule = Text(f"must have targets of one shape: {error}", f"的各个目标必须形状相同：{error}")
        raise DataError(Problem(DATA_SET, rule)) from None


def to_array(values: Any) -> np.ndarray:
    """A NumPy array of a tensor, an array, a sparse matrix or a nested list, without importing their libraries."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if str(getattr(values, "dtype", "")) == "torch.bfloat16":
            values = values.float()
        values = values.numpy()
    elif hasattr(values, "toarray"):
        values = values.toarray()
    try:
        return np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:
        first = str(error).splitlines()[0]
        rule = Text(f"must have rows of one length: {first}", f"各行必须一样长：{first}")
        raise DataError(Problem(ARRAY, rule)) from None


def _from_dataframe(source: Any) -> pl.DataFrame | None:
    labels = getattr(source, "columns", None)
    if labels is not None and hasattr(
        source, "iloc"
    ):  # pandas and its kin: names may be numbers, and may repeat
        names = [str(label) for label in labels]
        _refuse_doubles(names)
        source = source.set_axis(names, axis=1)
    try:
        native = nw.from_native(source)
    except TypeError:
        return None
    except nw.exceptions.NarwhalsError as error:
        first = str(error).splitlines()[0]
        rule = Text(f"can't be read: {first}", f"无法读取：{first}")
        raise DataError(Problem(Text("the DataFrame", "DataFrame"), rule)) from None
    frame = native.collect() if isinstance(native, nw.LazyFrame) else native
    try:
        made = frame.to_polars()
        return made.with_columns(_series(name, frame[name].to_numpy()) for name in _extended(made))
    except (ImportError, TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        # mixed cells, or pandas without pyarrow: column by column it goes without either
        return _frame({name: _series(name, frame[name].to_numpy()) for name in frame.columns})


def _extended(frame: pl.DataFrame) -> list[str]:
    """Columns that polars carries along but can't read: intervals (pd.cut) and periods of pandas."""
    return [name for name, dtype in frame.schema.items() if type(dtype).__name__ == "Extension"]


def _refuse_doubles(names: Sequence[str]) -> None:
    doubles = (
        sorted({name for name in names if list(names).count(name) > 1})
        if len(set(names)) < len(names)
        else []
    )
    if doubles:
        rule = Text(
            f"has several columns of one name: {shown(doubles, 5)}", f"有几列同名：{shown(doubles, 5)}"
        )
        hint = Text("Give each column its own name.", "请给每列各自的名字。")
        raise DataError(Problem(Text("the DataFrame", "DataFrame"), rule, hint=hint))


def _frame(columns: dict[str, pl.Series]) -> pl.DataFrame:
    lengths = {name: len(series) for name, series in columns.items()}
    if len(set(lengths.values())) > 1:
        got = ", ".join(f"{name} {n}" for name, n in list(lengths.items())[:5])
        raise DataError(Problem(Text("the columns", "各列"), Text("must be of one length", "必须一样长"), got))
    return pl.DataFrame(columns)


def _from_array(source: Any) -> tuple[pl.DataFrame, list[Note]]:
    if isinstance(source, (str, bytes, int, float, type(None))) or callable(source):
        rule = Text(
            "must be a path, a DataFrame, arrays (X, y), a torch data set, or the name of an example",
            "必须是路径、DataFrame、数组 (X, y)、torch 数据集，或内置示例的名字",
        )
        raise DataError(Problem(TABLE, rule, type(source).__name__))
    array = to_array(source)
    if array.ndim == 0:
        rule, kind = Text("must have rows and columns", "必须有行和列"), type(source).__name__
        raise DataError(Problem(TABLE, rule, Text(f"a single {kind}", f"单个 {kind}")))
    if array.dtype.names:
        return _frame({name: _series(name, array[name]) for name in array.dtype.names}), []
    if array.dtype.kind == "c":
        hint = Text("Pass real and imaginary parts.", "请传入实部和虚部。")
        raise DataError(Problem(ARRAY, REAL, COMPLEX, hint=hint))
    notes = []
    if array.ndim > 2:
        n = int(np.prod(array.shape[1:]))
        notes = [note("reshaped", shape=" × ".join(map(str, array.shape[1:])), n=n)]
        array = array.reshape(len(array), n)
    array = (
        array.reshape(len(array), -1)
        if len(array)
        else array.reshape(0, array.shape[1] if array.ndim > 1 else 1)
    )
    return _frame({f"x{i}": _series(f"x{i}", array[:, i]) for i in range(array.shape[1])}), notes


def _series(name: str, values: Any) -> pl.Series:
    """One column: of a clear type where its cells have one, of text where they are mixed."""
    if isinstance(values, pl.Series):
        return values.alias(name)
    array = to_array(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        shape = " × ".join(map(str, array.shape))
        rule = Text("must be one-dimensional", "必须是一维的")
        raise DataError(Problem(name, rule, Text(f"shape {shape}", f"形状 {shape}"), hint=ONE_TARGET))
    if array.dtype.kind == "c":
        raise DataError(Problem(name, REAL, COMPLEX))
    if array.dtype.kind == "f":
        return pl.Series(name, array.astype(np.float64), nan_to_null=True)
    if array.dtype.kind in "iubM" and array.dtype.byteorder in "=|<":
        try:
            return pl.Series(name, array)
        except (ValueError, TypeError, pl.exceptions.PolarsError):
            pass  # dates in units polars lacks
    cells = [_cell(value) for value in array.tolist()]
    kinds = {type(value) for value in cells if value is not None}
    if kinds <= {int, float} or (len(kinds) == 1 and kinds <= {bool, str}):
        try:
            return pl.Series(name, cells, strict=False)
        except (OverflowError, TypeError, pl.exceptions.PolarsError):
            return pl.Series(name, [None if c is None else float(c) for c in cells], dtype=pl.Float64)
    if len(kinds) == 1 and next(iter(kinds)).__module__ == "datetime":
        return pl.Series(name, cells, strict=False)
    return pl.Series(name, [None if c is None else str(c) for c in cells], dtype=pl.String)


def _cell(value: Any) -> Any:
    """A plain Python value; None for what pandas and NumPy call missing."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    try:
        is_missing = value is None or bool(value != value) or type(value).__name__ in ("NAType", "NaTType")
    except (TypeError, ValueError):  # pandas' NA refuses to be compared
        is_missing = type(value).__name__ in ("NAType", "NaTType")
    return None if is_missing else value
