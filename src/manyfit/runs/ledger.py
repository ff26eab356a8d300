"""The ledger: the arrays that an engine fills while it trains. What a checkpoint holds, and what a run is made of.

Engines write it, the loop and the run folder read it. It knows nothing of how a network is advanced.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.networks import Inputs
from manyfit.population import Population
from manyfit.runs.watch import Noted, room


class Fate(IntEnum):
    """How a network's training ended. Diverging is a fate, not an exception."""

    TRAINING = 0
    FINISHED = 1
    DIVERGED = 2
    STOPPED = 3
    TARGET = 4
    CUT = 5
    LATE = 6

    def sentence(self, step: int) -> str:
        """The fate in words."""
        return {
            Fate.TRAINING: "still training",
            Fate.FINISHED: "finished",
            Fate.DIVERGED: f"diverged at step {step}",
            Fate.STOPPED: f"stopped early at step {step}",
            Fate.TARGET: f"reached its target loss at step {step}",
            Fate.CUT: f"cut at step {step}",
            Fate.LATE: f"out of time at step {step}",
        }[self]


class Cursor(IntEnum):
    """Columns of `Ledger.cursor`."""

    EPOCH = 0
    BATCH = 1
    STEP = 2
    FATE = 3
    FATE_STEP = 4
    BEST_EPOCH = 5
    BAD = 6
    SPARE = 7


class Sums(IntEnum):
    """Columns of `Ledger.sums`."""

    EPOCH_LOSS = 0
    EPOCH_WEIGHT = 1
    START = 2
    BEST = 3


@dataclass(eq=False)
class Ledger:
    """Where every network of a population stands.

    cursor: [P, 8] whole numbers, columns as in `Cursor`: epochs and batches done, updates made, fate and its step, best epoch
        (−1: none yet), epochs without improvement.
    sums: [P, 4], columns as in `Sums`: loss and weight summed over the running epoch, loss of the first step
        (NaN before it), best held-out loss.
    loss: [P, T] mean training loss of each epoch, without penalties; NaN where there was none.
    held_loss: [P, T] loss on held-out rows after the epoch; NaN where it was not asked.
    parameters: P arrays [n], flat, as `Population.layout` says: what is trained, then what a network remembers besides (buffers).
    state: P arrays [S, n], the optimizer's state in the same order; 0 for buffers.
    best: P arrays [n], parameters at the best epoch; empty for recipes without patience.
    probes: For each probe [P, K, N, C] outputs (logits), NaN where the network had ended.
    layers: [P, T, 3, L] what each epoch was like by layer, as `watch.Noted`; L is 0 where nobody watches.
    watched: [P, W] its running sums, as `watch.LayerWatch` says.
    """

    cursor: NDArray[np.int64]
    sums: NDArray[np.float64]
    loss: NDArray[np.float64]
    held_loss: NDArray[np.float64]
    parameters: list[NDArray[np.floating]]
    state: list[NDArray[np.floating]]
    best: list[NDArray[np.floating]]
    probes: list[NDArray[np.floating]]
    layers: NDArray[np.float64]
    watched: NDArray[np.float64]

    @classmethod
    def begin(cls, population: Population) -> Ledger:
        """The ledger of a population that has not been trained yet, with initial parameters drawn."""
        P, T = len(population), population.n_epochs
        cursor = np.zeros((P, len(Cursor)), dtype=np.int64)
        cursor[:, Cursor.BEST_EPOCH] = -1
        sums = np.zeros((P, len(Sums)))
        sums[:, Sums.START] = np.nan
        sums[:, Sums.BEST] = np.inf
        parameters = _initial(population)
        state, best = [], []
        for member, flat in zip(population.members, parameters, strict=True):
            rule = member.recipe.optimizer
            kept = list(rule.init(np, flat, rule).values())
            state.append(np.array(kept, dtype=flat.dtype).reshape(len(kept), flat.size))
            best.append(np.zeros(flat.size if member.recipe.stopping.patience else 0, dtype=flat.dtype))
        probes = []
        for probe in population.probes:
            outputs = {population.view_of(member).n_outputs for member in population.members}
            shape = (P, len(probe.epochs), len(probe.rows), max(outputs, default=0))
            probes.append(np.full(shape, np.nan))
        L = W = 0
        if population.watch:
            layouts = [(population.layout(i), population.hidden(i)) for i in range(P)]
            L = max((len(layout.layers) for layout, _ in layouts), default=0)
            W = max((room(layout, hidden) for layout, hidden in layouts), default=0)
        loss, held_loss = np.full((2, P, T), np.nan)
        layers, watched = np.full((P, T, len(Noted), L), np.nan), np.zeros((P, W))
        return cls(cursor, sums, loss, held_loss, parameters, state, best, probes, layers, watched)

    @property
    def fate(self) -> NDArray[np.int64]:
        """[P] codes of `Fate`."""
        return self.cursor[:, Cursor.FATE]

    def end(self, index: int, fate: Fate) -> None:
        """End the training of a network where it stands: its best weights are put back where there is patience."""
        if not np.isfinite(self.parameters[index]).all():
            fate = Fate.DIVERGED
        self.cursor[index, [Cursor.FATE, Cursor.FATE_STEP]] = fate, self.cursor[index, Cursor.STEP]
        if self.cursor[index, Cursor.BEST_EPOCH] >= 0:
            self.parameters[index][:] = self.best[index]

    @property
    def is_done(self) -> bool:
        """Whether no network is still training."""
        return bool((self.fate != Fate.TRAINING).all())


def _initial(population: Population) -> list[NDArray[np.floating]]:
    """Initial parameters of every network, drawn together for those of one shape and once for those that share a stream."""
    alike: dict[tuple[Any, Inputs, int, str], list[int]] = {}
    for i, member in enumerate(population.members):
        view = population.view_of(member)
        key = (member.recipe.network.start, view.inputs, view.n_outputs, member.recipe.precision)
        alike.setdefault(key, []).append(i)
    drawn: list[NDArray[np.floating]] = [np.empty(0)] * len(population)
    for (_, inputs, n_outputs, precision), indices in alike.items():
        network = population.members[indices[0]].recipe.network
        keys = [population.members[i].streams.init for i in indices]
        distinct = {key: position for position, key in enumerate(dict.fromkeys(keys))}
        table = network.initial(list(distinct), inputs, n_outputs).astype(precision)
        for i, key in zip(indices, keys, strict=True):
            drawn[i] = table[distinct[key]].copy()
    return drawn
