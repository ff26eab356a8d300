"""Anything that holds a table, into one frame with a name: the door through which all data comes in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from manyfit.data.examples import EXAMPLES
from manyfit.data.files import read_data, read_file
from manyfit.data.frames import from_items, from_memory, from_pair, is_item_set
from manyfit.data.notes import Note
from manyfit.errors import DataError, Problem
from manyfit.text import Text


@dataclass(frozen=True)
class Table:
    """A table as it was read, before anything is decided about its columns.

    name: What to call it: a file name, the name of an example, or "table".
    frame: Every column, as read.
    notes: What there is to say about how it was read.
    target: Name of the target column, where the source itself says so.
    task: The task, where the source itself says so.
    time: Name of the column that orders the rows, where the source itself says so.
    """

    name: str
    frame: pl.DataFrame
    notes: tuple[Note, ...] = ()
    target: str | None = None
    task: str | None = None
    time: str | None = None


def read(
    source: Any,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool = True,
    text: Collection[str] = (),
) -> Table:
    """Read a table from wherever it is.

    Args:
        source: Path of a CSV, TSV, Parquet, Arrow or Feather file (also compressed); "-" for standard input; the name of an
            embedded example; any DataFrame; arrays `(X, y)` or one array; a mapping of columns; a torch data set; an open file.
        encoding: Encoding of a text file; None finds it out.
        delimiter: Character between the fields of a text file; None finds it out.
        header: False when the first line of a text file holds values.
        text: Columns to be kept as text even when they look like numbers ("00501").

    Returns:
        The table.

    Raises:
        DataError: If it can't be read.

    Example:
        >>> read("iris").frame.shape
        (150, 5)
    """
    if isinstance(source, (str, Path)):
        if is_example(source):
            example = EXAMPLES[str(source)]
            return Table(str(source), example.make(), (), example.target, example.task, example.time)
        if str(source).startswith(("http://", "https://", "s3://", "ftp://")):
            rule = Text("is an address, not a file", "是网址，不是文件")
            hint = Text(
                "Download it first; manyfit opens no connection.", "请先下载；manyfit 不打开任何网络连接。"
            )
            raise DataError(Problem(str(source), rule, hint=hint))
        name, frame, notes = read_file(
            source, encoding=encoding, delimiter=delimiter, header=header, text=text
        )
        return _table(name, frame, notes)
    if hasattr(source, "read") and not hasattr(source, "columns"):
        data = source.read()
        data = data.encode() if isinstance(data, str) else bytes(data)
        name = Path(str(getattr(source, "name", "table"))).name
        frame, notes = read_data(data, name, encoding=encoding, delimiter=delimiter, header=header, text=text)
        return _table(name, frame, notes)
    if isinstance(source, Table):
        return source
    if isinstance(source, tuple):
        if len(source) != 2:
            got = Text(f"{len(source)} of them", f"{len(source)} 个")
            raise DataError(Problem(Text("the arrays", "数组"), Text("must be a pair (X, y)", "必须是一对 (X, y)"), got))
        frame, target, notes = from_pair(*source)
        return _table("table", frame, notes, target)
    if is_item_set(source):
        frame, target, notes = from_items(source)
        return _table("table", frame, notes, target)
    frame, notes = from_memory(source)
    return _table("table", frame, notes)


def is_example(source: str | Path) -> bool:
    """Whether a source names an embedded example; a file of that name in the folder comes first."""
    return isinstance(source, str) and source in EXAMPLES and not Path(source).is_file()


def _table(name: str, frame: pl.DataFrame, notes: list[Note], target: str | None = None) -> Table:
    if frame.width == 0 or frame.height == 0:
        nothing, no_rows = Text("is empty", "是空的"), Text("has columns but no rows", "有列却没有行")
        raise DataError(Problem(name, nothing if frame.width == 0 else no_rows))
    return Table(name, frame, tuple(notes), target)
