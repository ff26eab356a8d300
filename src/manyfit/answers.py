"""Answers: what was asked, what was found with which uncertainty, and the numbers behind every picture.

Figures are named tuples of arrays, made and tested in the questions; `render/` only draws them. Words are said in
English and Chinese side by side, so that a report in either can be written from stored answers alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import Problem, RunError, UsageError
from manyfit.runs.files import replacing
from manyfit.text import Text as Text

FILE = "answer.json"
UNFINISHED = Text("Its training was not finished.", "那里的训练没有完成。")

Floats = NDArray[np.float64]


Cell = str | float | int | Text
"""What a table holds. Text is translated; a plain string is a name from the user's data and is shown as it is."""


class Table(NamedTuple):
    """A table, the same in the terminal and in the report.

    head: Titles of the columns.
    rows: Cells, as many as titles in each row.
    caption: What it shows.
    """

    head: tuple[Text, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: Text


class Scatter(NamedTuple):
    """Points, such as predicted against true values.

    x, y: [n] numbers.
    low, high: [n] interval of y at each point; empty for none.
    is_identity: Whether the line y = x is drawn for comparison.
    """

    title: Text
    x: Floats
    y: Floats
    x_title: Text
    y_title: Text
    low: Floats = np.empty(0)
    high: Floats = np.empty(0)
    is_identity: bool = False


class Series(NamedTuple):
    """One curve: its name, [n] places, [n] middle values, and the ends of a band (empty for none)."""

    name: str | Text
    x: Floats
    middle: Floats
    low: Floats = np.empty(0)
    high: Floats = np.empty(0)


class Curves(NamedTuple):
    """Curves with bands over a shared axis, such as learning curves or a response to the rate.

    points: What is drawn as points beside them, such as the data behind a fit.
    """

    title: Text
    series: tuple[Series, ...]
    x_title: Text
    y_title: Text
    x_log: bool = False
    y_log: bool = False
    points: tuple[Series, ...] = ()


class Bars(NamedTuple):
    """Estimates with intervals, one for each name: scores of models, importance of columns.

    estimate, low, high: [n] numbers.
    reference: Where "no difference" lies, drawn as a line; NaN for none.
    """

    title: Text
    names: tuple[str | Text, ...]
    estimate: Floats
    low: Floats
    high: Floats
    x_title: Text
    reference: float = math.nan


class Cloud(NamedTuple):
    """Points of several kinds over one setting, such as the score of every recipe tried over its rate.

    x, y: [n] numbers.
    kind: [n] names of what each point is.
    """

    title: Text
    x: Floats
    y: Floats
    kind: tuple[str, ...]
    x_title: Text
    y_title: Text
    x_log: bool = False
    y_log: bool = False


class Grid(NamedTuple):
    """Counts in rows and columns, such as true against predicted classes.

    counts: [rows, columns].
    """

    title: Text
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    counts: Floats
    row_title: Text
    column_title: Text


class Graph(NamedTuple):
    """A computation graph: what was computed from what, with the number and the gradient of each.

    names: [n] symbols of the nodes.
    x, y: [n] where they stand.
    value, gradient: [n] numbers of each node; NaN for none.
    source, target: [m] nodes that an edge leads from and to.
    derivative: [m] derivative of the edge's target by its source.
    """

    title: Text
    names: tuple[str, ...]
    x: Floats
    y: Floats
    value: Floats
    gradient: Floats
    source: Floats
    target: Floats
    derivative: Floats


Figure = Scatter | Curves | Bars | Cloud | Grid | Graph


@dataclass(frozen=True)
class Section:
    """A part of an answer: a statement first, then what shows it, then how it was measured.

    title: What it is about.
    statement: The finding, a sentence or two each.
    figures: Pictures, as numbers.
    tables: Tables.
    measured: How it was measured, for whoever wants to know; folded away in the report.
    """

    title: Text
    statement: tuple[Text, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    measured: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a question, or the main job, states.

    question: Its name, as on the command line.
    title: The headline of its report.
    statement: The answer in a sentence or two.
    scope: What the intervals speak of, and for which data and plan.
    sections: Parts, most important first. The first table of the first one is what the terminal shows.
    numbers: The same as plain values, for JSON.
    head: What was trained, a line each: counts first.
    notes: What the signs in the table mean.
    also: What else was found, a line each; the terminal shows it below the answer.
    plan: Hash of the plan; empty where there is none.
    seconds: What the training took; NaN where it is not known.
    """

    question: str
    title: Text
    statement: tuple[Text, ...]
    scope: Text
    sections: tuple[Section, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    head: tuple[Text, ...] = ()
    notes: tuple[Text, ...] = ()
    also: tuple[Text, ...] = ()
    plan: str = ""
    seconds: float = math.nan

    def table(self, lang: str = "en") -> Any:
        """The main table as a polars DataFrame.

        Args:
            lang: "en" or "zh".

        Raises:
            UsageError: If the answer has no table.
        """
        import polars as pl

        found = next((table for section in self.sections for table in section.tables), None)
        if found is None:
            rule = Text("needs an answer with a table", "需要带表格的结论")
            raise UsageError(Problem("table", rule, repr(self.question)))
        rows = [[cell.to(lang) if isinstance(cell, Text) else cell for cell in row] for row in found.rows]
        names = [title.to(lang) or str(place) for place, title in enumerate(found.head)]
        return pl.DataFrame(rows, schema=names, orient="row", strict=False)

    def chart(self, number: int = 0, lang: str = "en") -> Any:
        """A picture of the answer, as an altair chart.

        Args:
            number: Which one, from 0, in the order of the report.
            lang: "en" or "zh".

        Raises:
            UsageError: If there is no such picture.
        """
        figures = [figure for section in self.sections for figure in section.figures]
        if not 0 <= number < len(figures):
            rule = Text("needs an answer with a picture", "需要带图的结论")
            if figures:
                rule = Text(f"must be 0 to {len(figures) - 1}", f"必须是 0 到 {len(figures) - 1}")
            raise UsageError(Problem("chart", rule, str(number)))
        # What draws stands above what answers; it is called by name, as engines are.
        return import_module("manyfit.render.charts").drawing(figures[number], lang)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with no loss: arrays as lists, what is not finite by name."""
        return {**_plain(self), "numbers": _plain(dict(self.numbers))}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Answer:
        """The answer that `to_dict` wrote.

        Raises:
            KeyError, TypeError, ValueError: If it is none.
        """
        answer = _read(fields)
        if not isinstance(answer, cls):
            raise ValueError(f"an answer was expected, not {type(answer).__name__}")
        return answer

    def __str__(self) -> str:
        """As the terminal shows it."""
        return "\n".join(import_module("manyfit.render.told").answer_lines(self))

    def __repr__(self) -> str:
        return f"<Answer to {self.question!r}: {' '.join(text.en for text in self.statement)}>"


def write_answer(answer: Answer, folder: Path) -> Path:
    """Keep an answer in a folder, so that its report can be written again without the data and without training."""
    with replacing(folder / FILE) as aside:
        text = json.dumps(answer.to_dict(), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        aside.write_text(text, "utf-8")
    return folder / FILE


def read_answer(folder: str | Path) -> Answer:
    """The answer that is kept in a folder.

    Raises:
        RunError: If there is none, or it is damaged.
    """
    path = Path(folder)
    file = path / FILE
    if not file.is_file():
        rule = Text("holds no answer", "里面没有结论") if path.exists() else Text("does not exist", "不存在")
        hint = Text(
            "manyfit train and every question write one.", "manyfit train 和每个提问都会写一个。"
        )
        if (path / "run.toml").exists():
            hint = UNFINISHED
        raise RunError(Problem(str(path), rule, hint=hint))
    try:
        return Answer.from_dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        rule = Text("is damaged: ", "已损坏：") + f"{type(error).__name__}: {error}"
        hint = Text("Copy it or train again.", "请重新复制或重新训练。")
        raise RunError(Problem(str(file), rule, hint=hint)) from error


_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (Text, Table, Scatter, Series, Curves, Bars, Cloud, Grid, Graph, Section, Answer)
}
_IS = "is"


def _plain(value: Any) -> Any:
    """A value as JSON has it; what JSON has no word for becomes a table that says what it is."""
    kind = type(value).__name__
    if kind in _KINDS and isinstance(value, _KINDS[kind]):
        names = _KINDS[kind]._fields if isinstance(value, tuple) else [f.name for f in fields(value)]
        return {_IS: kind, **{name: _plain(getattr(value, name)) for name in names if name != "numbers"}}
    match value:
        case np.ndarray():
            return {_IS: "array", "of": _plain(value.tolist())}
        case np.generic():
            return _plain(value.item())
        case float() if not math.isfinite(value):
            return {_IS: "float", "of": str(value)}
        case Mapping():
            return {str(name): _plain(part) for name, part in value.items()}
        case list() | tuple():
            return [_plain(part) for part in value]
    return str(value) if isinstance(value, str) else value


def _read(value: Any, as_tuple: bool = True) -> Any:
    """What `_plain` wrote."""
    if isinstance(value, list):
        parts = [_read(part, as_tuple) for part in value]
        return tuple(parts) if as_tuple else parts
    if not isinstance(value, Mapping):
        return value
    kind = value.get(_IS)
    if kind == "float":
        return float(value["of"])
    if kind == "array":
        return np.array(_read(value["of"], as_tuple=False), dtype=np.float64)
    if isinstance(kind, str) and kind in _KINDS:
        given = {name: _read(part, name != "numbers") for name, part in value.items() if name != _IS}
        return _KINDS[kind](**given)
    return {name: _read(part, as_tuple) for name, part in value.items()}


def digits(value: float, uncertainty: float = math.nan) -> str:
    """A number as a reader wants it: three figures, or as many as its uncertainty supports.

    Args:
        value: The number.
        uncertainty: Half the width of its interval; two figures of it decide the rounding.

    Example:
        >>> digits(23912.3, 2700), digits(0.02411), digits(1.0), digits(1234567.0)
        ('23,900', '0.0241', '1.00', '1,230,000')
        >>> digits(2.41, 0.1), digits(float("inf")), digits(-0.0)
        ('2.41', 'inf', '0.00')
        >>> digits(7.456e-6), digits(99.97), digits(99.94)
        ('7.46e-6', '100', '99.9')
    """
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if math.isfinite(uncertainty) and uncertainty > 0:
        places = 1 - math.floor(math.log10(uncertainty))
    elif size == 0:
        places = 2
    else:
        places = 2 - math.floor(math.log10(size))
        places = 2 - math.floor(math.log10(abs(round(value, places)) or size))  # 99.97 is 100, not 100.0
    rounded = round(value, places) + 0.0
    if rounded != 0 and abs(rounded) < 1e-4:
        mantissa, sign, exponent = f"{rounded:.3g}".partition("e")
        return f"{mantissa}e{int(exponent)}" if sign else mantissa
    return f"{rounded:,.{min(max(places, 0), 10)}f}"


def ordered(names: Sequence[str], values: Floats) -> list[int]:
    """Positions of names by falling value, ties by name, NaN last."""
    return sorted(
        range(len(names)),
        key=lambda i: (math.isnan(values[i]), -values[i] if not math.isnan(values[i]) else 0.0, names[i]),
    )
