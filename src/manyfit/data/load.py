"""One call from a file, a DataFrame or arrays to a data set: the roles of the columns, the rows that count, and what to know."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import polars as pl

from manyfit.data.checks import check_shape, check_target, find_leaks
from manyfit.data.columns import KINDS
from manyfit.data.copies import CHOICES, settle_copies
from manyfit.data.csvtext import NO_HEADER, looks_like_values
from manyfit.data.dataset import Dataset
from manyfit.data.decide import decide_columns, no_columns
from manyfit.data.roles import class_weights_of, group_of, role_series, time_of, weights_of
from manyfit.data.split import holdout
from manyfit.data.table import Table, read
from manyfit.data.target import read_target
from manyfit.data.testtable import append_test
from manyfit.errors import DataError, Problem, did_you_mean
from manyfit.text import Text, text_of

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
        duplicates: What to do with rows that repeat another in every column used: "together" on one side of every split, "apart"
            wherever chance puts them, "drop"; "auto" keeps them together unless the table is so coarse that equal rows are no
            copies.
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
    if target_name and table.target and target_name != table.target and table.task is None:
        table = _rename_target(table, target_name)
    if time is None and group is None:
        time = table.time
    given = {"weights": weights, "group": group, "time": time}
    roles = {role: value for role, value in given.items() if value is not None}
    _check_names(table, target_name, drop, keep, kinds, roles, duplicates)
    assert target_name is not None

    frame, n_train, notes = table.frame, table.frame.height, [*table.notes]
    if test is not None:
        frame, more = append_test(frame, read(test, **options), target_name, roles)
        notes += more
    goal = read_target(
        frame[target_name], task or (table.task if target_name == table.target else None), name
    )
    rows = np.flatnonzero(goal.has_value)
    n_train = int(np.searchsorted(rows, n_train))  # from here on rows without a target don't count
    _refuse_few(n_train, len(rows) - n_train if test is not None else None, min_rows, frame.height, name)
    cells = {role: role_series(role, value, frame, name)[rows] for role, value in roles.items()}

    named = {value for role, value in roles.items() if isinstance(value, str) and role != "time"}
    frame = frame.drop(target_name, *named)
    frame = frame[rows] if len(rows) < frame.height else frame
    columns, series, more = decide_columns(frame, n_train, drop, keep, kinds, roles.get("time"))
    if not series:
        raise DataError(no_columns(name, columns))
    y = goal.y[rows]
    data = Dataset(
        name=name,
        frame=pl.DataFrame(series),
        y=y,
        target=goal.target,
        columns=tuple(columns),
        weights=weights_of(cells.get("weights"), name),
        class_weights=class_weights_of(class_weights, y, goal.target),
        group=group_of(cells.get("group")),
        time=time_of(cells.get("time"), name),
        test_rows=None if test is None else np.arange(n_train, len(rows)),
        notes=(*notes, *goal.notes, *more),
    )
    data = settle_copies(data, duplicates)
    _refuse_few(data.n_rows, None, min_rows, len(rows), name)
    data = data.noting(*check_target(data), *check_shape(data))
    return data.noting(*find_leaks(data, holdout(data, seed).development)) if leaks else data


def _rename_target(table: Table, name: str) -> Table:
    """Arrays come without a name of their own: the target takes the one that was given."""
    assert table.target is not None
    if name in table.frame.columns:
        hint = Text("Give the values of the target another name.", "请给目标值换一个名字。")
        rule = Text("is the name of a column of X already", "已经是 X 中一列的名字")
        raise DataError(Problem(_role("target", name), rule, hint=hint))
    return dataclasses.replace(table, frame=table.frame.rename({table.target: name}), target=name)


def _refuse_few(n_train: int, n_test: int | None, least: int, n_given: int, name: str) -> None:
    if n_train < least:
        got = text_of(str(n_train))
        if n_train < n_given and n_test is None:
            got = Text(f"{n_train} of {n_given} with a target", f"{n_given} 行中只有 {n_train} 行有目标值")
        hint = Text("With fewer nothing can be tested.", "再少就什么也检验不了。")
        rule = Text(f"must have at least {least} rows", f"至少要有 {least} 行")
        raise DataError(Problem(name, rule, got, hint=hint))
    if n_test == 0:
        rule = Text("has no row with a target", "没有一行有目标值")
        raise DataError(Problem(Text("the test table", "测试表"), rule))


_ROLES_ZH = {"target": "目标", "weights": "权重", "group": "分组", "time": "时间"}


def _role(role: str, column: str) -> Text:
    return Text(f"{role} {column!r}", f"{_ROLES_ZH.get(role, role)} {column!r}")


def _one_of(choices: Sequence[str]) -> Text:
    return Text(f"must be one of {', '.join(choices)}", f"必须是 {'、'.join(choices)} 之一")


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
        names = ", ".join(known[:30]) + (" …" if len(known) > 30 else "")
        hint = Text(
            f"Name it: target=… (--target …). Columns: {names}.", f"请指明：target=…（--target …）。各列：{names}。"
        )
        rule = Text("does not say what is to be predicted", "没有说明要预测什么")
        problems.append(Problem(table.name, rule, hint=hint))
    named = [("target", target)] if target is not None else []
    named += [("drop", name) for name in drop] + [("kinds", name) for name in kinds]
    named += [("keep", name) for name in keep] if not isinstance(keep, bool) else []
    named += [(role, name) for role, name in roles.items() if isinstance(name, str)]
    for role, column in named:
        if column not in known:
            hint = did_you_mean(column, known)
            if looks_like_values(known):
                hint += NO_HEADER
            rule = Text(f"is no column of {table.name}", f"不是 {table.name} 的列")
            problems.append(Problem(_role(role, column), rule, hint=hint))
    for column, kind in kinds.items():
        if kind not in KINDS:
            where = Text(f"kind of {column!r}", f"{column!r} 的种类")
            problems.append(Problem(where, _one_of(KINDS), repr(kind)))
    for role, column in [("drop", name) for name in drop] + list(roles.items()):
        if isinstance(column, str) and column == target:
            rule = Text("can't be the target as well", "不能同时是目标")
            problems.append(Problem(_role(role, column), rule))
    if "group" in roles and "time" in roles:
        hint = Text(
            "With time the latest rows are held out; with group whole groups are.",
            "有时间时留出最新的行；有分组时留出整组。",
        )
        rule = Text("can't be combined", "不能同时使用")
        problems.append(Problem(Text("group and time", "group 与 time"), rule, hint=hint))
    if duplicates not in CHOICES:
        problems.append(Problem("duplicates", _one_of(CHOICES), repr(duplicates)))
    if problems:
        raise DataError(problems, scope=table.name)
