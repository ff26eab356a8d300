"""From the last layer to the loss of one row: the textbook's formula where a loss has one, else what the loss itself computes.

A textbook formula is used only where it gives the number that the loss gave; a loss with options of its own (smoothed labels,
weighted classes) is shown by its results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.losses import Loss
from manyfit.registry import name_of
from manyfit.tape import arithmetic as xp
from manyfit.tape import names
from manyfit.tape.backward import local
from manyfit.tape.formula import essence
from manyfit.tape.symbols import derivative
from manyfit.tape.value import Value


@dataclass(frozen=True)
class Head:
    """The end of a network, for one row.

    predicted: ŷ of each output that matters, made of z.
    loss: The row's loss, made of ŷ; a plain number where there is no formula.
    slopes: Local derivatives in the order of the chapter, by symbol: ∂ℓ/∂ŷ, then ∂ŷ/∂z.
    factors: For each output the symbols of `slopes` that multiply to ∂ℓ/∂z.
    """

    predicted: tuple[Value, ...]
    loss: Value
    slopes: dict[str, Value]
    factors: tuple[tuple[str, ...], ...]


def head_of(
    loss: Loss, symbols: Sequence[Value], y: Any, result: float, d_z: NDArray[np.float64], symbol: str
) -> Head:
    """The end of a network for one row.

    Args:
        loss: What compares.
        symbols: [C] sums of the last layer, by their symbols.
        y: [C] targets, or a label.
        result: The row's loss as the tape computed it.
        d_z: [C] its derivatives, computed by the tape.
        symbol: How the row's loss is written.
    """
    n = len(symbols)
    label = int(y) if np.ndim(y) == 0 else None
    targets = [] if label is not None else [Value(t, names.output(k, n, "y")) for k, t in enumerate(y)]
    for make in (*_TEXTBOOK.get(name_of(loss), ()), _own_formula):
        predicted, ell = make(loss, symbols, targets if label is None else label)
        if np.isclose(float(ell), result, rtol=1e-9, atol=1e-12) and ell.name == "":
            return _with_slopes(predicted, ell.called(symbol), symbols, label)
    predicted = tuple(xp.total([s]).called(names.output(k, n)) for k, s in enumerate(symbols))
    slopes = {derivative(symbol, p.name): Value(d) for p, d in zip(predicted, d_z, strict=True)}
    slopes |= {derivative(p.name, s.name): Value(1.0) for p, s in zip(predicted, symbols, strict=True)}
    factors = tuple(
        (derivative(symbol, p.name), derivative(p.name, s.name))
        for p, s in zip(predicted, symbols, strict=True)
    )
    return Head(predicted, Value(result), slopes, factors)


def _with_slopes(predicted: Sequence[Value], ell: Value, symbols: Sequence[Value], label: int | None) -> Head:
    ends = {id(p) for p in predicted}
    slopes = {derivative(ell.name, p.name): by for p, by in local(ell) if id(p) in ends}
    factors: list[tuple[str, ...]] = []
    for k, s in enumerate(symbols):
        p = predicted[k] if label is None else predicted[label]
        inner = derivative(p.name, s.name)
        if label is None:
            slopes[inner] = next(by for of, by in local(p) if of is s)
        else:  # softmax: every sum pulls at the one probability that counts
            own = Value(float(predicted[k]), predicted[k].name)
            slopes[inner] = own * (1 - own) if k == label else -(Value(float(p), p.name) * own)
        factors.append((derivative(ell.name, p.name), inner))
    return Head(tuple(predicted), ell, slopes, tuple(factors))


def _squares(loss: Loss, z: Sequence[Value], y: Any) -> tuple[tuple[Value, ...], Value]:
    predicted = _as_they_are(z)
    errors = xp.total([(t - p) ** 2 for t, p in zip(y, predicted, strict=True)])
    return predicted, errors / len(z)


def _own_formula(loss: Loss, z: Sequence[Value], y: Any) -> tuple[tuple[Value, ...], Value]:
    """What the loss itself computes, for a network of one output."""
    predicted = _as_they_are(z)
    if len(z) != 1 or isinstance(y, int):
        return predicted, Value(np.nan)
    ell = essence(loss.rows(xp, predicted[0].reshape(1, 1), y[0].reshape(1, 1)))
    return predicted, ell if ell.data.size == 1 and ell.operation is not None else Value(np.nan)


def _binary(loss: Loss, z: Sequence[Value], y: Any) -> tuple[tuple[Value, ...], Value]:
    predicted = tuple(xp.sigmoid(s).called(names.output(k, len(z))) for k, s in enumerate(z))
    terms = [-(t * xp.log(p) + (1 - t) * xp.log(1 - p)) for t, p in zip(y, predicted, strict=True)]
    return predicted, xp.total(terms) / len(z)


def _softmax(loss: Loss, z: Sequence[Value], y: Any) -> tuple[tuple[Value, ...], Value]:
    whole = xp.total([xp.exp(s) for s in z])
    predicted = tuple((xp.exp(s) / whole).called(names.output(k, len(z))) for k, s in enumerate(z))
    return predicted, -xp.log(predicted[y])


def _as_they_are(z: Sequence[Value]) -> tuple[Value, ...]:
    return tuple(xp.total([s]).called(names.output(k, len(z))) for k, s in enumerate(z))


_TEXTBOOK = {"mse": (_squares,), "bce": (_binary,), "cross_entropy": (_softmax,)}
