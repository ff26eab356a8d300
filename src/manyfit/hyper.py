"""The one place where a knob is described: its default, its bounds, its scale, what it does, and the ranges it may be drawn from.

A declaration made once by `hyper(...)` serves the check of values, the error texts, the command line, the search spaces and the
docs.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from manyfit.errors import Problem, RecipeError, UsageError
from manyfit.text import Text, text_of

T = TypeVar("T")
Scale = Literal["linear", "log"]
Kind = Literal["switch", "whole number", "number", "text", "texts", "range", "record", "other"]
_KEY = "hyper"


@dataclass(frozen=True)
class Knob:
    """What is known of one hyperparameter. `low` and `high` include the end, `above` and `below` exclude it."""

    default: Any
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    scale: Scale = "linear"
    doc: str = ""
    usual: tuple[float, float] | None = None
    structural: bool = False
    optional: bool = False
    kind: Kind = "other"
    options: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """What a value must be, as the rest of a sentence: "must be ≥ 0 and < 1", "must be a whole number ≥ 1"."""
        return self.rule_text.en

    @property
    def rule_text(self) -> Text:
        """The same in both languages."""
        if self.options:
            options = [repr(option) for option in self.options]
            return Text(f"must be {' or '.join(options)}", f"必须是 {' 或 '.join(options)}")
        bounds = _bounds(self)
        if self.kind not in ("number", "whole number"):
            rule = _RULES.get(self.kind, Text("must be set", "必须给出"))
            return rule + Text(f", each {bounds.en}", f"，每个 {bounds.zh}") if bounds else rule
        if self.kind == "whole number":
            return Text(f"must be a whole number {bounds.en}".rstrip(), f"必须是整数，{bounds.zh}".rstrip("，"))
        return Text(f"must be {bounds.en or 'a finite number'}", f"必须{f' {bounds.zh}' if bounds else '是有限的数'}")

    def allows(self, value: float) -> bool:
        """Whether a number lies within the bounds. NaN and infinity never do."""
        return (
            math.isfinite(value)
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )

    def problem(self, where: str, value: Any) -> Problem | None:
        """What is wrong with `value`, or nothing."""
        if self._fits(value):
            return None
        hint = Text("The", "")
        if self.usual:
            low, high = self.usual
            hint = Text(f"Usual values are {low:g} to {high:g}; the", f"常用值为 {low:g} 到 {high:g}；")
        hint += Text(f" default is {self.default}", f"默认值是 {self.default}")
        off = self.default is None and "by default" not in self.doc
        hint += Text(", which turns it off.", "，即关闭。") if off else Text(".", "。")
        shown = value.item() if getattr(value, "shape", None) == () else value  # NumPy's scalars print with their type
        return Problem(where, self.rule_text, str(shown) if is_range(shown) else repr(shown), hint=hint)

    def _fits(self, value: Any) -> bool:
        if value is None and self.optional:
            return True
        if self.kind == "switch":
            return isinstance(value, bool)
        if self.kind == "text":
            return isinstance(value, str) and (not self.options or value in self.options)
        if self.kind == "texts":
            return isinstance(value, tuple) and all(isinstance(part, str) for part in value)
        if self.kind == "range":
            ends = value.options if isinstance(value, Choice) else (value.low, value.high) if is_range(value) else ("",)
            return all(is_number(end) and self.allows(float(end)) for end in ends)
        if self.kind in ("record", "other"):
            return True
        return is_number(value) and self.allows(float(value)) and (self.kind == "number" or value == int(value))


_RULES = {
    "switch": Text("must be true or false", "必须是 true 或 false"),
    "text": Text("must be text", "必须是文本"),
    "texts": Text("must be texts", "必须是若干文本"),
    "range": Text("must be a range", "必须是范围"),
}


def _bounds(knob: Knob) -> Text:
    signs = ((">", knob.above), ("≥", knob.low), ("<", knob.below), ("≤", knob.high))
    parts = [f"{sign} {bound:g}" for sign, bound in signs if bound is not None]
    return Text(" and ".join(parts), " 且 ".join(parts))


def kind_of(default: Any) -> Kind:
    """The kind of a knob, read off its default.

    Example:
        >>> kind_of(0.1), kind_of(32), kind_of(True), kind_of("relu"), kind_of(None), kind_of(LogRange(1e-4, 1.0))
        ('number', 'whole number', 'switch', 'text', 'other', 'range')
    """
    if is_range(default):
        return "range"
    if isinstance(default, bool):
        return "switch"
    if isinstance(default, int):
        return "whole number"
    if isinstance(default, float):
        return "number"
    return "text" if isinstance(default, str) else "other"


def is_number(value: Any) -> bool:
    """Whether a value counts as a real number (Python's or a scalar of NumPy's; not a switch, not text)."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def hyper(
    default: T,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    scale: Scale = "linear",
    doc: str = "",
    usual: tuple[float, float] | None = None,
    structural: bool = False,
    optional: bool = False,
    kind: Kind | None = None,
    options: tuple[str, ...] = (),
) -> T:
    """Declare a hyperparameter as a field of a frozen dataclass.

    Args:
        default: The value when nothing is said.
        low: Smallest value allowed, itself included.
        high: Largest value allowed, itself included.
        above: Bound that the value must exceed.
        below: Bound that the value must stay under.
        scale: How a search moves along it: "linear" or "log".
        doc: One line: what it does, with its unit.
        usual: The usual values, shown in errors and used as the default range of a search.
        structural: True when networks that differ in it can't share a pack (it changes the equations).
        optional: True when None is allowed and means "off".
        kind: What sort of value it takes; read off the default, and needed where the default is None.
        options: The texts allowed, where it takes text and not any will do.

    Returns:
        A dataclass field that carries the declaration.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Rule:
        ...     lr: float = hyper(0.1, low=0, scale="log", doc="Step length.")
        >>> knobs(Rule)["lr"].rule
        'must be ≥ 0'
    """
    kind = kind or kind_of(default)
    knob = Knob(default, low, high, above, below, scale, doc, usual, structural, optional, kind, tuple(options))
    return dataclasses.field(default=default, metadata={_KEY: knob})


def knobs(rule: Any) -> dict[str, Knob]:
    """The declared hyperparameters of a rule (class or instance), by name, in order."""
    return {f.name: f.metadata[_KEY] for f in dataclasses.fields(rule) if _KEY in f.metadata}


def problems_of(rule: Any, where: str = "") -> Iterator[Problem]:
    """Everything that is wrong with the values of one rule."""
    prefix = where or type(rule).__name__
    for name, knob in knobs(rule).items():
        problem = knob.problem(f"{prefix}.{name}", getattr(rule, name))
        if problem is not None:
            yield problem


@dataclass(frozen=True)
class LogRange:
    """Positive numbers from `low` to `high`, evenly spread in their logarithm. As a text it is what an option takes.

    Example:
        >>> LogRange(1e-4, 1.0).at(0.5)
        0.01
        >>> print(LogRange(1e-4, 1.0))
        0.0001..1
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (0 < self.low <= self.high < math.inf):
            rule = Text("must have 0 < low ≤ high", "必须 0 < 下限 ≤ 上限")
            raise RecipeError(Problem("LogRange", rule, f"({self.low:g}, {self.high:g})"))

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"

    def at(self, u: float) -> float:
        """The value at the share `u` in [0, 1] of the range."""
        value = float(self.low ** (1 - u) * self.high**u)
        return min(max(value, self.low), self.high)  # rounding must not step over a bound

    def grid(self, n: int) -> list[float]:
        """`n` values from end to end, evenly spread."""
        return [self.at(i / max(n - 1, 1)) for i in range(n)]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, evenly spread."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (-math.inf < self.low <= self.high < math.inf):
            raise RecipeError(Problem("Range", Text("must have low ≤ high", "必须下限 ≤ 上限"), f"({self.low:g}, {self.high:g})"))

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}"

    def at(self, u: float) -> float:
        """The value at the share `u` in [0, 1] of the range."""
        return min(float(self.low + u * (self.high - self.low)), self.high)  # rounding must not step over a bound

    def grid(self, n: int) -> list[float]:
        """`n` values from end to end, evenly spread."""
        return [self.at(i / max(n - 1, 1)) for i in range(n)]


@dataclass(frozen=True)
class IntRange:
    """Whole numbers from `low` to `high`, both included, equally likely.

    Example:
        >>> [IntRange(1, 3).at(u) for u in (0.0, 0.5, 1.0)]
        [1, 2, 3]
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise RecipeError(Problem("IntRange", Text("must have low ≤ high", "必须下限 ≤ 上限"), f"({self.low}, {self.high})"))

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"

    def at(self, u: float) -> int:
        """The value at the share `u` in [0, 1] of the range."""
        return min(self.low + int(u * (self.high - self.low + 1)), self.high)

    def grid(self, n: int) -> list[int]:
        """At most `n` different values from end to end."""
        return sorted({round(self.low + (self.high - self.low) * i / max(n - 1, 1)) for i in range(n)})


@dataclass(frozen=True)
class Choice(Generic[T]):
    """One of several values, equally likely.

    Example:
        >>> Choice(("relu", "tanh")).at(0.7)
        'tanh'
        >>> print(Choice((1, 2.0, 8)))
        1,2,8
    """

    options: tuple[T, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))
        if not self.options:
            raise RecipeError(Problem("Choice", Text("must have at least one option", "至少要有一个选项")))

    def __str__(self) -> str:
        return ",".join(f"{option:g}" if isinstance(option, float) else str(option) for option in self.options)

    def at(self, u: float) -> T:
        """The option at the share `u` in [0, 1] of the list."""
        return self.options[min(int(u * len(self.options)), len(self.options) - 1)]

    def grid(self, n: int) -> list[T]:
        """The first `n` options."""
        return list(self.options[:n])


AnyRange = LogRange | Range | IntRange | Choice[Any]
"""What a value may be drawn from."""


def is_range(value: Any) -> bool:
    """Whether something is a range."""
    return isinstance(value, (LogRange, Range, IntRange, Choice))


def read_range(text: str, like: AnyRange, where: str) -> AnyRange:
    """A range as the command line writes it: `1e-4..1` from end to end, `1e-4,1e-3` for these values alone.

    Args:
        text: What was written.
        like: A range of the kind that is meant: whole numbers, even steps, or even steps of the logarithm.
        where: Name of the option, for errors.

    Raises:
        UsageError: If it is neither.

    Example:
        >>> read_range("1e-4..1", LogRange(1e-3, 1e-2), "--rates"), read_range("1,2", IntRange(1, 9), "--widths")
        (LogRange(low=0.0001, high=1.0), Choice(options=(1, 2)))
    """
    number = int if isinstance(like, IntRange) else float
    kind: Any = LogRange if isinstance(like, Choice) else type(like)
    low, dots, high = text.partition("..")
    try:
        if dots:
            return kind(number(low), number(high))
        return Choice(tuple(number(part) for part in text.split(",")))
    except ValueError as error:
        unit = Text("whole numbers", "整数") if number is int else Text("numbers", "数")
        hint = Text(
            f"LOW..HIGH, or {unit.en} with commas between them.", f"写作 LOW..HIGH，或用逗号隔开的{unit.zh}。"
        )
        rule = Text(f"must be a range of {unit.en}", f"必须是{unit.zh}的范围")
        if isinstance(error, RecipeError):
            rule = text_of(error.problems[0].rule)
        raise UsageError(Problem(where, rule, repr(text), hint=hint)) from error


def read_value(path: str, text: str) -> Any:
    """A setting of a recipe as the command line writes it: a number, a switch, a name; several with commas; none for nothing.

    Args:
        path: Which setting; sizes of hidden layers are always several, and may have dashes between them.
        text: What was written.

    Example:
        >>> read_value("network.hidden", "64-32"), read_value("batch_size", "none"), read_value("optimizer", "adam")
        ((64, 32), None, 'adam')
    """
    if path == "network.hidden":
        parts = text.replace("-", ",").split(",")
        return tuple(read_value("", part) for part in parts if part and part != "none")
    if "," in text:
        return tuple(read_value("", part) for part in text.split(",") if part)
    words = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
