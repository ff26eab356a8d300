"""Networks whose equations agree, as the arrays that the core reads and writes.

What may differ inside a group, and what may not, is its key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.engines.native.catalog import PENALTIES, blocks_of, flags_of, form_of, hypers_of
from manyfit.networks import Dense
from manyfit.penalties import is_proximal
from manyfit.population import Member, Population, Rows
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.rng import keep_threshold
from manyfit.runs.ledger import Ledger
from manyfit.schedules.plateau import plateau_of

ROW_BLOCK = 8
"""The core works on rows in blocks of this many; networks whose last batches end in different blocks don't share a group."""


def group_key(population: Population, index: int, member: Member) -> tuple[Any, ...]:
    """What networks must share to be trained in one pack; it depends on this network's own recipe and rows alone."""
    recipe, n = member.recipe, len(member.rows.train)
    batch = min(recipe.batch_size or n, n)
    n_last = n - (-(-n // batch) - 1) * batch
    return (
        recipe.precision,
        population.widths(index),
        recipe.dense.activation,
        recipe.dense.residual,
        recipe.dense.norm,
        bool(recipe.dense.dropout),
        bool(recipe.dense.input_dropout),
        bool(recipe.augment.noise),
        bool(recipe.augment.drop),
        form_of(recipe.loss)[0],
        name_of(recipe.optimizer),
        tuple(flags_of(recipe.optimizer).values()),
        recipe.clip_norm is not None,
        recipe.clip_value is not None,
        *(any(is_proximal(p, recipe.optimizer) == late for p in recipe.penalties) for late in (False, True)),
        bool(recipe.stopping.patience),
        recipe.shuffle,
        batch,
        -(-n // batch),
        -(-n_last // ROW_BLOCK),
    )


class Shared:
    """What the groups of a session share: views, probes, tables of multipliers, each handed to the core once."""

    def __init__(self, session: Any, population: Population) -> None:
        self._session = session
        self.views = {
            name: session.add_view(view.X, view.y, view.weights) for name, view in population.views.items()
        }
        self.probes = [
            session.add_probe(self.views[p.view], p.rows.astype(np.int32)) for p in population.probes
        ]
        self._tables: dict[tuple[Any, int, int], int] = {}

    def table(self, recipe: Recipe, steps_per_epoch: int) -> int:
        """Number of the table of a recipe's schedule."""
        key = (recipe.schedule, recipe.epochs, steps_per_epoch)
        if key not in self._tables:
            self._tables[key] = self._session.add_table(recipe.schedule.table(recipe.epochs, steps_per_epoch))
        return self._tables[key]


@dataclass
class Group:
    """Networks of one key, with the arrays that the core reads and writes."""

    population: Population
    ledger: Ledger
    indices: list[int]

    def __post_init__(self) -> None:
        ledger, at = self.ledger, self.indices
        self.params = np.stack([ledger.parameters[i] for i in at])
        self.state = np.stack([ledger.state[i] for i in at])
        self.best = np.stack([ledger.best[i] for i in at])
        self.loss, self.held_loss = ledger.loss[at], ledger.held_loss[at]
        self.cursor, self.sums = ledger.cursor[at], ledger.sums[at]
        self.layers, self.watched = ledger.layers[at], ledger.watched[at]
        dtype = self.params.dtype
        n_outputs = self.population.widths(at[0])[-1]
        self.probes = [np.ascontiguousarray(out[at][..., :n_outputs].astype(dtype)) for out in ledger.probes]
        for position, index in enumerate(at):
            ledger.parameters[index] = self.params[position]
            ledger.state[index] = self.state[position]
            ledger.best[index] = self.best[position]

    def write(self, ledger: Ledger) -> None:
        """Copy what the core has recorded into the ledger; parameters and states are views of the same memory already."""
        ledger.loss[self.indices], ledger.held_loss[self.indices] = self.loss, self.held_loss
        ledger.cursor[self.indices], ledger.sums[self.indices] = self.cursor, self.sums
        ledger.layers[self.indices], ledger.watched[self.indices] = self.layers, self.watched
        for out, written in zip(ledger.probes, self.probes, strict=True):
            out[self.indices, :, :, : written.shape[-1]] = written

    def spec(self, shared: Shared, layout: str) -> dict[str, Any]:
        """The group as the core wants it."""
        members = [self.population.members[i] for i in self.indices]
        recipes = [member.recipe for member in members]
        first, n = recipes[0], len(members[0].rows.train)
        batch = min(first.batch_size or n, n)
        steps = -(-n // batch)
        train, train_offsets = _ragged([member.rows for member in members], "train")
        held, held_offsets = _ragged([member.rows for member in members], "held")
        return {
            "widths": list(self.population.widths(self.indices[0])),
            "activation": first.dense.activation,
            **blocks_of(first.dense),
            "loss": form_of(first.loss)[0],
            "loss_settings": np.array([form_of(r.loss)[1] for r in recipes]).reshape(len(recipes), -1),
            "optimizer": name_of(first.optimizer),
            "flags": flags_of(first.optimizer),
            "batch_size": batch,
            "shuffle": first.shuffle,
            "layout": layout,
            "record_every": self.population.record_every,
            "hyper": np.array([hypers_of(r.optimizer) for r in recipes]).reshape(len(recipes), -1),
            "table": np.array([shared.table(r, steps) for r in recipes], dtype=np.int32),
            "plateau": np.array([_plateau(r, steps) for r in recipes], dtype=np.float64),
            "keys": np.array([(m.streams.order, m.streams.noise) for m in members], dtype=np.uint64),
            "epochs": np.array([r.epochs for r in recipes], dtype=np.int32),
            "view": np.array([shared.views[m.rows.view] for m in members], dtype=np.int32),
            "train": train,
            "train_offsets": train_offsets,
            "held": held,
            "held_offsets": held_offsets,
            "keep16": np.array([_keep(r.dense) for r in recipes], dtype=np.uint32),
            "noise": np.array([r.augment.noise for r in recipes], dtype=np.float64),
            "input_keep16": np.array([keep_threshold(r.augment.drop) for r in recipes], dtype=np.uint32),
            **_penalties(recipes),
            "clip_value": np.array([np.inf if r.clip_value is None else r.clip_value for r in recipes]),
            "clip_norm": np.array([np.inf if r.clip_norm is None else r.clip_norm for r in recipes]),
            "min_delta": np.array([r.stopping.min_delta for r in recipes]),
            "target_loss": np.array(
                [-np.inf if r.stopping.target_loss is None else r.stopping.target_loss for r in recipes]
            ),
            "max_steps": np.array([_steps_of(r) for r in recipes], dtype=np.int64),
            "patience": np.array([r.stopping.patience or 0 for r in recipes], dtype=np.int32),
            "params": self.params,
            "state": self.state,
            "best": self.best,
            "loss_record": self.loss,
            "held_record": self.held_loss,
            "watch": self.population.watch,
            "layers_record": self.layers,
            "watched": self.watched,
            "cursor": self.cursor,
            "sums": self.sums,
            "probes": [
                (number, np.array(probe.epochs, dtype=np.int32), out)
                for number, probe, out in zip(shared.probes, self.population.probes, self.probes, strict=True)
            ],
        }


def _plateau(recipe: Recipe, steps_per_epoch: int) -> list[float]:
    """What watches the loss: settings and the epoch at which it begins; patience −1 where nothing does."""
    plateau, first = plateau_of(recipe.schedule, steps_per_epoch) or (None, 0)
    if plateau is None:
        return [0, 1, -1, 0, 0, 0, 0, 0]
    return [
        first,
        plateau.factor,
        plateau.patience,
        plateau.threshold,
        plateau.threshold_mode == "rel",
        plateau.cooldown,
        plateau.floor,
        plateau.eps,
    ]


def _steps_of(recipe: Recipe) -> int:
    """Updates at most; what never comes where there is no bound."""
    most = recipe.stopping.max_steps
    return np.iinfo(np.int64).max if most is None else most


def _keep(network: Dense) -> list[int]:
    """Dropout thresholds of the inputs and of each hidden layer."""
    return [keep_threshold(network.input_dropout)] + [keep_threshold(network.dropout)] * len(network.hidden)


def _ragged(rows: Sequence[Rows], part: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Row indices of every network end to end, and where each begins. Rows that networks share are laid down once per network."""
    lists = [getattr(r, part) for r in rows]
    offsets = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum([len(indices) for indices in lists], out=offsets[1:])
    return np.concatenate(lists).astype(np.int32), offsets


def _penalties(recipes: Sequence[Recipe]) -> dict[str, NDArray[np.float64]]:
    """What the penalties of each network add up to: Σ |w| by the gradient or by a threshold, and Σ w²; on weights, on biases."""
    found = {}
    for suffix, on_biases in (("", False), ("_bias", True)):
        sums = np.zeros((3, len(recipes)))
        for k, recipe in enumerate(recipes):
            for penalty in recipe.penalties:
                if penalty.biases or not on_biases:
                    assert isinstance(penalty, PENALTIES), "supports() comes first"
                    sums[1 if is_proximal(penalty, recipe.optimizer) else 0, k] += penalty.threshold
                    sums[2, k] += penalty.curvature
        found |= {name + suffix: row for name, row in zip(("l1", "threshold", "l2"), sums, strict=True)}
    return found
