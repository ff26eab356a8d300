"""Numbers written as text: with blanks around them, thousands separators, currency and percent signs, or a decimal comma."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

STYLES = ("plain", "marked", "comma")

MISSING_WORDS = ("", "na", "n/a", "nan", "null", "none", "?", "#n/a", "<na>", "#value!", "nil")
"""Cells that mean "no value", compared without case and blanks around them."""

_GLANCE = 1_000  # cells at which a column is looked before all of it is read
_SIGNS = r"[\s\u00a0_$€£¥￥%,]"
_MARKED = r"^[+-]?\s*[$€£¥￥]?\s*[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d*)?([eE][+-]?\d+)?\s*[%€£¥￥$]?$"
_COMMA = r"^[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$"


class ReadNumbers(NamedTuple):
    """Text read as numbers: the values, how they were written, and the cells that are no numbers.

    values: Float64, null where the cell is missing or no number.
    style: "plain", "marked" (1,200 · $3 · 12 %) or "comma" (3,14).
    others: Distinct cells that are no numbers.
    n_others: How many cells these are.
    """

    values: pl.Series
    style: str
    others: list[str]
    n_others: int


def tidy(series: pl.Series) -> pl.Series:
    """Text without blanks around it, and null where a cell says that it has no value."""
    text = series.cast(pl.String).str.strip_chars()
    # most columns have few long cells: looking at the length first keeps the comparison cheap
    is_missing = (text.str.len_bytes() <= 8) & text.str.to_lowercase().is_in(MISSING_WORDS)
    return text.zip_with(
        ~is_missing.fill_null(True), pl.Series([None], dtype=pl.String).new_from_index(0, len(text))
    )


def read_numbers(text: pl.Series, style: str | None = None) -> ReadNumbers:
    """Read tidy text as numbers, in the style that reads most cells.

    Args:
        text: String column as `tidy` leaves it, shape (N,).
        style: The style to use; None tries all three.

    Returns:
        The values and what could not be read.

    Example:
        >>> read_numbers(pl.Series(["1,200", "$3", None])).values.to_list()
        [1200.0, 3.0, None]
    """
    n_cells = len(text) - text.null_count()
    best: ReadNumbers | None = None
    for tried in (style,) if style else STYLES:
        values = _cast(text, tried)
        n_others = n_cells - (len(values) - values.null_count())
        if best is None or n_others < best.n_others:
            best = ReadNumbers(values, tried, [], n_others)
        if n_others == 0:
            break
    assert best is not None
    if best.n_others:
        others = text.filter(best.values.is_null() & text.is_not_null()).unique(maintain_order=True).to_list()
        best = best._replace(others=others)
    return best


def may_be_numbers(text: pl.Series, most_others: int) -> bool:
    """Whether a glance at the first cells leaves it open that these are numbers with at most so many other words among them.

    Example:
        >>> may_be_numbers(pl.Series(["1", "n/k", "2"]), 1), may_be_numbers(pl.Series(["a", "b", "c"]), 2)
        (True, False)
    """
    sample = text.drop_nulls().head(_GLANCE).unique()
    return any(_cast(sample, style).null_count() <= most_others for style in STYLES)


def _cast(text: pl.Series, style: str) -> pl.Series:
    if style == "marked":
        text = text.zip_with(text.str.contains(_MARKED).fill_null(False), _nulls(text)).str.replace_all(
            _SIGNS, ""
        )
    elif style == "comma":
        text = text.zip_with(text.str.contains(_COMMA).fill_null(False), _nulls(text))
        text = text.str.replace_all(".", "", literal=True).str.replace_all(",", ".", literal=True)
    return text.cast(pl.Float64, strict=False).fill_nan(None)


def _nulls(text: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, len(text))
