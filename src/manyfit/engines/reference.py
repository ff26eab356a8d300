"""The oracle: one network at a time, by torch's autograd, in the order of the chapter's loop (3.4). Slow and obvious, for ever.

Every faster engine is held to what this one does; this one is held to `torch.optim`.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyfit.engines.base import DIVERGED_FACTOR
from manyfit.errors import EngineError, ManyfitError, Problem
from manyfit.losses import Loss
from manyfit.networks import Apply, Drop, Input, Inputs, Layout, Network, cut, vector
from manyfit.penalties import penalized, proximal_step
from manyfit.population import Population
from manyfit.rng import KEEP_ALL, derive, dropout_mask, epoch_order, keep_threshold
from manyfit.runs.ledger import Cursor, Fate, Ledger, Sums
from manyfit.runs.watch import LayerWatch
from manyfit.schedules.plateau import Watcher


class Reference:
    """Trains networks one after the other, in the precision of their recipes. Needs torch.

    Example:
        >>> from manyfit.engines.base import train
        >>> from manyfit.recipe import Recipe
        >>> X = np.linspace(-1, 1, 8)[:, None]
        >>> train(Population.of([Recipe(epochs=3)] * 2, X, 2 * X + 1), Reference()).fates
        ['finished', 'finished']
    """

    name: ClassVar[str] = "reference"

    def __init__(self) -> None:
        self._ledger: Ledger | None = None
        self._members: list[_Training] = []
        self._seconds = 0.0

    def describe(self) -> Mapping[str, Any]:
        """Its name and torch's version, which decides bits."""
        return {"name": self.name, "torch": torch.__version__}

    def start(self, population: Population, ledger: Ledger) -> None:
        """Take up a population where its ledger stands. From here on the ledger's arrays are written in place."""
        self._ledger = ledger
        self._members = [_Training(population, ledger, index) for index in range(len(population))]
        self._seconds = 0.0

    def advance(self, *, seconds: float | None = None, steps: int | None = None) -> bool:
        """Train for about that long, or for that many updates of each network at most; True when all are done."""
        began = time.perf_counter()
        deadline = math.inf if seconds is None else began + seconds
        with _one_thread():
            for member in self._members:
                made = 0
                while member.is_training and (steps is None or made < steps) and time.perf_counter() < deadline:
                    member.step()
                    made += 1
        self._seconds += time.perf_counter() - began
        return not any(member.is_training for member in self._members)

    def read(self) -> Ledger:
        """The ledger; this engine keeps nothing outside it."""
        assert self._ledger is not None, "start() comes first"
        return self._ledger

    def stop(self) -> float:
        """Let go of the population; returns the seconds spent in `advance`."""
        self._members = []
        return self._seconds

    def predict(
        self,
        network: Network,
        parameters: NDArray[np.floating],
        X: NDArray[np.float64],
        inputs: Inputs | None = None,
    ) -> NDArray[np.floating]:
        """Outputs (logits) [P, N, C] of networks of one structure, on inputs [N, D] or their own [P, N, D]."""
        takes, layout, apply = _known(network, parameters, X, inputs)
        outputs = []
        for flat, table in zip(parameters, np.broadcast_to(X, (len(parameters), *X.shape[-2:])), strict=True):
            with torch.no_grad():
                outputs.append(apply(torch, _leaves(layout, flat), _parts(table, takes, flat.dtype)).numpy())
        return np.stack(outputs)

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
        takes, layout, apply = _known(network, parameters, X, inputs)
        target = _targets(y, parameters.dtype)
        gradients = []
        for flat, table in zip(parameters, np.broadcast_to(X, (len(parameters), *X.shape[-2:])), strict=True):
            parts = _parts(table, takes, flat.dtype)
            floats = [part.requires_grad_() for part in parts if part.is_floating_point()]
            # Rows don't meet in a network that predicts, so the gradient of the sum holds each row's own.
            total = loss.rows(torch, apply(torch, _leaves(layout, flat), parts), target).sum()
            slopes = iter(torch.autograd.grad(total, floats, materialize_grads=True) if floats else ())
            whole = [next(slopes) if part.is_floating_point() else torch.zeros(part.shape) for part in parts]
            gradients.append(np.concatenate([g.reshape(len(table), -1).numpy() for g in whole], 1, dtype=flat.dtype))
        return np.stack(gradients)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Torch on one thread: the number of threads may change a sum's last bit, and makes small kernels slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class _Training:
    """One network in training. All that it remembers from one step to the next stands in the ledger."""

    def __init__(self, population: Population, ledger: Ledger, index: int) -> None:
        self.member = population.members[index]
        recipe, rows, view = self.member.recipe, self.member.rows, population.view_of(self.member)
        self.recipe, self.rows = recipe, rows
        self.dtype = np.dtype(recipe.precision)
        self.index = index
        self.inputs = recipe.network.takes(view.inputs)
        self.apply = recipe.network.bind(view.inputs)
        self.parts = _parts(view.X, self.inputs, self.dtype)
        self.y = _targets(view.y, self.dtype)
        weights = np.ones(len(view.X)) if view.weights is None else view.weights
        self.weights = torch.from_numpy(weights.astype(self.dtype))

        # Tensors on the ledger's own memory: writing them is writing the checkpoint.
        self.layout = population.layout(index)
        self.flat = torch.from_numpy(ledger.parameters[index])
        self.leaves = self.layout.cut(self.flat)
        names = recipe.optimizer.init(np, np.zeros(1), recipe.optimizer)
        self.states = {
            name: self.layout.cut(torch.from_numpy(row))
            for name, row in zip(names, ledger.state[index], strict=True)
        }
        self.best = torch.from_numpy(ledger.best[index])
        self.cursor, self.sums = ledger.cursor[index], ledger.sums[index]
        self.loss, self.held_loss = ledger.loss[index], ledger.held_loss[index]
        self.record_every = population.record_every
        self.probes = [
            (probe.epochs, _parts(population.views[probe.view].X[probe.rows], self.inputs, self.dtype), out[index])
            for probe, out in zip(population.probes, ledger.probes, strict=True)
        ]

        n = len(rows.train)
        self.batch_size = n if recipe.batch_size is None else min(recipe.batch_size, n)
        self.n_batches = -(-n // self.batch_size)
        self.rates = recipe.optimizer.lr * recipe.schedule.table(recipe.epochs, self.n_batches)
        watched = self.held_loss if len(rows.held) else self.loss
        self.noted: LayerWatch | None = None
        if population.watch:
            self.noted = LayerWatch(self.layout, population.hidden(index), ledger.watched[index], ledger.layers[index])
        self.watcher = Watcher(recipe.schedule, self.n_batches, watched[: self.cursor[Cursor.EPOCH]])

    @property
    def is_training(self) -> bool:
        return bool(self.cursor[Cursor.FATE] == Fate.TRAINING)

    def step(self) -> None:
        """One update of one network, and the end of its epoch if this was the last batch."""
        epoch, batch, t = (int(self.cursor[column]) for column in (Cursor.EPOCH, Cursor.BATCH, Cursor.STEP))
        if t == 0:
            self.answer_probes(0)
        if epoch == self.recipe.epochs or t == self.recipe.stopping.max_steps:  # a recipe of no epochs, or no steps
            return self.end(Fate.FINISHED, t)

        rows = self.batch(epoch, batch)
        trained = {leaf.name: self.leaves[leaf.name].detach().requires_grad_() for leaf in self.layout.trained}
        leaves = {**self.leaves, **trained}
        parts = self.shown(t, rows)
        units: list[tuple[Tensor, Tensor]] = []
        options = {"note": lambda z, a: units.append((z, a))} if self.noted and self.noted.widths else {}
        with explained(self.recipe.network, parts, (self.index,)):
            output = self.apply(torch, leaves, parts, self.drop(t), derive(self.member.streams.noise, t), **options)
        weights = self.weights[rows]
        if self.noted is not None:
            for layer, (z, a) in enumerate(units):
                slopes = torch.autograd.grad(a.sum(), z, retain_graph=True)[0]
                self.noted.note_units(layer, slopes.numpy(), (weights > 0).numpy())
        weighted = (weights * self.recipe.loss.rows(torch, output, self.y[rows])).sum()
        weight = (weights * self.recipe.loss.row_weight(torch, self.y[rows])).sum()
        loss = weighted / weight if weight > 0 else 0 * output.sum()

        value = loss.item()
        if t == 0:
            self.sums[Sums.START] = value
        if not math.isfinite(value) or value > max(DIVERGED_FACTOR * self.sums[Sums.START], 1.0):
            if self.noted and batch:
                self.noted.end_epoch(epoch, batch)
            return self.end(Fate.DIVERGED, t + 1)

        found = torch.autograd.grad(loss, list(trained.values()), materialize_grads=True)
        gradients = dict(zip(trained, found, strict=True))
        before = {name: self.leaves[name].clone() for name in trained} if self.noted else {}
        self.update(t, dict(gradients))
        if self.noted:
            self.noted.note_step(gradients, before, self.leaves)
        for leaf in self.layout:
            if not leaf.trained:
                self.leaves[leaf.name].copy_(leaves[leaf.name])
        self.sums[Sums.EPOCH_LOSS] += weighted.item()
        self.sums[Sums.EPOCH_WEIGHT] += weight.item()
        self.cursor[Cursor.STEP] += 1
        self.cursor[Cursor.BATCH] += 1
        if batch + 1 == self.n_batches:
            self.end_epoch(epoch)
        if self.is_training and t + 1 == self.recipe.stopping.max_steps:
            self.end(Fate.FINISHED, t + 1)
        return None

    def batch(self, epoch: int, batch: int) -> NDArray[np.int64]:
        """The rows of one batch of one epoch."""
        train = self.rows.train
        if self.recipe.shuffle and self.batch_size < len(train):
            train = train[epoch_order(self.member.streams.order, epoch, len(train))]
        return train[batch * self.batch_size : (batch + 1) * self.batch_size]

    def shown(self, t: int, rows: NDArray[np.int64]) -> list[Tensor]:
        """The inputs of these rows in step `t`: as they are, or as augmentation makes them. Only numbers can be noisy."""
        parts, augment = [part[rows] for part in self.parts], self.recipe.augment
        if not augment.is_on:
            return parts
        drawn = augment.draw(self.member.streams.noise, t, len(rows), sum(each.size for each in self.inputs))
        shifts, keeps = ([torch.from_numpy(each.astype(self.dtype)) for each in cut(a, self.inputs)] for a in drawn)
        return [
            (part + shift) * keep if part.is_floating_point() else part
            for part, shift, keep in zip(parts, shifts, keeps, strict=True)
        ]

    def drop(self, t: int) -> Drop:
        """Dropout in step `t`."""

        def drop(values: Tensor, layer: int, p: float) -> Tensor:
            keep = keep_threshold(p)
            if keep >= KEEP_ALL:
                return values
            n_rows = len(values)
            mask = dropout_mask(self.member.streams.noise, t, layer, n_rows, values.numel() // n_rows, keep)
            return values * torch.from_numpy(mask.astype(self.dtype)).view(values.shape)

        return drop

    def update(self, t: int, gradients: dict[str, Tensor]) -> None:
        """Add the penalties, clip by value and then by norm, and let the rule change every parameter array."""
        rule, later = self.recipe.optimizer, {}
        for leaf in self.layout.trained:
            paid = [penalty for penalty in self.recipe.penalties if leaf.is_weight or penalty.biases]
            p, g = self.leaves[leaf.name], gradients[leaf.name]
            gradients[leaf.name], later[leaf.name] = penalized(torch, p, g, paid, rule)
        if self.recipe.clip_value is not None:
            bound = self.recipe.clip_value
            gradients = {name: torch.clamp(g, -bound, bound) for name, g in gradients.items()}  # as torch's clip_grad_value_
        if self.recipe.clip_norm is not None:
            norm = torch.sqrt(torch.stack([(g * g).sum() for g in gradients.values()]).sum())
            share = torch.clamp(self.recipe.clip_norm / (norm + 1e-6), max=1.0)  # as torch's clip_grad_norm_
            gradients = {name: g * share for name, g in gradients.items()}
        rate = float(self.rates[t]) * self.watcher.multiplier
        hypers = dataclasses.replace(rule, lr=rate)  # type: ignore[type-var]  # a rule is a dataclass
        for name, gradient in gradients.items():
            leaf = self.leaves[name]
            state = {part: leaves[name] for part, leaves in self.states.items()}
            if later[name]:
                new, new_state, _ = proximal_step(torch, leaf, gradient, state, t + 1, hypers, later[name])
            else:
                new, new_state = rule.step(torch, leaf, gradient, state, t + 1, hypers)
            leaf.copy_(new)
            for part, old in state.items():
                old.copy_(new_state[part])

    def end_epoch(self, epoch: int) -> None:
        """Record what the epoch left and decide whether it was the last: divergence, patience, target, end, in this order."""
        t, last, stopping = int(self.cursor[Cursor.STEP]), epoch + 1 == self.recipe.epochs, self.recipe.stopping
        if self.noted:
            self.noted.end_epoch(epoch, self.n_batches)
        weight = self.sums[Sums.EPOCH_WEIGHT]
        loss = self.sums[Sums.EPOCH_LOSS] / weight if weight > 0 else 0.0
        self.sums[[Sums.EPOCH_LOSS, Sums.EPOCH_WEIGHT]] = 0.0
        self.cursor[Cursor.EPOCH], self.cursor[Cursor.BATCH] = epoch + 1, 0

        self.loss[epoch] = loss
        is_watched = stopping.patience is not None or self.watcher.plateau is not None
        is_due = (epoch + 1) % self.record_every == 0 or last or is_watched
        held = self.score_held() if len(self.rows.held) and is_due else None
        if held is not None:
            if not math.isfinite(held):
                return self.end(Fate.DIVERGED, t)
            self.held_loss[epoch] = held
        self.answer_probes(epoch + 1)
        self.watcher.see(loss if held is None else held)

        if stopping.patience is not None and held is not None:
            if held < self.sums[Sums.BEST] - stopping.min_delta:
                self.sums[Sums.BEST] = held
                self.cursor[Cursor.BEST_EPOCH], self.cursor[Cursor.BAD] = epoch, 0
                self.best.copy_(self.flat)
            else:
                self.cursor[Cursor.BAD] += 1
                if self.cursor[Cursor.BAD] >= stopping.patience:
                    return self.end(Fate.STOPPED, t)
        if stopping.target_loss is not None and loss <= stopping.target_loss:
            return self.end(Fate.TARGET, t)
        return self.end(Fate.FINISHED, t) if last else None

    def predict(self, parts: Sequence[Tensor]) -> Tensor:
        """Outputs on inputs, without dropout."""
        with torch.no_grad(), explained(self.recipe.network, parts, (self.index,)):
            return self.apply(torch, dict(self.leaves), parts)

    def score_held(self) -> float:
        """Weighted mean loss on the held-out rows, without dropout."""
        held = self.rows.held
        output = self.predict([part[held] for part in self.parts])
        loss, weights = self.recipe.loss.scoring, self.weights[held].double()
        weighted = (weights * loss.rows(torch, output, self.y[held]).double()).sum()
        weight = (weights * loss.row_weight(torch, self.y[held])).sum()
        return (weighted / weight).item() if weight > 0 else 0.0

    def answer_probes(self, n_epochs: int) -> None:
        """Write down the outputs on the probes that ask for this number of epochs."""
        for epochs, parts, out in self.probes:
            if n_epochs in epochs:
                output = self.predict(parts).numpy()
                out[epochs.index(n_epochs), :, : output.shape[1]] = output

    def end(self, fate: Fate, step: int) -> None:
        """The end: the fate is written down, and the best weights are put back where there is patience."""
        if not torch.isfinite(self.flat).all():
            fate = Fate.DIVERGED
        self.cursor[[Cursor.FATE, Cursor.FATE_STEP]] = fate, step
        if self.cursor[Cursor.BEST_EPOCH] >= 0:
            self.flat.copy_(self.best)


@contextmanager
def explained(
    network: Network, parts: Sequence[Tensor], who: tuple[int, ...] = (), *, stacked: bool = False
) -> Iterator[None]:
    """What goes wrong within a network as one clear error, which names the networks and the shapes of their inputs."""
    try:
        yield
    except ManyfitError as error:
        raise EngineError([dataclasses.replace(p, who=who) for p in error.problems], "this training") from error
    except Exception as error:  # anybody's code
        shapes = ", ".join(str(list(part.shape[stacked:])) for part in parts)
        rule = f"can't compute on inputs {shapes}"
        raise EngineError(Problem(str(network), rule, f"{type(error).__name__}: {error}", who)) from error


def _known(
    network: Network, parameters: NDArray[np.floating], X: NDArray[np.float64], inputs: Inputs | None
) -> tuple[Inputs, Layout, Apply]:
    """What networks take, where their numbers lie, and the function that they are."""
    given = vector(X.shape[-1]) if inputs is None else inputs
    return network.takes(given), network.layout_of(given, parameters.shape[1]), network.bind(given)


def _leaves(layout: Layout, flat: NDArray[np.floating]) -> dict[str, Tensor]:
    return layout.cut(torch.from_numpy(np.ascontiguousarray(flat)))


def _parts(X: NDArray[np.float64], inputs: Sequence[Input], dtype: np.dtype[Any]) -> list[Tensor]:
    """The inputs of a network, one tensor for each, in the types it takes."""
    types = {"float": dtype, "int": np.dtype(np.int64), "bool": np.dtype(np.bool_)}
    return [
        torch.from_numpy(part.astype(types[each.kind])) for part, each in zip(cut(X, inputs), inputs, strict=True)
    ]


def _targets(y: NDArray[Any], dtype: np.dtype[Any]) -> Tensor:
    return torch.from_numpy(np.array(y, dtype=np.int64 if y.ndim == 1 else dtype))
