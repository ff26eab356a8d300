"""A value written as a formula, in symbols and with the numbers put in: one walk writes both, so that they cannot differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

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
        return float(data.item() if data.size == 1 else np.broadcast_to(data, value.shape)[at])

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
    if value.operation is op.TOTAL and len(inputs) == 1:
        return a
    if value.operation.name in _OPAQUE and a.data.size == value.data.size == 1:
        return a
    match value.operation.name:
        case "add" if _is(a, 0):
            return b
        case "add" | "subtract" if _is(b, 0):
            return a
        case "subtract" if _is(a, 0):
            return _minus(b)
        case "add" if _inside_minus(b) is not None:
            return _made(op.SUBTRACT, value.data, a, _inside_minus(b))
        case "add" if _inside_minus(a) is not None:
            return _made(op.SUBTRACT, value.data, b, _inside_minus(a))
        case "subtract" if _inside_minus(b) is not None:
            return _made(op.ADD, value.data, a, _inside_minus(b))
        case "negate":
            return _minus(a)
        case "multiply" if _is(a, 0) or _is(b, 0):
            return Value(0.0)
        case "divide" | "pow" if _is(a, 0) and not value.data.any():
            return Value(0.0)
        case "multiply" if _is(a, 1):
            return b
        case "multiply" | "divide" | "pow" if _is(b, 1):
            return a
        case "multiply" if _is(a, -1):
            return _minus(b)
        case "multiply" if _is(b, -1):
            return _minus(a)
        case "multiply" | "divide" if _inside_minus(a) is not None:  # −a·b reads better than (−a)·b
            return _minus(essence(_made(value.operation, -value.data, _inside_minus(a), b)))
        case "multiply" if _inside_minus(b) is not None:
            return _minus(essence(_made(value.operation, -value.data, a, _inside_minus(b))))
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

    def inside_power(part: Value) -> str:
        text = inside(part, op.ATOM)
        return f"({text})" if text.endswith("⁾") else text

    if operation is op.WHERE:  # the branch that was taken
        condition = np.broadcast_to(node.options["condition"], root.shape or ())
        taken = bool(pick(Value(condition)))
        return _write(node.inputs[0 if taken else 1], leaf, pick, root, is_numbers)
    if operation is op.POW:
        return inside_power(node.inputs[0]) + above(inside(node.inputs[1], 0.0)), op.POWER
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
            return f"{inside_power(a)}²", op.POWER
        if a.operation is op.MULTIPLY and not a.name and a.inputs[1] is b:
            return f"{inside(a.inputs[0], op.PRODUCT)}·{inside_power(b)}²", op.PRODUCT
    parts = [inside(part, needs) for part, needs in zip(node.inputs, operation.needs, strict=True)]
    return operation.written.format(*parts), operation.binds


def _made(operation: op.Operation, data: Any, *inputs: Value | None) -> Value:
    return Value(data, operation=operation, inputs=tuple(node for node in inputs if node is not None))


def _minus(node: Value) -> Value:
    """−node; a second minus takes the first away."""
    inside = _inside_minus(node)
    return _made(op.NEGATE, -node.data, node) if inside is None else inside


def _inside_minus(node: Value) -> Value | None:
    """What a formula with a minus in front has behind it; None where there is no minus to be seen."""
    if node.name:
        return None
    if node.operation is op.NEGATE:
        return node.inputs[0]
    return Value(-node.data) if _is_constant(node) and float(node) < 0 else None


def _is_constant(node: Value) -> bool:
    return node.operation is None and not node.name and node.data.size == 1


def _is(node: Value, number: float) -> bool:
    return _is_constant(node) and float(node) == number
