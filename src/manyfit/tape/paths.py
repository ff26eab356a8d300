"""From the loss to one unit, factor by factor: path by path where paths are few, else summed layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product as every
from math import prod

from manyfit.tape import arithmetic as xp
from manyfit.tape import names
from manyfit.tape.lines import Line
from manyfit.tape.story import Story
from manyfit.tape.symbols import derivative
from manyfit.tape.value import Value

Factor = Callable[[str, Value, float], Value]
"""Says the line of a factor, once, and gives the factor by its symbol."""

MOST_PATHS = 4
"""More paths than this are not told one by one."""


def factors_of(story: Story) -> tuple[list[Line], Value]:
    """The factors of ∂L/∂z of the unit whose weight is followed, and their product as a formula.

    Returns:
        A line for each factor, and for each path's product where there are several; and the whole, made of named factors.
    """
    layer, out, _ = story.weight
    last = len(story.layers)
    widths = [each.z.shape[1] for each in story.layers[layer:]]
    if layer < last and prod(widths) > MOST_PATHS:
        return _summed(story)
    lines: list[Line] = []
    known: dict[str, Value] = {}

    def factor(symbol: str, formula: Value, result: float) -> Value:
        if symbol not in known:
            known[symbol] = Value(result, symbol)
            lines.append(story.line(symbol, formula, result))
        return known[symbol]

    products = []
    for path in every(*(range(width) for width in widths)):
        units = (out, *path)  # one unit of each layer, from the followed one to an output
        factors = _end(story, units[-1], factor)
        for level in range(last - 1, layer - 1, -1):
            upper, lower = units[level + 1 - layer], units[level - layer]
            factors.append(_through_weight(story, level, upper, lower, factor))
            symbol = derivative(names.value(level, lower), names.z(level, lower))
            slope = float(story.layers[level - 1].slope[story.row, lower])
            factors.append(factor(symbol, story.slope_of(level, lower), slope))
        whole = factors[0]
        for each in factors[1:]:
            whole = whole * each
        products.append(whole)
    if len(products) == 1:
        return lines, products[0]
    told = []
    for k, whole in enumerate(products, 1):
        symbol = f"path {k}"
        lines.append(story.line(symbol, whole))
        told.append(Value(float(whole), symbol))
    symbol = derivative("L", names.z(layer, out))
    result = float(story.layers[layer - 1].d_z[story.row, out])
    lines.append(story.line(symbol, xp.total(told), result))
    return lines, Value(result, symbol)


def _end(story: Story, unit: int, factor: Factor) -> list[Value]:
    """∂L/∂ℓ · ∂ℓ/∂ŷ · ∂ŷ/∂z of one output."""
    symbol = derivative("L", story.ell(story.row))
    factors = [factor(symbol, story.share_formula(), story.share)]
    for symbol in story.head.factors[unit]:
        formula = story.head.slopes[symbol]
        factors.append(factor(symbol, formula, float(formula)))
    return factors


def _through_weight(story: Story, level: int, upper: int, lower: int, factor: Factor) -> Value:
    """∂z⁽ˡ⁺¹⁾/∂a⁽ˡ⁾: the weight between two units, times what dropout makes of it."""
    above = story.layers[level]
    formula = Value(above.weight[lower, upper], names.weight(level + 1, upper, lower))
    if above.mask is not None:
        formula = formula * Value(above.mask[story.row, lower], names.factor(level, lower))
    symbol = derivative(names.z(level + 1, upper), names.value(level, lower))
    return factor(symbol, formula, float(formula))


def _summed(story: Story) -> tuple[list[Line], Value]:
    """∂L/∂a as one sum over the next layer's units, then ∂a/∂z."""
    layer, out, _ = story.weight
    above, here, r = story.layers[layer], story.layers[layer - 1], story.row
    terms = [
        Value(above.d_z[r, k], derivative("L", names.z(layer + 1, k)))
        * Value(above.weight[out, k], names.weight(layer + 1, k, out))
        for k in range(above.z.shape[1])
    ]
    total = xp.total(terms)
    if above.mask is not None:
        total = total * Value(above.mask[r, out], names.factor(layer, out))
    a, z = names.value(layer, out), names.z(layer, out)
    lines = [
        story.line(derivative("L", a), total, here.d_a[r, out]),
        story.line(derivative(a, z), story.slope_of(layer, out), here.slope[r, out]),
    ]
    whole = Value(here.d_a[r, out], derivative("L", a)) * Value(here.slope[r, out], derivative(a, z))
    return lines, whole
