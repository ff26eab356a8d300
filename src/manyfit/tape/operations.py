"""Operations: what each does to numbers, and beside it the derivative by each of its inputs. The back page of a calculus book.

A derivative is a function of (xp, g, out, *inputs): `g` is the gradient of what comes after, `out` the operation's own result.
With xp = numpy it is a number; with xp = `manyfit.tape.arithmetic` it is a formula, so that nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import erf as _erf

SUM, MINUS, PRODUCT, FACTOR, POWER, ATOM = 1.0, 1.2, 2.0, 3.0, 4.0, 5.0
"""How tightly parts of a written formula hold together; looser parts inside tighter ones need brackets."""


class Operation(NamedTuple):
    """One kind of node on a tape.

    name: What it is called.
    forward: The result, from arrays.
    gradients: One function for each input; a single one serves any number of inputs.
    written: Its formula with a place for each input; empty where `formula` writes it in a way of its own.
    binds: How tightly the formula holds together.
    needs: How tightly each input must hold together to stand there without brackets.
    """

    name: str
    forward: Callable[..., Any]
    gradients: tuple[Callable[..., Any], ...]
    written: str = ""
    binds: float = ATOM
    needs: tuple[float, ...] = ()


def _function(name: str, forward: Callable[..., Any], *gradients: Callable[..., Any]) -> Operation:
    inside = ", ".join(f"{{{k}}}" for k in range(len(gradients)))
    return Operation(name, forward, gradients, f"{name}({inside})", ATOM, (0.0,) * len(gradients))


ADD = Operation(
    "add",
    np.add,
    (lambda xp, g, out, a, b: g, lambda xp, g, out, a, b: g),
    "{0} + {1}",
    SUM,
    (SUM, PRODUCT),
)
SUBTRACT = Operation(
    "subtract",
    np.subtract,
    (lambda xp, g, out, a, b: g, lambda xp, g, out, a, b: -g),
    "{0} − {1}",
    SUM,
    (SUM, PRODUCT),
)
MULTIPLY = Operation(
    "multiply",
    np.multiply,
    (lambda xp, g, out, a, b: g * b, lambda xp, g, out, a, b: g * a),
    "{0}·{1}",
    PRODUCT,
    (PRODUCT, PRODUCT),
)
DIVIDE = Operation(
    "divide",
    np.divide,
    (lambda xp, g, out, a, b: g / b, lambda xp, g, out, a, b: -g * a / (b * b)),
    "{0} / {1}",
    PRODUCT,
    (PRODUCT, FACTOR),
)
NEGATE = Operation("negate", np.negative, (lambda xp, g, out, a: -g,), "−{0}", MINUS, (PRODUCT,))
POW = Operation(
    "pow",
    np.power,
    (
        lambda xp, g, out, a, b: g * b * a ** (b - 1),
        lambda xp, g, out, a, b: g * out * xp.log(a),
    ),
    binds=POWER,
)
TOTAL = Operation("total", lambda *terms: sum(terms[1:], terms[0]), (lambda xp, g, *rest: g,), binds=SUM)

SQRT = Operation("sqrt", np.sqrt, (lambda xp, g, out, a: g / (2 * out),), "√{0}", FACTOR, (ATOM,))
EXP = Operation("exp", np.exp, (lambda xp, g, out, a: g * out,), "exp({0})", ATOM, (0.0,))
ABSOLUTE = Operation("abs", np.abs, (lambda xp, g, out, a: g * xp.sign(a),), "|{0}|", ATOM, (0.0,))
LOG = _function("ln", np.log, lambda xp, g, out, a: g / a)
LOG1P = Operation("log1p", np.log1p, (lambda xp, g, out, a: g / (1 + a),), "ln(1 + {0})", ATOM, (PRODUCT,))
EXPM1 = Operation("expm1", np.expm1, (lambda xp, g, out, a: g * (out + 1),), "(exp({0}) − 1)", ATOM, (0.0,))
TANH = _function("tanh", np.tanh, lambda xp, g, out, a: g * (1 - out * out))
SIGMOID = _function("σ", lambda z: 0.5 * np.tanh(0.5 * z) + 0.5, lambda xp, g, out, a: g * out * (1 - out))
ERF = _function("erf", _erf, lambda xp, g, out, a: g * 2 / np.pi**0.5 * xp.exp(-a * a))
SIGN = _function("sign", np.sign, lambda xp, g, out, a: g * 0)
MAXIMUM = _function(
    "max",
    np.maximum,
    # Where both are equal each takes half, as in torch.
    lambda xp, g, out, a, b: g * xp.where(a == b, 0.5, 1.0 * (a > b)),
    lambda xp, g, out, a, b: g * xp.where(a == b, 0.5, 1.0 * (b > a)),
)
MINIMUM = _function(
    "min",
    np.minimum,
    lambda xp, g, out, a, b: g * xp.where(a == b, 0.5, 1.0 * (a < b)),
    lambda xp, g, out, a, b: g * xp.where(a == b, 0.5, 1.0 * (b < a)),
)
WHERE = Operation(
    "where",
    lambda a, b, condition: np.where(condition, a, b),
    (
        lambda xp, g, out, a, b, condition: xp.where(condition, g, 0.0),
        lambda xp, g, out, a, b, condition: xp.where(condition, 0.0, g),
    ),
)

SUM_ALONG = Operation(
    "sum",
    lambda a, axis: np.sum(a, axis=axis),
    (lambda xp, g, out, a, axis: _spread(g, a, axis),),
    "Σ({0})",
    ATOM,
    (0.0,),
)
MEAN_ALONG = Operation(
    "mean",
    lambda a, axis: np.mean(a, axis=axis),
    (lambda xp, g, out, a, axis: _spread(g, a, axis) * (np.size(out) / np.size(a)),),
    "mean({0})",
    ATOM,
    (0.0,),
)
MAX_ALONG = Operation(
    "amax",
    lambda a, axis: np.max(a, axis=axis),
    (lambda xp, g, out, a, axis: _to_the_largest(g, out, a, axis),),
    "max({0})",
    ATOM,
    (0.0,),
)
MATMUL = Operation(
    "matmul",
    np.matmul,
    (lambda xp, g, out, a, b: g @ b.T, lambda xp, g, out, a, b: a.T @ g),
    "{0}·{1}",
    PRODUCT,
    (PRODUCT, FACTOR),
)
PICK = Operation(
    "pick",
    lambda a, where: a[where],
    (lambda xp, g, out, a, where: _put(g, a, where),),
    "{0}",
    ATOM,
    (0.0,),
)
RESHAPE = Operation(
    "reshape",
    lambda a, shape: np.reshape(a, shape),
    (lambda xp, g, out, a, shape: np.reshape(g, np.shape(a)),),
    "{0}",
    ATOM,
    (0.0,),
)


def _spread(g: Any, a: Any, axis: Any) -> Any:
    """The gradient of a sum, given to every term of it."""
    return np.broadcast_to(g if axis is None else np.expand_dims(g, axis), np.shape(a))


def _to_the_largest(g: Any, out: Any, a: Any, axis: Any) -> Any:
    """The gradient of a largest value, shared by those that are the largest, as in torch."""
    wide = out if axis is None else np.expand_dims(out, axis)
    is_largest = a == wide
    count = is_largest.sum(axis=axis, keepdims=axis is not None)
    return _spread(g, a, axis) * is_largest / count


def _put(g: Any, a: Any, where: Any) -> Any:
    """The gradient of what was picked, put back where it came from; what was picked twice is added up."""
    spread = np.zeros(np.shape(a))
    np.add.at(spread, where, g)
    return spread
