"""Advances dense networks in the C++ core.

Python sorts them into groups whose equations agree and hands the core arrays; the core trains them and writes into the same
arrays.
"""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit import _native
from manyfit.engines.native.catalog import blocks_of, form_of
from manyfit.engines.native.group import Group, Shared, group_key
from manyfit.losses import Loss
from manyfit.networks import Dense, Inputs
from manyfit.population import Population
from manyfit.runs.ledger import Ledger

SMALL = 10_000_000
"""Weights × rows below which one thread predicts: starting others takes as long, about half a millisecond."""


def usable_cores() -> int:
    """Cores that this process may run on (macOS and Windows don't say: all of them)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Native:
    """Advances dense networks in the C++ core.

    Args:
        threads: Threads that take packs of networks; all cores by default. The number changes no result.
        isa: Instruction set, one of `_native.isas()`; the best by default. Results are equal bit for bit within one.
        layout: "auto", "across" (a lane a network) or "within" (a vector along a layer). Both give the same bits.
    """

    name: ClassVar[str] = "native"

    def __init__(self, threads: int | None = None, isa: str = "", layout: str = "auto") -> None:
        self.threads = threads or usable_cores()
        self.isa = isa or _native.isa()
        self.layout = layout
        self._sessions: list[Any] = []
        self._groups: list[Group] = []
        self._ledger: Ledger | None = None

    def describe(self) -> dict[str, Any]:
        """Name, core version and instruction set: what decides bits. Threads don't."""
        return {"name": self.name, "version": _native.version(), "isa": self.isa}

    def start(self, population: Population, ledger: Ledger) -> None:
        """Take up a population where its ledger stands."""
        self._ledger = ledger
        keys: dict[tuple[Any, ...], list[int]] = {}
        for index, member in enumerate(population.members):
            keys.setdefault(group_key(population, index, member), []).append(index)
        for precision in sorted({key[0] for key in keys}):
            session = _native.Session(precision, self.isa)
            shared = Shared(session, population)
            self._sessions.append(session)
            for key, indices in keys.items():
                if key[0] == precision:
                    group = Group(population, ledger, indices)
                    session.add_group(**group.spec(shared, self.layout))
                    self._groups.append(group)

    def advance(self, *, seconds: float | None = None, steps: int | None = None) -> bool:
        """Train for about that long, or for that many updates of each network at most; True when all are done."""
        return all([session.advance(seconds, steps, self.threads) for session in self._sessions])

    def read(self) -> Ledger:
        """Bring the ledger up to date."""
        assert self._ledger is not None
        for session in self._sessions:
            session.flush()
        for group in self._groups:
            group.write(self._ledger)
        return self._ledger

    def stop(self) -> float:
        """Let go of the core; returns the seconds spent inside it, summed over threads."""
        spent = sum(session.seconds for session in self._sessions)
        self._sessions, self._groups = [], []
        return spent

    def predict(
        self,
        network: Dense,
        parameters: NDArray[np.floating],
        X: NDArray[np.float64],
        inputs: Inputs | None = None,
    ) -> NDArray[np.floating]:
        """Outputs (logits) [P, N, C] of networks of one shape, parameters [P, n], on inputs [N, D] or their own [P, N, D].

        A row alone gives the same bits as among others.
        """
        widths = network.widths_from(X.shape[-1], parameters.shape[1])
        flat = np.ascontiguousarray(parameters)
        is_small = flat.size * X.shape[-2] < SMALL
        logits: Any = _native.forward(
            flat.dtype.name,
            list(widths),
            network.activation,
            flat,
            np.ascontiguousarray(X, dtype=np.float64),
            self.isa,
            1 if is_small else self.threads,
            **blocks_of(network),
        )
        return logits

    def input_grad(
        self,
        network: Dense,
        loss: Loss,
        parameters: NDArray[np.floating],
        X: NDArray[np.float64],
        y: NDArray[Any],
        inputs: Inputs | None = None,
    ) -> NDArray[np.floating]:
        """Gradient of each row's own loss with respect to its inputs, [P, N, D]; inputs [N, D] or the networks' own [P, N, D]."""
        widths = network.widths_from(X.shape[-1], parameters.shape[1])
        flat, table = np.ascontiguousarray(parameters), np.ascontiguousarray(X, dtype=np.float64)
        gradients: Any = _native.input_grad(
            flat.dtype.name,
            list(widths),
            network.activation,
            *form_of(loss),
            flat,
            table,
            y,
            self.isa,
            self.threads,
            **blocks_of(network),
        )
        return gradients
