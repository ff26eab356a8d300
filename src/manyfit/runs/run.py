"""A run: the arrays that a trained population leaves behind. Engines write it, questions and reports read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.population import Population
from manyfit.recipe import Recipe
from manyfit.runs.ledger import Cursor, Fate, Ledger
from manyfit.schedules.plateau import Watcher


@dataclass(frozen=True, eq=False)
class Run:
    """What a trained population leaves behind.

    Axes: T epochs, P networks.

    population: What was trained.
    epoch: [T] epochs passed, 1, 2, …, increasing.
    loss: [T, P] mean training loss during the epoch, without penalties; NaN after a network has ended.
    held_loss: [T, P] loss on held-out rows after the epoch, NaN where it was not recorded.
    steps: [P] updates made.
    fate: [P] codes of `Fate`; `fates` says them in words.
    fate_step: [P] the update at which it happened.
    best_epoch: [P] epoch whose weights were kept, from 1; 0 without patience.
    parameters: P flat arrays; `leaves(i)` gives them by name, `weights(i)` those of a dense network by layer.
    probes: Outputs by name of probe, [K, P, N, C].
    seconds: Wall time of the training.
    core_seconds: Time spent inside the engine's loop, summed over threads.
    engine: What trained it: name, version, instruction set.
    """

    population: Population
    loss: NDArray[np.float64]
    held_loss: NDArray[np.float64]
    steps: NDArray[np.int64]
    fate: NDArray[np.int64]
    fate_step: NDArray[np.int64]
    best_epoch: NDArray[np.int64]
    parameters: tuple[NDArray[np.floating], ...]
    probes: Mapping[str, NDArray[np.floating]] = field(default_factory=dict)
    seconds: float = 0.0
    core_seconds: float = 0.0
    engine: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        population: Population,
        ledger: Ledger,
        *,
        seconds: float,
        core_seconds: float,
        engine: Mapping[str, Any],
    ) -> Run:
        """The run that a ledger describes. Networks still in training count as cut."""
        fate = np.where(ledger.fate == Fate.TRAINING, Fate.CUT, ledger.fate)
        fate_step = np.where(
            fate == Fate.CUT, ledger.cursor[:, Cursor.STEP], ledger.cursor[:, Cursor.FATE_STEP]
        )
        # A network that is cut while it still watches for something better keeps its best weights, as one that has ended does.
        has_best = (fate == Fate.CUT) & (ledger.cursor[:, Cursor.BEST_EPOCH] >= 0)
        parameters = [ledger.best[i] if has_best[i] else flat for i, flat in enumerate(ledger.parameters)]
        probes = {
            p.name: out.transpose(1, 0, 2, 3) for p, out in zip(population.probes, ledger.probes, strict=True)
        }
        return cls(
            population,
            loss=ledger.loss.T.copy(),
            held_loss=ledger.held_loss.T.copy(),
            steps=ledger.cursor[:, Cursor.STEP].copy(),
            fate=fate,
            fate_step=fate_step,
            best_epoch=ledger.cursor[:, Cursor.BEST_EPOCH] + 1,
            parameters=tuple(parameters),
            probes=probes,
            seconds=seconds,
            core_seconds=core_seconds,
            engine=dict(engine),
        )

    def __len__(self) -> int:
        return len(self.fate)

    def __repr__(self) -> str:
        codes, sizes = np.unique(self.fate, return_counts=True)
        counts = ", ".join(f"{n} {Fate(code).name.lower()}" for code, n in zip(codes, sizes, strict=True))
        return f"<Run of {len(self)} networks: {counts or 'none'}; {self.seconds:.2f} s on {self.engine.get('name', '?')}>"

    @property
    def epoch(self) -> NDArray[np.int64]:
        """[T] epochs passed at each row of the records."""
        return np.arange(1, len(self.loss) + 1)

    @property
    def fates(self) -> list[str]:
        """[P] the fates in words."""
        return [Fate(code).sentence(int(step)) for code, step in zip(self.fate, self.fate_step, strict=True)]

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """[P] whether the network diverged."""
        return self.fate == Fate.DIVERGED

    @property
    def final_loss(self) -> NDArray[np.float64]:
        """[P] training loss of the last epoch that was trained; infinite for diverged networks, which so rank worst."""
        return self._last(self.loss)

    @property
    def score(self) -> NDArray[np.float64]:
        """[P] held-out loss of the weights that were kept: of the best epoch, or else of the last that was scored.

        Infinite for diverged networks, which so rank worst; NaN where nothing could be scored: without held-out rows, diverged or
        not, and for networks cut before their first score.
        """
        last = self._last(self.held_loss)
        kept = self.best_epoch > 0
        best = (
            self.held_loss[np.maximum(self.best_epoch - 1, 0), np.arange(len(self))]
            if len(self.held_loss)
            else last
        )
        has_rows = [len(member.rows.held) > 0 for member in self.population.members]
        return np.where(has_rows, np.where(kept & ~self.diverged, best, last), np.nan)

    def as_trained(self, index: int) -> Recipe:
        """The recipe that gives network `index` again, bit for bit: its realized number of updates in place of a time.

        A network that came to its end by its own rules has the recipe that it had, without the time.
        """
        recipe = self.population.members[index].recipe
        recipe = recipe.set("stopping.max_seconds", None)
        is_cut = self.fate[index] in (Fate.CUT, Fate.LATE)
        return recipe.set("stopping.max_steps", int(self.steps[index])) if is_cut else recipe

    @cached_property
    def multipliers(self) -> NDArray[np.float64]:
        """[T, P] what the last update of each epoch multiplied its network's rate by: the schedule, its plateau included.

        NaN where a network had ended.
        """
        found = np.full(self.loss.shape, np.nan)
        for i in range(len(self)):
            n = self.population.members[i].recipe.epochs
            every = self.population.steps_per_epoch(i)
            found[:n, i] = self._table(i)[every - 1 :: every] * self._watched(i)[:n]
        return np.where(np.isnan(self.loss), np.nan, found)

    def rates(self, index: int) -> NDArray[np.float64]:
        """[steps] the rate of every update that one network made, from the first."""
        lr = self.population.members[index].recipe.optimizer.lr
        watched = np.repeat(self._watched(index), self.population.steps_per_epoch(index))
        n = int(self.steps[index])
        return lr * self._table(index)[:n] * watched[:n]

    def _table(self, index: int) -> NDArray[np.float64]:
        recipe = self.population.members[index].recipe
        return recipe.schedule.table(recipe.epochs, self.population.steps_per_epoch(index))

    def _watched(self, index: int) -> NDArray[np.float64]:
        """[epochs + 1] what a plateau multiplied the rate by in each epoch of a network; ones where none watches."""
        member = self.population.members[index]
        record = (self.held_loss if len(member.rows.held) else self.loss)[:, index]
        passed = int((~np.isnan(self.loss[:, index])).sum())
        watcher = Watcher(member.recipe.schedule, self.population.steps_per_epoch(index))
        found = [watcher.multiplier]
        for loss in record[:passed].tolist():
            watcher.see(loss)
            found.append(watcher.multiplier)
        return np.array(found + found[-1:] * (member.recipe.epochs + 1 - len(found)))

    def _last(self, record: NDArray[np.float64]) -> NDArray[np.float64]:
        seen = ~np.isnan(record)
        row = (
            np.where(seen.any(0), len(record) - 1 - seen[::-1].argmax(0), 0)
            if len(record)
            else np.zeros(len(self), dtype=int)
        )
        last = record[row, np.arange(len(self))] if len(record) else np.full(len(self), np.nan)
        return np.where(self.diverged, np.inf, last)

    def leaves(self, index: int) -> dict[str, NDArray[np.floating]]:
        """Every array of one network by name, buffers included, as its `layout` has them."""
        return self.population.layout(index).cut(self.parameters[index])

    def weights(self, index: int) -> list[tuple[NDArray[np.floating], NDArray[np.floating]]]:
        """Weights [out, in] and biases [out] of every layer of one dense network, as torch's Linear holds them."""
        leaves = self.leaves(index)
        n_layers = len(self.population.widths(index)) - 1
        return [(leaves[f"layer{k}.weight"].T, leaves[f"layer{k}.bias"]) for k in range(1, n_layers + 1)]
