"""An engine whose results can be computed by hand, for tests of what surrounds engines. It needs neither the core nor torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.runs import Cursor, Fate, Ledger


class Staircase:
    """Each advance is one epoch of two updates for every network: parameters grow by 1, loss of epoch e is member + 1 / (e + 1).

    Network `diverges` diverges in its second epoch.
    """

    name: ClassVar[str] = "staircase"

    def __init__(self, version: str = "1", diverges: int | None = None) -> None:
        self.version = version
        self.diverges = diverges
        self.n_advances = 0

    def describe(self) -> Mapping[str, Any]:
        return {"name": self.name, "version": self.version}

    def start(self, population: Population, ledger: Ledger) -> None:
        self.population, self.ledger = population, ledger

    def advance(self, *, seconds: float | None = None, steps: int | None = None) -> bool:
        self.n_advances += 1
        ledger = self.ledger
        for i in np.flatnonzero(ledger.fate == Fate.TRAINING):
            epoch = ledger.cursor[i, Cursor.EPOCH]
            if i == self.diverges and epoch == 1:
                ledger.cursor[i, [Cursor.FATE, Cursor.FATE_STEP]] = Fate.DIVERGED, 3
                continue
            ledger.parameters[i] += 1
            ledger.state[i] += 2
            ledger.loss[i, epoch] = i + 1 / (epoch + 1)
            if len(self.population.members[i].rows.held) and (epoch + 1) % self.population.record_every == 0:
                ledger.held_loss[i, epoch] = i + 2 / (epoch + 1)
            for probe, out in zip(self.population.probes, ledger.probes, strict=True):
                if epoch + 1 in probe.epochs:
                    out[i, probe.epochs.index(epoch + 1)] = i + epoch
            ledger.cursor[i, [Cursor.EPOCH, Cursor.STEP]] += 1, 2
            if epoch + 1 == self.population.members[i].recipe.epochs:
                step = ledger.cursor[i, Cursor.STEP]
                ledger.cursor[i, [Cursor.FATE, Cursor.FATE_STEP]] = Fate.FINISHED, step
        return ledger.is_done

    def read(self) -> Ledger:
        return self.ledger

    def stop(self) -> float:
        return 0.25

    def predict(self, network: Any, parameters: Any, X: Any, inputs: Any = None) -> Any:
        return np.broadcast_to(parameters[:, :1, None], (len(parameters), len(X), 1))

    def input_grad(self, network: Any, loss: Any, parameters: Any, X: Any, y: Any, inputs: Any = None) -> Any:
        raise NotImplementedError


class Clock:
    """A clock that goes on by so much each time it is read."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Killed(BaseException):
    """What a test throws to end a training without any farewell."""


class KillAfter:
    """A watcher that ends everything after so many segments."""

    def __init__(self, n_segments: int) -> None:
        self.left = n_segments

    def __call__(self, ledger: Ledger) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


def networks(epochs: int = 4, n: int = 3, **changes: Any) -> Population:
    """Three networks (P=3) of two shapes and two precisions on five rows (B=5) of two inputs (D=2), one row held out."""
    X = np.arange(10.0).reshape(5, 2)
    recipes = [
        Recipe(epochs=epochs, optimizer="adam").set("network.hidden", (3,)),
        Recipe(epochs=epochs, optimizer="sgd", precision="float64").set("network.hidden", (4, 3)),
        Recipe(epochs=epochs, optimizer="momentum", precision="float64", penalties="l2").set(
            "stopping.patience", 9
        ),
    ]
    rows = Rows(np.arange(4), np.array([4]))
    members = [Member(recipes[i % 3], Streams.of(0, replicate=i), rows) for i in range(n)]
    return Population(tuple(members), {"all": View(X, X.sum(1))}, **changes)
