"""One call from a file, a DataFrame or arrays to a data set: the roles of the columns, the rows that count, and what to know."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from manyfit.data.checks import can_tell_rows_apart, check_shape, check_target, find_leaks, row_blocks
from manyfit.data.columns import KINDS, Column, cast_column, read_column
from manyfit.data.csvtext import looks_like_values
from manyfit.data.dataset import Dataset
from manyfit.data.notes import Note, note
from manyfit.data.roles import class_weights_of, group_of, role_series, time_of, weights_of
from manyfit.data.split import holdout
from manyfit.data.table import Table, read
from manyfit.data.target import read_target
from manyfit.errors import DataError, Problem, did_you_mean

MIN_ROWS = 10


def load(
    source: Any,
    target: Any = None,
    *,
    task: str | None = None,
    drop: Sequence[str] | str = (),
    keep: Sequence[str] | str | bool = (),
    kinds: Mapping[str, str] | None = None,
    weights: Any = None,
    class_weights: Any = None,
    group: Any = None,
    time: Any = None,
    test: Any = None,
    duplicates: Literal["auto", "together", "apart", "drop"] = "auto",
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool = True,
    name: str | None = None,
    seed: int = 0,
    leaks: bool = True,
    min_rows: int = MIN_ROWS,
) -> Dataset:
    """Read a table and settle what each column is, what is predicted, and which rows count.

    Args:
        source: A path (CSV, TSV, Parquet, Arrow, Feather; also compressed), "-" for standard input, the name of an embedded
            example, any DataFrame, arrays `(X, y)`, a torch data set, or an open file.
        target: Name of the column to be predicted, or its values. May be left out where the source says it.
        task: "regression", "binary", "multiclass" or "classification"; None finds it out.
        drop: Columns to be left out.
        keep: Columns to be used though they look like identifiers, constants or free text; True keeps all.
        kinds: Kind of a column where the guess is wrong: "number", "category", "boolean" or "date".
        weights: Column or [N] array of row weights, ≥ 0; they count in training and in scores.
        class_weights: "balanced", or a weight for each class; they count in training only.
        group: Column or [N] array; rows of one group are never parted by a split.
        time: Column or [N] array; the latest rows are held out, and folds follow one another.
        test: A second table whose rows are the test rows; None locks 20 % of the rows.
        duplicates: What to do with rows that repeat another: "together" on one side of every split, "apart" wherever chance puts
            them, "drop"; "auto" keeps them together unless the table is so coarse that equal rows are no copies.
        encoding: Encoding of a text file; None finds it out.
        delimiter: Character between the fields of a text file; None finds it out.
        header: False when the first line of a text file holds values.
        name: What to call the data set; None takes the name of the file.
        seed: The seed the rows will be split by; the check for leaks looks at the development rows of that split only.
        leaks: False skips the check for columns that predict the target alone (about a second on a wide table).
        min_rows: Fewer rows than this are refused.

    Returns:
        The data set. Its `notes` say what was found and done, `columns` what became of each column.

    Raises:
        DataError: If it can't be read or used; the message names file, row, column and remedy, all problems at once.

    Example:
        >>> load("iris")
        Dataset('iris', 150 rows, 4 number → 'species': multiclass of 3)
    """
    options = {"encoding": encoding, "delimiter": delimiter, "header": header}
    pair = target is not None and not isinstance(target, str)
    table = read((source, target) if pair else source, **options)
    name = name or table.name
    target_name = target if isinstance(target, str) else table.target
    drop, keep = _names(drop), keep if isinstance(keep, bool) else _names(keep)
    kinds = dict(kinds or {})
    if (
        isinstance(target, str)
        and table.target
        and target != table.target
        and target not in table.frame.columns
        and not table.task
    ):
        table = dataclasses.replace(
            table, frame=table.frame.rename({table.target: target})
        )  # arrays come without a name
    roles = {
        role: value
        for role, value in (("weights", weights), ("group", group), ("time", time))
        if value is not None
    }
    _check_names(table, target_name, drop, keep, kinds, roles, duplicates)
    assert target_name is not None

    frame, n_train, test_notes = table.frame, table.frame.height, ()
    if test is not None:
        frame, test_notes = _append(frame, read(test, **options), target_name, roles, name)
    read_y = read_target(
        frame[target_name], task or (table.task if target_name == table.target else None), name
    )
    rows = np.flatnonzero(read_y.has_value)
    if len(rows) < min_rows:
        got = f"{len(rows)} of {frame.height} with a target" if len(rows) < frame.height else str(len(rows))
        raise DataError(
            Problem(
                name, f"must have at least {min_rows} rows", got, hint="Below that nothing can be tested."
            )
        )

    role_columns = {role: role_series(role, value, frame, name) for role, value in roles.items()}
    frame = frame[rows] if len(rows) < frame.height else frame
    role_columns = {
        role: series[rows] if len(series) > len(rows) else series for role, series in role_columns.items()
    }
    y = read_y.y[rows]
    left_out = {
        target_name,
        *(value for role, value in roles.items() if isinstance(value, str) and role != "time"),
    }
    n_train = int(np.searchsorted(rows, n_train))  # of the rows with a target
    columns, series, notes = _read_columns(frame, n_train, left_out, drop, keep, kinds, roles.get("time"))
    if not series:
        raise DataError(_no_columns(name, columns))
    used = pl.DataFrame(series)
    test_rows = None if test is None else np.arange(n_train, len(rows))
    if test_rows is not None and not (len(test_rows) > 0 and n_train >= min_rows):
        got = f"{n_train} and {len(test_rows)}"
        raise DataError(
            Problem(name, f"and its test table must have {min_rows} and 1 rows with a target", got)
        )
    goal = read_y.target
    arrays = {
        "weights": weights_of(role_columns.get("weights"), name),
        "group": group_of(role_columns.get("group")),
        "time": time_of(role_columns.get("time"), name),
        "test_rows": test_rows,
    }
    kept, block, more = _settle_duplicates(used, y, columns, arrays, duplicates)
    if kept is not None:
        used, y = used[kept], y[kept]
        arrays = {
            role: None if array is None else array[kept]
            for role, array in arrays.items()
            if role != "test_rows"
        }
        arrays["test_rows"] = None if test_rows is None else np.flatnonzero(np.isin(kept, test_rows))
        block = None if block is None else block[kept]
        if len(y) < min_rows:
            raise DataError(Problem(name, f"must have at least {min_rows} different rows", str(len(y))))
    in_use = [column for column in columns if column.kind != "dropped"]
    data = Dataset(
        name=name,
        frame=used,
        y=y,
        target=goal,
        columns=tuple(columns),
        class_weights=class_weights_of(class_weights, y, goal),
        block=block if block is not None else arrays["group"],
        **arrays,
    )
    notes = [
        *table.notes,
        *test_notes,
        *read_y.notes,
        *notes,
        *more,
        *check_target(y, goal),
        *check_shape(len(y), in_use),
    ]
    if leaks:
        notes += find_leaks(used, y, goal, in_use, holdout(data, seed).development)
    return dataclasses.replace(data, notes=tuple(notes))


def _names(names: Sequence[str] | str) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(str(name) for name in names)


def _check_names(
    table: Table,
    target: str | None,
    drop: Sequence[str],
    keep: Sequence[str] | bool,
    kinds: Mapping[str, str],
    roles: Mapping[str, Any],
    duplicates: str,
) -> None:
    """Refuse names of columns that are not there and roles that contradict each other, all at once."""
    known = table.frame.columns
    problems: list[Problem] = []
    if target is None:
        hint = f"Name it: target=… (--target …). Columns: {', '.join(known[:30])}{' …' if len(known) > 30 else ''}."
        problems.append(Problem(table.name, "does not say what is to be predicted", hint=hint))
    named = [("target", target)] if target is not None else []
    named += [("drop", name) for name in drop] + [("kinds", name) for name in kinds]
    named += [("keep", name) for name in keep] if not isinstance(keep, bool) else []
    named += [(role, name) for role, name in roles.items() if isinstance(name, str)]
    for role, column in named:
        if column not in known:
            hint = did_you_mean(column, known)
            if looks_like_values(known):
                hint += " The first line looks like values: without a header pass header=False (--no-header)."
            problems.append(Problem(f"{role} {column!r}", f"is no column of {table.name}", hint=hint))
    for column, kind in kinds.items():
        if kind not in KINDS:
            problems.append(Problem(f"kind of {column!r}", f"must be one of {', '.join(KINDS)}", repr(kind)))
    for role, column in [("drop", name) for name in drop] + list(roles.items()):
        if isinstance(column, str) and column == target:
            problems.append(Problem(f"{role} {column!r}", "can't be the target as well"))
    if "group" in roles and "time" in roles:
        hint = "With time the latest rows are held out; with group whole groups are."
        problems.append(Problem("group and time", "can't be combined", hint=hint))
    if duplicates not in ("auto", "together", "apart", "drop"):
        problems.append(Problem("duplicates", "must be one of auto, together, apart, drop", repr(duplicates)))
    if problems:
        raise DataError(problems, scope=table.name)


def _append(
    frame: pl.DataFrame, test: Table, target: str, roles: Mapping[str, Any], name: str
) -> tuple[pl.DataFrame, tuple[Note, ...]]:
    """Put the rows of a test table below the others, column by column of the same name."""
    given = [role for role, value in roles.items() if not isinstance(value, str)]
    if given:
        raise DataError(Problem(", ".join(given), "must be the name of a column when a test table is given"))
    needed = [target, *roles.values()]
    problems = [
        Problem(
            f"column {column!r}",
            f"is not in the test table {test.name}",
            hint=did_you_mean(column, test.frame.columns),
        )
        for column in needed
        if column not in test.frame.columns
    ]
    if problems:
        raise DataError(problems, scope=test.name)
    absent = [column for column in frame.columns if column not in test.frame.columns]
    extra = [column for column in test.frame.columns if column not in frame.columns]
    notes = [*test.notes]
    if absent:
        notes.append(note("absent", absent))
    if extra:
        notes.append(note("ignored", extra))
    below = test.frame.select(
        [pl.col(c) if c not in absent else pl.lit(None).alias(c) for c in frame.columns]
    )
    upper, lower = [], []
    for column in frame.columns:
        a, b = frame[column], below[column]
        if (
            a.dtype != b.dtype
            and not (a.dtype.is_numeric() and b.dtype.is_numeric())
            and pl.Null not in (a.dtype, b.dtype)
        ):
            nested = a.dtype.is_nested() or b.dtype.is_nested()
            a, b = (
                (pl.Series(column, [None] * len(s), dtype=pl.String) for s in (a, b))
                if nested
                else (a.cast(pl.String), b.cast(pl.String))
            )
        upper.append(a)
        lower.append(b)
    return pl.concat([pl.DataFrame(upper), pl.DataFrame(lower)], how="vertical_relaxed"), tuple(notes)


def _read_columns(
    frame: pl.DataFrame,
    n_train: int,
    left_out: set[str],
    drop: Sequence[str],
    keep: Sequence[str] | bool,
    kinds: Mapping[str, str],
    time: Any,
) -> tuple[list[Column], list[pl.Series], list[Note]]:
    """Decide every column from the first `n_train` rows and read the rows below (a test table) the same way."""
    columns: list[Column] = []
    series: list[pl.Series] = []
    notes: list[Note] = []
    problems: list[Problem] = []
    for name in frame.columns:
        if name in left_out:
            continue
        if name in drop:
            columns.append(Column(name, "dropped", "left out", "asked for", "略去", "按要求"))
            continue
        is_kept = keep if isinstance(keep, bool) else name in keep
        try:
            read = read_column(frame[name].head(n_train), forced=kinds.get(name), keep=is_kept)
        except DataError as error:
            problems += error.problems
            continue
        column = read.column
        if name == time and column.kind != "date":
            column = dataclasses.replace(
                column,
                kind="dropped",
                did="orders the rows",
                why="time column",
                did_zh="排列行",
                why_zh="时间列",
            )
            read = read._replace(column=column, values=None, notes=(note("time_column", [name]),))
        elif name == time:
            read = read._replace(column=dataclasses.replace(column, is_time=True))
        columns.append(read.column)
        notes += read.notes
        if read.values is not None:
            below = cast_column(frame[name].tail(frame.height - n_train), read.column).values
            series.append(read.values.append(below) if len(below) else read.values)
    if problems:
        raise DataError(problems, scope="the columns")
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


def _no_columns(name: str, columns: Sequence[Column]) -> Problem:
    why = "; ".join(f"{column.name}: {column.why}" for column in columns[:6])
    hint = (
        f"Dropped were {why}. Keep one with keep= (--keep)."
        if columns
        else "It holds the target alone; add columns to predict from."
    )
    return Problem(name, "has no usable column", hint=hint)


def _settle_duplicates(
    frame: pl.DataFrame,
    y: np.ndarray,
    columns: Sequence[Column],
    arrays: Mapping[str, np.ndarray | None],
    choice: str,
) -> tuple[np.ndarray | None, np.ndarray | None, list[Note]]:
    """Rows to keep (None: all), the blocks that hold copies together (None: none), and what there is to say."""
    block = row_blocks(frame, y)
    n_different = int(block.max()) + 1
    count = len(y) - n_different
    if count == 0:
        return None, None, []
    if choice == "drop":
        _, kept = np.unique(block, return_index=True)
        return np.sort(kept), None, [note("duplicates_dropped", count=count)]
    is_coarse = count > 0.1 * len(y) and not can_tell_rows_apart(
        [c for c in columns if c.kind != "dropped"], n_different
    )
    if choice == "apart" or (choice == "auto" and is_coarse):
        return None, None, [note("coarse", count=count, rows=len(y))]
    if arrays["group"] is not None or arrays["time"] is not None or arrays["test_rows"] is not None:
        return (
            None,
            None,
            [note("coarse", count=count, rows=len(y))],
        )  # groups, time or the test file decide already
    return None, block, [note("duplicates", count=count)]
