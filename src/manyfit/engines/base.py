"""What an engine is, and the one loop that drives every engine.

An engine advances all the networks of a population; it does not decide when to look, to save or to stop. The loop does, between
segments of about 100 ms: that is where Ctrl-C, progress, deadlines and checkpoints act. What must act every epoch (records, early
stopping, divergence) is part of the engine.

The semantics that every engine shares. For one network with n training rows: B = min(batch_size, n), K = ⌈n/B⌉ steps an epoch,
step t = epoch·K + batch counts from 0 (rules see t + 1).

- Order: natural when B = n or without `shuffle`, else `rng.epoch_order(streams.order, epoch, n)`. The last batch may be smaller.
- Batch loss = Σ wᵢ lᵢ / Σ wᵢ over its rows; 0 with zero gradient where all weights are 0. Where a loss says what its rows count
  for (class weights), that times wᵢ stands below.
- Gradient of the batch loss (with augmentation and dropout), plus the penalties' gradients, each number clipped to ±clip_value,
  then all of them by global norm to clip_norm, both as torch does; then the rule; proximal penalties last (`penalties`).
- Diverged: the batch loss is not finite, or above max(10⁶ · first batch loss, 1); checked before each update, parameters stay.
  Also: a held-out loss that is not finite, or parameters that are not finite at the end.
- loss[epoch] = Σ over batches Σ wᵢ lᵢ / Σ wᵢ; held_loss[epoch] on held-out rows by `loss.scoring`, without dropout, every
  `record_every` epochs, at the last one, and at each epoch with patience or a plateau.
- Rate of step t: lr · table[t] · m. m is 1 unless the schedule watches the loss (a plateau): then `schedules.plateau` finds it
  from held_loss of the epochs before, or from loss where no rows are held out. Nothing of it is kept besides these records.
- At an epoch's end: divergence, patience, target loss, end, in this order. Then, also amid an epoch: `max_steps`.
- `max_seconds` is the loop's affair: networks whose time is up are ended between segments, where they stand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from manyfit.losses import Loss
from manyfit.networks import Inputs, Network
from manyfit.population import Population
from manyfit.runs.ledger import Fate, Ledger
from manyfit.runs.run import Run

SEGMENT_S = 0.1

DIVERGED_FACTOR = 1e6
"""A loss this many times its start, and above 1, counts as diverged."""


class Engine(Protocol):
    """What advances a population."""

    name: ClassVar[str]

    def describe(self) -> Mapping[str, Any]:
        """Name, version and whatever else decides bits; a resume on another is refused."""
        ...

    def start(self, population: Population, ledger: Ledger) -> None:
        """Take up a population where its ledger stands."""
        ...

    def advance(self, *, seconds: float | None = None, steps: int | None = None) -> bool:
        """Train for about that long, or for that many updates of each network at most; True when all are done."""
        ...

    def read(self) -> Ledger:
        """Bring the ledger up to date: a consistent checkpoint."""
        ...

    def stop(self) -> float:
        """Let go of everything; returns the seconds spent inside the engine's own loop."""
        ...

    def predict(
        self,
        network: Network,
        parameters: NDArray[np.floating],
        X: NDArray[np.float64],
        inputs: Inputs | None = None,
    ) -> NDArray[np.floating]:
        """Outputs (logits) [P, N, C] of networks of one structure.

        Args:
            network: Any of them.
            parameters: [P, n].
            X: [N, D] inputs, or the networks' own [P, N, D].
            inputs: How a row is cut and shaped, as the view of the networks says; one vector by default.
        """
        ...

    def input_grad(
        self,
        network: Network,
        loss: Loss,
        parameters: NDArray[np.floating],
        X: NDArray[np.float64],
        y: NDArray[Any],
        inputs: Inputs | None = None,
    ) -> NDArray[np.floating]:
        """Gradient of each row's own loss with respect to its inputs, [P, N, D]; 0 for inputs that are no floats.

        Inputs are [N, D], or the networks' own [P, N, D].
        """
        ...


Watcher = Callable[[Ledger], bool | None]
"""Called between segments with an up-to-date ledger; returning True ends the training there."""


def train(
    population: Population,
    engine: Engine,
    *,
    ledger: Ledger | None = None,
    seconds: float | None = None,
    spent: float = 0.0,
    watchers: Sequence[Watcher] = (),
    segment_s: float = SEGMENT_S,
    clock: Callable[[], float] = time.perf_counter,
) -> Run:
    """Train a population to its end: the one loop.

    Args:
        population: What to train.
        engine: What to train it with.
        ledger: Where to go on from; a fresh one by default.
        seconds: Wall time after which networks still in training are cut.
        spent: Wall time of earlier sessions, which counts towards `Stopping.max_seconds`.
        watchers: Called after every segment (progress, run folder, live page).
        segment_s: Length of a segment. It changes no result.
        clock: Where the time comes from.

    Returns:
        The run. Networks that did not come to their end are cut, not lost.
    """
    ledger = Ledger.begin(population.check()) if ledger is None else ledger
    began = clock()
    limits = [member.recipe.stopping.max_seconds for member in population.members]
    ends = np.array([np.inf if limit is None else limit - spent for limit in limits])
    core_seconds = 0.0
    engine.start(population, ledger)
    try:
        is_done = ledger.is_done
        while not is_done:
            gone = clock() - began
            left = np.inf if seconds is None else seconds - gone
            if left <= 0:
                break
            if (ends <= gone).any():
                # A new start from the ledger changes no bit of those that go on, and no engine needs to know of time.
                ledger = engine.read()
                core_seconds += engine.stop()
                for index in np.flatnonzero((ends <= gone) & (ledger.fate == Fate.TRAINING)).tolist():
                    ledger.end(index, Fate.LATE)
                ends[ends <= gone] = np.inf
                engine.start(population, ledger)
                is_done = ledger.is_done
                continue
            is_done = engine.advance(seconds=min(segment_s, left, ends.min(initial=np.inf) - gone))
            if watchers:
                current = engine.read()
                if any([watcher(current) for watcher in watchers]):
                    break
        final = engine.read()
    finally:
        core_seconds += engine.stop()
    return Run.of(
        population, final, seconds=clock() - began, core_seconds=core_seconds, engine=engine.describe()
    )
