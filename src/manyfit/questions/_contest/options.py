"""What is compared: options, each a few settings of the recipe, and the names that tables call them by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from manyfit.errors import Problem, RecipeError, UsageError, did_you_mean
from manyfit.hyper import read_value
from manyfit.optimizers import registry as optimizers
from manyfit.recipe import Recipe
from manyfit.text import Text

CLASSIC = ("sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "lamb")
"""The chapter's optimizers: what is compared when nothing is said."""
RATE = "optimizer.lr"
MOST = 24
"""Options that one comparison may have."""


class Option(NamedTuple):
    """One of the things compared.

    name: What it is called: the value that varies, or several with a space between.
    settings: Values by dotted path, in order.
    """

    name: str
    settings: Mapping[str, Any]

    def of(self, recipe: Recipe, rate: float | None = None) -> Recipe:
        """The recipe with these settings, and with a rate."""
        for path, value in self.settings.items():
            recipe = recipe.set(path, value)
        return recipe if rate is None else recipe.set("optimizer.lr", rate)


def options_of(recipe: Recipe, rules: Sequence[str], vary: Sequence[str]) -> tuple[Option, ...]:
    """The options: every optimizer named, with every combination of what varies.

    Args:
        recipe: What all of them share.
        rules: Names of optimizers; none for the chapter's seven, or where something else varies for the recipe's own.
        vary: `PATH=VALUE,VALUE,…`.

    Raises:
        UsageError: If there are fewer than two or too many, or a path or a value makes no sense; all problems at once.

    Example:
        >>> [option.name for option in options_of(Recipe(), (), ["activation=relu,tanh"])]
        ['relu', 'tanh']
        >>> [option.name for option in options_of(Recipe(), ("sgd",), ["hidden=8,8-8", "batch_size=16,none"])]
        ['8 16', '8 none', '8-8 16', '8-8 none']
    """
    is_known = len(rules) == 1 and optimizers.get(rules[0]) is not None
    known = recipe.set("optimizer", rules[0]) if is_known else recipe  # whose settings may vary too
    factors = [(path_of(known, name), values) for name, values in map(_factor, vary)]
    if any(path == RATE for path, _ in factors):
        hint = Text(
                "Name the rates with --rates; what one rate does beside another is asked by learning-rate.",
                "学习率用 --rates 指明；一个学习率与另一个相比如何，请问 learning-rate。",
            )
        rule = Text(f"can't hold {RATE}, which is tuned for every option", f"不能含有 {RATE}：它为每个选项调好")
        raise UsageError(Problem("--vary", rule, hint=hint))
    names = tuple(rules) or (() if factors else tuple(name for name in CLASSIC if name in optimizers.all()))
    if names:
        factors.insert(0, ("optimizer", list(names)))
    found, problems = [], []
    for values in product(*(values for _, values in factors)):
        settings = {path: read_value(path, text) for (path, _), text in zip(factors, values, strict=True)}
        shown = [text for text, (_, given) in zip(values, factors, strict=True) if len(given) > 1]
        option = Option(" ".join(shown) or " ".join(values), settings)
        try:
            problems += option.of(recipe).problems()
        except RecipeError as error:
            problems += error.problems
        found.append(option)
    if not 2 <= len(found) <= MOST:
        known = "--optimizers sgd,adam", "--vary loss=mse,mae"
        hint = Text(f"Name some: {known[0]} or {known[1]}.", f"请指明：{known[0]} 或 {known[1]}。")
        rule = Text(f"needs 2 to {MOST} options", f"需要 2 到 {MOST} 个选项")
        problems.append(Problem("compare", rule, str(len(found)), hint=hint))
    if len({option.name for option in found}) < len(found):
        rule = Text("needs options that differ", "需要互不相同的选项")
        problems.append(Problem("compare", rule, ", ".join(o.name for o in found)))
    if problems:
        raise UsageError(list(dict.fromkeys(problems)), Text("what is compared", "要比较的内容"))
    return tuple(found)


def path_of(recipe: Recipe, name: str) -> str:
    """The dotted path of a setting: as it was given, or that of the network's or the optimizer's setting of that name.

    Raises:
        UsageError: If nothing is called so.

    Example:
        >>> path_of(Recipe(), "activation"), path_of(Recipe(), "lr"), path_of(Recipe(), "epochs")
        ('network.activation', 'optimizer.lr', 'epochs')
    """
    own = [f.name for f in dataclasses.fields(recipe)]
    if "." in name or name in own or name in ("l1", "l2"):
        return name
    inner = {}
    for part in ("schedule", "optimizer", "network"):
        rule = getattr(recipe, part)
        if dataclasses.is_dataclass(rule):
            inner |= {f.name: f"{part}.{f.name}" for f in dataclasses.fields(rule)}
    if name not in inner:
        hint = did_you_mean(name, [*own, *inner])
        raise UsageError(Problem("--vary", Text(f"knows no setting {name!r}", f"没有设置 {name!r}"), hint=hint))
    return inner[name]


def _factor(text: str) -> tuple[str, list[str]]:
    name, sign, values = text.partition("=")
    given = [part.strip() for part in values.split(",") if part.strip()]
    if not (name.strip() and sign and given):
        hint = Text("For example --vary loss=mse,mae.", "例如 --vary loss=mse,mae。")
        rule = Text("must be PATH=VALUE,VALUE,…", "必须写作 PATH=VALUE,VALUE,…")
        raise UsageError(Problem("--vary", rule, repr(text), hint=hint))
    return name.strip(), given
