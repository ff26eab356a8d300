"""What a run shows at a glance: losses over the epochs, and fitted curves over the data. `draw` makes pictures of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Curves, Series, Text
from manyfit.engines.choose import predict
from manyfit.errors import Problem, UsageError
from manyfit.runs import Run

Name = str | tuple[str, str]
"""What a network is called: the same in every language, or in English and in Chinese."""


def loss_curves(
    run: Run, names: Iterable[Name] = (), title: Name = ("Training loss", "训练损失"), *, y_log: bool = False
) -> Curves:
    """The training loss of every network over the epochs, as figure data.

    Args:
        run: What was trained, tens of networks at most: each has a curve.
        names: What the networks are called, in their order; by default their numbers.
        title: What the figure is called.
        y_log: Whether losses stand on a logarithmic axis.

    Example:
        >>> from manyfit.engines.choose import fit
        >>> from manyfit.population import Population
        >>> from manyfit.recipe import Recipe
        >>> X = np.linspace(-1, 1, 8)[:, None]
        >>> run = fit(Population.of([Recipe(epochs=3)] * 2, X, 2 * X + 1))
        >>> [series.name for series in loss_curves(run, ["one", "two"]).series]
        ['one', 'two']
    """
    epochs = run.epoch.astype(np.float64)
    series = [Series(name, epochs, loss) for name, loss in zip(_named(run, names), run.loss.T, strict=True)]
    return Curves(_text(title), tuple(series), Text("Epoch", "轮数"), Text("Loss", "损失"), y_log=y_log)


def fit_curves(
    run: Run, X: NDArray[Any], y: NDArray[Any], names: Iterable[Name] = (), title: Name = ("Fits", "拟合效果")
) -> Curves:
    """What every network makes of one input, as a curve over the data, as figure data.

    Args:
        run: What was trained, on numbers.
        X: [N, 1] or [N] inputs, in rising order.
        y: [N, 1] or [N] targets, drawn as points.
        names: What the networks are called, in their order; by default their numbers.
        title: What the figure is called.

    Raises:
        UsageError: If there is more than one input or output: a curve has one of each.
    """
    X, y = (np.asarray(each, dtype=np.float64).reshape(len(each), -1) for each in (X, y))
    for what, array in (("X", X), ("y", y)):
        if array.shape[1] != 1:
            raise UsageError(Problem(f"fit_curves {what}", "must have one column", str(array.shape[1])))
    fits = predict(run, X)[..., 0]
    series = [Series(name, X[:, 0], fit) for name, fit in zip(_named(run, names), fits, strict=True)]
    points = (Series(Text("data", "数据"), X[:, 0], y[:, 0]),)
    return Curves(_text(title), tuple(series), Text("x", "x"), Text("y", "y"), points=points)


def _named(run: Run, names: Iterable[Name]) -> list[str | Text]:
    """A name for each network."""
    found = [_text(name) for name in names] or [Text(f"network {i + 1}", f"网络 {i + 1}") for i in range(len(run))]
    if len(found) != len(run):
        raise UsageError(Problem("names", f"must be {len(run)}, one for each network", str(len(found))))
    return [name.en if name.en == name.zh else name for name in found]


def _text(name: Name) -> Text:
    return Text(name, name) if isinstance(name, str) else Text(*name)
