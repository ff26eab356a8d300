"""What each column is, what is done with it, and why: decided once, recorded, and applied to new rows in the same way."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from manyfit.data.cells import as_text, cast_column, finite, is_text
from manyfit.data.dates import COMPACT, naive, read_compact, read_dates
from manyfit.data.notes import Note, note, shown
from manyfit.data.numeric import may_be_numbers, read_numbers, tidy
from manyfit.errors import DataError, Problem
from manyfit.text import Text

Kind = Literal["number", "boolean", "category", "date", "dropped"]
KINDS = ("number", "boolean", "category", "date")
KIND_ZH = {"number": "数字", "boolean": "是非", "category": "类别", "date": "日期", "dropped": "去掉"}

MANY_VALUES = 50
"""More categories than this and a note says so."""
_FEW_TEXTS = 20  # a text column with no more different values is a category however few rows there are
_MOSTLY_NUMBERS = 0.98  # this share of readable cells makes a text column a number column, the rest missing
_MOST_TOKENS = 3  # different words among them that are taken for missing values
_ID_NAME = re.compile(
    r"(^|[_\W])(id|uuid|guid|index|idx|row|rowid|row_number|编号|序号)$|^Unnamed: 0$", re.IGNORECASE
)
_ID_CAMEL = re.compile(r"[a-z](Id|ID)$")
_COUNTER = ("unique, ordered", "互不相同且依次递增")


@dataclass(frozen=True)
class Column:
    """What was decided about one column. `load` makes it, `Encoder` follows it, reports show it.

    name: Name in the table.
    kind: "number", "boolean", "category", "date" or "dropped".
    did, why: What is done with it and the reason, in English; `did_zh`, `why_zh` in Chinese.
    style: How text is read: a number style or a date format; empty when the column was typed already.
    missing: Cells without a value, of all rows.
    distinct: Different values, of all rows.
    is_time: True when it orders the rows: parts that only grow are then no inputs.
    """

    name: str
    kind: Kind
    did: str
    why: str
    did_zh: str = ""
    why_zh: str = ""
    style: str = ""
    missing: int = 0
    distinct: int = 0
    is_time: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Column:
        """The column that `to_dict` wrote."""
        return cls(**values)


class ReadColumn(NamedTuple):
    """A decision, the column's values in its kind (None when dropped), and what there is to say."""

    column: Column
    values: pl.Series | None
    notes: tuple[Note, ...] = ()


_DID = {
    "number": ("scaled", "缩放"),
    "boolean": ("0 or 1, scaled", "0 或 1，缩放"),
    "category": ("one input for each value", "每个值一个输入"),
    "date": ("taken apart into cyclic and growing parts", "拆成周期部分与增长部分"),
    "dropped": ("left out", "略去"),
}


def read_column(series: pl.Series, *, forced: Kind | None = None, keep: bool = False) -> ReadColumn:
    """Decide what a column is, from all its cells.

    Args:
        series: The column as read, shape (N,).
        forced: The kind the user wants; None to find it out.
        keep: True to keep a column that would be dropped as an identifier or a text of many values.

    Returns:
        The decision and the values: Float64, Boolean, Datetime or String by kind.

    Raises:
        DataError: If the column can't be read as the kind that was asked for.

    Example:
        >>> read_column(pl.Series("when", ["2024-01-31", "2024-02-29"])).column.kind
        'date'
    """
    dtype = series.dtype
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        return _dropped(series, "nested", "lists or structures in the cells", "单元格内是列表或结构")
    if dtype == pl.Null or series.null_count() == len(series):
        return _dropped(series, "empty_column", "no value at all", "没有任何值")
    if forced is not None:
        return _read_forced(series, forced)
    if dtype == pl.Boolean:
        return _decided(series, "boolean", series, "true or false", "真或假")
    if dtype.is_numeric():
        return _read_number(series, series.cast(pl.Float64), keep)
    if dtype.is_temporal() and dtype != pl.Duration:
        return _decided(series, "date", naive(series), "dates", "日期")
    if dtype == pl.Duration:
        return _read_number(series, series.dt.total_seconds(fractional=True), keep)
    return _read_text(tidy(series), keep)


def _read_number(
    series: pl.Series, values: pl.Series, keep: bool, style: str = "", more: tuple[Note, ...] = ()
) -> ReadColumn:
    values, n_infinite = finite(values)
    notes = (*more, note("infinite", [series.name], count=n_infinite)) if n_infinite else more
    if values.null_count() == len(values):
        return _dropped(series, "empty_column", "no value at all", "没有任何值")
    days = read_compact(values)
    if days is not None:
        reason = ("dates written as numbers", "写成数字的日期")
        return _decided(series, "date", days, *reason, style=COMPACT, notes=notes)
    why = id_reason(series.name, values) if not keep and not style else None
    if why:
        return _dropped(series, "id", why[0], why[1])
    reason = ("numbers written as text", "写成文本的数字") if style else ("numbers", "数字")
    return _decided(series, "number", values, *reason, style=style, notes=notes, keep=keep)


def _read_text(text: pl.Series, keep: bool) -> ReadColumn:
    n_cells = len(text) - text.null_count()
    if n_cells == 0:
        return _dropped(text, "empty_column", "no value at all", "没有任何值")
    numbers = read_numbers(text) if may_be_numbers(text, _MOST_TOKENS) else None
    if (
        numbers is not None
        and n_cells - numbers.n_others >= _MOSTLY_NUMBERS * n_cells
        and len(numbers.others) <= _MOST_TOKENS
    ):
        notes: tuple[Note, ...] = ()
        if numbers.others:
            notes = (note("tokens", [text.name], count=numbers.n_others, tokens=shown(numbers.others)),)
        return _read_number(text, numbers.values, keep, numbers.style, notes)
    dates = read_dates(text)
    if dates is not None:
        notes = ()
        if dates.is_ambiguous:
            is_month_first = dates.format.startswith("%m")
            order, order_zh = ("month first", "先月后日") if is_month_first else ("day first", "先日后月")
            example = text.drop_nulls()[0]
            notes = (note("date_order", [text.name], example=example, order=order, order_zh=order_zh),)
        return _decided(
            text,
            "date",
            dates.values,
            "dates written as text",
            "写成文本的日期",
            style=dates.format,
            notes=notes,
        )
    distinct = text.drop_nulls().n_unique()
    if not keep and distinct > _FEW_TEXTS and distinct == n_cells:
        return _dropped(text, "id", "a different text in every row", "每行文本都不同")
    if not keep and distinct > max(_FEW_TEXTS, n_cells / 2):
        return _dropped(
            text, "text", "text of many values", "取值很多的文本", distinct=distinct, rows=n_cells
        )
    return _decided(text, "category", text, "text of few values", "取值不多的文本", keep=keep)


def _read_forced(series: pl.Series, forced: Kind) -> ReadColumn:
    name = series.name
    if forced == "category":
        return _decided(series, "category", as_text(series), "asked for", "按要求", keep=True)
    style = ""
    if forced == "number" and is_text(series):
        style = read_numbers(tidy(series)).style
    elif forced == "date" and is_text(series):
        dates = read_dates(tidy(series))
        style = dates.format if dates else ""
    column = Column(name, forced, "", "", style=style)
    cast = cast_column(series, column)
    if cast.values.null_count() == len(series):
        cells = shown(series.drop_nulls().head(3).to_list())
        hint = Text(f"Its cells look like {cells}.", f"其单元格形如 {cells}。")
        rule = Text(f"can't be read as {forced}", f"不能读作{KIND_ZH[forced]}")
        raise DataError(Problem(Text(f"column {name!r}", f"列 {name!r}"), rule, hint=hint))
    notes: tuple[Note, ...] = ()
    if cast.n_unreadable:
        notes = (
            note("tokens", [name], count=cast.n_unreadable, tokens=", ".join(map(repr, cast.unreadable))),
        )
    return _decided(series, forced, cast.values, "asked for", "按要求", style=style, notes=notes, keep=True)


def _decided(
    series: pl.Series,
    kind: Kind,
    values: pl.Series,
    why: str,
    why_zh: str,
    *,
    style: str = "",
    notes: tuple[Note, ...] = (),
    keep: bool = False,
) -> ReadColumn:
    distinct = values.drop_nulls().n_unique()
    missing = values.null_count()
    if distinct <= 1 and missing == 0 and not keep:
        return _dropped(series, "constant", "one value only", "只有一个值")
    if kind == "category" and distinct > MANY_VALUES:
        notes = (*notes, note("high_cardinality", [series.name], distinct=distinct))
    did, did_zh = _DID[kind]
    column = Column(series.name, kind, did, why, did_zh, why_zh, style, missing, distinct)
    return ReadColumn(column, values.alias(series.name), notes)


def _dropped(series: pl.Series, code: str, why: str, why_zh: str, **facts: Any) -> ReadColumn:
    did, did_zh = _DID["dropped"]
    column = Column(series.name, "dropped", did, why, did_zh, why_zh, missing=series.null_count())
    return ReadColumn(column, None, (note(code, [series.name], why=why, why_zh=why_zh, **facts),))


def id_reason(name: str, values: pl.Series) -> tuple[str, str] | None:
    """Why a number column is an identifier, in two languages; None when it is not.

    Whole numbers, all different, none missing, that either count the rows (1, 2, 3, …) or are called an id. Years that count
    up are spared: they don't start at 0 or 1.
    """
    cells = values.to_numpy()
    if values.null_count() or len(cells) < 3 or not np.array_equal(cells, np.floor(cells)):
        return None
    if len(np.unique(cells)) < len(cells):
        return None
    counts = cells[0] in (0.0, 1.0) and bool((np.diff(cells) == 1).all())
    if counts:
        return _COUNTER
    if _ID_NAME.search(name) or _ID_CAMEL.search(name):
        return "unique, called an id", "互不相同且名为编号"
    return None


def is_counter(column: Column) -> bool:
    """Whether a column was left out because it counts the rows, and is not called an id either."""
    is_called_id = _ID_NAME.search(column.name) or _ID_CAMEL.search(column.name)
    return column.kind == "dropped" and column.why == _COUNTER[0] and not is_called_id
