"""Networks of one key in training: every tensor has their axis in front, and they take each step together.

The semantics are those of `engines/base.py`, and of the reference engine network by network. Everything that a step depends on
stands in the ledger, so when some networks end, the others are simply taken up again from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyfit.engines.base import DIVERGED_FACTOR
from manyfit.engines.reference import explained
from manyfit.engines.stacked.batches import Batches, Held, Tables
from manyfit.engines.stacked.draws import Draws, Drop
from manyfit.engines.stacked.lossrows import LossRows
from manyfit.engines.stacked.stack import Stack, parts_of, try_out
from manyfit.engines.stacked.update import Update
from manyfit.networks import Dense
from manyfit.population import Member, Population
from manyfit.rng import keep_threshold
from manyfit.runs.ledger import Cursor, Fate, Ledger, Sums
from manyfit.runs.watch import LayerWatch
from manyfit.schedules.plateau import Watcher

_POSITION = [Cursor.EPOCH, Cursor.BATCH, Cursor.STEP]


class Group:
    """Networks that train together.

    Args:
        population: What is trained.
        ledger: Where they stand; its arrays are written by `write`, and when a network ends.
        indices: Which networks of the population; they share a key and a position.
        stack: The function that they are.
        tables: What they read, on the device where they train.
    """

    def __init__(
        self, population: Population, ledger: Ledger, indices: Sequence[int], stack: Stack, tables: Tables
    ) -> None:
        self.population, self.ledger, self.tables, self.device = population, ledger, tables, tables.device
        first = population.members[indices[0]]
        self.dtype, self.has_held = precision_of(first), len(first.rows.held) > 0
        self.patience = first.recipe.stopping.patience is not None
        self.stack = stack
        self.probes = [
            (
                probe.epochs,
                parts_of(
                    population.views[probe.view].X[probe.rows], self.stack.takes, self.dtype, self.device
                ),
                out,
            )
            for probe, out in zip(population.probes, ledger.probes, strict=True)
        ]
        self._take_up(np.array(indices))

    def _take_up(self, at: NDArray[np.int64]) -> None:
        """Go on with these networks from where the ledger has them."""
        self.at = at
        if not len(at):
            return
        ledger, members = self.ledger, [self.population.members[i] for i in at]
        self.members = members
        recipes = [member.recipe for member in members]
        self.draws = Draws([member.streams.noise for member in members], self.device, self.dtype)
        self.batches = Batches(self.tables, members, self.draws)
        self.update = Update(members, self.stack.layout, self.batches.n_batches, self.device, self.dtype)
        self.loss = LossRows([recipe.loss for recipe in recipes], self.device)
        self.score = LossRows([recipe.loss.scoring for recipe in recipes], self.device)
        self.thresholds = _thresholds(members)
        self.epochs = np.array([recipe.epochs for recipe in recipes])
        self.max_steps = np.array([-1 if r.stopping.max_steps is None else r.stopping.max_steps for r in recipes])
        self.noted: list[LayerWatch] = []
        if self.population.watch:  # what happens inside modules is not seen: no units
            layout, (sums, layers) = self.stack.layout, (ledger.watched, ledger.layers)
            self.noted = [LayerWatch(layout, (), sums[i], layers[i]) for i in at]
        self.epoch, self.batch, self.t = (int(each) for each in ledger.cursor[at[0], _POSITION])
        watched = ledger.held_loss if self.has_held else ledger.loss
        n_batches = self.batches.n_batches
        self.watchers = [
            Watcher(r.schedule, n_batches, watched[i, : self.epoch]) for i, r in zip(at, recipes, strict=True)
        ]
        self.is_watched = self.watchers[0].plateau is not None

        n = self.stack.n_trained
        whole = self._tensor([ledger.parameters[i] for i in at])
        self.trained, self.buffers = whole[:, :n].contiguous(), whole[:, n:].contiguous()
        state = self._tensor([ledger.state[i][:, :n] for i in at])
        self.state = [part.contiguous() for part in state.unbind(1)]
        self.best = self._tensor([ledger.best[i] for i in at]) if self.patience else None
        self.limit = self._limit()
        self.sums = torch.from_numpy(ledger.sums[at][:, [Sums.EPOCH_LOSS, Sums.EPOCH_WEIGHT]]).to(self.device)
        self.multipliers = self._multipliers()
        self.held = Held(self.tables, members) if self.has_held else None

    def try_out(self) -> tuple[str, int]:
        """Why torch.func can't take these networks together, if it can't, and the bytes that each needs: found on two of them."""
        parts, _, _ = self.batches.at(self.epoch, min(self.batch, self.batches.n_batches - 1), self.t)
        drop = Drop(self.draws, self.t, self.thresholds)
        return try_out(self.stack, self.trained, self.buffers, parts, drop, self.batches.is_shared)

    @property
    def is_training(self) -> bool:
        """Whether any network still is."""
        return len(self.at) > 0

    def step(self) -> None:
        """One update of every network, and the end of its epoch if this was the last batch."""
        if self.t == 0:
            self._answer_probes(0)
        self._end_those((self.epochs == self.epoch) | (self.max_steps == self.t))  # recipes of no epochs, or no steps
        if not self.is_training:
            return
        found = self._gradients()
        while found is None:  # some have diverged: the others take the same step without them
            if not self.is_training:
                return
            found = self._gradients()
        gradients, buffers, sums = found
        before = self.trained.clone() if self.noted else self.trained
        self.trained, self.state = self.update(self.trained, gradients, self.state, self.t, self.multipliers)
        self.buffers = buffers
        self._note(gradients, before)
        self.sums += sums
        self.t += 1
        self.batch += 1
        if self.batch == self.batches.n_batches:
            self._end_epoch()
        if self.is_training:
            self._end_those(self.max_steps == self.t)

    def _end_those(self, are_over: NDArray[np.bool_]) -> None:
        if are_over.any():
            self._end(np.where(are_over, Fate.FINISHED, Fate.TRAINING), self.t)

    def _note(self, gradients: Tensor, before: Tensor) -> None:
        """Note a step where somebody watches."""
        if not self.noted:
            return
        flats = (gradients, before, self.trained)
        arrays = [self.stack.leaves(flat.detach().cpu(), self.buffers.cpu()) for flat in flats]
        for i, noted in enumerate(self.noted):
            noted.note_step(*({name: leaf[i] for name, leaf in named.items()} for named in arrays))

    def _gradients(self) -> tuple[Tensor, Tensor, Tensor] | None:
        """Gradients of the batch losses, new buffers, sums of losses and weights; None when networks have diverged instead."""
        parts, y, weights = self.batches.at(self.epoch, self.batch, self.t)
        trained = self.trained.detach().requires_grad_()
        drop = Drop(self.draws, self.t, self.thresholds)
        with self._explained(parts, self.batches.is_shared):
            output, buffers = self.stack(trained, self.buffers, parts, drop, shared=self.batches.is_shared)
            weighted = (weights * self.loss(output, y)).sum(1)
            weight = (weights * self.loss.weights(y)).sum(1)
            least = torch.where(weight > 0, weight, 1.0).to(self.dtype)
            loss = torch.where(weight > 0, weighted / least, 0 * output.flatten(1).sum(1))
        value = loss.detach().double()
        if self.t == 0:
            self.ledger.sums[self.at, Sums.START] = value.cpu().numpy()
            self.limit = self._limit()
        is_fine = value <= self.limit  # false for NaN
        if not bool(is_fine.all()):
            for i in np.flatnonzero(~is_fine.cpu().numpy()) if self.noted and self.batch else ():
                self.noted[i].end_epoch(self.epoch, self.batch)
            self._end(np.where(is_fine.cpu().numpy(), Fate.TRAINING, Fate.DIVERGED), self.t + 1)
            return None
        (gradients,) = torch.autograd.grad(loss.sum(), trained, materialize_grads=True, allow_unused=True)
        return gradients, buffers.detach(), torch.stack([weighted.detach(), weight], 1).double()

    def _end_epoch(self) -> None:
        """Record what the epoch left and decide for whom it was the last: divergence, patience, target, end, in this order."""
        ledger, at, epoch = self.ledger, self.at, self.epoch
        loss_sum, weight = self.sums.cpu().numpy().T
        loss = np.divide(loss_sum, weight, out=np.zeros_like(weight), where=weight > 0)
        self.sums.zero_()
        self.epoch, self.batch = epoch + 1, 0
        ledger.loss[at, epoch] = loss
        for noted in self.noted:
            noted.end_epoch(epoch, self.batches.n_batches)

        fate = np.full(len(at), Fate.TRAINING)
        last = self.epochs == epoch + 1
        is_due = last | self.patience | self.is_watched | ((epoch + 1) % self.population.record_every == 0)
        held = self._score_held() if self.has_held and is_due.any() else np.full(len(at), np.nan)
        has_score = is_due & self.has_held
        fate[has_score & ~np.isfinite(held)] = Fate.DIVERGED
        has_score &= fate == Fate.TRAINING
        ledger.held_loss[at[has_score], epoch] = held[has_score]
        self._answer_probes(epoch + 1, fate == Fate.TRAINING)
        for i in np.flatnonzero(fate == Fate.TRAINING) if self.is_watched else ():
            self.watchers[i].see(held[i] if has_score[i] else loss[i])
        self.multipliers = self._multipliers()

        if self.patience:
            self._watch_best(epoch, held, has_score, fate)
        targets = np.array(
            [m.recipe.stopping.target_loss for m in self.members], dtype=np.float64
        )  # None becomes NaN
        fate[(fate == Fate.TRAINING) & (loss <= targets)] = Fate.TARGET
        fate[(fate == Fate.TRAINING) & last] = Fate.FINISHED
        if (fate != Fate.TRAINING).any():
            self._end(fate, self.t)

    def _watch_best(
        self, epoch: int, held: NDArray[Any], has_score: NDArray[np.bool_], fate: NDArray[Any]
    ) -> None:
        """Keep the parameters of networks that are better than ever; stop those that have not been for long."""
        ledger, at = self.ledger, self.at
        stops = [member.recipe.stopping for member in self.members]
        is_better = has_score & (held < ledger.sums[at, Sums.BEST] - [stop.min_delta for stop in stops])
        ledger.sums[at[is_better], Sums.BEST] = held[is_better]
        ledger.cursor[at[is_better], Cursor.BEST_EPOCH] = epoch
        ledger.cursor[at[is_better], Cursor.BAD] = 0
        assert self.best is not None
        if is_better.any():
            chosen = torch.from_numpy(is_better).to(self.device)
            self.best[chosen] = torch.cat([self.trained, self.buffers], 1)[chosen]
        is_worse = has_score & ~is_better
        ledger.cursor[at[is_worse], Cursor.BAD] += 1
        fate[is_worse & (ledger.cursor[at, Cursor.BAD] >= [stop.patience or 0 for stop in stops])] = (
            Fate.STOPPED
        )

    def _score_held(self) -> NDArray[np.float64]:
        """[P] weighted mean losses on the held-out rows, without dropout."""
        sums = torch.zeros(2, len(self.at), dtype=torch.float64, device=self.device)
        assert self.held is not None
        for parts, y, weights in self.held.chunks():
            with self._explained(parts, self.held.is_shared):
                output = self.stack.predict(self.trained, self.buffers, parts, shared=self.held.is_shared)
                losses = self.score(output, y).double()
                counts = weights * self.score.weights(y)
            sums += torch.stack([(weights.double() * losses).sum(1), counts.sum(1)])
        weighted, weight = sums.cpu().numpy()
        return np.divide(weighted, weight, out=np.zeros_like(weight), where=weight > 0)

    def _answer_probes(self, n_epochs: int, who: NDArray[np.bool_] | None = None) -> None:
        """Write down the outputs on the probes that ask for this number of epochs."""
        for epochs, parts, out in self.probes:
            if n_epochs in epochs:
                with self._explained(parts, shared=True):
                    output = self.stack.predict(self.trained, self.buffers, parts).cpu().numpy()
                chosen = np.arange(len(self.at)) if who is None else np.flatnonzero(who)
                out[self.at[chosen], epochs.index(n_epochs), :, : output.shape[2]] = output[chosen]

    def _end(self, fate: NDArray[Any], step: int) -> None:
        """Write down the end of some networks, put back their best parameters, and go on with the others."""
        self.write()
        ledger = self.ledger
        for i in self.at[fate != Fate.TRAINING]:
            code = (
                fate[np.flatnonzero(self.at == i)[0]]
                if np.isfinite(ledger.parameters[i]).all()
                else Fate.DIVERGED
            )
            ledger.cursor[i, [Cursor.FATE, Cursor.FATE_STEP]] = code, step
            if ledger.cursor[i, Cursor.BEST_EPOCH] >= 0:
                ledger.parameters[i][:] = ledger.best[i]
        self._take_up(self.at[fate == Fate.TRAINING])

    def write(self) -> None:
        """Bring the ledger up to date."""
        if not self.is_training:
            return
        ledger, at, n = self.ledger, self.at, self.stack.n_trained
        ledger.cursor[at[:, None], _POSITION] = self.epoch, self.batch, self.t
        ledger.sums[at[:, None], [Sums.EPOCH_LOSS, Sums.EPOCH_WEIGHT]] = self.sums.cpu().numpy()
        trained, buffers = self.trained.cpu().numpy(), self.buffers.cpu().numpy()
        state = [part.cpu().numpy() for part in self.state]
        best = None if self.best is None else self.best.cpu().numpy()
        for row, i in enumerate(at):
            ledger.parameters[i][:n], ledger.parameters[i][n:] = trained[row], buffers[row]
            for k, part in enumerate(state):
                ledger.state[i][k, :n] = part[row]
            if best is not None:
                ledger.best[i][:] = best[row]

    def _explained(self, parts: Sequence[Tensor], shared: bool) -> AbstractContextManager[None]:
        """What goes wrong in there, said with the networks and the shapes that each of them saw."""
        return explained(self.stack.network, parts, tuple(self.at.tolist()), stacked=not shared)

    def _tensor(self, arrays: Sequence[NDArray[Any]]) -> Tensor:
        return torch.from_numpy(np.stack(arrays)).to(self.device)

    def _limit(self) -> Tensor:
        """[P] the loss above which a network has diverged."""
        start = self.ledger.sums[self.at, Sums.START]
        return torch.from_numpy(np.maximum(DIVERGED_FACTOR * start, 1.0)).to(self.device)

    def _multipliers(self) -> Tensor | None:
        """[P] what plateaus make of the rates."""
        if not self.is_watched:
            return None
        return torch.tensor([w.multiplier for w in self.watchers], dtype=torch.float64, device=self.device)


def precision_of(member: Member) -> torch.dtype:
    """The precision of a network as torch names it."""
    return torch.float64 if member.recipe.precision == "float64" else torch.float32


def _thresholds(members: Sequence[Member]) -> Any:
    """By layer the dropout thresholds [P] of dense networks; None for modules, where the network itself says them."""
    if not isinstance(members[0].recipe.network, Dense):
        return None
    networks = [member.recipe.dense for member in members]
    of_inputs = np.array([keep_threshold(network.input_dropout) for network in networks])
    of_hidden = np.array([keep_threshold(network.dropout) for network in networks])
    return lambda layer: of_hidden if layer else of_inputs
