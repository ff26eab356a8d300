"""One training step, told line by line: forward, the loss, backward, one weight in every factor, the update.

Each formula is built from named numbers and written by `formula`, so that symbols and numbers belong together; each result is
the tape's own.
"""

from __future__ import annotations

import numpy as np

from manyfit.answers import Text
from manyfit.tape import arithmetic as xp
from manyfit.tape import names
from manyfit.tape.change import change_of
from manyfit.tape.formula import written
from manyfit.tape.lines import Line, Part
from manyfit.tape.paths import factors_of
from manyfit.tape.story import Story
from manyfit.tape.symbols import derivative
from manyfit.tape.value import Value


def parts_of(story: Story) -> tuple[Part, ...]:
    """All lines of a step, part by part."""
    label = story.labels[story.row]
    with np.errstate(all="ignore"):
        parts = [
            Part(
                "forward",
                Text(f"Forward, row {label}", f"前向传播，第 {label} 行"),
                tuple(_forward(story)),
            ),
            Part("loss", Text("Loss", "损失"), tuple(_loss(story))),
            Part(
                "backward",
                Text(f"Backward, row {label}", f"反向传播，第 {label} 行"),
                tuple(_backward(story)),
            ),
            Part(
                "weight",
                Text(f"Every factor of {story.by}", f"{story.by} 的每个因子"),
                tuple(_followed(story)),
            ),
            change_of(story),
        ]
        if story.is_small:
            title = Text("Gradients, summed over the batch", "梯度：对整批求和")
            parts.insert(3, Part("gradients", title, tuple(_gradients(story))))
    return tuple(parts)


def _forward(story: Story) -> list[Line]:
    lines, r = [], story.row
    for number_, each in enumerate(story.layers, 1):
        if each.mask is not None:
            for unit in story.shown[number_ - 1]:
                kept = Value(each.mask[r, unit], names.factor(number_ - 1, unit))
                value = Value(each.before[r, unit], names.value(number_ - 1, unit))
                note = None if each.mask[r, unit] else Text("dropped", "被丢弃")
                lines.append(story.line(story.before(number_, unit).name, kept * value, note=note))
        for unit in story.shown[number_]:
            terms = [
                Value(w, names.weight(number_, unit, k)) * story.before(number_, k)
                for k, w in enumerate(each.weight[:, unit])
            ]
            total = xp.total([*terms, Value(each.bias[unit], names.bias(number_, unit))])
            lines.append(story.line(names.z(number_, unit), total, each.z[r, unit]))
        if number_ < len(story.layers):
            for unit in story.shown[number_]:
                made = story.activated(number_, unit)
                lines.append(story.line(made.name, made, each.a[r, unit]))
    lines += [story.line(story.head.predicted[k].name, story.head.predicted[k]) for k in story.shown[-1]]
    return lines


def _loss(story: Story) -> list[Line]:
    step, losses = story.step, story.step.row_losses
    lines = [story.line(story.ell(story.row), story.head.loss, losses[story.row])]
    rows = [Value(loss, story.ell(k)) for k, loss in enumerate(losses)]
    count = len(rows)
    if story.is_plain:
        mean = xp.total(rows) / Value(count, "n")
        note = None
    else:
        weights = [
            Value(weight, f"w{names.below(story.labels[k])}") for k, weight in enumerate(step.weights)
        ]
        mean = xp.total([w * loss for w, loss in zip(weights, rows, strict=True)]) / Value(
            step.weight, "Σw"
        )
        note = Text("rows weigh differently", "各行权重不同")
    return [*lines, story.line("L", mean, step.loss, note=note)]


def _backward(story: Story) -> list[Line]:
    r, last, ell = story.row, len(story.layers), story.ell(story.row)
    share = story.share_formula()
    lines = [story.line(derivative("L", ell), share, story.share)]
    said: set[str] = set()
    for k in story.shown[-1]:
        for symbol in story.head.factors[k]:
            if symbol not in said:
                said.add(symbol)
                lines.append(story.line(symbol, story.head.slopes[symbol]))
    for k in story.shown[-1]:
        product = Value(story.share, derivative("L", ell))
        for symbol in story.head.factors[k]:
            product = product * Value(float(story.head.slopes[symbol]), symbol)
        lines.append(story.line(derivative("L", names.z(last, k)), product, story.layers[-1].d_z[r, k]))
    for level in range(last - 1, 0, -1):
        above, here = story.layers[level], story.layers[level - 1]
        for unit in story.shown[level]:
            terms = [
                Value(above.d_z[r, k], derivative("L", names.z(level + 1, k)))
                * Value(above.weight[unit, k], names.weight(level + 1, k, unit))
                for k in range(above.z.shape[1])
            ]
            total = xp.total(terms)
            if above.mask is not None:
                total = total * Value(above.mask[r, unit], names.factor(level, unit))
            a = names.value(level, unit)
            lines.append(story.line(derivative("L", a), total, here.d_a[r, unit]))
        for unit in story.shown[level]:
            a, z = names.value(level, unit), names.z(level, unit)
            slope = story.slope_of(level, unit)
            lines.append(story.line(derivative(a, z), slope, here.slope[r, unit]))
            product = Value(here.d_a[r, unit], derivative("L", a)) * Value(
                here.slope[r, unit], derivative(a, z)
            )
            lines.append(story.line(derivative("L", z), product, here.d_z[r, unit]))
    return lines


def _followed(story: Story) -> list[Line]:
    """Every factor of the followed weight's derivative for one row, their product, and the sum over the batch."""
    layer, out, in_ = story.weight
    each, r = story.layers[layer - 1], story.row
    lines, product = factors_of(story)
    z = names.z(layer, out)
    inner = Value(1.0) if in_ is None else story.before(layer, in_)
    lines.append(story.line(derivative(z, story.symbol), inner))
    last = Value(float(inner), derivative(z, story.symbol))
    of_rows = each.d_z[:, out] * (1.0 if in_ is None else each.inputs[:, in_])
    label = story.labels[r]
    note = Text(f"what row {label} pulls", f"第 {label} 行的贡献")
    mine = f"{derivative('L', story.ell(r))}·{derivative(story.ell(r), story.symbol)}"
    lines.append(story.line(mine, product * last, of_rows[r], note=note))
    note = Text(f"the sum over {len(of_rows)} rows", f"{len(of_rows)} 行之和")
    lines.append(_summed(story, layer, out, in_, note))
    check = Text("finite difference, for comparison", "有限差分，用于核对")
    lines.append(Line(f"ΔL/Δ{story.symbol}", "(L(W + h) − L(W − h)) / 2h", "", story.slope, check))
    return lines


def _gradients(story: Story) -> list[Line]:
    """The gradient of every parameter of a small network, last layer first."""
    return [
        _summed(story, layer, out, in_)
        for layer in range(len(story.layers), 0, -1)
        for out in story.shown[layer]
        for in_ in (*story.shown[layer - 1], None)
    ]


def _summed(story: Story, layer: int, out: int, in_: int | None, note: Text | None = None) -> Line:
    """∂L/∂ of one parameter: what all rows of the batch pull."""
    each, z = story.layers[layer - 1], names.z(layer, out)
    if in_ is None:
        terms = [Value(d, "·") for d in each.d_z[:, out]]
        symbol, formula, d_loss = names.bias(layer, out), f"Σ ∂L/∂{z}", each.d_bias[out]
    else:
        terms = [
            Value(d, "·") * Value(a, "·")
            for d, a in zip(each.d_z[:, out], each.inputs[:, in_], strict=True)
        ]
        symbol, d_loss = names.weight(layer, out, in_), each.d_weight[in_, out]
        formula = f"Σ ∂L/∂{z}·{story.before(layer, in_).name}"
    numbers = written(xp.total(terms), digits=story.digits).numbers
    return Line(derivative("L", symbol), formula, numbers, float(d_loss), note)
