"""Where the numbers of a network lie in its one flat array: by name and shape, trained ones first, then its buffers.

A buffer is what a network remembers without being trained: the running mean and variance of a batch normalization.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Leaf:
    """One array of a network.

    name: "layer1.weight", or as the module calls it.
    shape: Its shape.
    start: Where it begins in the flat array.
    trained: False for a buffer.
    """

    name: str
    shape: tuple[int, ...]
    start: int
    trained: bool = True

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def stop(self) -> int:
        """Where it ends."""
        return self.start + self.size

    @property
    def is_weight(self) -> bool:
        """Whether penalties act on it by default: on weights (two axes or more), not on biases and scales."""
        return self.trained and len(self.shape) >= 2


@dataclass(frozen=True)
class Layout:
    """All arrays of a network, in their order.

    Example:
        >>> layout = Layout.of([("weight", (3, 2)), ("bias", (2,))])
        >>> layout.size, [leaf.start for leaf in layout]
        (8, [0, 6])
    """

    leaves: tuple[Leaf, ...]

    @classmethod
    def of(
        cls,
        trained: Iterable[tuple[str, tuple[int, ...]]],
        buffers: Iterable[tuple[str, tuple[int, ...]]] = (),
    ) -> Layout:
        """The layout of arrays given by name and shape."""
        leaves: list[Leaf] = []
        start = 0
        for parts, is_trained in ((trained, True), (buffers, False)):
            for name, shape in parts:
                leaves.append(Leaf(name, tuple(shape), start, is_trained))
                start = leaves[-1].stop
        return cls(tuple(leaves))

    def __iter__(self) -> Iterator[Leaf]:
        return iter(self.leaves)

    @property
    def trained(self) -> tuple[Leaf, ...]:
        """The leaves that are trained."""
        return tuple(leaf for leaf in self.leaves if leaf.trained)

    @property
    def layers(self) -> dict[str, tuple[str, ...]]:
        """What is trained by layer: the leaves whose names agree before the last dot, in their order.

        Example:
            >>> Layout.of([("layer1.weight", (3, 2)), ("layer1.bias", (2,)), ("scale", (2,))]).layers
            {'layer1': ('layer1.weight', 'layer1.bias'), 'scale': ('scale',)}
        """
        found: dict[str, tuple[str, ...]] = {}
        for leaf in self.trained:
            layer = leaf.name.rpartition(".")[0] or leaf.name
            found[layer] = (*found.get(layer, ()), leaf.name)
        return found

    @property
    def n_trained(self) -> int:
        """How many numbers are trained; they come first."""
        return sum(leaf.size for leaf in self.leaves if leaf.trained)

    @property
    def size(self) -> int:
        """How many numbers there are, buffers included."""
        return sum(leaf.size for leaf in self.leaves)

    def cut(self, flat: Any) -> dict[str, Any]:
        """The arrays by name, as views of a flat array [..., n]; axes before the last one stay.

        Example:
            >>> import numpy as np
            >>> Layout.of([("w", (2, 2)), ("b", (1,))]).cut(np.arange(5))["w"].tolist()
            [[0, 1], [2, 3]]
        """
        lead = flat.shape[:-1]
        return {
            leaf.name: flat[..., leaf.start : leaf.stop].reshape((*lead, *leaf.shape)) for leaf in self.leaves
        }
