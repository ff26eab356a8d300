"""What a sampler is: a frozen record with one pure function, `draw(space, indices, key) -> recipes`.

Recipe i of a search depends on the space, the key and i alone, so a longer search begins with the recipes of a shorter one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, dataclass_transform, runtime_checkable

from manyfit.hyper import hyper
from manyfit.recipe import Recipe
from manyfit.registry import Registry, name_of
from manyfit.space import Space

T = TypeVar("T")

registry = Registry("sampler")


@runtime_checkable
class Sampler(Protocol):
    """A way to choose recipes from a space."""

    def draw(self, space: Space, indices: Sequence[int], key: int) -> list[Recipe]:
        """The recipes of those indices (from 0) in the search that `key` names."""
        ...


@dataclass_transform(frozen_default=True, field_specifiers=(hyper,))
def rule(cls: type[T]) -> type[T]:
    """Make a class a registered sampler: a frozen dataclass, known by its name in lower case."""
    frozen = dataclass(frozen=True)(cls)
    registry.add(name_of(frozen), frozen)
    return frozen
