"""Search spaces: from which values the settings of a recipe are drawn.

A space has few structures (what networks of one pack must share: layers, batch size, optimizer) and many settings (rates, decays,
dropout: free for each network). Drawing every structure at random would leave packs almost empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from manyfit.errors import Problem, RecipeError
from manyfit.hyper import AnyRange, Choice, IntRange, LogRange, Range
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.text import Text

EDGE = 0.05
"""A best value in this outer share of its range counts as lying at the edge."""

_KINDS: dict[str, type[Any]] = {"log": LogRange, "range": Range, "int": IntRange}


@dataclass(frozen=True)
class Structure:
    """What networks of one pack share: settings by dotted path, and the ranges that only make sense with them.

    fixed: Values by path; set in this order, so that `"optimizer"` comes before `"optimizer.momentum"`.
    ranges: Ranges by path that hold for this structure alone.
    """

    fixed: Mapping[str, Any] = field(default_factory=dict)
    ranges: Mapping[str, AnyRange] = field(default_factory=dict)


@dataclass(frozen=True)
class Space:
    """Which recipes a search may draw.

    base: The recipe that everything else is set upon.
    structures: At least one; every recipe has one of them.
    ranges: Ranges by dotted path, for all structures.
    first: Recipes to try before any is drawn: what usually works.

    Example:
        >>> space = Space(Recipe(), ranges={"optimizer.lr": LogRange(1e-4, 1e-2)})
        >>> space.at(0, {"optimizer.lr": 0.5}).optimizer.lr
        0.001
    """

    base: Recipe = Recipe()
    structures: tuple[Structure, ...] = (Structure(),)
    ranges: Mapping[str, AnyRange] = field(default_factory=dict)
    first: tuple[Recipe, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "structures", tuple(self.structures))
        if not self.structures:
            raise RecipeError(Problem("Space.structures", "must hold at least one structure"))

    def ranges_of(self, structure: int) -> dict[str, AnyRange]:
        """All ranges that a structure's recipes are drawn from, by path."""
        return {**self.ranges, **self.structures[structure].ranges}

    def at(self, structure: int, shares: Mapping[str, float]) -> Recipe:
        """The recipe of a structure whose settings lie at these shares (0 to 1) of their ranges."""
        recipe = self.base
        for path, value in self.structures[structure].fixed.items():
            recipe = recipe.set(path, value)
        for path, values in self.ranges_of(structure).items():
            recipe = recipe.set(path, values.at(shares[path]))
        return recipe

    def check(self) -> Space:
        """The space itself.

        Raises:
            RecipeError: If a path does not exist, or an end of a range is out of bounds; all problems at once.
        """
        found: list[Problem] = []
        for index in range(len(self.structures)):
            for share in (0.0, 1.0):
                try:
                    found += self.at(index, dict.fromkeys(self.ranges_of(index), share)).problems()
                except RecipeError as error:
                    found += error.problems
        if found:
            raise RecipeError(list(dict.fromkeys(found)), "this space")
        return self

    def locate(self, recipe: Recipe) -> tuple[int, dict[str, float]]:
        """Where a recipe lies: its structure, and the share of each range at which its settings lie. The inverse of `at`.

        Raises:
            RecipeError: If it has none of the structures.

        Example:
            >>> Space(ranges={"optimizer.lr": LogRange(1e-4, 1e-2)}).locate(Recipe())
            (0, {'optimizer.lr': 0.5})
        """
        index = self._structure_of(recipe)
        if index is not None:
            shares = {path: share_of(values, recipe.get(path)) for path, values in self.ranges_of(index).items()}
            return index, {path: round(min(max(share or 0.0, 0.0), 1.0), 12) for path, share in shares.items()}
        raise RecipeError(Problem("the recipe", "has none of the structures of this space"))

    def edges(self, recipe: Recipe) -> Iterator[tuple[str, str, float]]:
        """Settings of a recipe that lie at an end of their range, where the best value may be outside.

        Yields:
            Path, which end ("lowest" or "highest"), and the value.
        """
        for path, values in self.ranges_for(recipe).items():
            if isinstance(values, Choice):
                continue
            try:
                share = share_of(values, recipe.get(path))
            except RecipeError:
                continue
            if share is not None and not EDGE < share < 1 - EDGE:
                yield path, "lowest" if share <= EDGE else "highest", float(recipe.get(path))

    def ranges_for(self, recipe: Recipe) -> dict[str, AnyRange]:
        """All ranges that a recipe was drawn from, by path; those of all structures where it has none of them."""
        index = self._structure_of(recipe)
        return dict(self.ranges) if index is None else self.ranges_of(index)

    def _structure_of(self, recipe: Recipe) -> int | None:
        """The structure that a recipe has; of several that fit, the one that says most."""
        fitting = [
            index
            for index, structure in enumerate(self.structures)
            if all(_same(recipe, path, value) for path, value in structure.fixed.items())
        ]
        return max(fitting, key=lambda index: len(self.structures[index].fixed), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for TOML; ranges as `{log = [a, b]}`, `{range = …}`, `{int = …}`, `{choice = […]}`."""
        return {
            "base": self.base.to_dict(),
            "ranges": _plain_ranges(self.ranges),
            "structures": [
                {"fixed": _plain_fixed(s.fixed), "ranges": _plain_ranges(s.ranges)} for s in self.structures
            ],
            "first": [recipe.to_dict() for recipe in self.first],
        }

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Space:
        """The space that `to_dict` wrote."""
        return cls(
            Recipe.from_dict(fields.get("base", {})),
            tuple(
                Structure(
                    _read_fixed(s.get("fixed", {})),
                    {path: range_from(r) for path, r in s.get("ranges", {}).items()},
                )
                for s in fields.get("structures", [{}])
            ),
            {path: range_from(r) for path, r in fields.get("ranges", {}).items()},
            tuple(Recipe.from_dict(recipe) for recipe in fields.get("first", ())),
        )


def share_of(values: AnyRange, value: float) -> float | None:
    """Where a value lies in a range: 0 at its low end, 1 at its high end; None when the range is a single value.

    Example:
        >>> round(share_of(LogRange(1e-4, 1.0), 1e-2), 6)
        0.5
    """
    import math

    if isinstance(values, Choice):
        n = len(values.options)
        return (values.options.index(value) + 0.5) / n if value in values.options else None
    if value is None or values.low == values.high:
        return None
    if isinstance(values, LogRange):
        return math.log(value / values.low) / math.log(values.high / values.low) if value > 0 else 0.0
    return (value - values.low) / (values.high - values.low)


def range_to_dict(values: AnyRange) -> dict[str, list[Any]]:
    """A range as TOML writes it.

    Example:
        >>> range_to_dict(LogRange(1e-4, 1.0))
        {'log': [0.0001, 1.0]}
    """
    if isinstance(values, Choice):
        return {
            "choice": [list(option) if isinstance(option, tuple) else option for option in values.options]
        }
    name = next(name for name, kind in _KINDS.items() if type(values) is kind)
    return {name: [values.low, values.high]}


def range_from(fields: Mapping[str, Any]) -> AnyRange:
    """The range that `range_to_dict` wrote.

    Raises:
        RecipeError: If it is no range.
    """
    if len(fields) == 1:
        ((name, ends),) = fields.items()
        if name == "choice":
            return Choice(tuple(tuple(option) if isinstance(option, list) else option for option in ends))
        if name in _KINDS and len(ends) == 2:
            return _KINDS[name](*ends)
    hint = Text(
        "For example {log = [1e-4, 1.0]}, {range = [0, 0.5]}, {int = [1, 8]} or {choice = ['relu', 'tanh']}.",
        "例如 {log = [1e-4, 1.0]}、{range = [0, 0.5]}、{int = [1, 8]} 或 {choice = ['relu', 'tanh']}。",
    )
    rule = Text("must be one of log, range, int, choice", "必须是 log、range、int、choice 之一")
    raise RecipeError(Problem(Text("range", "范围"), rule, repr(dict(fields)), hint=hint))


def _plain_ranges(ranges: Mapping[str, AnyRange]) -> dict[str, dict[str, list[Any]]]:
    return {path: range_to_dict(values) for path, values in ranges.items()}


def _plain_fixed(fixed: Mapping[str, Any]) -> dict[str, Any]:
    return {path: list(value) if isinstance(value, tuple) else value for path, value in fixed.items()}


def _read_fixed(fixed: Mapping[str, Any]) -> dict[str, Any]:
    return {path: tuple(value) if isinstance(value, list) else value for path, value in fixed.items()}


def _same(recipe: Recipe, path: str, value: Any) -> bool:
    try:
        found = recipe.get(path)
    except RecipeError:
        return False
    if isinstance(value, str) and not isinstance(found, str):
        return _kinds_of(found) == _kinds_of(recipe.set(path, value).get(path))
    return bool(found == value)


def _kinds_of(rule: Any) -> list[str]:
    """The names of a rule's parts, or of the rule itself."""
    return [name_of(part) for part in getattr(rule, "parts", (rule,))]
