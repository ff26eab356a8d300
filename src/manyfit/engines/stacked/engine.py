"""The stacked engine itself: sorts networks into groups, and finds out which of them torch.func can't take together."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyfit.engines.reference import explained
from manyfit.engines.stacked.batches import Tables
from manyfit.engines.stacked.group import Group, precision_of
from manyfit.engines.stacked.grouping import key_of
from manyfit.engines.stacked.stack import Stack, parts_of, targets
from manyfit.errors import EngineError, Problem
from manyfit.losses import Loss
from manyfit.networks import Inputs, Network, vector
from manyfit.population import Population
from manyfit.runs.ledger import Fate, Ledger

MEMORY = {"cpu": 1 << 24, "cuda": 1 << 32}
"""Bytes that the networks of one group may need for a step, by kind of device; more of them train in turn. A CPU is fastest with
what its caches hold."""

_log = logging.getLogger("manyfit")
_TOLD: set[Network] = set()


class Stacked:
    """Trains networks of one structure in one program, each with its own numbers; others beside them.

    What torch.func can't take together (a module that looks at its values to decide what to compute, or that has randomness of
    its own) is computed network by network, and a line in the log says why.

    Args:
        device: Where: "cpu", "cuda", "cuda:1"; a GPU if there is one by default.
        threads: Threads of torch on a CPU; as many as torch has by default.

    Example:
        >>> from manyfit.engines.base import train
        >>> from manyfit.recipe import Recipe
        >>> X = np.linspace(-1, 1, 8)[:, None]
        >>> train(Population.of([Recipe(epochs=3)] * 2, X, 2 * X + 1), Stacked()).fates
        ['finished', 'finished']
    """

    name: ClassVar[str] = "stacked"

    def __init__(self, device: str | None = None, threads: int | None = None) -> None:
        self.device = _device(device)
        self.threads = threads
        self._ledger: Ledger | None = None
        self._groups: list[Group] = []
        self._seconds = 0.0

    def describe(self) -> Mapping[str, Any]:
        """Its name, torch's version and the device: what decides bits."""
        where = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else self.device.type
        return {"name": self.name, "torch": torch.__version__, "device": where}

    def start(self, population: Population, ledger: Ledger) -> None:
        """Take up a population where its ledger stands. From here on the ledger's arrays are written in place."""
        self._ledger, self._groups, self._seconds = ledger, [], 0.0
        alike: dict[tuple[Any, ...], list[int]] = {}
        for index in np.flatnonzero(ledger.fate == Fate.TRAINING).tolist():
            alike.setdefault(key_of(population, ledger, index), []).append(index)
        known: dict[tuple[Any, ...], Tables] = {}
        with self._settled():
            for indices in alike.values():
                tables = self._tables(population, indices, known)
                stack, most = self._stack(population, ledger, indices, tables)
                for at in range(0, len(indices), most):
                    self._groups.append(Group(population, ledger, indices[at : at + most], stack, tables))

    def _tables(
        self, population: Population, indices: Sequence[int], known: dict[tuple[Any, ...], Tables]
    ) -> Tables:
        """What some networks read; made once for all that read the same in the same way."""
        first = population.members[indices[0]]
        takes = first.recipe.network.takes(population.view_of(first).inputs)
        names = dict.fromkeys(population.members[i].rows.view for i in indices)
        key = (tuple(names), takes, precision_of(first))
        if key not in known:
            views = {name: population.views[name] for name in names}
            known[key] = Tables(views, takes, precision_of(first), self.device)
        return known[key]

    def _stack(
        self, population: Population, ledger: Ledger, indices: Sequence[int], tables: Tables
    ) -> tuple[Stack, int]:
        """The function that networks of one key are, and how many of them fit into memory at once. Tried on two of them."""
        first = population.members[indices[0]]
        network, inputs = first.recipe.network, population.view_of(first).inputs
        size = ledger.parameters[indices[0]].size
        few = Group(population, ledger, indices[:2], Stack(network, inputs, size), tables)
        why_not, n_bytes = few.try_out()
        if why_not:
            if network not in _TOLD:
                _TOLD.add(network)
                _log.warning(
                    "%s can't be stacked, its networks are computed one by one: %s", network, why_not
                )
            return Stack(network, inputs, size, why_not), len(indices)
        n_bytes += ledger.parameters[indices[0]].nbytes * 4 + ledger.state[indices[0]].nbytes * 2
        return few.stack, max(MEMORY.get(self.device.type, MEMORY["cpu"]) // max(n_bytes, 1), 1)

    def advance(self, *, seconds: float | None = None, steps: int | None = None) -> bool:
        """Train for about that long, or for that many updates of each network at most; True when all are done."""
        began = time.perf_counter()
        busy = [group for group in self._groups if group.is_training]
        with self._settled():
            for number, group in enumerate(busy):
                left = None if seconds is None else seconds - (time.perf_counter() - began)
                deadline = None if left is None else time.perf_counter() + left / (len(busy) - number)
                made = 0
                while group.is_training and (steps is None or made < steps):
                    group.step()
                    made += 1
                    if deadline is not None and time.perf_counter() >= deadline:
                        break
        self._seconds += time.perf_counter() - began
        return not any(group.is_training for group in busy)

    def read(self) -> Ledger:
        """Bring the ledger up to date."""
        assert self._ledger is not None, "start() comes first"
        for group in self._groups:
            group.write()
        return self._ledger

    def stop(self) -> float:
        """Let go of the population; returns the seconds spent in `advance`."""
        self._groups = []
        return self._seconds

    def predict(
        self,
        network: Network,
        parameters: NDArray[np.floating],
        X: NDArray[np.float64],
        inputs: Inputs | None = None,
    ) -> NDArray[np.floating]:
        """Outputs (logits) [P, N, C] of networks of one structure, on inputs [N, D] or their own [P, N, D]."""
        shared = X.ndim == 2

        def outputs(stack: Stack, trained: Tensor, buffers: Tensor, parts: list[Tensor]) -> Tensor:
            return stack.predict(trained, buffers, parts, shared=shared)

        return self._asked(network, parameters, X, inputs, outputs).cpu().numpy()

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
        P = len(parameters)
        own = np.broadcast_to(X, (P, *X.shape[-2:]))

        def slopes(stack: Stack, trained: Tensor, buffers: Tensor, parts: list[Tensor]) -> Tensor:
            floats = [part.requires_grad_() for part in parts if part.is_floating_point()]
            target = targets(y, trained.dtype, self.device)
            output, _ = stack(trained, buffers, parts)
            rows = loss.rows(torch, output.flatten(0, 1), target.expand(P, *target.shape).flatten(0, 1))
            found = iter(torch.autograd.grad(rows.sum(), floats, materialize_grads=True) if floats else ())
            whole = [
                next(found) if part.is_floating_point() else torch.zeros_like(part, dtype=trained.dtype)
                for part in parts
            ]
            return torch.cat([each.reshape(P, own.shape[1], -1) for each in whole], 2)

        return self._asked(network, parameters, own, inputs, slopes).cpu().numpy()

    def _asked(
        self,
        network: Network,
        parameters: NDArray[np.floating],
        X: NDArray[np.float64],
        inputs: Inputs | None,
        question: Callable[[Stack, Tensor, Tensor, list[Tensor]], Tensor],
    ) -> Tensor:
        """Ask networks together, or one by one where that can't be done."""
        given = vector(X.shape[-1]) if inputs is None else inputs
        stack = Stack(network, given, parameters.shape[1])
        flat = torch.from_numpy(np.ascontiguousarray(parameters)).to(self.device)
        trained, buffers = flat[:, : stack.n_trained], flat[:, stack.n_trained :]
        with self._settled():
            parts = parts_of(X, stack.takes, flat.dtype, self.device)
            try:
                return question(stack, trained, buffers, parts)
            except Exception as error:  # anybody's code, in a way it was not written for
                alone = Stack(network, given, parameters.shape[1], why_not=str(error) or "it failed")
            with explained(network, parts, stacked=X.ndim == 3):
                return question(alone, trained, buffers, [part.detach() for part in parts])

    @contextmanager
    def _settled(self) -> Iterator[None]:
        """Torch with the number of threads that was asked for, and what rules make anew on the device."""
        before = torch.get_num_threads()
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        try:
            with nullcontext() if self.device.type == "cpu" else self.device:
                yield
        finally:
            torch.set_num_threads(before)


def _device(name: str | None) -> torch.device:
    """A device by name; by default a GPU if there is one."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        rule = "must be one that torch can use here"
        raise EngineError(
            Problem("device", rule, f"{name!r} ({str(error).splitlines()[0]})", hint="'cpu' always is.")
        ) from error
    return device
