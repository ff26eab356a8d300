"""What is traced: a table as training reads it, or arrays as they are, and the small recipe that is the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.data import Dataset, Encoder, holdout, load
from manyfit.losses import registry as losses
from manyfit.networks import Dense
from manyfit.optimizers.sgd import SGD
from manyfit.population import View
from manyfit.recipe import Recipe

LOSS_OF = {"regression": "mse", "binary": "bce", "multiclass": "cross_entropy"}


class Source(NamedTuple):
    """Rows that may be learned from.

    name: What to call them.
    X, y, weights: [N, D] inputs, targets in the form of the task, [N] weights or None.
    n_classes: Classes where y holds labels.
    labels: [N] numbers of the rows in the table, from 1.
    n_rows: Rows of the table, those locked away for tests included.
    task: "regression", "binary" or "multiclass".
    is_standardized: Whether an encoder made the numbers.
    """

    name: str
    X: NDArray[np.float64]
    y: NDArray[Any]
    weights: NDArray[np.float64] | None
    n_classes: int | None
    labels: NDArray[np.int64]
    n_rows: int
    task: str
    is_standardized: bool


def read_source(source: Any, target: Any, seed: int, loading: Mapping[str, Any]) -> Source:
    """Read whatever was given.

    Args:
        source: A `Dataset`, what `load` takes, or arrays (X, y), which are taken as they are.
        target: Column to predict, where `load` needs it.
        seed: Decides which rows of a table are locked away for tests.
        loading: What else `load` takes.
    """
    if isinstance(source, tuple) and len(source) == 2 and target is None:
        X, y = (np.asarray(each) for each in source)
        task = "multiclass" if y.ndim == 1 and y.dtype.kind in "iub" else "regression"
        return Source("the given arrays", X, y, None, None, np.arange(1, len(X) + 1), len(X), task, False)
    data = source
    if not isinstance(data, Dataset):
        options: dict[str, Any] = {"leaks": False, **loading}
        data = load("line" if source is None else source, target, seed=seed, **options)
    rows = holdout(data, seed).development
    encoder = Encoder.fit(data, rows)
    weights = data.training_weights()
    return Source(
        data.name,
        encoder.transform(data.frame[rows]),
        encoder.encode_target(data.y[rows]),
        None if weights is None else weights[rows],
        data.target.n_classes if data.task == "multiclass" else None,
        rows + 1,
        data.n_rows,
        data.task,
        True,
    )


def view_for(source: Source, recipe: Recipe) -> View:
    """The view, with targets in the form that the recipe's loss compares with."""
    y, n_classes = source.y, source.n_classes
    if n_classes is None and getattr(recipe.loss, "target", None) == "labels":
        n_classes = int(np.max(y, initial=0)) + 1
    elif n_classes is None:
        y = np.asarray(y, dtype=np.float64)
    return View(source.X, y, source.weights, n_classes)


def default_recipe(task: str) -> Recipe:
    """A network small enough to be read in full."""
    loss = losses.find(LOSS_OF[task])()
    return Recipe(Dense((2,), "sigmoid"), loss, SGD(lr=0.1), batch_size=3, precision="float64")
