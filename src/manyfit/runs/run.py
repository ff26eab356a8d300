"""A run: the arrays that a trained population leaves behind. Engines write it, questions and reports read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import Problem, UsageError
from manyfit.population import Population
from manyfit.recipe import Recipe
from manyfit.runs.ledger import Cursor, Fate, Ledger
from manyfit.runs.watch import Noted
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
    layers: [T, P, 3, L] what was watched; `gradient_norm`, `update_ratio` and `dead_units` give its parts.
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
    layers: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0, len(Noted), 0)))
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
            layers=ledger.layers.swapaxes(0, 1).copy(),
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

    @property
    def gradient_norm(self) -> NDArray[np.float64]:
        """[T, P, L] how large the gradient of the loss was in each layer: ‖g‖, root mean square over an epoch's steps.

        Before penalties and clipping: what backpropagation delivered. NaN past a network's last layer and after its end. The
        epoch in which a network diverged has the steps before that.

        Raises:
            UsageError: If the population was not watched.
        """
        return self._noted(Noted.GRADIENT)

    @property
    def update_ratio(self) -> NDArray[np.float64]:
        """[T, P, L] how much a step changed each layer: ‖ΔW‖ over ‖W‖, both root mean squares over the steps of the epoch."""
        return self._noted(Noted.UPDATE)

    @property
    def dead_units(self) -> NDArray[np.float64]:
        """[T, P, H] how many units of each hidden layer were dead in the epoch; NaN where units are not seen (modules).

        Dead: its slope |σ′(z)| stayed below 0.005 for every training row of the epoch (rows of weight 0 don't count), so that
        nothing could flow back through it. For relu that means 0 at every row; for tanh and sigmoid, saturated at every row.
        """
        return self._noted(Noted.DEAD)[..., :-1]

    def _noted(self, what: Noted) -> NDArray[np.float64]:
        if not self.population.watch:
            raise UsageError(Problem("this run", "was not watched", hint="Train a Population(..., watch=True)."))
        return self.layers[:, :, what]

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
