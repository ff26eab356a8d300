"""The chain rule, backwards over a tape.

Gradients are returned, never kept in the values: asking twice gives the same twice, and nothing adds up behind the reader's back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import Problem, UsageError
from manyfit.tape import arithmetic
from manyfit.tape.value import Value, gradient_of


def order(of: Value, is_end: Callable[[Value], bool] = lambda value: False) -> list[Value]:
    """Everything that `of` was made of, inputs before what was made of them, `of` last.

    Args:
        of: Where to begin.
        is_end: Where not to look further; `of` itself is no end.
    """
    done: list[Value] = []
    seen: set[int] = set()
    waiting: list[tuple[Value, bool]] = [
        (of, False)
    ]  # a list in place of recursion: a tape may be longer than Python's stack
    while waiting:
        value, is_complete = waiting.pop()
        if is_complete:
            done.append(value)
        elif id(value) not in seen:
            seen.add(id(value))
            waiting.append((value, True))
            if value is of or not is_end(value):
                waiting.extend((node, False) for node in reversed(value.inputs))
    return done


def gradients(of: Value, by: Sequence[Value], seed: Any = None) -> list[NDArray[np.float64]]:
    """The derivative of one number by several values.

    Args:
        of: The number, such as a loss.
        by: What it is derived by; zeros for what it does not depend on.
        seed: Gradient of what comes after `of`; needed where `of` is an array.

    Returns:
        For each of `by` an array of its shape.

    Raises:
        UsageError: If `of` is an array and there is no seed.

    Example:
        >>> x, y = Value(3.0), Value(2.0)
        >>> [float(d) for d in gradients(x * x * y, [x, y])]
        [12.0, 9.0]
    """
    if seed is None and of.data.size != 1:
        raise UsageError(
            Problem("gradients", "needs a seed where the result is no single number", f"shape {of.shape}")
        )
    found = _walk(of, by, np.ones(of.shape) if seed is None else np.asarray(seed, np.float64), np)
    return [np.array(found.get(id(value), np.zeros(value.shape))) for value in by]


def local(of: Value) -> list[tuple[Value, Value]]:
    """The derivative of a named number by each named number that its own formula speaks of, as formulas again.

    Example:
        >>> z = Value(2.0, "z")
        >>> [(d.name, float(by)) for d, by in local(z * z + 1)]
        [('z', 4.0)]
    """
    ends = [value for value in order(of, _is_named) if value is not of and value.name]
    found = _walk(of, ends, Value(1.0), arithmetic, _is_named)
    return [(value, found[id(value)]) for value in ends if id(value) in found]


def _walk(
    of: Value, by: Iterable[Value], seed: Any, xp: Any, is_end: Callable[[Value], bool] = lambda value: False
) -> dict[int, Any]:
    """Gradients of `of` by everything between it and `by`, keyed by identity."""
    nodes = order(of, is_end)
    wanted = {id(value) for value in by}
    for value in nodes:  # whatever leads to something wanted is wanted itself
        if not (is_end(value) and value is not of) and any(id(node) in wanted for node in value.inputs):
            wanted.add(id(value))
    found: dict[int, Any] = {id(of): seed}
    for value in reversed(nodes):
        if value.operation is None or id(value) not in found or (is_end(value) and value is not of):
            continue
        inputs = value.inputs if xp is arithmetic else tuple(node.data for node in value.inputs)
        out = value if xp is arithmetic else value.data
        for position, node in enumerate(value.inputs):
            if id(node) in wanted:
                g = gradient_of(value.operation, position)(
                    xp, found[id(value)], out, *inputs, **value.options
                )
                g = g if xp is arithmetic else _unbroadcast(g, node.shape)
                found[id(node)] = found[id(node)] + g if id(node) in found else g
    return found


def _unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient over the axes along which its value had been repeated."""
    g = np.asarray(g, dtype=np.float64)
    g = g.sum(axis=tuple(range(g.ndim - len(shape)))) if g.ndim > len(shape) else g
    repeated = tuple(axis for axis, length in enumerate(shape) if length == 1 and g.shape[axis] != 1)
    return g.sum(axis=repeated, keepdims=True) if repeated else np.broadcast_to(g, shape)


def _is_named(value: Value) -> bool:
    return bool(value.name)
