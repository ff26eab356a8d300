"""The contract of declarations: every field of a rule is declared, explained, and refuses what lies outside its bounds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from manyfit.hyper import Knob, knobs, problems_of
from manyfit.registry import Registry, name_of


def check_knobs(rule: type[Any], registry: Registry | None = None) -> None:
    """Hold the declarations of a rule to the contract.

    Its fields are all declared by `hyper` with a sentence that explains them; its defaults and its examples are allowed; every
    bound refuses a value beyond it, and the message names field, value and bound.

    Args:
        rule: The class.
        registry: Where its name must lead back to it, if it is to be registered at all.

    Raises:
        AssertionError: If something does not hold.
    """
    declared, who = knobs(rule), rule.__name__
    fields = [field.name for field in dataclasses.fields(rule)]
    assert fields == list(declared), f"{who}: declare by hyper(...): {sorted(set(fields) - set(declared))}"
    assert rule.__doc__ and not rule.__doc__.startswith(f"{who}("), f"{who} needs a docstring"
    for example in getattr(rule, "examples", ({},)):
        found = list(problems_of(rule(**example)))
        assert not found, f"{who}: its example {dict(example)} is refused: {found[0]}"
    for name, knob in declared.items():
        assert knob.doc, f"{who}.{name} needs a sentence: hyper(..., doc=...)"
        for bad, bound in _bad_values(knob):
            found = list(problems_of(rule(**{name: bad})))
            assert len(found) == 1, f"{who}.{name} = {bad!r} must be refused"
            message = str(found[0])
            assert all(part in message for part in (f"{who}.{name}", repr(bad), bound)), f"unclear: {message}"
    if registry is not None:
        assert registry.all().get(name_of(rule)) is rule, f"{who} is not registered as {name_of(rule)!r}"


def _bad_values(knob: Knob) -> Iterator[tuple[Any, str]]:
    """Values that the declaration excludes, each with what the message must hold."""
    if knob.kind == "switch":
        yield "yes", "true or false"
    if knob.kind == "text":
        yield 3, repr(knob.options[0]) if knob.options else "text"
    if knob.options:
        yield "neither", repr(knob.options[-1])
    if knob.kind not in ("number", "whole number"):
        return
    yield "much", ""
    yield math.nan, ""
    yield math.inf, ""
    if knob.kind == "whole number":
        yield (1 if knob.low is None else knob.low) + 0.5, "whole number"
    if knob.low is not None:
        yield knob.low - 1, f"≥ {knob.low:g}"
    if knob.above is not None:
        yield knob.above, f"> {knob.above:g}"
    if knob.high is not None:
        yield knob.high + 1, f"≤ {knob.high:g}"
    if knob.below is not None:
        yield knob.below, f"< {knob.below:g}"
