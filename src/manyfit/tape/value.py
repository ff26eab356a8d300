"""A value on a tape: a number or an array of numbers that remembers what it was made of.

It knows the operators of Python and the few methods that numpy and torch share, so that a loss, an activation or an update rule
written for those two runs on it unchanged.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.tape import operations as op
from manyfit.tape.operations import Operation


class Value:
    """A node: what it is worth, and the operation and inputs it came from. Made once, never changed but for its name.

    data: Float64, any shape.
    operation: What made it; None for a number that was given.
    inputs: What it was made of.
    options: What else the operation was told: an axis, a condition, an index.
    name: The symbol it is written by, such as "z₁"; empty for what stands only inside a formula.

    Example:
        >>> x = Value(3.0, name="x")
        >>> y = x * x + 1
        >>> float(y), y.inputs[0].operation.name
        (10.0, 'multiply')
    """

    __slots__ = ("data", "inputs", "name", "operation", "options")
    __array_ufunc__ = None  # numpy's scalars leave arithmetic with a Value to the Value

    def __init__(
        self,
        data: Any,
        name: str = "",
        operation: Operation | None = None,
        inputs: tuple[Value, ...] = (),
        options: dict[str, Any] | None = None,
    ) -> None:
        self.data: NDArray[np.float64] = np.asarray(data, dtype=np.float64)
        self.name = name
        self.operation = operation
        self.inputs = inputs
        self.options = options or {}

    def called(self, name: str) -> Value:
        """The same value, from now on written by this symbol."""
        self.name = name
        return self

    def __repr__(self) -> str:
        made = f", by {self.operation.name}" if self.operation else ""
        return f"Value({self.data.tolist()}{f', {self.name!r}' if self.name else ''}{made})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its axes; empty for a number."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self.data.ndim

    @property
    def dtype(self) -> Any:
        """Always float64."""
        return self.data.dtype

    def __len__(self) -> int:
        return len(self.data)

    def __float__(self) -> float:
        return float(self.data.item())

    def __bool__(self) -> bool:
        return bool(self.data.item())

    __hash__ = object.__hash__

    def __add__(self, other: Any) -> Value:
        return apply(op.ADD, self, other)

    def __radd__(self, other: Any) -> Value:
        return apply(op.ADD, other, self)

    def __sub__(self, other: Any) -> Value:
        return apply(op.SUBTRACT, self, other)

    def __rsub__(self, other: Any) -> Value:
        return apply(op.SUBTRACT, other, self)

    def __mul__(self, other: Any) -> Value:
        return apply(op.MULTIPLY, self, other)

    def __rmul__(self, other: Any) -> Value:
        return apply(op.MULTIPLY, other, self)

    def __truediv__(self, other: Any) -> Value:
        return apply(op.DIVIDE, self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return apply(op.DIVIDE, other, self)

    def __pow__(self, other: Any) -> Value:
        return apply(op.POW, self, other)

    def __rpow__(self, other: Any) -> Value:
        return apply(op.POW, other, self)

    def __matmul__(self, other: Any) -> Value:
        return apply(op.MATMUL, self, other)

    def __rmatmul__(self, other: Any) -> Value:
        return apply(op.MATMUL, other, self)

    def __neg__(self) -> Value:
        return apply(op.NEGATE, self)

    def __abs__(self) -> Value:
        return apply(op.ABSOLUTE, self)

    def __getitem__(self, where: Any) -> Value:
        return apply(op.PICK, self, where=where)

    # Comparisons give plain truth, which has no gradient.

    def __lt__(self, other: Any) -> Any:
        return self.data < _data(other)

    def __le__(self, other: Any) -> Any:
        return self.data <= _data(other)

    def __gt__(self, other: Any) -> Any:
        return self.data > _data(other)

    def __ge__(self, other: Any) -> Any:
        return self.data >= _data(other)

    def __eq__(self, other: object) -> Any:
        return self.data == _data(other)

    def __ne__(self, other: object) -> Any:
        return self.data != _data(other)

    def sum(self, axis: Any = None) -> Value:
        """Sum along an axis, or of everything."""
        return apply(op.SUM_ALONG, self, axis=axis)

    def mean(self, axis: Any = None) -> Value:
        """Mean along an axis, or of everything."""
        return apply(op.MEAN_ALONG, self, axis=axis)

    def reshape(self, *shape: Any) -> Value:
        """The same numbers in another shape."""
        return apply(op.RESHAPE, self, shape=shape[0] if isinstance(shape[0], tuple) else shape)


def apply(operation: Operation, *inputs: Any, **options: Any) -> Value:
    """Do an operation and write it down."""
    nodes = tuple(node if isinstance(node, Value) else Value(node) for node in inputs)
    return Value(
        operation.forward(*(node.data for node in nodes), **options),
        operation=operation,
        inputs=nodes,
        options=options,
    )


def gradient_of(operation: Operation, position: int) -> Callable[..., Any]:
    """The derivative of an operation by its input at that position."""
    return operation.gradients[min(position, len(operation.gradients) - 1)]


def _data(other: Any) -> Any:
    return other.data if isinstance(other, Value) else other
