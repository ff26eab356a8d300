"""What is told of one training step of a dense network: the row and the weight that are followed, and the symbol of every number.

What is computed stands in a `Step`, all lines in `parts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from manyfit.networks import ACTIVATIONS
from manyfit.recipe import Recipe
from manyfit.tape import arithmetic as xp
from manyfit.tape import names
from manyfit.tape.backward import local
from manyfit.tape.head import Head, head_of
from manyfit.tape.lines import Line, line
from manyfit.tape.member import Layer, Step
from manyfit.tape.symbols import derivative
from manyfit.tape.value import Value

MOST_PARAMETERS = 12
"""Networks with more show the gradient of the weight that is followed only."""


@dataclass(frozen=True)
class Story:
    """What is told: a step, seen from one row of its batch and one weight. Layers count from 1, units from 0.

    step: The numbers.
    recipe: How it is trained.
    labels: [B] numbers of the batch's rows in the table, from 1.
    row: Place in the batch of the row that is followed.
    weight: Layer, unit, and input (None: the bias) of the weight that is followed.
    slope: Its derivative by finite differences.
    digits: Significant digits of the numbers put in.
    """

    step: Step
    recipe: Recipe
    labels: Sequence[int]
    row: int
    weight: tuple[int, int, int | None]
    slope: float
    digits: int = 4

    @property
    def is_small(self) -> bool:
        """Whether every parameter gets its lines."""
        return sum(leaf.before.size for leaf in self.step.leaves) <= MOST_PARAMETERS

    @property
    def symbol(self) -> str:
        """The symbol of the weight that is followed."""
        layer, out, in_ = self.weight
        return names.bias(layer, out) if in_ is None else names.weight(layer, out, in_)

    @property
    def by(self) -> str:
        """∂L/∂ of the weight that is followed."""
        return derivative("L", self.symbol)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Layers of the step."""
        return self.step.layers

    @cached_property
    def shown(self) -> tuple[list[int], ...]:
        """Units of every layer that get a line, inputs first."""
        layer, out, in_ = self.weight
        widths = [self.layers[0].before.shape[1], *(each.z.shape[1] for each in self.layers)]
        followed: list[list[int]] = [[] for _ in widths]
        followed[layer].append(out)
        followed[layer - 1].append(-1 if in_ is None else in_)
        if self.step.y.ndim == 1:
            followed[-1].append(int(self.step.y[self.row]))
        return tuple(names.shown(n, units) for n, units in zip(widths, followed, strict=True))

    @cached_property
    def head(self) -> Head:
        """The end of the network, for the row that is followed."""
        last, r = len(self.layers), self.row
        z = self.layers[-1].z[r]
        sums = [Value(each, names.z(last, k)) for k, each in enumerate(z)]
        # Each row's own derivative: the batch loss's, with the row's share taken out.
        share = self.share
        d_z = self.layers[-1].d_z[r] / share if share else np.zeros(len(z))
        result = float(self.step.row_losses[r])
        return head_of(self.recipe.loss, sums, self.step.y[r], result, d_z, self.ell(r))

    @property
    def share(self) -> float:
        """∂L/∂ℓ of the row that is followed: its share of the mean."""
        total = self.step.weight
        return float(self.step.weights[self.row]) / total if total else 0.0

    @property
    def is_plain(self) -> bool:
        """Whether the batch loss is the plain mean of the rows' losses."""
        step = self.step
        return bool((step.weights == 1).all()) and step.weight == len(step.weights)

    def ell(self, position: int) -> str:
        """The symbol of a row's loss."""
        return names.row_loss(self.labels[position])

    def before(self, layer: int, unit: int) -> Value:
        """What a layer's weights multiply, for the row that is followed."""
        each = self.layers[layer - 1]
        is_dropped = each.mask is not None
        return Value(each.inputs[self.row, unit], names.value(layer - 1, unit, is_dropped=is_dropped))

    def activated(self, layer: int, unit: int) -> Value:
        """a = σ(z) of a hidden unit, made of z."""
        z = Value(self.layers[layer - 1].z[self.row, unit], names.z(layer, unit))
        kind = self.recipe.dense.activation
        made = _TEXTBOOK[kind](z) if kind in _TEXTBOOK else ACTIVATIONS[kind](xp, z)
        return (xp.total([made]) if made is z else made).called(names.value(layer, unit))

    def line(self, symbol: str, value: Value, result: Any = None, **options: Any) -> Line:
        """A line in this story's digits."""
        return line(symbol, value, result=result, digits=self.digits, **options)

    def slope_of(self, layer: int, unit: int) -> Value:
        """∂a/∂z of a hidden unit, as a formula."""
        found = local(self.activated(layer, unit))
        return found[0][1] if found else Value(0.0)

    def share_formula(self) -> Value:
        """∂L/∂ℓ of the row that is followed, as a formula."""
        if self.is_plain:
            return 1 / Value(len(self.step.weights), "n")
        w = Value(self.step.weights[self.row], f"w{names.below(self.labels[self.row])}")
        return w / Value(self.step.weight, "Σw")

_TEXTBOOK: Mapping[str, Any] = {
    "identity": lambda z: z,
    "relu": lambda z: xp.maximum(0.0, z),
    "tanh": xp.tanh,
    "sigmoid": xp.sigmoid,
    "silu": lambda z: z * xp.sigmoid(z),
}
"""How the usual activations are written in a book; others are written as they compute."""
