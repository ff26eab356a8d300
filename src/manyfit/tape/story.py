"""One training step of a dense network, told line by line: forward, the loss, backward, one weight in every factor, the update.

What is computed stands in a `Step`; here it only gets its words. Each formula is built from named numbers and written by
`formula`, so that symbols and numbers belong together; each result is the tape's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from manyfit.answers import Text
from manyfit.networks import ACTIVATIONS
from manyfit.recipe import Recipe
from manyfit.tape import arithmetic as xp
from manyfit.tape import names
from manyfit.tape.backward import local
from manyfit.tape.change import change_of
from manyfit.tape.formula import written
from manyfit.tape.head import Head, head_of
from manyfit.tape.lines import Line, Part, line
from manyfit.tape.member import Layer, Step
from manyfit.tape.paths import factors_of
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

    def parts(self) -> tuple[Part, ...]:
        """All lines."""
        label = self.labels[self.row]
        with np.errstate(all="ignore"):
            parts = [
                Part(
                    "forward",
                    Text(f"Forward, row {label}", f"前向传播，第 {label} 行"),
                    tuple(self._forward()),
                ),
                Part("loss", Text("Loss", "损失"), tuple(self._loss())),
                Part(
                    "backward",
                    Text(f"Backward, row {label}", f"反向传播，第 {label} 行"),
                    tuple(self._backward()),
                ),
                Part(
                    "weight",
                    Text(f"Every factor of {self.by}", f"{self.by} 的每个因子"),
                    tuple(self._followed()),
                ),
                change_of(self),
            ]
            if self.is_small:
                title = Text("Gradients, summed over the batch", "梯度：对整批求和")
                parts.insert(3, Part("gradients", title, tuple(self._gradients())))
        return tuple(parts)

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

    def _forward(self) -> list[Line]:
        lines, r = [], self.row
        for number_, each in enumerate(self.layers, 1):
            if each.mask is not None:
                for unit in self.shown[number_ - 1]:
                    kept = Value(each.mask[r, unit], names.factor(number_ - 1, unit))
                    value = Value(each.before[r, unit], names.value(number_ - 1, unit))
                    note = None if each.mask[r, unit] else Text("dropped", "被丢弃")
                    lines.append(self.line(self.before(number_, unit).name, kept * value, note=note))
            for unit in self.shown[number_]:
                terms = [
                    Value(w, names.weight(number_, unit, k)) * self.before(number_, k)
                    for k, w in enumerate(each.weight[:, unit])
                ]
                total = xp.total([*terms, Value(each.bias[unit], names.bias(number_, unit))])
                lines.append(self.line(names.z(number_, unit), total, each.z[r, unit]))
            if number_ < len(self.layers):
                for unit in self.shown[number_]:
                    made = self.activated(number_, unit)
                    lines.append(self.line(made.name, made, each.a[r, unit]))
        lines += [self.line(self.head.predicted[k].name, self.head.predicted[k]) for k in self.shown[-1]]
        return lines

    def _loss(self) -> list[Line]:
        step, losses = self.step, self.step.row_losses
        lines = [self.line(self.ell(self.row), self.head.loss, losses[self.row])]
        rows = [Value(loss, self.ell(k)) for k, loss in enumerate(losses)]
        count = len(rows)
        if self.is_plain:
            mean = xp.total(rows) / Value(count, "n")
            note = None
        else:
            weights = [
                Value(weight, f"w{names.below(self.labels[k])}") for k, weight in enumerate(step.weights)
            ]
            mean = xp.total([w * loss for w, loss in zip(weights, rows, strict=True)]) / Value(
                step.weight, "Σw"
            )
            note = Text("rows weigh differently", "各行权重不同")
        return [*lines, self.line("L", mean, step.loss, note=note)]

    def _backward(self) -> list[Line]:
        r, last, ell = self.row, len(self.layers), self.ell(self.row)
        share = self.share_formula()
        lines = [self.line(derivative("L", ell), share, self.share)]
        said: set[str] = set()
        for k in self.shown[-1]:
            for symbol in self.head.factors[k]:
                if symbol not in said:
                    said.add(symbol)
                    lines.append(self.line(symbol, self.head.slopes[symbol]))
        for k in self.shown[-1]:
            product = Value(self.share, derivative("L", ell))
            for symbol in self.head.factors[k]:
                product = product * Value(float(self.head.slopes[symbol]), symbol)
            lines.append(self.line(derivative("L", names.z(last, k)), product, self.layers[-1].d_z[r, k]))
        for level in range(last - 1, 0, -1):
            above, here = self.layers[level], self.layers[level - 1]
            for unit in self.shown[level]:
                terms = [
                    Value(above.d_z[r, k], derivative("L", names.z(level + 1, k)))
                    * Value(above.weight[unit, k], names.weight(level + 1, k, unit))
                    for k in range(above.z.shape[1])
                ]
                total = xp.total(terms)
                if above.mask is not None:
                    total = total * Value(above.mask[r, unit], names.factor(level, unit))
                a = names.value(level, unit)
                lines.append(self.line(derivative("L", a), total, here.d_a[r, unit]))
            for unit in self.shown[level]:
                a, z = names.value(level, unit), names.z(level, unit)
                slope = self.slope_of(level, unit)
                lines.append(self.line(derivative(a, z), slope, here.slope[r, unit]))
                product = Value(here.d_a[r, unit], derivative("L", a)) * Value(
                    here.slope[r, unit], derivative(a, z)
                )
                lines.append(self.line(derivative("L", z), product, here.d_z[r, unit]))
        return lines

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

    def _followed(self) -> list[Line]:
        """Every factor of the followed weight's derivative for one row, their product, and the sum over the batch."""
        layer, out, in_ = self.weight
        each, r = self.layers[layer - 1], self.row
        lines, product = factors_of(self)
        z = names.z(layer, out)
        inner = Value(1.0) if in_ is None else self.before(layer, in_)
        lines.append(self.line(derivative(z, self.symbol), inner))
        last = Value(float(inner), derivative(z, self.symbol))
        of_rows = each.d_z[:, out] * (1.0 if in_ is None else each.inputs[:, in_])
        label = self.labels[r]
        note = Text(f"what row {label} pulls", f"第 {label} 行的贡献")
        mine = f"{derivative('L', self.ell(r))}·{derivative(self.ell(r), self.symbol)}"
        lines.append(self.line(mine, product * last, of_rows[r], note=note))
        note = Text(f"the sum over {len(of_rows)} rows", f"{len(of_rows)} 行之和")
        lines.append(self._summed(layer, out, in_, note))
        check = Text("finite difference, for comparison", "有限差分，用于核对")
        lines.append(Line(f"ΔL/Δ{self.symbol}", "(L(W + h) − L(W − h)) / 2h", "", self.slope, check))
        return lines

    def _gradients(self) -> list[Line]:
        """The gradient of every parameter of a small network, last layer first."""
        return [
            self._summed(layer, out, in_)
            for layer in range(len(self.layers), 0, -1)
            for out in self.shown[layer]
            for in_ in (*self.shown[layer - 1], None)
        ]

    def _summed(self, layer: int, out: int, in_: int | None, note: Text | None = None) -> Line:
        """∂L/∂ of one parameter: what all rows of the batch pull."""
        each, z = self.layers[layer - 1], names.z(layer, out)
        if in_ is None:
            terms = [Value(d, "·") for d in each.d_z[:, out]]
            symbol, formula, d_loss = names.bias(layer, out), f"Σ ∂L/∂{z}", each.d_bias[out]
        else:
            terms = [
                Value(d, "·") * Value(a, "·")
                for d, a in zip(each.d_z[:, out], each.inputs[:, in_], strict=True)
            ]
            symbol, d_loss = names.weight(layer, out, in_), each.d_weight[in_, out]
            formula = f"Σ ∂L/∂{z}·{self.before(layer, in_).name}"
        numbers = written(xp.total(terms), digits=self.digits).numbers
        return Line(derivative("L", symbol), formula, numbers, float(d_loss), note)


_TEXTBOOK: Mapping[str, Any] = {
    "identity": lambda z: z,
    "relu": lambda z: xp.maximum(0.0, z),
    "tanh": xp.tanh,
    "sigmoid": xp.sigmoid,
    "silu": lambda z: z * xp.sigmoid(z),
}
"""How the usual activations are written in a book; others are written as they compute."""
