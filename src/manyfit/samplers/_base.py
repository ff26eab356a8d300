"""What a sampler is: a frozen record with one pure function, `draw(space, indices, key) -> recipes`.

Recipe i of a search depends on the space, the key and i alone, so a longer search begins with the recipes of a shorter one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from manyfit.recipe import Recipe
from manyfit.registry import Registry
from manyfit.space import Space

registry = Registry("sampler")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@runtime_checkable
class Sampler(Protocol):
    """A way to choose recipes from a space."""

    def draw(self, space: Space, indices: Sequence[int], key: int) -> list[Recipe]:
        """The recipes of those indices (from 0) in the search that `key` names."""
        ...
