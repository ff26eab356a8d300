"""Curbs on a network, each with one strength: penalties, decay, dropout, early stopping, noise; and the weights left by them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Text
from manyfit.errors import Problem, RecipeError, UsageError, did_you_mean
from manyfit.hyper import AnyRange, Choice, IntRange
from manyfit.networks import Dense
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.adamw import AdamW
from manyfit.penalties import L1, is_proximal
from manyfit.questions._frame.task import Task
from manyfit.recipe import Recipe
from manyfit.runs import Run

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOPS = 10.0
"""Where L1 acts through the gradient, weights hop about 0 by a step at a time: up to so many rates away they count as 0."""


class Curb(NamedTuple):
    """A way to hold a network back.

    said: What it is called.
    unit: What its strength is called.
    of: The recipe with it at a strength.
    is_log: Whether strengths are drawn on a logarithmic axis.
    """

    said: Text
    unit: Text
    of: Callable[[Recipe, float], Recipe]
    is_log: bool = True


def _decayed(recipe: Recipe, strength: float) -> Recipe:
    """Adam becomes AdamW with the same settings."""
    rule = recipe.optimizer
    if isinstance(rule, Adam) and not isinstance(rule, AdamW):
        shared = {f.name for f in dataclasses.fields(AdamW)} & {f.name for f in dataclasses.fields(rule)}
        rule = AdamW(**{name: getattr(rule, name) for name in shared})
        recipe = dataclasses.replace(recipe, optimizer=rule)
    return recipe.set("optimizer.weight_decay", strength)


CURBS: Mapping[str, Curb] = {
    "l1": Curb(Text("L1", "L1"), Text("λ", "λ"), lambda recipe, s: recipe.set("l1.strength", s)),
    "l2": Curb(Text("L2", "L2"), Text("λ", "λ"), lambda recipe, s: recipe.set("l2.strength", s)),
    "adamw": Curb(Text("AdamW", "AdamW"), Text("decay", "衰减"), _decayed),
    "dropout": Curb(
        Text("dropout", "Dropout"), Text("p", "p"), lambda recipe, s: recipe.set("network.dropout", s), False
    ),
    "stopping": Curb(
        Text("early stopping", "早停"),
        Text("patience", "耐心轮数"),
        lambda recipe, s: recipe.set("stopping.patience", int(s)),
        False,
    ),
    "noise": Curb(
        Text("input noise", "输入噪声"), Text("σ", "σ"), lambda recipe, s: recipe.set("augment.noise", s)
    ),
}


def why_not(name: str, recipe: Recipe) -> Text | None:
    """Why a curb can't be put on a recipe; None where it can."""
    network, rule = recipe.network, recipe.optimizer
    if name == "adamw" and not isinstance(rule, (Adam, AdamW)):
        return Text("AdamW is asked of Adam alone", "AdamW 只在 Adam 下比较")
    if name == "dropout" and isinstance(network, Dense):
        return (
            None
            if network.hidden
            else Text("a network without hidden units has none to drop", "没有隐藏单元可丢弃")
        )
    if name == "dropout":
        try:
            recipe.get("network.dropout")
        except RecipeError:
            return Text("the module has no setting dropout", "该模块没有 dropout 设置")
    return None


def curbs_of(recipe: Recipe, names: Sequence[str]) -> tuple[tuple[str, ...], tuple[Text, ...]]:
    """The curbs that are asked about, and why others are left out.

    Args:
        recipe: What they are put on.
        names: Those asked for; none for all that the recipe can have.

    Raises:
        UsageError: If one is unknown, or the recipe can't have one that was asked for; all problems at once.

    Example:
        >>> curbs_of(Recipe(), ())[0]
        ('l1', 'l2', 'adamw', 'dropout', 'stopping', 'noise')
    """
    problems = [
        Problem("--methods", Text(f"knows no {name!r}", f"没有 {name!r}"), hint=did_you_mean(name, CURBS))
        for name in names
        if name not in CURBS
    ]
    asked = [name for name in dict.fromkeys(names or CURBS) if name in CURBS]
    reasons = {name: reason for name in asked if (reason := why_not(name, recipe)) is not None}
    if names:
        problems += [
            Problem("--methods", Text(f"can't hold {name}: {why.en}", f"不能有 {name}：{why.zh}"))
            for name, why in reasons.items()
        ]
    if problems:
        raise UsageError(problems, Text("what is compared", "要比较的内容"))
    return tuple(name for name in asked if name not in reasons), tuple(reasons.values())


def strengths(values: AnyRange, n: int, most: int | None = None) -> Floats:
    """At most n strengths of a range, rising.

    Args:
        values: The range, or some values.
        n: How many.
        most: The largest that makes sense; larger ones become it.

    Example:
        >>> strengths(IntRange(1, 40), 12, 20).tolist()
        [1.0, 3.0, 4.0, 6.0, 8.0, 10.0, 11.0, 13.0, 15.0, 17.0, 18.0, 20.0]
    """
    if most is not None and isinstance(values, IntRange):
        values = IntRange(min(values.low, most), min(values.high, most))
    chosen = values.options if isinstance(values, Choice) else values.grid(n)
    return np.array(sorted({float(f"{value:.6g}") for value in chosen}))


class Weights(NamedTuple):
    """The weights of the first layer by column of the table.

    names: [C] columns; inputs by number where there is no table.
    size: [R, n, C] sum of |w| over a column's inputs and all units.
    kept: [R, n, C] whether any of its weights counts as other than 0.
    """

    names: tuple[str, ...]
    size: Floats
    kept: NDArray[np.bool_]


def weights_of(task: Task, run: Run, networks: Ints) -> Weights | None:
    """What is left of each column in the first layer.

    Args:
        task: What the networks were trained for.
        run: Trained networks.
        networks: [R, n] which of them.

    Returns:
        None for modules, of whose layers nothing is known. A network that diverged keeps nothing and has no size.
    """
    first = run.population.members[int(networks.flat[0])]
    if not isinstance(first.recipe.network, Dense):
        return None
    encoder = task.encoded(first.rows).encoder
    n_inputs = run.population.view_of(first).X.shape[1]
    groups = {f"x{i}": np.array([i]) for i in range(n_inputs)} if encoder is None else encoder.groups
    size = np.empty((*networks.shape, len(groups)))
    kept = np.empty(size.shape, dtype=bool)
    for place in np.ndindex(networks.shape):
        i = int(networks[place])
        weights = np.abs(run.weights(i)[0][0].astype(np.float64))  # [units, inputs]
        least = nothing(run.population.members[i].recipe)
        for c, inputs in enumerate(groups.values()):
            size[(*place, c)] = np.nan if run.diverged[i] else weights[:, inputs].sum()
            kept[(*place, c)] = not run.diverged[i] and bool((weights[:, inputs] > least).any())
    return Weights(tuple(groups), size, kept)


def nothing(recipe: Recipe) -> float:
    """Up to where a weight counts as 0: exactly there where L1 is a soft threshold, else within some steps of it.

    Example:
        >>> nothing(Recipe(optimizer="sgd")), nothing(Recipe(optimizer="adam"))
        (0.0, 0.01)
    """
    l1 = next((penalty for penalty in recipe.penalties if isinstance(penalty, L1)), L1())
    return 0.0 if is_proximal(l1, recipe.optimizer) else HOPS * recipe.optimizer.lr
