"""Networks of `numpy_loop` handed to the C++ core, and what comes back."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from manyfit import _native
from tests.native.numpy_loop import Network, Table

CATALOG = _native.catalog()["optimizers"]
HYPERS = {
    "sgd": {"lr": 0.1, "weight_decay": 0.01},
    "momentum": {"lr": 0.05, "momentum": 0.8, "dampening": 0.0, "weight_decay": 0.0},
    "adagrad": {"lr": 0.1, "lr_decay": 0.1, "initial_accumulator_value": 0.0, "eps": 1e-10, "weight_decay": 0.01},
    "rmsprop": {"lr": 0.01, "alpha": 0.9, "eps": 1e-8, "momentum": 0.0, "weight_decay": 0.01},
    "lamb": {"lr": 0.02, "beta1": 0.9, "beta2": 0.99, "eps": 1e-6, "weight_decay": 0.01, "max_ratio": np.inf},
    "adam": {"lr": 0.02, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.01},
    "adamw": {"lr": 0.02, "beta1": 0.8, "beta2": 0.999, "eps": 1e-6, "weight_decay": 0.1},
}


@dataclass
class Trained:
    """Arrays of a group [P, ...], as the core left them."""

    params: np.ndarray
    state: np.ndarray
    best: np.ndarray
    loss: np.ndarray
    held_loss: np.ndarray
    cursor: np.ndarray
    sums: np.ndarray
    probes: list[np.ndarray]

    def member(self, p: int) -> list[bytes]:
        """Every bit of one member."""
        arrays = [
            self.params,
            self.state,
            self.best,
            self.loss,
            self.held_loss,
            self.cursor,
            self.sums,
            *self.probes,
        ]
        return [np.ascontiguousarray(a[p]).tobytes() for a in arrays]

    @property
    def fate(self) -> list[int]:
        return self.cursor[:, 3].tolist()


class Core:
    """One group in one session. Its arrays survive it, so that a second session can go on with them.

    Probes: (table, rows, epochs) each.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        dtype: str = "float64",
        *,
        isa: str = "",
        layout: str = "auto",
        probes: Sequence[tuple[Table, np.ndarray, Sequence[int]]] = (),
        resume: Trained | None = None,
    ) -> None:
        first, n_members = networks[0], len(networks)
        session = _native.Session(dtype, isa)
        tables = {id(n.table): n.table for n in networks} | {id(t): t for t, _, _ in probes}
        views = {key: session.add_view(t.X, t.y, t.weights) for key, t in tables.items()}
        card = CATALOG[first.optimizer]
        n_params = len(first.params)
        n_epochs = max(n.epochs for n in networks)
        patient = any(n.patience for n in networks)
        self.session = session
        self.out = resume or Trained(
            params=np.stack([n.params for n in networks]).astype(dtype),
            state=np.zeros((n_members, len(card["states"][0]), n_params), dtype),
            best=np.zeros((n_members, n_params if patient else 0), dtype),
            loss=np.full((n_members, n_epochs), np.nan),
            held_loss=np.full((n_members, n_epochs), np.nan),
            cursor=np.zeros((n_members, 8), np.int64),
            sums=np.zeros((n_members, 4)),
            probes=[
                np.full((n_members, len(e), len(r), first.widths[-1]), np.nan, dtype) for _, r, e in probes
            ],
        )
        out = self.out

        def ragged(lists: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
            offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
            return np.concatenate(lists).astype(np.int32), offsets

        def each(name: str, dtype: type = float) -> np.ndarray:
            return np.array([getattr(n, name) for n in networks], dtype)

        train, train_offsets = ragged([n.train for n in networks])
        held, held_offsets = ragged([n.held for n in networks])
        self.spec: dict[str, Any] = dict(
            widths=first.widths,
            activation=first.activation,
            loss=first.loss,
            optimizer=first.optimizer,
            flags={name: int(first.nesterov) for name in card["flags"] if name == "nesterov"},
            batch_size=min(first.batch_size, len(first.train)),
            shuffle=True,
            layout=layout,
            record_every=first.record_every,
            loss_settings=np.zeros((n_members, len(_native.catalog()["losses"][first.loss]))),
            hyper=np.array([[n.hyper[name] for name in card["hypers"]] for n in networks], float),
            table=np.array([session.add_table(n.rates) for n in networks], np.int32),
            plateau=np.array([n.plateau for n in networks], float),
            keys=np.array([[n.order_key, n.noise_key] for n in networks], np.uint64),
            epochs=each("epochs", np.int32),
            view=np.array([views[id(n.table)] for n in networks], np.int32),
            train=train,
            train_offsets=train_offsets,
            held=held,
            held_offsets=held_offsets,
            keep16=np.array([n.keep16 for n in networks], np.uint32).reshape(n_members, -1),
            noise=each("noise"),
            input_keep16=each("input_keep16", np.uint32),
            l1=each("l1"),
            l2=each("l2"),
            l1_bias=each("l1_bias"),
            l2_bias=each("l2_bias"),
            threshold=each("threshold"),
            threshold_bias=each("threshold_bias"),
            clip_value=each("clip_value"),
            clip_norm=each("clip_norm"),
            min_delta=each("min_delta"),
            target_loss=each("target_loss"),
            max_steps=each("max_steps", np.int64),
            patience=each("patience", np.int32),
            params=out.params,
            state=out.state,
            best=out.best,
            loss_record=out.loss,
            held_record=out.held_loss,
            residual=False,
            norm=False,
            watch=False,
            layers_record=np.zeros((n_members, n_epochs, 3, 0)),
            watched=np.zeros((n_members, 0)),
            cursor=out.cursor,
            sums=out.sums,
            probes=[
                (session.add_probe(views[id(t)], np.asarray(r, np.int32)), np.array(e, np.int32), values)
                for (t, r, e), values in zip(probes, out.probes, strict=True)
            ],
        )
        session.add_group(**self.spec)

    def train(self, *, threads: int = 1, max_steps: int | None = None) -> Trained:
        """To the end, in segments of `max_steps` when given."""
        while not self.session.advance(None, max_steps, threads):
            pass
        return self.out


def networks(
    rng: np.random.Generator,
    n_members: int = 3,
    widths: Sequence[int] = (2, 3, 1),
    *,
    n_rows: int = 23,
    n_train: int = 13,
    loss: str = "mse",
    optimizer: str = "adam",
    weighted: bool = False,
    shared: bool = False,
    **changes: object,
) -> list[Network]:
    """Members that differ in everything that may differ; the same rows and order of rows when `shared`."""
    widths = list(widths)
    X = rng.standard_normal((n_rows, widths[0]))
    if loss == "cross_entropy":
        y = rng.integers(0, widths[-1], n_rows)
    elif loss == "bce":
        y = rng.integers(0, 2, (n_rows, widths[-1])).astype(float)
    else:
        y = rng.standard_normal((n_rows, widths[-1]))
    table = Table(X, y, rng.integers(0, 3, n_rows).astype(float) if weighted else None)
    n_params = sum((a + 1) * b for a, b in itertools.pairwise(widths))
    made, common = [], rng.permutation(n_rows)
    for p in range(n_members):
        rows = common if shared else rng.permutation(n_rows)
        values = {
            "loss": loss,
            "optimizer": optimizer,
            "hyper": {k: v * (1 + 0.1 * p) if k == "lr" else v for k, v in HYPERS[optimizer].items()},
            "order_key": 7 if shared else 7 + p,
            "noise_key": 2**40 + p,
            "keep16": [65536] * (len(widths) - 1),
            "epochs": 3,
        } | changes
        values = {k: v(p) if callable(v) else v for k, v in values.items()}
        steps = -(-n_train // min(values.get("batch_size", 5), n_train)) * values["epochs"]
        made.append(
            Network(
                widths,
                table,
                rows[:n_train],
                rows[n_train:],
                rng.standard_normal(n_params) * 0.7,
                np.linspace(1, 0.5, max(steps, 1)),
                **values,
            )
        )
    return made
