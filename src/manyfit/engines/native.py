"""The native engine: dense networks in the C++ core, a SIMD lane or a whole vector unit for each.

Python sorts the networks into groups whose equations agree and hands the core arrays; the core trains them and
writes into the same arrays. What may differ inside a group, and what may not, is the key in `_group_key`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit import _native, losses, optimizers
from manyfit.hyper import knobs
from manyfit.losses import Loss
from manyfit.networks import Dense, Inputs
from manyfit.optimizers import Optimizer
from manyfit.penalties import L1, L2, ElasticNet, is_proximal
from manyfit.population import Member, Population, Rows
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.rng import keep_threshold
from manyfit.runs.ledger import Ledger
from manyfit.schedules.plateau import plateau_of

ROW_BLOCK = 8
"""The core works on rows in blocks of this many; networks whose last batches end in different blocks don't share a group."""

SMALL = 10_000_000
"""Weights × rows below which one thread predicts: starting others takes as long, about half a millisecond."""

_PENALTIES = (L1, L2, ElasticNet)

_CATALOG: Mapping[str, Any] = _native.catalog()


def usable_cores() -> int:
    """Cores that this process may run on (macOS and Windows don't say: all of them)."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def supports(recipe: Recipe) -> bool:
    """Whether the core knows every rule of a recipe."""
    return (
        isinstance(recipe.network, Dense)
        and recipe.dense.activation in _CATALOG["activations"]
        and losses.registry.all().get(name_of(recipe.loss)) is type(recipe.loss)
        and name_of(recipe.loss) in _CATALOG["losses"]
        and optimizers.registry.all().get(name_of(recipe.optimizer)) is type(recipe.optimizer)
        and name_of(recipe.optimizer) in _CATALOG["optimizers"]
        and all(isinstance(penalty, _PENALTIES) for penalty in recipe.penalties)
    )


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
        self._groups: list[_Group] = []
        self._ledger: Ledger | None = None

    def describe(self) -> dict[str, Any]:
        """Name, core version and instruction set: what decides bits. Threads don't."""
        return {"name": self.name, "version": _native.version(), "isa": self.isa}

    def start(self, population: Population, ledger: Ledger) -> None:
        """Take up a population where its ledger stands."""
        self._ledger = ledger
        keys: dict[tuple[Any, ...], list[int]] = {}
        for index, member in enumerate(population.members):
            keys.setdefault(_group_key(population, index, member), []).append(index)
        for precision in sorted({key[0] for key in keys}):
            session = _native.Session(precision, self.isa)
            shared = _Shared(session, population)
            self._sessions.append(session)
            for key, indices in keys.items():
                if key[0] == precision:
                    group = _Group(population, ledger, indices)
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
            **_blocks(network),
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
            *_form_of(loss),
            flat,
            table,
            y,
            self.isa,
            self.threads,
            **_blocks(network),
        )
        return gradients


def _blocks(network: Dense) -> dict[str, bool]:
    """What its hidden layers are, besides sums and activations."""
    return {"residual": network.residual, "norm": network.norm is not None}


def _form_of(loss: Loss) -> tuple[str, NDArray[np.float64]]:
    """What the core calls a loss, and its settings. A loss whose settings are off has a form that does not know them."""
    name, numbers = name_of(loss), {k: getattr(loss, k) for k in knobs(loss)}
    smoothing, weights = numbers.pop("label_smoothing", 0.0), numbers.pop("class_weights", ())
    if len(weights):
        return f"{name}_weighted", np.array([smoothing, *weights], dtype=np.float64)
    if smoothing:
        return f"{name}_smoothed", np.array([smoothing], dtype=np.float64)
    return name, np.array(list(numbers.values()), dtype=np.float64)


def _flags(optimizer: Optimizer) -> dict[str, int]:
    """The switches of a rule that the core knows, 0 or 1; a number is one too where not being 0 changes what the rule keeps."""
    return {
        name: int(bool(getattr(optimizer, name))) for name in _CATALOG["optimizers"][name_of(optimizer)]["flags"]
    }


def _hypers(optimizer: Optimizer) -> list[float]:
    """The numbers of a rule in the order of the core; a bound that is None is infinite."""
    values = (getattr(optimizer, name) for name in _CATALOG["optimizers"][name_of(optimizer)]["hypers"])
    return [np.inf if value is None else float(value) for value in values]


def _group_key(population: Population, index: int, member: Member) -> tuple[Any, ...]:
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
        _form_of(recipe.loss)[0],
        name_of(recipe.optimizer),
        tuple(_flags(recipe.optimizer).values()),
        recipe.clip_norm is not None,
        recipe.clip_value is not None,
        *(any(is_proximal(p, recipe.optimizer) == late for p in recipe.penalties) for late in (False, True)),
        bool(recipe.stopping.patience),
        recipe.shuffle,
        batch,
        -(-n // batch),
        -(-n_last // ROW_BLOCK),
    )


class _Shared:
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
class _Group:
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

    def spec(self, shared: _Shared, layout: str) -> dict[str, Any]:
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
            **_blocks(first.dense),
            "loss": _form_of(first.loss)[0],
            "loss_settings": np.array([_form_of(r.loss)[1] for r in recipes]).reshape(len(recipes), -1),
            "optimizer": name_of(first.optimizer),
            "flags": _flags(first.optimizer),
            "batch_size": batch,
            "shuffle": first.shuffle,
            "layout": layout,
            "record_every": self.population.record_every,
            "hyper": np.array([_hypers(r.optimizer) for r in recipes]).reshape(len(recipes), -1),
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
                    assert isinstance(penalty, _PENALTIES), "supports() comes first"
                    sums[1 if is_proximal(penalty, recipe.optimizer) else 0, k] += penalty.threshold
                    sums[2, k] += penalty.curvature
        found |= {name + suffix: row for name, row in zip(("l1", "threshold", "l2"), sums, strict=True)}
    return found


def check_catalog() -> None:
    """Assert that the core knows every rule as Python does: same hyperparameters in the same order, same state."""
    for name, known in _CATALOG["optimizers"].items():
        rule = optimizers.registry.find(name)
        declared = knobs(rule)
        numbers = [k for k, knob in declared.items() if not knob.structural]
        assert numbers == known["hypers"], (name, numbers, known["hypers"])
        switches = [k for k, knob in declared.items() if knob.kind == "switch"]
        assert [flag for flag in known["flags"] if flag not in numbers] == switches, (name, switches, known["flags"])
        for form, state in enumerate(known["states"]):
            on = {k: True if k in switches else 0.5 for bit, k in enumerate(known["flags"]) if form >> bit & 1}
            kept = list(rule.init(np, np.zeros(1), rule(**on)))
            assert kept == state, (name, on, kept, state)
        assert getattr(rule, "linear", False) == known["linear"], name
