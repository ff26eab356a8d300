"""Random search, stratified: settings drawn at random, every block of recipes spread evenly over each range.

Random beats a grid because few settings matter, and nobody knows which: Bergstra & Bengio 2012,
https://www.jmlr.org/papers/v13/bergstra12a.html. Within a block the draws form a Latin hypercube: McKay, Beckman & Conover 1979,
https://doi.org/10.1080/00401706.1979.10489755
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from manyfit.hyper import hyper
from manyfit.recipe import Recipe
from manyfit.rng import Purpose, derive, epoch_order, uniform, words
from manyfit.samplers._base import rule
from manyfit.space import Space


@rule
class Random:
    """Recipes drawn from Philox streams: recipe i is a pure function of the space, the key and i.

    Recipes come in blocks of one structure, so that the networks of a block fill a pack. Structures take turns in a shuffled order.

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
        return [space.first[i] if i < n_first else self._draw_one(space, i - n_first, key) for i in indices]

    def _draw_one(self, space: Space, index: int, key: int) -> Recipe:
        block, place = divmod(index, self.block)
        turn, position = divmod(block, len(space.structures))
        structure = int(epoch_order(derive(key, 0), turn, len(space.structures))[position])
        shares = {}
        for number, path in enumerate(sorted(space.ranges_of(structure))):
            # a stratum of its own for each recipe of the block, and a random place within it
            stratum = epoch_order(derive(key, 1, number), block, self.block)[place]
            within = uniform(words(derive(key, 2, number), Purpose.SAMPLE, 1, self.block, time=block))[0, place]
            shares[path] = float((stratum + within) / self.block)
        return space.at(structure, {path: float(np.clip(share, 0.0, 1.0)) for path, share in shares.items()})
