"""The chapter's own two examples on the tape: L = f(g(h(x))) of 3.3.1, and the two-layer network of 3.3.4, one unit a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from manyfit.answers import Text
from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.optimizers import Optimizer
from manyfit.registry import name_of
from manyfit.tape import arithmetic as xp
from manyfit.tape.backward import gradients, local, order
from manyfit.tape.graph import graph_of
from manyfit.tape.lines import Account, Part, line
from manyfit.tape.symbols import derivative
from manyfit.tape.update import said_settings, updated
from manyfit.tape.value import Value


@dataclass(frozen=True)
class Composite:
    """A calculation on single numbers that is built in.

    values: What it is given, by the name to set it by.
    symbols: Their symbols.
    make: From the given values, in that order, the result; whatever has a symbol gets a line.
    by: What the result is derived by, in the order of the lines.
    is_trained: Whether an update follows.
    """

    title: Text
    about: tuple[Text, ...]
    values: Mapping[str, float]
    symbols: tuple[str, ...]
    make: Callable[..., Value]
    by: tuple[str, ...]
    is_trained: bool


def _composite(x: Value) -> Value:
    h = (2 * x + 1).called("h")
    g = (h**2).called("g")
    f = xp.log(g).called("f")
    return xp.total([f]).called("L")


def _two_layer(x: Value, y: Value, W1: Value, b1: Value, W2: Value, b2: Value) -> Value:
    z1 = (W1 * x + b1).called("z₁")
    a1 = xp.sigmoid(z1).called("a₁")
    z2 = (W2 * a1 + b2).called("z₂")
    predicted = xp.sigmoid(z2).called("ŷ")
    return ((y - predicted) ** 2).called("L")


COMPOSITES: dict[str, Composite] = {
    "chain": Composite(
        Text("The chain rule on L = f(g(h(x)))", "复合函数 L = f(g(h(x))) 的链式法则"),
        (
            Text(
                "h(x) = 2x + 1, g(h) = h², f(g) = ln g; chapter 3.3.1.",
                "h(x) = 2x + 1，g(h) = h²，f(g) = ln g；见 3.3.1。",
            ),
        ),
        {"x": 0.5},
        ("x",),
        _composite,
        ("x",),
        False,
    ),
    "two-layer": Composite(
        Text("Backpropagation through two layers", "两层网络的反向传播"),
        (
            Text(
                "x → z₁ = W₁x + b₁ → a₁ = σ(z₁) → z₂ = W₂a₁ + b₂ → ŷ = σ(z₂) → L = (y − ŷ)²; chapter 3.3.4.",
                "x → z₁ = W₁x + b₁ → a₁ = σ(z₁) → z₂ = W₂a₁ + b₂ → ŷ = σ(z₂) → L = (y − ŷ)²；见 3.3.4。",
            ),
        ),
        {"x": 1.5, "y": 1.0, "W1": 0.4, "b1": -0.2, "W2": 0.7, "b2": 0.1},
        ("x", "y", "W₁", "b₁", "W₂", "b₂"),
        _two_layer,
        ("W₂", "b₂", "W₁", "b₁"),
        True,
    ),
}


def told(
    name: str, values: Mapping[str, float] | None, rule: Optimizer | None = None, digits: int = 4
) -> Account:
    """One of the built-in calculations: forward, every local derivative, their products, the update.

    Args:
        name: One of `COMPOSITES`.
        values: Other numbers to begin with, by name.
        rule: What updates the parameters.
        digits: Significant digits of the numbers put in.

    Raises:
        UsageError: If there is no value of such a name.

    Example:
        >>> [print(each) for each in told("chain", {"x": 1.0}).parts[0].lines][-1]
        h = 2·x + 1 = 2·1 + 1 = 3
        g = h² = 3² = 9
        f = ln(g) = ln(9) = 2.197
        L = f = 2.197
    """
    built = COMPOSITES[name]
    unknown = [key for key in values or {} if key not in built.values]
    if unknown:
        raise UsageError(
            Problem(
                "",
                Text(f"unknown value {unknown[0]!r}", f"未知的值 {unknown[0]!r}"),
                hint=did_you_mean(unknown[0], built.values),
            )
        )
    numbers = {**built.values, **(values or {})}
    given = {
        symbol: Value(number, symbol) for symbol, number in zip(built.symbols, numbers.values(), strict=True)
    }
    with np.errstate(all="ignore"):
        L = built.make(*given.values())
        made = [value for value in order(L) if value.name and value.operation is not None]
        forward = tuple(line(value.name, value, digits=digits) for value in made)
        backward, slopes = _backward(L, [given[symbol] for symbol in built.by], digits)
        parts = [
            Part("forward", Text("Forward", "前向传播"), forward),
            Part("backward", Text("Backward", "反向传播"), tuple(backward)),
        ]
        if built.is_trained and rule is not None:
            parts += [_update(rule, given[symbol], slopes[symbol], digits) for symbol in built.by]
        graph = graph_of(L)
    arrays = {
        "given": {symbol: float(value) for symbol, value in given.items()},
        "values": {value.name: float(value) for value in made},
        "gradients": slopes,
    }
    return Account(built.title, built.about, tuple(parts), graph, arrays)


def _backward(L: Value, by: Sequence[Value], digits: int) -> tuple[list, dict[str, float]]:
    """A line for each local derivative on the way to what is asked, and one for each product of them."""
    lines, said, slopes = [], set(), {}
    for target in by:
        path = _path(L, target)
        factors = []
        for above, below in path:
            symbol = derivative(above.name, below.name)
            by_name = {value.name: formula for value, formula in local(above)}
            formula = by_name[below.name]
            if symbol not in said:
                lines.append(line(symbol, formula, digits=digits))
                said.add(symbol)
            factors.append(Value(formula.data, symbol))
        product = factors[0]
        for factor in factors[1:]:
            product = product * factor
        slopes[target.name] = float(gradients(L, [target])[0])
        whole = derivative("L", target.name)
        if len(factors) > 1:
            lines.append(line(whole, product, result=slopes[target.name], digits=digits))
    return lines, slopes


def _path(L: Value, target: Value) -> list[tuple[Value, Value]]:
    """The one way from the result to a value, as pairs of neighbours."""
    parent = {}
    for value in order(L):
        if value.name and value.operation is not None:
            for below, _ in local(value):
                parent[below.name] = value
    path, at = [], target
    while at is not L:
        path.append((parent[at.name], at))
        at = parent[at.name]
    return path[::-1]


def _update(rule: Optimizer, p: Value, g: float, digits: int) -> Part:
    """The first update of one parameter."""
    state = {key: np.asarray(value) for key, value in rule.init(np, p.data, rule).items()}
    made = updated(rule, p.data, np.asarray(g), state, 1, float(rule.lr), of=p.name)
    lines = tuple(line(value.name, value, digits=digits) for value in made.equations)
    said = f"{name_of(rule)}, {said_settings(made)}"
    return Part("update", Text(f"Update of {p.name}: {said}", f"更新 {p.name}：{said}"), lines)
