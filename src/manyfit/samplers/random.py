"""Random search, stratified: settings drawn at random, every block of recipes spread evenly over each range.

Random beats a grid because few settings matter, and nobody knows which: Bergstra & Bengio 2012,
https://www.jmlr.org/papers/v13/bergstra12a.html. Within a block the draws form a Latin hypercube: McKay, Beckman & Conover 1979,
https://doi.org/10.1080/00401706.1979.10489755
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.recipe import Recipe
from manyfit.rng import Purpose, derive, epoch_order, uniform, words
from manyfit.samplers._base import rule
from manyfit.space import Space


@rule
class Random:
    """Recipes drawn from Philox streams: recipe i is a pure function of the space, the key and i.

    Recipes come in blocks of one structure, so that the networks of a block fill a pack. Structures take turns in a
    shuffled order.

    Example:
        >>> from manyfit.hyper import LogRange
        >>> space = Space(ranges={"optimizer.lr": LogRange(1e-4, 1e-2)})
        >>> rates = [recipe.optimizer.lr for recipe in Random().draw(space, range(3), key=7)]
        >>> len(set(rates)), rates[:2] == [recipe.optimizer.lr for recipe in Random().draw(space, range(2), key=7)]
        (3, True)
    """

    block: int = hyper(16, low=1, doc="Recipes of one structure in a row.")

    def draw(self, space: Space, indices: Sequence[int], key: int) -> list[Recipe]:
        """The recipes of those indices. The space's own `first` ones come before any that is drawn."""
        n_first = len(space.first)
        blocks: dict[int, _Block] = {}
        drawn = []
        for index in indices:
            if index < n_first:
                drawn.append(space.first[index])
                continue
            number, place = divmod(index - n_first, self.block)
            if number not in blocks:
                blocks[number] = self._draw_block(space, number, key)
            block = blocks[number]
            drawn.append(
                space.at(
                    block.structure, {path: float(shares[place]) for path, shares in block.shares.items()}
                )
            )
        return drawn

    def _draw_block(self, space: Space, number: int, key: int) -> _Block:
        turn, position = divmod(number, len(space.structures))
        structure = int(epoch_order(derive(key, 0), turn, len(space.structures))[position])
        paths = sorted(space.ranges_of(structure))
        # a stratum of its own for each recipe of the block, and a random place within it
        drawn = words(derive(key, 1), Purpose.SAMPLE, 2 * len(paths), self.block, time=number)
        strata = np.argsort(drawn[::2], axis=1, kind="stable")
        shares = (strata + uniform(drawn[1::2])) / self.block
        return _Block(structure, dict(zip(paths, shares, strict=True)))


class _Block(NamedTuple):
    """Recipes of one structure: by path, the share of its range at which each lies."""

    structure: int
    shares: dict[str, NDArray[np.float64]]
