"""A value written as a formula, in symbols and with the numbers put in: one walk writes both, so that they cannot differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from manyfit.tape import operations as op
from manyfit.tape.symbols import above, number
from manyfit.tape.value import Value

MOST_TERMS = 4
"""Longer sums are written by their first terms and their last."""

_OPAQUE = {"sum", "mean", "amax", "matmul", "pick", "reshape"}
"""What mixes the elements of an array: with numbers put in, it is written by its result."""


class Written(NamedTuple):
    """A formula in symbols, the same with numbers, and its value."""

    symbols: str
    numbers: str
    value: float


def written(value: Value, *, at: tuple[int, ...] = (), digits: int = 4) -> Written:
    """Write down how a value was made, as far as the named values it was made of.

    Args:
        value: A number, or an array of which one element is shown.
        at: Which element.
        digits: Significant digits of the numbers put in.

    Returns:
        What says nothing (· 1, + 0, a power of 1) is left out of both texts; the value is what was computed.

    Example:
        >>> w, x = Value(0.5, "w"), Value(-3.0, "x")
        >>> written(w * x + 1)
        Written(symbols='w·x + 1', numbers='0.5·(−3) + 1', value=-0.5)
    """

    def pick(node: Value) -> float:
        data = node.data
        return float(data if data.ndim == 0 else np.broadcast_to(data, value.shape)[at])

    def literal(node: Value) -> tuple[str, float]:
        text = number(pick(node), digits)
        return text, op.MINUS if text.startswith("−") else op.ATOM

    def symbol(node: Value) -> tuple[str, float]:
        return (node.name, op.ATOM) if node.name else literal(node)

    whole = essence(value)
    is_plain = whole is not value and bool(whole.name)
    return Written(
        whole.name if is_plain else _write(whole, symbol, pick, whole, False)[0],
        literal(whole)[0] if is_plain else _write(whole, literal, pick, whole, True)[0],
        pick(value),
    )


def essence(value: Value) -> Value:
    """The same value without what changes nothing: 1·a, a + 0, a / 1, a¹, and arithmetic among plain numbers done."""
    if value.operation is None:
        return value
    inputs = tuple(node if node.name else essence(node) for node in value.inputs)
    if all(_is_constant(node) for node in inputs) and value.data.size == 1:
        return Value(value.data)
    a, b = inputs[0], inputs[-1]
    if value.operation.name in _OPAQUE and a.data.size == value.data.size == 1:
        return a
    match value.operation.name:
        case "add" if _is(a, 0):
            return b
        case "add" | "subtract" if _is(b, 0):
            return a
        case "subtract" if _is(a, 0):
            return Value(value.data, operation=op.NEGATE, inputs=(b,))
        case "multiply" if _is(a, 0) or _is(b, 0):
            return Value(0.0)
        case "divide" | "pow" if _is(a, 0) and not value.data.any():
            return Value(0.0)
        case "multiply" if _is(a, 1):
            return b
        case "multiply" | "divide" | "pow" if _is(b, 1):
            return a
        case "multiply" if a.operation is op.NEGATE and not a.name:  # (−a)·b reads better as −a·b
            inside = Value(-value.data, operation=op.MULTIPLY, inputs=(a.inputs[0], b))
            return Value(value.data, operation=op.NEGATE, inputs=(essence(inside),))
        case "multiply" if _is(a, -1):
            return Value(value.data, operation=op.NEGATE, inputs=(b,))
    return Value(value.data, operation=value.operation, inputs=inputs, options=value.options)


def _write(
    node: Value,
    leaf: Callable[[Value], tuple[str, float]],
    pick: Callable[[Value], float],
    root: Value,
    is_numbers: bool,
) -> tuple[str, float]:
    """The text of a node and how tightly it holds together."""
    operation = node.operation
    if operation is None or (node.name and node is not root) or (is_numbers and operation.name in _OPAQUE):
        return leaf(node)

    def inside(part: Value, needs: float) -> str:
        text, binds = _write(part, leaf, pick, root, is_numbers)
        return text if binds >= needs else f"({text})"

    if operation is op.WHERE:  # the branch that was taken
        condition = np.broadcast_to(node.options["condition"], root.shape or ())
        taken = bool(pick(Value(condition)))
        return _write(node.inputs[0 if taken else 1], leaf, pick, root, is_numbers)
    if operation is op.POW:
        base, exponent = inside(node.inputs[0], op.ATOM), inside(node.inputs[1], 0.0)
        return f"{base}{above(exponent)}", op.POWER
    if operation is op.TOTAL:
        terms = node.inputs
        shown = terms if len(terms) <= MOST_TERMS else (*terms[: MOST_TERMS - 2], terms[-1])
        texts = [inside(term, op.PRODUCT if k else op.SUM) for k, term in enumerate(shown)]
        if len(shown) < len(terms):
            texts.insert(MOST_TERMS - 2, "…")
        return " + ".join(texts), op.SUM
    if operation is op.MULTIPLY:
        a, b = node.inputs
        if a is b:
            return f"{inside(a, op.ATOM)}²", op.POWER
        if a.operation is op.MULTIPLY and not a.name and a.inputs[1] is b:
            return f"{inside(a.inputs[0], op.PRODUCT)}·{inside(b, op.ATOM)}²", op.PRODUCT
    parts = [inside(part, needs) for part, needs in zip(node.inputs, operation.needs, strict=True)]
    return operation.written.format(*parts), operation.binds


def _is_constant(node: Value) -> bool:
    return node.operation is None and not node.name and node.data.size == 1


def _is(node: Value, number: float) -> bool:
    return _is_constant(node) and float(node.data) == number
