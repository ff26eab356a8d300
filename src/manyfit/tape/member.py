"""One network in training on the tape: the same order of events as the engines keep, with everything between on record.

Always float64, whatever the recipe's precision: what is shown should be what was computed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import Problem, UsageError
from manyfit.networks import ACTIVATIONS, initial_parameters
from manyfit.penalties import penalized, proximal_step
from manyfit.population import Member, View
from manyfit.rng import KEEP_ALL, dropout_mask, epoch_order, keep_threshold
from manyfit.schedules.plateau import Watcher
from manyfit.tape import arithmetic
from manyfit.tape.backward import gradients
from manyfit.tape.value import Value

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer in one step. Axes: B rows of the batch, I inputs of the layer, O its units.

    weight, bias: [I, O] and [O].
    before: [B, I] values of the layer before, or x.
    mask: [B, I] what they are multiplied by; None without dropout.
    inputs: [B, I] the two multiplied.
    z, a: [B, O] weighted sums, and σ of them; the last layer is linear.
    slope: [B, O] ∂a/∂z.
    d_before, d_z, d_a, d_weight, d_bias: Derivatives of the batch loss.
    """

    weight: Floats
    bias: Floats
    before: Floats
    mask: Floats | None
    inputs: Floats
    z: Floats
    a: Floats
    slope: Floats
    d_before: Floats
    d_z: Floats
    d_a: Floats
    d_weight: Floats
    d_bias: Floats


@dataclass(frozen=True, eq=False)
class Leaf:
    """One parameter array in one update: weights [I, O] or biases [O].

    penalty: What the penalties add to the gradient.
    pull: What proximal penalties add to it last; None without.
    gradient: What the rule was given: loss, penalties, clipping, pull.
    state, new_state: The rule's state by name.
    """

    before: Floats
    d_loss: Floats
    penalty: Floats
    pull: Floats | None
    gradient: Floats
    state: Mapping[str, Floats]
    after: Floats
    new_state: Mapping[str, Floats]


@dataclass(frozen=True, eq=False)
class Step:
    """One update with everything between.

    t: Number of the update, from 1; epoch and batch count from 0.
    rows: [B] rows of the view.
    weights: [B] what they weigh.
    weight: What the sum of the rows' losses is divided by: Σw, with weights of classes counted in.
    y: [B, C] or [B] targets.
    row_losses, loss: [B] of each row, and their weighted mean.
    share: What clipping multiplied the gradient by; norm: its length before; None without clipping.
    rate: η of this update.
    new_loss: The loss of the same rows and the same dropout after the update.
    """

    t: int
    epoch: int
    batch: int
    rows: NDArray[np.int64]
    weights: Floats
    weight: float
    y: NDArray[Any]
    layers: tuple[Layer, ...]
    row_losses: Floats
    loss: float
    leaves: tuple[Leaf, ...]
    norm: float | None
    share: float | None
    rate: float
    new_loss: float


class Taped:
    """A network that is trained step by step on the tape.

    Rules of stopping are not acted on: a step after the end is the step that would have come.

    Args:
        member: Recipe, streams and rows.
        view: The arrays it reads.
        parameters: Where to begin, flat; by default the member's own initial weights.

    Example:
        >>> from manyfit.population import Population
        >>> from manyfit.recipe import Recipe
        >>> X = np.linspace(-1, 1, 8)[:, None]
        >>> population = Population.of([Recipe(batch_size=4)], X, 2 * X)
        >>> step = Taped(population.members[0], population.views["all"]).step()
        >>> step.t, len(step.rows), step.new_loss < step.loss
        (1, 4, True)
    """

    def __init__(self, member: Member, view: View, parameters: Floats | None = None) -> None:
        recipe = member.recipe
        self.member, self.view, self.recipe = member, view, recipe
        self.widths = recipe.dense.widths(view.X.shape[1], view.n_outputs)
        drawn = initial_parameters([member.streams.init], self.widths, recipe.dense.init)[0]
        self.leaves = leaves_of(
            drawn if parameters is None else np.array(parameters, np.float64), self.widths
        )
        self.state = [recipe.optimizer.init(np, leaf, recipe.optimizer) for leaf in self.leaves]
        n = len(member.rows.train)
        self.batch_size = n if recipe.batch_size is None else min(recipe.batch_size, n)
        self.n_batches = -(-n // self.batch_size)
        self.rates = recipe.optimizer.lr * recipe.schedule.table(recipe.epochs, self.n_batches)
        self.watcher = Watcher(recipe.schedule, self.n_batches)
        self.epoch_loss = self.epoch_weight = 0.0
        self.t = 0

    @property
    def n_steps(self) -> int:
        """Updates in the whole training."""
        return len(self.rates)

    def rows_of(self, t: int) -> NDArray[np.int64]:
        """The rows of update `t`, counted from 0."""
        epoch, batch = divmod(t, self.n_batches)
        return self.order_of(epoch)[batch * self.batch_size : (batch + 1) * self.batch_size]

    def order_of(self, epoch: int) -> NDArray[np.int64]:
        """All training rows in the order of an epoch."""
        train = self.member.rows.train
        if self.member.recipe.shuffle and self.batch_size < len(train):
            train = train[epoch_order(self.member.streams.order, epoch, len(train))]
        return train

    @np.errstate(all="ignore")  # a loss that is not finite is refused by name
    def step(self) -> Step:
        """Make one update.

        Raises:
            UsageError: If the training is over, or the network has diverged.
        """
        t = self.t
        if t >= self.n_steps:
            hint = f"The recipe has {self.recipe.epochs} epochs of {self.n_batches} steps."
            raise UsageError(Problem("step", f"must be ≤ {self.n_steps}", str(t + 1), hint=hint))
        epoch, batch = divmod(t, self.n_batches)
        rows = self.rows_of(t)
        weights = np.ones(len(rows)) if self.view.weights is None else self.view.weights[rows]
        y = self.view.y[rows]
        masks = self._masks(t, len(rows))

        parameters = [Value(leaf) for leaf in self.leaves]
        passes = _forward(self.recipe, parameters, self._inputs(t, rows), masks)
        row_losses, loss = self._loss(passes[-1][-1], y, weights)
        if not np.isfinite(loss.data):
            hint = "A smaller rate may help."
            raise UsageError(
                Problem(f"step {t + 1}", "has no finite loss: the network has diverged", hint=hint)
            )
        # At a linear layer a is z itself; both are asked for all the same.
        wanted = [node for before, z, a in passes for node in (before, z, a)]
        found = gradients(loss, [*parameters, *wanted])
        by_leaf, by_node = found[: len(parameters)], found[len(parameters) :]
        layers = []
        for k, (before, z, a) in enumerate(passes):
            d_before, d_z, d_a = by_node[3 * k : 3 * k + 3]
            slope = gradients(a, [z], seed=np.ones(a.shape))[0]
            mask = masks[k]
            inputs = before.data if mask is None else before.data * mask
            layers.append(
                Layer(
                    self.leaves[2 * k],
                    self.leaves[2 * k + 1],
                    before.data,
                    mask,
                    inputs,
                    z.data,
                    a.data,
                    slope,
                    d_before,
                    d_z,
                    d_a,
                    by_leaf[2 * k],
                    by_leaf[2 * k + 1],
                )
            )
        rate = float(self.rates[t]) * self.watcher.multiplier
        leaves, norm, share = self._update(t, rate, by_leaf)
        self.leaves, self.state = [leaf.after for leaf in leaves], [dict(leaf.new_state) for leaf in leaves]
        self.t += 1
        new_loss = self.loss_at(self.leaves, t)
        self.epoch_loss += float(weights @ row_losses)
        self.epoch_weight += float(weights.sum())
        if batch + 1 == self.n_batches:
            self._end_epoch()
        return Step(
            t + 1,
            epoch,
            batch,
            rows,
            weights,
            self._weight(weights, y),
            y,
            tuple(layers),
            row_losses,
            float(loss),
            tuple(leaves),
            norm,
            share,
            rate,
            new_loss,
        )

    def _end_epoch(self) -> None:
        """What a schedule that watches the loss is told: the held-out loss, else that of training."""
        held = self.member.rows.held
        loss = self.epoch_loss / self.epoch_weight if self.epoch_weight > 0 else 0.0
        self.epoch_loss = self.epoch_weight = 0.0
        if self.watcher.plateau is not None and len(held):
            weights = np.ones(len(held)) if self.view.weights is None else self.view.weights[held]
            parameters = [Value(leaf) for leaf in self.leaves]
            passes = _forward(self.recipe, parameters, Value(self.view.X[held]), [None] * (len(self.leaves) // 2))
            loss = float(self._loss(passes[-1][-1], self.view.y[held], weights)[1])
        self.watcher.see(loss)

    @np.errstate(all="ignore")
    def loss_at(self, leaves: Sequence[Floats], t: int) -> float:
        """The loss of update `t` (from 0), its rows, its noise and its dropout, had the parameters been these."""
        rows = self.rows_of(t)
        weights = np.ones(len(rows)) if self.view.weights is None else self.view.weights[rows]
        parameters = [Value(leaf) for leaf in leaves]
        passes = _forward(self.recipe, parameters, self._inputs(t, rows), self._masks(t, len(rows)))
        return float(self._loss(passes[-1][-1], self.view.y[rows], weights)[1])

    def _loss(self, output: Value, y: NDArray[Any], weights: Floats) -> tuple[Floats, Value]:
        """[B] losses of the rows, and their weighted mean; 0 where nothing weighs anything."""
        row_losses = self.recipe.loss.rows(arithmetic, output, y)
        weight = self._weight(weights, y)
        loss = (weights * row_losses).sum() / weight if weight > 0 else 0 * output.sum()
        return row_losses.data, loss

    def _inputs(self, t: int, rows: NDArray[np.int64]) -> Value:
        """[B, D] what the network is shown of these rows in update `t`: x, or what augmentation makes of it."""
        x, augment = self.view.X[rows], self.recipe.augment
        if not augment.is_on:
            return Value(x)
        shift, keep = augment.draw(self.member.streams.noise, t, *x.shape)
        return Value((x + shift) * keep)

    def _weight(self, weights: Floats, y: NDArray[Any]) -> float:
        """What the sum of the rows' losses is divided by."""
        return float((weights * self.recipe.loss.row_weight(np, y)).sum())

    def _masks(self, t: int, n_rows: int) -> list[Floats | None]:
        """What the inputs of each layer are multiplied by; None where nothing is ever dropped."""
        network, masks = self.recipe.dense, []
        for layer, n_units in enumerate(self.widths[:-1]):
            keep = keep_threshold(network.dropout if layer else network.input_dropout)
            noise = self.member.streams.noise
            masks.append(None if keep >= KEEP_ALL else dropout_mask(noise, t, layer, n_rows, n_units, keep))
        return masks

    def _update(
        self, t: int, rate: float, d_loss: Sequence[Floats]
    ) -> tuple[list[Leaf], float | None, float | None]:
        """Add the penalties, clip by value and then by norm, and let the rule change every parameter array."""
        rule, total, later = self.recipe.optimizer, [], []
        for leaf, d in zip(self.leaves, d_loss, strict=True):
            paid = [penalty for penalty in self.recipe.penalties if leaf.ndim == 2 or penalty.biases]
            g, proximal = penalized(np, leaf, d, paid, rule)
            total.append(g)
            later.append(proximal)
        penalties = [g - d for g, d in zip(total, d_loss, strict=True)]
        if self.recipe.clip_value is not None:
            total = [np.clip(g, -self.recipe.clip_value, self.recipe.clip_value) for g in total]
        norm = share = None
        if self.recipe.clip_norm is not None:
            norm = float(np.sqrt(sum((g * g).sum() for g in total)))
            share = min(self.recipe.clip_norm / (norm + 1e-6), 1.0)  # as torch's clip_grad_norm_
            total = [g * share for g in total]
        hypers = dataclasses.replace(rule, lr=rate)  # type: ignore[type-var]  # a rule is a dataclass
        leaves = []
        for k, (leaf, g, state) in enumerate(zip(self.leaves, total, self.state, strict=True)):
            pull = None
            if later[k]:
                after, new_state, pull = proximal_step(np, leaf, g, state, t + 1, hypers, later[k])
                g = g + pull
            else:
                after, new_state = rule.step(np, leaf, g, state, t + 1, hypers)
            leaves.append(Leaf(leaf, d_loss[k], penalties[k], pull, g, state, after, new_state))
        return leaves, norm, share


def leaves_of(flat: Floats, widths: Sequence[int]) -> list[Floats]:
    """Weights [in, out] and biases [out] of each layer in turn."""
    leaves, start = [], 0
    for n_in, n_out in pairwise(widths):
        leaves.append(flat[start : start + n_in * n_out].reshape(n_in, n_out))
        start += n_in * n_out
        leaves.append(flat[start : start + n_out])
        start += n_out
    return leaves


def _forward(
    recipe: Any, parameters: Sequence[Value], x: Value, masks: Sequence[Floats | None]
) -> list[tuple[Value, Value, Value]]:
    """(values before, z, a) of each layer: z = a·W + b and a = σ(z); the last layer is linear."""
    activation = ACTIVATIONS[recipe.network.activation]
    passes, before = [], x
    for k, mask in enumerate(masks):
        inputs = before if mask is None else before * mask
        z = inputs @ parameters[2 * k] + parameters[2 * k + 1]
        a = z if k + 1 == len(masks) else activation(arithmetic, z)
        passes.append((before, z, a))
        before = a
    return passes
