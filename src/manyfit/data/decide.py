"""Every column of a table, decided one after the other, all problems reported together."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, cast

import polars as pl

from manyfit.data.cells import cast_column
from manyfit.data.columns import Column, Kind, is_counter, read_column
from manyfit.data.notes import Note, note
from manyfit.errors import DataError, Problem
from manyfit.text import Text


def decide_columns(
    frame: pl.DataFrame,
    n_train: int,
    drop: Sequence[str],
    keep: Sequence[str] | bool,
    kinds: Mapping[str, str],
    time: Any,
) -> tuple[list[Column], list[pl.Series], list[Note]]:
    """Decide every column from the first `n_train` rows and read the rows below (a test table) the same way."""
    found = _decide(frame, n_train, drop, keep, kinds, time)
    counters = [column.name for column in found[0] if is_counter(column)]
    if found[1] or not counters:
        return found
    # what would be left out as a number of the row is all there is: then it is what the target is to be predicted from
    columns, series, notes = _decide(frame, n_train, drop, counters, kinds, time)
    return columns, series, [*notes, note("counter", counters)]


def _decide(
    frame: pl.DataFrame,
    n_train: int,
    drop: Sequence[str],
    keep: Sequence[str] | bool,
    kinds: Mapping[str, str],
    time: Any,
) -> tuple[list[Column], list[pl.Series], list[Note]]:
    columns: list[Column] = []
    series: list[pl.Series] = []
    notes: list[Note] = []
    problems: list[Problem] = []
    time_name = time if isinstance(time, str) else None
    for name in frame.columns:
        if name in drop:
            columns.append(Column(name, "dropped", "left out", "asked for", "略去", "按要求"))
            continue
        is_kept = keep if isinstance(keep, bool) else name in keep
        try:
            read = read_column(
                frame[name].head(n_train), forced=cast(Kind | None, kinds.get(name)), keep=is_kept
            )
        except DataError as error:
            problems += error.problems
            continue
        column = read.column
        if name == time_name and column.kind != "date":
            column = dataclasses.replace(
                column,
                kind="dropped",
                did="orders the rows",
                why="time column",
                did_zh="排列行",
                why_zh="时间列",
            )
            read = read._replace(column=column, values=None, notes=(note("time_column", [name]),))
        elif name == time_name:
            read = read._replace(column=dataclasses.replace(column, is_time=True))
        columns.append(read.column)
        notes += read.notes
        values = read.values
        if values is not None:
            if n_train < frame.height:
                values = values.append(
                    cast_column(frame[name].tail(frame.height - n_train), read.column).values
                )
            series.append(values)
    if problems:
        raise DataError(problems, scope=Text("the columns", "各列"))
    return columns, series, merged(notes)


def merged(notes: list[Note]) -> list[Note]:
    """One note in place of several that say the same of different columns."""
    groups: dict[tuple[str, str], list[Note]] = {}
    for item in notes:
        plain = item.code in ("constant", "empty_column", "nested")
        groups.setdefault((item.code, "" if plain else item.text), []).append(item)
    result = []
    for (code, _), items in groups.items():
        names = [column for item in items for column in item.columns]
        result.append(items[0] if len(items) == 1 else note(code, names))
    return result


def no_columns(name: str, columns: Sequence[Column]) -> Problem:
    """What to say when no column is left to predict from."""
    why = "; ".join(f"{column.name}: {column.why}" for column in columns[:6])
    why_zh = "；".join(f"{column.name}：{column.why_zh}" for column in columns[:6])
    hint = Text(
        "It holds the target alone; add columns to predict from.", "里面只有目标；请加上可用来预测的列。"
    )
    if columns:
        hint = Text(
            f"Dropped were {why}. Keep one with keep= (--keep).", f"去掉了 {why_zh}。可用 keep=（--keep）保留。"
        )
    return Problem(name, Text("has no usable column", "没有可用的列"), hint=hint)
