"""Answers: what was asked, what was found with which uncertainty, and the numbers behind every picture.

Figures are named tuples of arrays, made and tested in the questions; `render/` only draws them. Words are said in
English and Chinese side by side, so that a report in either can be written from stored answers alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Text(NamedTuple):
    """A sentence in both languages of the product.

    Example:
        >>> Text("rate", "学习率").to("zh")
        '学习率'
    """

    en: str
    zh: str

    def to(self, language: str) -> str:
        """The sentence in a language: "zh", else English."""
        return self.zh if language == "zh" else self.en


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
    """Curves with bands over a shared axis, such as learning curves or a response to the rate."""

    title: Text
    series: tuple[Series, ...]
    x_title: Text
    y_title: Text
    x_log: bool = False
    y_log: bool = False


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


Figure = Scatter | Curves | Bars | Cloud | Grid


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
    sections: Parts, most important first.
    numbers: The same as plain values, for JSON.
    """

    question: str
    title: Text
    statement: tuple[Text, ...]
    scope: Text
    sections: tuple[Section, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Answer to {self.question!r}: {' '.join(text.en for text in self.statement)}>"


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
    rounded = round(value, places) + 0.0
    if rounded != 0 and abs(rounded) < 1e-4:
        return f"{rounded:.3g}"
    return f"{rounded:,.{min(max(places, 0), 10)}f}"


def ordered(names: Sequence[str], values: Floats) -> list[int]:
    """Positions of names by falling value, ties by name, NaN last."""
    return sorted(
        range(len(names)),
        key=lambda i: (math.isnan(values[i]), -values[i] if not math.isnan(values[i]) else 0.0, names[i]),
    )
