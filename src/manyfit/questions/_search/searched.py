"""What a search draws from: the settings that vary, as few structures times many settings of the continuous knobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from manyfit.errors import Problem, RecipeError, UsageError
from manyfit.hyper import AnyRange, Choice, IntRange, Knob, LogRange, Range, knobs, read_value
from manyfit.networks import Dense
from manyfit.questions._contest.options import path_of
from manyfit.questions._sizes.sizes import doubling
from manyfit.recipe import Recipe
from manyfit.space import Space, Structure
from manyfit.text import Text

MOST = 16
"""Structures at most: networks of one pack share theirs, and more structures leave packs almost empty."""
SHARED = ("optimizer", "loss", "schedule", "network.hidden", "batch_size", "epochs", "precision")
"""Settings that networks of one pack share, beside those that say so themselves."""
WIDE = 100.0
"""A range whose ends are further apart than this factor is searched in its logarithm."""


class Searched(NamedTuple):
    """A space with what varies in it.

    space: From which recipes are drawn.
    shared: By path, the values of which every structure has one.
    """

    space: Space
    shared: Mapping[str, tuple[Any, ...]]

    @property
    def paths(self) -> list[str]:
        """All that varies."""
        return [*self.shared, *self.space.ranges]


def searched(recipe: Recipe, vary: Sequence[str]) -> Searched:
    """The space that is searched.

    Args:
        recipe: What everything is set upon.
        vary: `PATH=LOW..HIGH` or `PATH=VALUE,VALUE,…`; none for what usually matters.

    Raises:
        UsageError: If a path or a value makes no sense, or there are too many structures; all problems at once.

    Example:
        >>> found = searched(Recipe(), ["lr=1e-4..1e-1", "activation=relu,tanh", "dropout=0..0.5"])
        >>> dict(found.shared), list(found.space.ranges.values())
        ({'network.activation': ('relu', 'tanh')}, [LogRange(low=0.0001, high=0.1), Range(low=0.0, high=0.5)])
    """
    shared: dict[str, tuple[Any, ...]] = {}
    ranges: dict[str, AnyRange] = {}
    problems: list[Problem] = []
    for text in vary or usual(recipe):
        try:
            path, values = _read(recipe, text)
        except (UsageError, RecipeError) as error:
            problems += error.problems
            continue
        if isinstance(values, tuple):
            shared[path] = values
        else:
            ranges[path] = values
    structures = [dict(zip(shared, values, strict=True)) for values in product(*shared.values())]
    if len(structures) > MOST:
        got = Text(
            ", ".join(f"{len(values)} of {path}" for path, values in shared.items()),
            "、".join(f"{path} 有 {len(values)} 个" for path, values in shared.items()),
        )
        hint = Text(
            "Name fewer values; ranges of rates, decays and dropout may be as wide as you like.",
            "请少给几个值；学习率、衰减和 dropout 的范围可以任意宽。",
        )
        rule = Text(f"takes at most {MOST} structures", f"最多 {MOST} 种结构")
        problems.append(
            Problem("search", rule, Text(f"{len(structures)}: ", f"{len(structures)}：") + got, hint=hint)
        )
    if not problems and len(structures) * len(ranges) == 0 and len(structures) < 2:
        problems.append(
            Problem(
                "search",
                Text("needs something that varies", "需要有变化的设置"),
                hint=Text("For example --vary lr=1e-4..1e-1.", "例如 --vary lr=1e-4..1e-1。"),
            )
        )
    if not problems:
        space = Space(recipe, tuple(Structure(_ordered(each)) for each in structures), ranges)
        try:
            return Searched(space.check(), shared)
        except RecipeError as error:
            problems += error.problems
    raise UsageError(list(dict.fromkeys(problems)), "what is searched")


def usual(recipe: Recipe) -> list[str]:
    """What usually matters: sizes and activation of a dense network, the rate, decay, dropout and noise on the inputs.

    Example:
        >>> usual(Recipe(Dense((8,))))[:2]
        ['network.hidden=4,8,16,8-8', 'network.activation=relu,tanh']
    """
    found = []
    network = recipe.network
    if isinstance(network, Dense) and network.hidden:
        widths = [[max(w // 2, 1) for w in network.hidden], network.hidden, [2 * w for w in network.hidden]]
        sizes = [*widths, [*network.hidden, network.hidden[-1]]]
        found.append("network.hidden=" + ",".join("-".join(map(str, size)) for size in sizes))
        found.append("network.activation=relu,tanh")
    rate = float(recipe.get("optimizer.lr"))
    found.append(f"optimizer.lr={rate / 10:g}..{100 * rate:g}")
    decay = knobs(recipe.optimizer).get("weight_decay")
    low, high = (decay.usual if decay else None) or (1e-6, 1e-1)
    found.append(f"{'optimizer.weight_decay' if decay else 'l2.strength'}={low:g}..{high:g}")
    if isinstance(network, Dense):
        found += ["network.dropout=0..0.5", "augment.noise=0.003..0.3"]
    return found


def _read(recipe: Recipe, text: str) -> tuple[str, AnyRange | tuple[Any, ...]]:
    name, sign, given = (part.strip() for part in text.partition("="))
    if not (name and sign and given):
        hint = Text(
            "For example --vary lr=1e-4..1e-1 or --vary activation=relu,tanh.",
            "例如 --vary lr=1e-4..1e-1 或 --vary activation=relu,tanh。",
        )
        rule = Text(
            "must be PATH=LOW..HIGH or PATH=VALUE,VALUE,…", "必须写作 PATH=LOW..HIGH 或 PATH=VALUE,VALUE,…"
        )
        raise UsageError(Problem("--vary", rule, repr(text), hint=hint))
    path = path_of(recipe, name)
    if "." not in path and path in ("l1", "l2"):
        path = f"{path}.strength"
    first, dots, last = given.partition("..")
    if dots:
        ends = read_value(path, first), read_value(path, last)
        if not all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in ends):
            rule = Text("must have numbers around the dots", "两点两边必须是数")
            raise UsageError(Problem("--vary", rule, repr(text)))
        knob = _knob(recipe, path, ends[1])
        if is_shared(path, knob):
            return path, tuple(doubling(int(ends[0]), int(ends[1])))
        return path, _range(knob, *ends)
    parts = [part.strip() for part in given.split(",") if part.strip()]
    values = tuple(read_value(path, part) for part in parts)
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    if numbers and not is_shared(path, _knob(recipe, path, values[0])):
        return path, Choice(values)
    return path, values


def is_shared(path: str, knob: Knob | None) -> bool:
    """Whether networks of one pack must have the same value."""
    return path in SHARED or (knob is not None and knob.structural)


def _range(knob: Knob | None, low: float, high: float) -> AnyRange:
    """Whole numbers, even steps, or even steps of the logarithm: as the knob says, else by how far the ends lie apart."""
    if isinstance(low, int) and isinstance(high, int) and (knob is None or knob.kind == "whole number"):
        return IntRange(low, high)
    is_log = low > 0 and ((knob is not None and knob.scale == "log") or high / low >= WIDE)
    return LogRange(float(low), float(high)) if is_log else Range(float(low), float(high))


def _knob(recipe: Recipe, path: str, value: Any) -> Knob | None:
    """How a setting is declared; None for those of a module."""
    parent, _, name = path.rpartition(".")
    rule = recipe.set(path, value).get(parent) if parent else recipe
    return knobs(rule).get(name) if hasattr(type(rule), "__dataclass_fields__") else None


def _ordered(fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Whole rules before their own settings."""
    return dict(sorted(fixed.items(), key=lambda item: item[0].count(".")))
