"""Several engines on one population: each trains the networks that are its own by their recipes.

Without it, one rule that the native core doesn't know would move all its neighbors to another engine, and so change
their last bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.engines.base import Engine
from manyfit.errors import EngineError
from manyfit.losses import Loss
from manyfit.networks import Dense, Inputs, Network
from manyfit.population import Population
from manyfit.runs.ledger import Ledger


@dataclass
class _Share:
    """One engine with its networks."""

    engine: Engine
    indices: list[int]
    ledger: Ledger
    is_done: bool = False


class Mixed:
    """Advances a population by several engines in turn.

    Args:
        engines: The engines.
        owners: [P] for each network the index of its engine.
    """

    name: ClassVar[str] = "mixed"

    def __init__(self, engines: Sequence[Engine], owners: Sequence[int]) -> None:
        self.engines = list(engines)
        self.owners = list(owners)
        self._shares: list[_Share] = []
        self._ledger: Ledger | None = None

    def describe(self) -> Mapping[str, Any]:
        """What each of its engines says of itself."""
        return {"name": self.name, **{engine.name: dict(engine.describe()) for engine in self.engines}}

    def start(self, population: Population, ledger: Ledger) -> None:
        """Take up a population where its ledger stands."""
        self._ledger = ledger
        for number, engine in enumerate(self.engines):
            indices = [i for i, owner in enumerate(self.owners) if owner == number]
            members = tuple(population.members[i] for i in indices)
            part = replace(population, members=members)
            share = _Share(engine, indices, _part_of(ledger, indices, part.n_epochs))
            with _renamed(indices):
                engine.start(part, share.ledger)
            self._shares.append(share)

    def advance(self, *, seconds: float | None = None, steps: int | None = None) -> bool:
        """Train for about that long, or for that many updates of each network at most; True when all are done."""
        busy = [share for share in self._shares if not share.is_done]
        for share in busy:
            with _renamed(share.indices):
                share.is_done = share.engine.advance(
                    seconds=None if seconds is None else seconds / len(busy), steps=steps
                )
        return all(share.is_done for share in busy)

    def read(self) -> Ledger:
        """Bring the ledger up to date."""
        assert self._ledger is not None, "start() comes first"
        for share in self._shares:
            _put_back(self._ledger, share.indices, share.engine.read())
        return self._ledger

    def stop(self) -> float:
        """Let go of everything; returns the seconds spent inside the engines."""
        spent = sum(share.engine.stop() for share in self._shares)
        self._shares = []
        return spent

    def predict(
        self,
        network: Network,
        parameters: NDArray[np.floating],
        X: NDArray[np.float64],
        inputs: Inputs | None = None,
    ) -> NDArray[np.floating]:
        """Outputs (logits) [P, N, C] of networks of one structure, by the first engine that can."""
        return self._engine_of(network).predict(network, parameters, X, inputs)

    def input_grad(
        self,
        network: Network,
        loss: Loss,
        parameters: NDArray[np.floating],
        X: NDArray[np.float64],
        y: NDArray[Any],
        inputs: Inputs | None = None,
    ) -> NDArray[np.floating]:
        """Gradient of each row's own loss with respect to its inputs, [P, N, D], by the first engine that can."""
        return self._engine_of(network).input_grad(network, loss, parameters, X, y, inputs)

    def _engine_of(self, network: Network) -> Engine:
        """The native core knows dense networks only, but those first."""
        able = [engine for engine in self.engines if engine.name != "native" or isinstance(network, Dense)]
        return able[0]


@contextmanager
def _renamed(indices: list[int]) -> Iterator[None]:
    """What an engine says of its networks, said of them by their places in the whole population."""
    try:
        yield
    except EngineError as error:
        found = [replace(p, who=tuple(indices[i] for i in p.who)) for p in error.problems]
        raise EngineError(found, error.scope) from error


def _part_of(ledger: Ledger, indices: list[int], n_epochs: int) -> Ledger:
    """The ledger of some of the networks; their parameters and states are the same memory."""
    return Ledger(
        cursor=ledger.cursor[indices],
        sums=ledger.sums[indices],
        loss=np.ascontiguousarray(ledger.loss[indices, :n_epochs]),
        held_loss=np.ascontiguousarray(ledger.held_loss[indices, :n_epochs]),
        parameters=[ledger.parameters[i] for i in indices],
        state=[ledger.state[i] for i in indices],
        best=[ledger.best[i] for i in indices],
        probes=[outputs[indices] for outputs in ledger.probes],
        layers=np.ascontiguousarray(ledger.layers[indices, :n_epochs]),
        watched=ledger.watched[indices],
    )


def _put_back(ledger: Ledger, indices: list[int], part: Ledger) -> None:
    """What one engine has recorded, in its place. An engine may have moved parameters to memory of its own."""
    n_epochs = part.loss.shape[1]
    ledger.cursor[indices], ledger.sums[indices] = part.cursor, part.sums
    ledger.loss[indices, :n_epochs], ledger.held_loss[indices, :n_epochs] = part.loss, part.held_loss
    ledger.layers[indices, :n_epochs], ledger.watched[indices] = part.layers, part.watched
    for k, i in enumerate(indices):
        ledger.parameters[i], ledger.state[i], ledger.best[i] = (
            part.parameters[k],
            part.state[k],
            part.best[k],
        )
    for outputs, written in zip(ledger.probes, part.probes, strict=True):
        outputs[indices, ..., : written.shape[-1]] = written
