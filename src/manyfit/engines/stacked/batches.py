"""The rows of P networks: in which order each takes them, and what a batch of all of them holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyfit.engines.stacked.draws import Draws
from manyfit.engines.stacked.grouping import batches_of
from manyfit.engines.stacked.stack import AT_ONCE, parts_of, targets
from manyfit.networks import Inputs
from manyfit.population import Member, View
from manyfit.rng import Purpose, words


class Tables:
    """The views that some networks read, one after the other in one table on the device.

    Args:
        views: By name; equal in their inputs and the kind of their targets.
        inputs: As the networks take them.
        dtype: Of what is no label and no whole number.
        device: Where to.
    """

    def __init__(
        self, views: dict[str, View], inputs: Inputs, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.inputs = inputs
        found = list(views.values())
        starts = np.cumsum([0, *(len(view.X) for view in found)])
        self.start = {name: int(start) for name, start in zip(views, starts, strict=False)}
        one = found[0]
        X, y = (
            (one.X, one.y)
            if len(found) == 1
            else (np.concatenate([v.X for v in found]), np.concatenate([v.y for v in found]))
        )
        self.parts = parts_of(X, inputs, dtype, device)
        self.y = targets(y, dtype, device)
        weights = [np.ones(len(view.X)) if view.weights is None else view.weights for view in found]
        self.weights = torch.from_numpy(np.concatenate(weights)).to(device, dtype)
        self.device = device

    def rows(self, members: Sequence[Member], part: str) -> NDArray[np.int64]:
        """Rows of every network, [P, n]; those of networks that have fewer are filled up with their first."""
        lists = [getattr(member.rows, part) for member in members]
        longest = max(map(len, lists))
        table = np.empty((len(lists), longest), dtype=np.int64)
        for i, (rows, member) in enumerate(zip(lists, members, strict=True)):
            table[i, : len(rows)] = rows
            table[i, len(rows) :] = rows[0]
            table[i] += self.start[member.rows.view]
        return table

    def take(self, rows: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """Inputs, targets and weights of rows [...], each with these axes in front."""
        flat, lead = rows.reshape(-1), rows.shape
        taken = [
            table.index_select(0, flat).reshape(*lead, *table.shape[1:])
            for table in (*self.parts, self.y, self.weights)
        ]
        return taken[:-2], taken[-2], taken[-1]


class Held:
    """The held-out rows of networks, a chunk at a time.

    Args:
        tables: Where the rows are.
        members: P networks, each with at least one such row.
    """

    def __init__(self, tables: Tables, members: Sequence[Member]) -> None:
        self.tables = tables
        self.rows = tables.rows(members, "held")
        lengths = np.array([len(member.rows.held) for member in members])
        self.counts = np.arange(self.rows.shape[1]) < lengths[:, None]
        self.is_shared = bool(self.counts.all() and (self.rows == self.rows[:1]).all())

    def chunks(self) -> Iterator[tuple[list[Tensor], Tensor, Tensor]]:
        """Inputs and targets [P, m, …], weights [P, m], 0 where a network has no more rows; inputs are [m, …] if `is_shared`."""
        P, n_rows = self.rows.shape
        step = max(AT_ONCE // (P * max(sum(each.size for each in self.tables.inputs), 1)), 1)
        device = self.tables.device
        for at in range(0, n_rows, step):
            rows = torch.from_numpy(self.rows[: 1 if self.is_shared else P, at : at + step]).to(device)
            parts, y, weights = self.tables.take(rows)
            if self.is_shared:
                yield [part[0] for part in parts], y.expand(P, *y.shape[1:]), weights.expand(P, -1)
            else:
                counts = torch.from_numpy(self.counts[:, at : at + step]).to(device)
                yield parts, y, weights * counts


class Batches:
    """The training rows of networks that take batches of one size.

    Args:
        tables: Where the rows are.
        members: P networks, which agree in batch size and in whether rows are shuffled.
        draws: Their noise streams, for augmentation.
    """

    def __init__(self, tables: Tables, members: Sequence[Member], draws: Draws) -> None:
        self.tables = tables
        self.size, self.n_batches, _ = batches_of(members[0])
        self.train = tables.rows(members, "train")
        self.shuffle = members[0].recipe.shuffle
        self.keys = np.array([member.streams.order for member in members], dtype=np.uint64)
        self.draws = draws
        self.noise = np.array([member.recipe.augment.noise for member in members])
        self.dropped = np.array([member.recipe.augment.drop for member in members])
        self.is_shared = self._are_alike()
        self._epoch = -1
        self._order: Tensor | None = None
        self._whole: tuple[list[Tensor], Tensor, Tensor] | None = None

    @property
    def is_augmented(self) -> bool:
        """Whether what networks see differs from what stands in the tables."""
        return bool(self.noise.any() or self.dropped.any())

    def at(self, epoch: int, batch: int, step: int) -> tuple[list[Tensor], Tensor, Tensor]:
        """Inputs and targets [P, B, …] and weights [P, B] of one batch of each network; inputs are [B, …] where `is_shared`."""
        if self.size == self.train.shape[1]:
            if self._whole is None:
                self._whole = self._everything()
            parts, y, weights = self._whole
        else:
            rows = self._ordered(epoch)[:, batch * self.size : (batch + 1) * self.size]
            parts, y, weights = self.tables.take(rows)
        return (self._augmented(parts, step) if self.is_augmented else parts), y, weights

    def _are_alike(self) -> bool:
        """Whether all networks see the same rows in the same order, so that nobody needs a copy."""
        is_natural = self.size == self.train.shape[1]
        return is_natural and not self.is_augmented and bool((self.train == self.train[:1]).all())

    def _everything(self) -> tuple[list[Tensor], Tensor, Tensor]:
        if not self.is_shared:
            return self.tables.take(self._on_device(self.train))
        parts, y, weights = self.tables.take(self._on_device(self.train[0]))
        P = len(self.train)
        return parts, y.expand(P, *y.shape), weights.expand(P, *weights.shape)

    def _on_device(self, rows: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(rows)).to(self.tables.device)

    def _ordered(self, epoch: int) -> Tensor:
        """The rows of every network in the order of an epoch: what `rng.epoch_order` gives each, or as they stand."""
        if not self.shuffle:
            if self._order is None:
                self._order = self._on_device(self.train)
        elif self._order is None or self._epoch != epoch:
            n = self.train.shape[1]
            order = np.argsort(words(self.keys, Purpose.ORDER, 1, n, time=epoch)[:, 0], axis=1, kind="stable")
            self._order, self._epoch = self._on_device(np.take_along_axis(self.train, order, 1)), epoch
        return self._order

    def _augmented(self, parts: list[Tensor], step: int) -> list[Tensor]:
        """Noise added and values dropped, each network's own; whole numbers and switches stay."""
        sizes = [each.size for each in self.tables.inputs]
        n_rows, n_inputs = parts[0].shape[1], sum(sizes)
        shift = self.draws.noise(step, n_rows, n_inputs, self.noise)
        kept = self.draws.kept(step, n_rows, n_inputs, self.dropped)
        new = []
        for part, move, stay in zip(parts, shift.split(sizes, 2), kept.split(sizes, 2), strict=True):
            is_number = part.is_floating_point()
            new.append((part + move.reshape(part.shape)) * stay.reshape(part.shape) if is_number else part)
        return new
