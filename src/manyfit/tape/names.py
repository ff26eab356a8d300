"""Symbols of a dense network's quantities, by layer and unit, and which of them are shown where there are many."""

from __future__ import annotations

from collections.abc import Sequence

from manyfit.tape.symbols import above, below

MOST_UNITS = 4
"""Units of a layer that are shown; wider layers show the first few and those that are followed."""

_TILDE = "\u0303"


def weight(layer: int, out: int, in_: int) -> str:
    """A weight: layer from 1, units from 0.

    Example:
        >>> weight(1, 0, 1), bias(2, 0), z(1, 2), value(0, 0), value(1, 0)
        ('W₁₂⁽¹⁾', 'b₁⁽²⁾', 'z₃⁽¹⁾', 'x₁', 'a₁⁽¹⁾')
    """
    return f"W{below(out + 1, in_ + 1)}{above(f'({layer})')}"


def bias(layer: int, out: int) -> str:
    """A bias."""
    return f"b{below(out + 1)}{above(f'({layer})')}"


def z(layer: int, out: int) -> str:
    """A weighted sum."""
    return f"z{below(out + 1)}{above(f'({layer})')}"


def value(layer: int, unit: int, *, is_dropped: bool = False) -> str:
    """What a unit gives on: an input for layer 0. With a tilde after dropout."""
    tilde = _TILDE if is_dropped else ""
    return f"x{tilde}{below(unit + 1)}" if layer == 0 else f"a{tilde}{below(unit + 1)}{above(f'({layer})')}"


def factor(layer: int, unit: int) -> str:
    """What dropout multiplies a unit by: 0, or more than 1."""
    return f"r{below(unit + 1)}{above(f'({layer})')}"


def output(unit: int, n_outputs: int, letter: str = "ŷ") -> str:
    """A prediction or target; without an index where there is one only."""
    return letter if n_outputs == 1 else f"{letter}{below(unit + 1)}"


def row_loss(row: int) -> str:
    """The loss of a row of the table, counted from 1."""
    return f"ℓ{below(row)}"


def shown(n_units: int, followed: Sequence[int] = ()) -> list[int]:
    """Which units of a layer are shown, in order.

    Example:
        >>> shown(3), shown(9), shown(9, [7])
        ([0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 7])
    """
    if n_units <= MOST_UNITS:
        return list(range(n_units))
    asked = sorted({unit for unit in followed if unit >= 0})
    rest = [unit for unit in range(n_units) if unit not in asked]
    return sorted(asked + rest[: max(MOST_UNITS - len(asked), 0)])
