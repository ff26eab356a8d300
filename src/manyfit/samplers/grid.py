"""Grid search: every combination of evenly spread values, for looking at one or two settings closely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, product

from manyfit.errors import Problem, RecipeError
from manyfit.hyper import hyper
from manyfit.recipe import Recipe
from manyfit.samplers._base import rule
from manyfit.space import Space


@rule
class Grid:
    """Every combination of `points` values of each range, structure by structure. It draws nothing at random.

    Example:
        >>> from manyfit.hyper import LogRange
        >>> space = Space(ranges={"optimizer.lr": LogRange(1e-4, 1e-2)})
        >>> [round(recipe.optimizer.lr, 6) for recipe in Grid(points=3).draw(space, range(3), key=0)]
        [0.0001, 0.001, 0.01]
    """

    points: int = hyper(
        3, low=1, usual=(3, 16), doc="Values of each range; a choice gives all its options up to that many."
    )

    def size(self, space: Space) -> int:
        """How many recipes the whole grid has."""
        return sum(1 for _ in self._combinations(space))

    def draw(self, space: Space, indices: Sequence[int], key: int) -> list[Recipe]:
        """The recipes of those indices.

        Raises:
            RecipeError: If the grid has fewer recipes.
        """
        last = max(indices, default=-1)
        found = list(islice(self._combinations(space), last + 1))
        if last >= len(found):
            raise RecipeError(
                Problem(
                    "Grid",
                    f"has {len(found)} recipes",
                    f"index {last}",
                    hint="Ask for fewer, or for more points.",
                )
            )
        return [found[i] for i in indices]

    def _combinations(self, space: Space) -> Iterator[Recipe]:
        for structure in space.structures:
            recipe = space.base
            for path, value in structure.fixed.items():
                recipe = recipe.set(path, value)
            ranges = {**space.ranges, **structure.ranges}
            for values in product(*(ranges[path].grid(self.points) for path in ranges)):
                made = recipe
                for path, value in zip(ranges, values, strict=True):
                    made = made.set(path, value)
                yield made
