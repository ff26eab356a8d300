"""An update rule on the tape: the equations are read off the rule itself, by letting it work on values that remember.

The rule's settings and states carry the chapter's symbols. What the rule calls its own variables (`mean_hat`) names the lines
between, so that a rule of anybody's shows its equations without a word written twice.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import EngineError
from manyfit.hyper import is_number
from manyfit.optimizers import Optimizer
from manyfit.tape import arithmetic
from manyfit.tape.backward import order
from manyfit.tape.formula import essence
from manyfit.tape.symbols import letter, number
from manyfit.tape.value import Value

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Update:
    """One parameter array before and after one update.

    after: The new parameters, written as "W_new".
    state: The new state by name, each written as "m_new" or the like.
    equations: Everything that has a symbol and was computed, in the order in which it can be computed.
    settings: The rule's numbers by symbol.
    """

    after: Value
    state: Mapping[str, Value]
    equations: tuple[Value, ...]
    settings: Mapping[str, float]


def updated(
    rule: Optimizer, p: Floats, g: Floats, state: Mapping[str, Floats], t: int, rate: float, of: str = "W"
) -> Update:
    """Let a rule change one parameter array, and write down how.

    Args:
        rule: The rule, with its own settings.
        p: Parameters.
        g: Their gradient.
        state: The rule's state of these parameters.
        t: Number of the update, from 1.
        rate: η of this update: the rule's rate times the schedule.
        of: The letter of the parameters.

    Returns:
        The new parameters and state, and the equations between. A rule that asks the tape for something it does not have is
        run on plain numbers, without equations between.

    Example:
        >>> from manyfit.optimizers.sgd import SGD
        >>> float(updated(SGD(), np.array(1.0), np.array(2.0), {}, 1, 0.1).after)
        0.8
    """
    fields = {f.name: getattr(rule, f.name) for f in dataclasses.fields(rule)}  # type: ignore[arg-type]  # a rule is a dataclass
    numbers = {name: float(value) for name, value in {**fields, "lr": rate}.items() if is_number(value)}
    settings = {name: Value(value, letter(name) if value else "") for name, value in numbers.items()}
    old = {name: Value(array, f"{letter(name)}_old") for name, array in state.items()}
    W, gradient, count = Value(p, f"{of}_old"), Value(g, "g"), Value(t, "t")
    own: dict[int, tuple[Value, str]] = {}
    try:
        with _own_names(own):
            h = dataclasses.replace(rule, **settings)  # type: ignore[type-var]
            after, new = rule.step(arithmetic, W, gradient, old, count, h)
    except (TypeError, AttributeError, ValueError, EngineError):
        plain = dataclasses.replace(rule, lr=rate)  # type: ignore[type-var]
        after, new = rule.step(np, p, g, dict(state), t, plain)
        own.clear()
    after = _value(after).called(f"{of}_new")
    new = {name: _value(value) for name, value in new.items()}
    _name(new, own, of, {value.name for value in (*settings.values(), *old.values(), W, gradient, count)})
    nodes = {id(node): node for end in (*new.values(), after) for node in order(end)}
    equations = tuple(node for node in nodes.values() if node.name and node.operation is not None)
    return Update(after, new, equations, {letter(name): value for name, value in numbers.items()})


def said_settings(update: Update) -> str:
    """The rule's numbers in a line, those that are 0 left out.

    Example:
        >>> from manyfit.optimizers.adam import Adam
        >>> zeros = {"mean": np.array(0.0), "size": np.array(0.0)}
        >>> said_settings(updated(Adam(), np.array(1.0), np.array(2.0), zeros, 1, 0.1))
        'η 0.1, β₁ 0.9, β₂ 0.999, ε 1e−8'
    """
    return ", ".join(f"{symbol} {number(value)}" for symbol, value in update.settings.items() if value)


def _name(new: Mapping[str, Value], own: Mapping[int, tuple[Value, str]], of: str, taken: set[str]) -> None:
    """Give symbols to the new state, and to the rule's own variables where they are more than another name."""
    for name, value in new.items():
        if not value.name:
            value.called(f"{letter(name)}_new")
    for value, name in own.values():
        whole = essence(value)
        if value.name or whole.name or whole.operation is None:
            continue
        symbol = of if name == "p" else letter(name)
        while symbol in taken or (symbol == of and f"{of}_old" in taken):
            symbol, taken = f"{symbol}′", taken | {symbol}
        taken = taken | {symbol}
        value.called(symbol)


@contextmanager
def _own_names(found: dict[int, tuple[Value, str]]) -> Iterator[None]:
    """Note what every function that runs in here called its values when it returned."""

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "return" and not frame.f_globals.get("__name__", "").startswith(f"{__package__}."):
            for name, value in frame.f_locals.items():
                if isinstance(value, Value) and value.operation is not None:
                    found.setdefault(id(value), (value, name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(before)


def _value(given: Any) -> Value:
    return given if isinstance(given, Value) else Value(given)
