"""The functions that numpy and torch share, for values on a tape: what a rule is handed as `xp`.

Everything works on plain arrays too, and then gives plain arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from manyfit.errors import EngineError, Problem
from manyfit.tape import operations as op
from manyfit.tape.operations import Operation
from manyfit.tape.value import Value, apply

float64 = np.float64
pi = np.pi


def exp(a: Any) -> Any:
    """eᵃ."""
    return _do(op.EXP, a)


def expm1(a: Any) -> Any:
    """eᵃ − 1, exact near 0."""
    return _do(op.EXPM1, a)


def log(a: Any) -> Any:
    """ln a."""
    return _do(op.LOG, a)


def log1p(a: Any) -> Any:
    """ln(1 + a), exact near 0."""
    return _do(op.LOG1P, a)


def sqrt(a: Any) -> Any:
    """√a."""
    return _do(op.SQRT, a)


def tanh(a: Any) -> Any:
    """Between −1 and 1."""
    return _do(op.TANH, a)


def sigmoid(a: Any) -> Any:
    """1 / (1 + e⁻ᵃ), between 0 and 1."""
    return _do(op.SIGMOID, a)


def erf(a: Any) -> Any:
    """The error function."""
    return _do(op.ERF, a)


def abs(a: Any) -> Any:
    """|a|; its derivative at 0 is 0."""
    return _do(op.ABSOLUTE, a)


def sign(a: Any) -> Any:
    """−1, 0 or 1; its derivative is 0."""
    return _do(op.SIGN, a)


def square(a: Any) -> Any:
    """a·a."""
    return a * a


def maximum(a: Any, b: Any) -> Any:
    """The larger of two."""
    return _do(op.MAXIMUM, a, b)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of two."""
    return _do(op.MINIMUM, a, b)


def relu(a: Any) -> Any:
    """`a` where it is above 0, else 0; its derivative at 0 is 0."""
    return where(a <= 0, zeros_like(a), a)


def clip(a: Any, low: Any = None, high: Any = None) -> Any:
    """`a` where it lies between two bounds, else the bound."""
    a = a if low is None else where(a < low, low, a)
    return a if high is None else where(a > high, high, a)


clamp = clip


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where a condition holds, else `b`. The condition itself has no gradient."""
    condition = condition.data != 0 if isinstance(condition, Value) else condition
    return _do(op.WHERE, a, b, condition=condition)


def sum(a: Any, axis: Any = None) -> Any:
    """Sum along an axis, or of everything."""
    return _do(op.SUM_ALONG, a, axis=axis)


def mean(a: Any, axis: Any = None) -> Any:
    """Mean along an axis, or of everything."""
    return _do(op.MEAN_ALONG, a, axis=axis)


def amax(a: Any, axis: Any = None) -> Any:
    """Largest along an axis, or of everything."""
    return _do(op.MAX_ALONG, a, axis=axis)


def amin(a: Any, axis: Any = None) -> Any:
    """Smallest along an axis, or of everything."""
    return -amax(-a, axis)


def total(terms: Sequence[Any]) -> Any:
    """The sum of several values of one shape, as one operation: a formula of a thousand terms stays flat."""
    return _do(op.TOTAL, *terms)


def matmul(a: Any, b: Any) -> Any:
    """Product of matrices."""
    return _do(op.MATMUL, a, b)


def zeros_like(a: Any) -> Any:
    """Zeros in the shape of `a`."""
    return Value(np.zeros(a.shape)) if isinstance(a, Value) else np.zeros_like(a)


def ones_like(a: Any) -> Any:
    """Ones in the shape of `a`."""
    return Value(np.ones(a.shape)) if isinstance(a, Value) else np.ones_like(a)


def full_like(a: Any, fill: Any) -> Any:
    """One number everywhere, in the shape of `a`."""
    return ones_like(a) * fill


def arange(*bounds: Any) -> Any:
    """Whole numbers in a row: for picking, so without a tape."""
    return np.arange(*bounds)


def asarray(a: Any, *rest: Any, **options: Any) -> Any:
    """`a` itself if it is on a tape."""
    return a if isinstance(a, Value) else Value(a)


def isfinite(a: Any) -> Any:
    """Where `a` is a number that can be counted with."""
    return np.isfinite(a.data if isinstance(a, Value) else a)


def _do(operation: Operation, *inputs: Any, **options: Any) -> Any:
    if any(isinstance(node, Value) for node in inputs):
        return apply(operation, *inputs, **options)
    return operation.forward(*inputs, **options)


def __getattr__(name: str) -> Any:
    """Say which function is missing, rather than that a module lacks an attribute."""
    if name.startswith("__"):
        raise AttributeError(name)
    hint = (
        "Write the rule with functions of manyfit.tape.arithmetic, or add the operation and its derivative."
    )
    raise EngineError(Problem(f"xp.{name}", "is no operation of the tape", hint=hint))
