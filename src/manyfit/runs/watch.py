"""What is noted of a network's layers in every step, when a population is watched, and what an epoch leaves of it on record.

Vanishing and exploding gradients, layers that learn too fast or not at all, and units that no longer take part: seen,
not guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.networks import Layout

ALIVE = 0.005
"""A hidden unit is dead in an epoch if its slope |σ′(z)| stayed below this for every training row: nothing could flow back.

Half the slope of leaky relu below 0, whose units never die.
"""


class Noted(IntEnum):
    """Third axis of `Ledger.layers`."""

    GRADIENT = 0
    UPDATE = 1
    DEAD = 2


class LayerWatch:
    """The running sums of one network in one epoch, on the ledger's own memory, so that a checkpoint holds them.

    They are, for each layer, Σ ‖g‖², Σ ‖ΔW‖² and Σ ‖W‖² over the steps, then 1 for each hidden unit that was alive.

    Args:
        layout: Where the network's numbers lie.
        widths: Units of each hidden layer; empty where it has none that are known.
        sums: [W] the network's row of `Ledger.watched`.
        record: [T, 3, L] its part of `Ledger.layers`.
    """

    def __init__(
        self, layout: Layout, widths: tuple[int, ...], sums: NDArray[np.float64], record: NDArray[np.float64]
    ) -> None:
        self.layers, self.widths = layout.layers, widths
        n = 3 * len(self.layers)
        self.squares = sums[:n].reshape(3, len(self.layers))
        self.alive = np.split(sums[n : n + sum(widths)], np.cumsum(widths)[:-1]) if widths else []
        self.record = record

    def note_step(
        self, gradients: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Add one step's gradients of the loss alone, and its change of the parameters."""
        for k, leaves in enumerate(self.layers.values()):
            for name in leaves:
                change = after[name] - before[name]
                for kind, values in enumerate((gradients[name], change, before[name])):
                    self.squares[kind, k] += float((values * values).sum())

    def note_units(self, layer: int, slopes: NDArray[np.floating], counts: NDArray[np.bool_]) -> None:
        """Mark the units of a hidden layer (from 0) that were alive for one of the rows that count; slopes [B, units]."""
        self.alive[layer][(np.abs(slopes[counts]) >= ALIVE).any(0)] = 1.0

    def end_epoch(self, epoch: int, n_steps: int) -> None:
        """Put on record what so many steps of an epoch were like, and begin anew."""
        n, (gradient, change, size) = len(self.layers), self.squares
        with np.errstate(divide="ignore", invalid="ignore"):  # a layer of zeros
            self.record[epoch, Noted.GRADIENT, :n] = np.sqrt(gradient / n_steps)
            self.record[epoch, Noted.UPDATE, :n] = np.sqrt(change / size)
        if self.widths:
            self.record[epoch, Noted.DEAD, : len(self.widths)] = [(units == 0).sum() for units in self.alive]
        self.squares[:] = 0
        for units in self.alive:
            units[:] = 0


def room(layout: Layout, widths: tuple[int, ...]) -> int:
    """How many running sums a network has.

    Example:
        >>> from manyfit.networks import Dense, vector
        >>> room(Dense((4, 3)).layout(vector(2), 1), (4, 3))
        16
    """
    return 3 * len(layout.layers) + sum(widths)
