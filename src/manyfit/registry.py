"""Names of rules: who registers them, who finds them, and what a wrong name is answered with.

A rule is one file. `discover` imports every file of a room, `@register` in that file makes the name known, and an entry point
`manyfit.<kinds>` ("manyfit.optimizers") adds what other packages bring.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from types import MappingProxyType
from typing import Any, TypeVar, dataclass_transform

from manyfit.errors import Problem, RecipeError, UnknownNameError, did_you_mean

T = TypeVar("T")


@dataclass
class Registry:
    """The rules of one kind ("optimizer", "schedule", …) by name."""

    kind: str
    _rules: dict[str, Any] = field(default_factory=dict)
    _searched: bool = False

    @property
    def plural(self) -> str:
        """The kind in the plural, which names its group of entry points: "optimizers", "losses", "penalties"."""
        if self.kind.endswith("y"):
            return f"{self.kind[:-1]}ies"
        return f"{self.kind}es" if self.kind.endswith("s") else f"{self.kind}s"

    def add(self, name: str, rule: Any) -> None:
        """Make a rule known.

        Raises:
            RecipeError: If another rule has the name.
        """
        taken = self._rules.get(name)
        if taken is not None and (taken.__module__, taken.__qualname__) != (
            rule.__module__,
            rule.__qualname__,
        ):
            rule_of = f"must be registered once only; {taken.__module__} already has that name"
            raise RecipeError(Problem(f"{self.kind} {name!r}", rule_of, rule.__module__))
        self._rules[name] = rule

    @dataclass_transform(frozen_default=True)
    def rule(self, cls: type[T]) -> type[T]:
        """Decorate a class: it becomes a frozen dataclass, known by its name in lower case."""
        frozen = dataclass(frozen=True)(cls)
        self.add(name_of(frozen), frozen)
        return frozen

    def find(self, name: str) -> Any:
        """The rule of that name.

        Raises:
            UnknownNameError: If nobody registered it; the message names the nearest.
        """
        rules = self.all()
        if name not in rules:
            raise UnknownNameError(
                Problem("", f"unknown {self.kind} {name!r}", hint=did_you_mean(name, rules))
            )
        return rules[name]

    def all(self) -> Mapping[str, Any]:
        """Every rule by name, entry points of other packages included, in the order of their names."""
        if not self._searched:
            self._searched = True
            for entry in metadata.entry_points(group=f"manyfit.{self.plural}"):
                self.add(entry.name, entry.load())
        return MappingProxyType(dict(sorted(self._rules.items())))


def name_of(rule: Any) -> str:
    """The registered name of a rule (class or instance): its class name in lower case with underscores.

    Example:
        >>> class CrossEntropy: ...
        >>> name_of(CrossEntropy)
        'cross_entropy'
    """
    cls = rule if isinstance(rule, type) else type(rule)
    given = cls.__dict__.get("name")
    return given if isinstance(given, str) else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()


def discover(package: str, path: Iterable[str]) -> None:
    """Import every file of a room that does not begin with an underscore, so that its rules register themselves."""
    for module in pkgutil.iter_modules(path):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package}.{module.name}")
