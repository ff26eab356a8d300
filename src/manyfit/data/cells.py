"""Cells of any type, read as the kind that a column is known to have."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from manyfit.data.dates import COMPACT, naive, parse, read_dates
from manyfit.data.numeric import STYLES, read_numbers, tidy

if TYPE_CHECKING:
    from manyfit.data.columns import Column

HUGE = 1e100
"""Numbers beyond this are read as infinite: their squares and sums could not be held."""


class CastColumn(NamedTuple):
    """New cells in the kind of a known column: the values, how many could not be read, and some of these."""

    values: pl.Series
    n_unreadable: int = 0
    unreadable: tuple[str, ...] = ()


def finite(values: pl.Series) -> tuple[pl.Series, int]:
    """Float64 with null in place of NaN and infinity, and how many were infinite. Larger than `HUGE` counts as such.

    What is smaller than one part in `HUGE` becomes 0: a step between two such numbers has no inverse.
    """
    # NumPy: a call of polars costs a tenth of a millisecond, which thousands of columns would feel
    cells = values.cast(pl.Float64, strict=False).to_numpy()
    with np.errstate(invalid="ignore"):
        size = np.abs(cells)
        is_infinite, is_nothing = size > HUGE, (size < 1 / HUGE) & (size > 0)
    n_infinite = int(is_infinite.sum())
    if n_infinite or is_nothing.any():
        cells = np.where(is_infinite, np.nan, np.where(is_nothing, 0.0, cells))
    return pl.Series(values.name, cells, nan_to_null=True), n_infinite


def is_text(series: pl.Series) -> bool:
    """Whether a column holds text, plain or by codes."""
    return series.dtype in (pl.String, pl.Categorical, pl.Enum) or isinstance(series.dtype, pl.Enum)


def as_text(series: pl.Series) -> pl.Series:
    """Cells as the text that names a category: 3.0 and 3 are one, blanks around text are nothing, true is "true".

    Example:
        >>> as_text(pl.Series([3.0, 2.5, None])).to_list()
        ['3', '2.5', None]
    """
    if is_text(series):
        return tidy(series)
    if series.dtype.is_float() or series.dtype.is_decimal():
        values = series.cast(pl.Float64).fill_nan(None)
        is_whole = ((values == values.floor()) & (values.abs() < 2.0**53)).fill_null(False)
        return values.cast(pl.Int64, strict=False).cast(pl.String).zip_with(is_whole, values.cast(pl.String))
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object, pl.Null):
        return pl.Series(series.name, [None] * len(series), dtype=pl.String)
    return series.cast(pl.String)


_TRUE = ("true", "t", "yes", "y", "1", "1.0", "是")
_FALSE = ("false", "f", "no", "n", "0", "0.0", "否")


def cast_column(series: pl.Series, column: Column) -> CastColumn:
    """Read new cells as a known column, whatever type they come in.

    Args:
        series: New cells, shape (N,).
        column: What was decided about this column when the model was trained.

    Returns:
        Values in the column's kind; cells that can't be read are null and counted.
    """
    if series.dtype == pl.Null or series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        cells = pl.Series(column.name, [None] * len(series), dtype=pl.String)
        return CastColumn(
            _CASTS[column.kind](cells, column).alias(column.name), len(series) - series.null_count()
        )
    given = tidy(series) if is_text(series) else series
    values = _CASTS[column.kind](given, column).alias(column.name)
    if given.dtype.is_float():
        given = given.fill_nan(None)
    lost = values.is_null() & given.is_not_null()
    n_lost = int(lost.sum())
    examples = tuple(str(cell) for cell in given.filter(lost).head(3).to_list()) if n_lost else ()
    return CastColumn(values, n_lost, examples)


def _cast_number(cells: pl.Series, column: Column) -> pl.Series:
    if cells.dtype == pl.Boolean or cells.dtype.is_numeric():
        return finite(cells.cast(pl.Float64))[0]
    if cells.dtype == pl.Duration:
        return cells.dt.total_seconds(fractional=True)
    if cells.dtype != pl.String:
        return pl.Series([None] * len(cells), dtype=pl.Float64)
    style = column.style if column.style in STYLES else None
    values = read_numbers(cells, style).values
    if values.null_count() > cells.null_count() and style:
        values = read_numbers(cells).values
    return finite(values)[0]


def _cast_boolean(cells: pl.Series, column: Column) -> pl.Series:
    if cells.dtype == pl.Boolean:
        return cells
    text = as_text(cells).str.to_lowercase()
    yes, no = text.is_in(_TRUE), text.is_in(_FALSE)
    return yes.zip_with(
        (yes | no).fill_null(False), pl.Series([None], dtype=pl.Boolean).new_from_index(0, len(cells))
    )


def _cast_date(cells: pl.Series, column: Column) -> pl.Series:
    if cells.dtype.is_temporal() and cells.dtype != pl.Duration:
        return naive(cells)
    if cells.dtype.is_numeric() and column.style == COMPACT:
        cells = as_text(cells)
    if cells.dtype != pl.String:
        return pl.Series([None] * len(cells), dtype=pl.Datetime("us"))
    known = parse(cells, column.style) if column.style else None
    if known is not None and known.null_count() == cells.null_count():
        return known
    other = read_dates(cells)
    if other is not None:
        return other.values
    return known if known is not None else pl.Series([None] * len(cells), dtype=pl.Datetime("us"))


_CASTS = {
    "number": _cast_number,
    "boolean": _cast_boolean,
    "category": lambda cells, column: as_text(cells),
    "date": _cast_date,
}
