"""What a trace is made of: numbered lines, each a quantity, its formula, the numbers put in, and the result."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from manyfit.answers import Graph, Table, Text
from manyfit.tape.formula import Written, written
from manyfit.tape.symbols import number
from manyfit.tape.value import Value


@dataclass(frozen=True)
class Line:
    """One step of the calculation.

    symbol: What is computed, such as "z₁⁽¹⁾" or "∂L/∂W₁₁⁽²⁾".
    formula: By which formula, in symbols.
    numbers: The same with the numbers put in.
    value: The result, in full.
    note: A word about it.

    Example:
        >>> print(Line("z", "w·x", "0.5·3", 1.5))
        z = w·x = 0.5·3 = 1.5
    """

    symbol: str
    formula: str
    numbers: str
    value: float
    note: Text | None = None

    def __str__(self) -> str:
        parts = (self.symbol, self.formula, self.numbers, number(self.value))
        return " = ".join(part for k, part in enumerate(parts) if part and part not in parts[1:k])


@dataclass(frozen=True)
class Part:
    """Lines that belong together: forward, loss, backward, one weight, update.

    kind: "forward", "loss", "backward", "weight" or "update".
    """

    kind: str
    title: Text
    lines: tuple[Line, ...]
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Account:
    """A whole calculation, told.

    title: What it is of.
    about: What was traced, in a sentence or two.
    parts: Its lines, in the order of the calculation.
    graph: The computation graph with its numbers.
    arrays: Everything as plain values, for JSON.
    """

    title: Text
    about: tuple[Text, ...]
    parts: tuple[Part, ...]
    graph: Graph
    arrays: dict[str, Any] = field(default_factory=dict)


def line(
    symbol: str,
    value: Value,
    *,
    at: tuple[int, ...] = (),
    result: float | None = None,
    note: Text | None = None,
    digits: int = 4,
) -> Line:
    """The line of a value: its formula and numbers, as far as named values.

    Args:
        symbol: What it is called.
        value: The value, made of named ones.
        at: Which element of an array is shown.
        result: What was computed elsewhere for the same; by default the value itself.
        note: A word about it.
        digits: Significant digits of the numbers put in.
    """
    made: Written = written(value, at=at, digits=digits)
    return Line(symbol, made.symbols, made.numbers, made.value if result is None else float(result), note)
