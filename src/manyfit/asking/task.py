"""From whatever holds data to a task: a table read as training reads it, or arrays for a module taken as they are."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from manyfit.data import Dataset, example, load
from manyfit.data.frames import is_item_set
from manyfit.data.table import is_example
from manyfit.errors import DataError, Problem, UsageError
from manyfit.networks import Dense, flatten
from manyfit.questions import ArrayRows, RowSource, TableRows, Task, default_recipe, measure_for
from manyfit.recipe import Recipe
from manyfit.text import Text

TASK_OF = {"labels": "multiclass", "binary": "binary", "numbers": "regression"}
ARRAYS = ".npz"
TRAINED = 0.8
"""Share of the development rows that train."""


def task_of(
    source: Any,
    target: Any = None,
    *,
    recipe: Recipe | Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    metric: str | None = None,
    rows: int | None = None,
    seed: int = 0,
    loading: Mapping[str, Any] | None = None,
) -> Task:
    """What a question is asked about.

    Args:
        source: A `Dataset`; what `mf.load` takes; or arrays (X, y), also as X and y of an .npz file, which a user's own module
            gets as they are.
        target: Column to predict.
        recipe: The recipe in question, or its plain values; by default a plain one that fits the task and the number of rows.
        settings: Values by dotted path, set upon it.
        epochs: Passes over the training rows.
        metric: What decides; by default the percentage of errors, or RMSE.
        rows: Most development rows that are used.
        seed: Root of all streams, and of the split that locks the test rows.
        loading: What else `mf.load` takes.

    Example:
        >>> task = task_of("iris", epochs=3)
        >>> task.recipe.epochs, task.measure.label.en
        (3, 'error %')
    """
    given = Recipe.from_dict(recipe) if isinstance(recipe, Mapping) else recipe
    name, settings = "the arrays", dict(settings or {})
    if isinstance(source, (str, Path)) and Path(source).suffix.lower() == ARRAYS:
        source, name = arrays_in(source), Path(source).name
    if is_arrays(source) and isinstance(settings.get("network"), str):  # a module by its name: the rest is set upon it below
        given = (given or Recipe()).set("network", settings.pop("network"))
        given = given if "loss" not in settings else given.set("loss", settings["loss"])
    if given is not None and not isinstance(given.network, Dense) and is_arrays(source):
        found: RowSource = as_they_are(source, given, seed)
        n_rows = len(found.y)
    else:
        options: dict[str, Any] = {"leaks": False, **(loading or {})}
        data = source if isinstance(source, Dataset) else load(source, target, seed=seed, **options)
        found = TableRows(data, seed, rows)
        name, n_rows = data.name if name == "the arrays" else name, len(found.development)
    made = given or default_recipe(found.task, round(TRAINED * n_rows))
    if given is None and isinstance(source, str) and target is None and is_example(source):
        for path, value in example(source).recipe:
            made = made.set(path, value)
    for path, value in sorted(settings.items(), key=lambda item: item[0].count(".")):
        made = made.set(path, value)
    if epochs is not None:
        made = made.set("epochs", epochs)
    return Task(name, found, made.check(), measure_for(found.task, metric, found.y), seed)


def arrays_in(path: str | Path) -> tuple[Any, Any]:
    """X and y of an .npz file.

    Raises:
        DataError: If it can't be read, or holds no such arrays.
    """
    hint = Text(
        "numpy.savez(FILE, X=X, y=y) writes one: a row of X for each of y, numbers, no objects.",
        "numpy.savez(FILE, X=X, y=y) 可写入：X 的每一行对应 y 的一项，只含数字，没有对象。",
    )
    try:
        with np.load(path, allow_pickle=False) as kept:
            missing = [name for name in ("X", "y") if name not in kept.files]
            if not missing:
                return kept["X"], kept["y"]
            got = ", ".join(kept.files) or "nothing"
    except FileNotFoundError:
        raise DataError(Problem(str(path), Text("does not exist", "不存在"))) from None
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        rule = Text("can't be read as arrays", "不能读作数组")
        raise DataError(Problem(str(path), rule, str(error), hint=hint)) from error
    rule = Text(f"must hold {' and '.join(missing)}", f"必须含有 {' 和 '.join(missing)}")
    raise DataError(Problem(str(path), rule, got, hint=hint))


def is_arrays(source: Any) -> bool:
    """Whether a source is a pair of arrays, or a set of pairs."""
    return (isinstance(source, tuple) and len(source) == 2) or is_item_set(source)


def as_they_are(source: Any, recipe: Recipe, seed: int) -> ArrayRows:
    """Arrays, tensors or a set of pairs, with the task that the recipe's loss tells.

    Raises:
        UsageError: If inputs and targets are not as many, or the loss takes whole numbers and gets others.
    """
    X, y = source if isinstance(source, tuple) else _stacked(source)
    y = np.asarray(y.detach().cpu() if hasattr(y, "detach") else y)
    n_rows = len(flatten(X)[0])
    task = TASK_OF[recipe.loss.target]
    problems = []
    if n_rows != len(y):
        where, rule = Text("X and y", "X 和 y"), Text("must have as many rows", "必须行数相同")
        problems.append(Problem(where, rule, Text(f"{n_rows} and {len(y)}", f"{n_rows} 和 {len(y)}")))
    if task == "multiclass" and not (y.ndim == 1 and (y == np.floor(y)).all() and (y >= 0).all()):
        name = type(recipe.loss).__name__
        rule = Text(
            f"must hold one class from 0 a row: {name} takes classes", f"每行必须是一个从 0 起的类别：{name} 用于类别"
        )
        problems.append(Problem("y", rule, Text(f"{y.dtype} of shape {y.shape}", f"{y.dtype}，形状 {y.shape}")))
    if problems:
        raise UsageError(problems, Text("these arrays", "这些数组"))
    if task == "binary":
        y = y.reshape(len(y), -1)[:, 0]
    return ArrayRows(X, y if task == "regression" else y.astype(np.int64), task, seed)


def _stacked(items: Any) -> tuple[Any, Any]:
    """A set of (inputs, target) as arrays; inputs may be several in a tuple."""
    pairs = [items[i] for i in range(len(items))]
    first = pairs[0][0]
    if isinstance(first, tuple):
        X: Any = tuple(np.stack([np.asarray(x[place]) for x, _ in pairs]) for place in range(len(first)))
    else:
        X = np.stack([np.asarray(x) for x, _ in pairs])
    return X, np.array([np.asarray(y) for _, y in pairs])
