"""Dates: recognised in text, and taken apart into numbers that a network can use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%d %H:%M:%S%.f%:z",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %I:%M:%S %p",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%Y年%m月%d日",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y.%m.%d",
    "%b-%d-%Y",
    "%b %d %Y",
    "%Y%m%d",
    "%Y-%m",
    "%Y/%m",
    "%Y年%m月",
    "%b-%Y",
    "%b %Y",
    "%YQ%q",
)
"""Formats that are tried, in this order. Where day and month can't be told apart, the month is taken first and a note says so."""

COMPACT = "%Y%m%d"
"""The one format that a CSV reader takes for whole numbers."""
PARTS = ("elapsed", "year", "month", "day", "weekday", "yearday", "hour")
CYCLES = {"month": 12.0, "day": 31.0, "weekday": 7.0, "yearday": 365.25, "hour": 24.0}
"""Parts that come round again, with their period: each becomes a sine and a cosine, so that December lies beside January."""

_SWAPPED = {"%m/%d": "%d/%m", "%d/%m": "%m/%d", "%d-%m": "%m-%d", "%m-%d": "%d-%m"}
_DIGIT = r"\d"


class ReadDates(NamedTuple):
    """Text read as dates.

    values: Datetime in microseconds without a time zone.
    format: The format that read every cell.
    is_ambiguous: True when day and month could be swapped in every cell.
    """

    values: pl.Series
    format: str
    is_ambiguous: bool


def read_dates(text: pl.Series) -> ReadDates | None:
    """Read tidy text as dates, when one format reads every cell.

    Args:
        text: String column without blanks around the cells, shape (N,), null where missing.

    Returns:
        The dates, or None when the column holds something else.

    Example:
        >>> read_dates(pl.Series(["2024-02-29", None])).format
        '%Y-%m-%d'
    """
    cells = text.drop_nulls()
    # a glance at a few cells spares most text columns the thirty attempts
    sample = cells.head(20)
    if len(sample) == 0 or not sample.str.contains(_DIGIT).all() or (sample.str.len_chars() < 6).any():
        return None
    for form in FORMATS:
        if parse(sample, form).null_count():
            continue
        values = parse(text, form)
        is_dated = bool((values.dt.year() >= 1000).all())  # "Apr 1974" is no 19 April of the year 74
        if is_dated and values.null_count() == text.null_count():
            return ReadDates(values, form, _can_swap(text, form))
    return None


def parse(text: pl.Series, form: str) -> pl.Series:
    """Text in one format as naive datetimes (UTC where a zone is written); null where it does not fit."""
    if form == COMPACT:
        text = text.zip_with(text.str.contains(r"^(19|20)\d{6}$").fill_null(False), _nulls(text))
    elif form == "%YQ%q":
        parts = text.str.extract_groups(r"^(\d{4})[ -]?Q([1-4])$").struct.unnest()
        month = (parts.to_series(1).cast(pl.Int64) * 3 - 2).cast(pl.String).str.zfill(2)
        text, form = parts.to_series(0) + "-" + month + "-01", "%Y-%m-%d"
    elif "%d" not in form:  # a month without a day is its first
        text, form = "1 " + text, "%d " + form
    has_zone = "%:z" in form
    if "%H" in form or "%I" in form:
        values = text.str.to_datetime(
            form, strict=False, time_unit="us", time_zone="UTC" if has_zone else None
        )
        return values.dt.replace_time_zone(None) if has_zone else values
    return text.str.to_date(form, strict=False).cast(pl.Datetime("us"))


def read_compact(values: pl.Series) -> pl.Series | None:
    """Whole numbers like 20240131 as dates, when every one is a day of the calendar; None otherwise.

    One number in thirty between 1900 and 2099 is such a day by chance, so ten different ones are no accident.
    """
    known = values.drop_nulls().to_numpy()
    if len(known) == 0 or known.min() < 19_000_101 or known.max() > 20_991_231:
        return None
    if len(np.unique(known)) < 10 or not np.array_equal(known, np.floor(known)):
        return None
    dates = parse(values.cast(pl.Int64).cast(pl.String), COMPACT)
    return dates if dates.null_count() == values.null_count() else None


def _nulls(text: pl.Series) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, len(text))


def _can_swap(text: pl.Series, form: str) -> bool:
    for pair, swapped in _SWAPPED.items():
        if form.startswith(pair) and not form.startswith("%Y"):
            return parse(text, form.replace(pair, swapped)).null_count() == text.null_count()
    return False


def naive(series: pl.Series) -> pl.Series:
    """A Date, Datetime or Time column as naive datetimes in microseconds; zones are taken to UTC."""
    if series.dtype == pl.Time:
        return pl.Series(series.name, series.cast(pl.Int64) // 1000).cast(pl.Datetime("us"))
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone:
        series = series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return series.cast(pl.Datetime("us"))


def expand(series: pl.Series, parts: Sequence[str] = PARTS) -> dict[str, np.ndarray]:
    """Take dates apart into numbers.

    "elapsed" counts days since 2000-01-01, so that a fitted transform needs no reference of its own.

    Args:
        series: Naive datetimes, shape (N,).
        parts: Which of `PARTS` to make; a cyclic part makes two.

    Returns:
        Arrays of shape (N,), float64, NaN where the date is missing, by name ("month.sin").
    """
    made: dict[str, np.ndarray] = {}
    for part in parts:
        values = _PART[part](series).cast(pl.Float64).to_numpy()
        if part in CYCLES:
            angle = 2 * np.pi * values / CYCLES[part]
            made[f"{part}.sin"], made[f"{part}.cos"] = np.sin(angle), np.cos(angle)
        else:
            made[part] = values
    return made


_DAY_US = 86_400_000_000
_EPOCH_2000_DAYS = 10_957  # days from 1970-01-01 to 2000-01-01
_PART = {
    "elapsed": lambda s: s.cast(pl.Int64).cast(pl.Float64) / _DAY_US - _EPOCH_2000_DAYS,
    "year": lambda s: s.dt.year(),
    "month": lambda s: s.dt.month(),
    "day": lambda s: s.dt.day(),
    "weekday": lambda s: s.dt.weekday(),
    "yearday": lambda s: s.dt.ordinal_day(),
    "hour": lambda s: s.dt.hour().cast(pl.Float64) + s.dt.minute().cast(pl.Float64) / 60,
}
