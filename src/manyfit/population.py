"""Members and populations: which networks are trained together, each by its own recipe, from its own streams, on its own rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import Problem, RecipeError, did_you_mean
from manyfit.networks import Dense, Inputs, Layout, Network, flatten
from manyfit.recipe import Recipe
from manyfit.rng import Streams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class View:
    """Arrays that many networks read: one encoding of a table.

    X: [N, D] inputs, finite. May be given as an array or torch tensor of any shape, or as several, in a tuple or by name:
        they are laid side by side in one table.
    y: [N, C] numbers, or [N] class labels (whole numbers from 0) for a loss on labels.
    weights: [N] sample weights ≥ 0, or None for ones.
    n_classes: C when y holds labels.
    inputs: How a row of X is cut and shaped into the inputs of a module; read off X when left out. Dense networks take all of X
        as one vector.

    Example:
        >>> view = View(np.zeros((5, 1, 8, 8)), np.arange(5.0))
        >>> view.X.shape, str(view.inputs[0])
        ((5, 64), '[rows, 1, 8, 8]')
    """

    X: Floats
    y: NDArray[np.floating] | Ints
    weights: Floats | None = None
    n_classes: int | None = None
    inputs: Inputs = ()

    def __post_init__(self) -> None:
        X, inputs = flatten(self.X)
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "inputs", tuple(self.inputs) or inputs)
        y = np.asarray(self.y.detach().cpu() if hasattr(self.y, "detach") else self.y)
        if self.n_classes is None:
            y = _columns(y)
        elif y.size == len(y) and (y.dtype.kind in "iub" or (y == np.floor(y)).all()):
            y = np.ascontiguousarray(y, dtype=np.int64).reshape(len(y))
        else:
            raise RecipeError(
                Problem(
                    "View.y", "must hold one whole number a row as its label", f"{y.dtype} of shape {y.shape}"
                )
            )
        object.__setattr__(self, "y", y)
        if self.weights is not None:
            object.__setattr__(self, "weights", np.ascontiguousarray(self.weights, dtype=np.float64))

    @property
    def has_labels(self) -> bool:
        """Whether the targets are class labels."""
        return self.y.ndim == 1

    @property
    def n_outputs(self) -> int:
        """Outputs a network needs on this view: classes, or columns of y."""
        return int(self.n_classes or 0) if self.has_labels else self.y.shape[1]

    def problems(self, name: str) -> Iterator[Problem]:
        """Everything that is wrong with the arrays."""
        where = f"view {name!r}"
        if len(self.X) != len(self.y):
            yield Problem(where, "must have as many rows in y as in X", f"{len(self.y)} and {len(self.X)}")
        if self.X.shape[1] == 0:
            yield Problem(where, "must have at least one input column")
        if sum(each.size for each in self.inputs) != self.X.shape[1]:
            shapes = ", ".join(map(str, self.inputs))
            yield Problem(f"{where} inputs", f"must take {self.X.shape[1]} numbers a row", shapes)
        if self.n_outputs == 0:
            yield Problem(where, "must have at least one output")
        if not np.isfinite(self.X).all():
            row, column = np.argwhere(~np.isfinite(self.X))[0]
            yield Problem(
                f"{where} X[{row}, {column}]",
                "must be finite",
                f"{self.X[row, column]}",
                hint="Impute it first.",
            )
        if not np.isfinite(self.y).all():
            yield Problem(f"{where} y", "must be finite", hint="Drop the rows without a target.")
        if self.has_labels and self.n_classes is not None and len(self.y):
            low, high = int(self.y.min()), int(self.y.max())
            if low < 0 or high >= self.n_classes:
                yield Problem(f"{where} y", f"must hold labels 0 to {self.n_classes - 1}", f"{low} to {high}")
        if self.weights is not None:
            if self.weights.shape != (len(self.X),):
                yield Problem(f"{where} weights", "must have one number a row", f"shape {self.weights.shape}")
            elif not (np.isfinite(self.weights).all() and (self.weights >= 0).all()):
                yield Problem(f"{where} weights", "must be finite and ≥ 0")


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one network: those it trains on and those held out, as indices into a view.

    train: [n] row indices, in the order that "natural order" means.
    held: [m] row indices, scored after an epoch without dropout; may be empty.
    view: Name of the view.
    """

    train: Ints
    held: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    view: str = "all"

    def __post_init__(self) -> None:
        object.__setattr__(self, "train", np.ascontiguousarray(self.train, dtype=np.int64))
        object.__setattr__(self, "held", np.ascontiguousarray(self.held, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Member:
    """One network in training: its recipe, its random streams, its rows. Its result depends on these and on nothing else."""

    recipe: Recipe
    streams: Streams
    rows: Rows


@dataclass(frozen=True, eq=False)
class Probe:
    """Named rows that every network predicts at named times.

    name: Key of the result in `Run.probes`.
    rows: [n] row indices into the view.
    epochs: When: numbers of epochs passed, 0 for the initial weights. A network that ends before leaves NaN.
    view: Name of the view; it may hold other rows (corrupted ones, a grid) than the networks train on.
    """

    name: str
    rows: Ints
    epochs: tuple[int, ...]
    view: str = "all"

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", np.ascontiguousarray(self.rows, dtype=np.int64))
        object.__setattr__(self, "epochs", tuple(sorted({int(epoch) for epoch in self.epochs})))


@dataclass(frozen=True, eq=False)
class Population:
    """Networks that are trained together.

    members: P of them; recipes, streams and rows may all differ.
    views: The arrays they read, by name.
    probes: What they are asked to predict on the way.
    record_every: Epochs between two scores on held-out rows; training losses are recorded each epoch.
    watch: Whether gradients, updates and dead units are recorded by layer, each epoch; it costs some time, and changes no result.

    Example:
        >>> import numpy as np
        >>> X = np.linspace(-1, 1, 8)[:, None]
        >>> population = Population.of([Recipe(epochs=2)] * 3, X, 2 * X + 1)
        >>> len(population), population.n_epochs
        (3, 2)
    """

    members: tuple[Member, ...]
    views: Mapping[str, View]
    probes: tuple[Probe, ...] = ()
    record_every: int = 1
    watch: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "members", tuple(self.members))
        object.__setattr__(self, "probes", tuple(self.probes))

    @classmethod
    def of(
        cls,
        recipes: Sequence[Recipe],
        X: Any,
        y: NDArray[np.floating] | Ints,
        *,
        seed: int = 0,
        weights: Floats | None = None,
        held: Ints | None = None,
        paired: bool = False,
        watch: bool = False,
    ) -> Population:
        """A network for each recipe, all on the same rows, network i from streams of replicate i.

        Args:
            recipes: One recipe a network.
            X: [N, D] inputs; for modules an array or torch tensor of any shape, several as a tuple or by name.
            y: [N] or [N, C] targets; whole numbers from 0 when the first recipe's loss takes labels.
            seed: Root of all streams.
            weights: [N] sample weights.
            held: Rows to hold out.
            paired: Whether all share the streams of replicate 0, so that they differ by their recipes alone.
            watch: Whether gradients, updates and dead units are recorded by layer.
        """
        labels = bool(recipes) and recipes[0].loss.target == "labels"
        view = View(X, y, weights, n_classes=_n_classes(y) if labels else None)
        out = np.empty(0, dtype=np.int64) if held is None else np.asarray(held)
        rows = Rows(np.setdiff1d(np.arange(len(view.X)), out), out)
        replicates = [0 if paired else i for i in range(len(recipes))]
        members = [Member(recipe, Streams.of(seed, replicate=i), rows) for recipe, i in zip(recipes, replicates, strict=True)]
        return cls(tuple(members), {"all": view}, watch=watch).check()

    def __len__(self) -> int:
        return len(self.members)

    def view_of(self, member: Member) -> View:
        """The arrays that a member reads."""
        return self.views[member.rows.view]

    @cached_property
    def n_epochs(self) -> int:
        """Epochs of the longest recipe: T, the length of the records."""
        return max((member.recipe.epochs for member in self.members), default=0)

    def steps_per_epoch(self, index: int) -> int:
        """Updates of one network in an epoch; the last of them may have fewer rows."""
        member = self.members[index]
        n = len(member.rows.train)
        return -(-n // min(member.recipe.batch_size or n, n))

    def layout(self, index: int) -> Layout:
        """Where the numbers of one network lie."""
        member = self.members[index]
        view = self.view_of(member)
        return member.recipe.network.layout(view.inputs, view.n_outputs)

    def widths(self, index: int) -> tuple[int, ...]:
        """Units of every layer of one dense network, inputs and outputs included."""
        member = self.members[index]
        view = self.view_of(member)
        return member.recipe.dense.widths(view.X.shape[1], view.n_outputs)

    def hidden(self, index: int) -> tuple[int, ...]:
        """Units of each hidden layer of one network, as far as they are known: those of a dense one."""
        network = self.members[index].recipe.network
        return network.hidden if isinstance(network, Dense) else ()

    def check(self) -> Population:
        """The population itself.

        Raises:
            RecipeError: If anything is wrong with a view, a member or a probe; all problems at once, alike ones together.
        """
        found = [problem for name, view in self.views.items() for problem in view.problems(name)]
        found += _merged(
            (i, problem) for i, member in enumerate(self.members) for problem in self._member_problems(member)
        )
        for k, probe in enumerate(self.probes):
            found += self._probe_problems(probe)
            if probe.name in {other.name for other in self.probes[:k]}:
                found.append(Problem(f"probe {probe.name!r}", "must have a name of its own"))
        if self.record_every < 1:
            found.append(Problem("Population.record_every", "must be ≥ 1", str(self.record_every)))
        if found:
            raise RecipeError(found, "this population")
        return self

    def _probe_problems(self, probe: Probe) -> Iterator[Problem]:
        where = f"probe {probe.name!r}"
        if probe.view not in self.views:
            yield Problem(
                "", f"unknown view {probe.view!r} of {where}", hint=did_you_mean(probe.view, self.views)
            )
            return
        n, n_inputs = self.views[probe.view].X.shape
        if len(probe.rows) and not 0 <= probe.rows.min() <= probe.rows.max() < n:
            yield Problem(where, f"must name rows 0 to {n - 1}", f"{probe.rows.min()} to {probe.rows.max()}")
        if probe.epochs and probe.epochs[0] < 0:
            yield Problem(where, "must name epochs ≥ 0", str(probe.epochs[0]))
        used = {member.rows.view for member in self.members} & self.views.keys()
        other = next((name for name in sorted(used) if self.views[name].X.shape[1] != n_inputs), None)
        if other is not None:
            rule = f"must have as many columns as view {other!r}: {self.views[other].X.shape[1]}"
            yield Problem(where, rule, str(n_inputs))

    @cached_property
    def _network_problems(self) -> dict[tuple[int, str], tuple[Problem, ...]]:
        """What is wrong with each network on each view that it reads, tried on a few rows."""
        found: dict[tuple[int, str], tuple[Problem, ...]] = {}
        for member in self.members:
            key = (id(member.recipe.network), member.rows.view)
            if key not in found:
                found[key] = tuple(_problems_on(member.recipe.network, self.views.get(member.rows.view)))
        return found

    @cached_property
    def _recipe_problems(self) -> dict[int, tuple[Problem, ...]]:
        return {
            id(recipe): tuple(recipe.problems())
            for recipe in {id(m.recipe): m.recipe for m in self.members}.values()
        }

    @cached_property
    def _row_problems(self) -> dict[int, tuple[Problem, ...]]:
        distinct = {id(m.rows): m.rows for m in self.members}.values()
        return {id(rows): tuple(_problems_of_rows(rows, self.views)) for rows in distinct}

    def _member_problems(self, member: Member) -> Iterator[Problem]:
        yield from self._recipe_problems[id(member.recipe)]
        yield from self._row_problems[id(member.rows)]
        yield from self._network_problems.get((id(member.recipe.network), member.rows.view), ())
        recipe, view = member.recipe, self.views.get(member.rows.view)
        if not hasattr(recipe.loss, "target"):
            return  # no loss at all: that has been said already
        if view is not None and (recipe.loss.target == "labels") != view.has_labels:
            takes = "class labels" if recipe.loss.target == "labels" else "numbers"
            rule = f"must fit the targets: {type(recipe.loss).__name__} takes {takes}"
            yield Problem("Recipe.loss", rule, hint="Give the view n_classes for labels.")
        elif view is not None:
            yield from recipe.loss.misfits(view.n_outputs)
        if recipe.stopping.patience is not None and len(member.rows.held) == 0:
            hint = "Give the rows a `held` part, or no patience."
            yield Problem("Stopping.patience", "must have held-out rows to watch", hint=hint)


def _columns(values: NDArray[Any]) -> Floats:
    """Numbers as [N, columns]; a single axis is one column."""
    table = np.ascontiguousarray(values, dtype=np.float64)
    return table.reshape(len(table), math.prod(table.shape[1:]))


def _n_classes(y: Any) -> int:
    labels = np.asarray(y.detach().cpu() if hasattr(y, "detach") else y)
    return int(np.max(labels, initial=0)) + 1


def _problems_on(network: Network, view: View | None) -> Iterator[Problem]:
    is_sound = isinstance(network, Network) and not isinstance(network, type) and not any(True for _ in network.problems())
    if is_sound and view is not None and len(view.X) and view.X.shape[1]:
        yield from network.problems_on(view.X[:2], view.inputs, view.n_outputs)


def _problems_of_rows(rows: Rows, views: Mapping[str, View]) -> Iterator[Problem]:
    if rows.view not in views:
        yield Problem("", f"unknown view {rows.view!r}", hint=did_you_mean(rows.view, views))
        return
    n = len(views[rows.view].X)
    if len(rows.train) == 0:
        yield Problem("Rows.train", "must hold at least one row", "none")
    for name, indices in (("train", rows.train), ("held", rows.held)):
        if len(indices) and not 0 <= indices.min() <= indices.max() < n:
            yield Problem(
                f"Rows.{name}", f"must hold indices 0 to {n - 1}", f"{indices.min()} to {indices.max()}"
            )


def _merged(found: Iterator[tuple[int, Problem]]) -> list[Problem]:
    """Alike problems of several networks as one problem that names them all."""
    who: dict[Problem, list[int]] = {}
    for index, problem in found:
        who.setdefault(problem, []).append(index)
    return [Problem(p.where, p.rule, p.got, tuple(indices), p.hint) for p, indices in who.items()]
