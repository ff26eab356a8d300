"""The numbers of a figure as a table, for readers who can't see it."""

from __future__ import annotations

from typing import Any

from manyfit.answers import Bars, Cloud, Curves, Figure, Graph, Grid, Scatter
from manyfit.render.names import printable
from manyfit.text import Text


def rows(figure: Figure, language: str = "en", most: int = 200) -> tuple[list[str], list[list[Any]]]:
    """The numbers of a figure as a table for readers who can't see it: titles and at most `most` rows."""
    match figure:
        case Scatter():
            head = [figure.x_title.to(language), figure.y_title.to(language)]
            cells: list[list[Any]] = [[float(x), float(y)] for x, y in zip(figure.x, figure.y, strict=True)]
        case Curves():
            has_bands = any(len(s.low) for s in (*figure.series, *figure.points))
            head = [
                Text("curve", "曲线").to(language),
                figure.x_title.to(language),
                figure.y_title.to(language),
                *(_ends(language) if has_bands else []),
            ]
            cells = [
                [named(s.name, language), float(x), float(y), *(_band(s.low, s.high, i) if has_bands else [])]
                for s in (*figure.series, *figure.points)
                for i, (x, y) in enumerate(zip(s.x, s.middle, strict=True))
            ]
        case Bars():
            head = [Text("name", "名称").to(language), figure.x_title.to(language), *_ends(language)]
            cells = [
                [named(n, language), float(e), float(low), float(high)]
                for n, e, low, high in zip(
                    figure.names, figure.estimate, figure.low, figure.high, strict=True
                )
            ]
        case Cloud():
            head = [
                Text("kind", "种类").to(language),
                figure.x_title.to(language),
                figure.y_title.to(language),
            ]
            cells = [[k, float(x), float(y)] for k, x, y in zip(figure.kind, figure.x, figure.y, strict=True)]
        case Grid():
            head = [
                f"{figure.row_title.to(language)} \\ {figure.column_title.to(language)}",
                *figure.column_names,
            ]
            cells = [
                [name, *counts.tolist()] for name, counts in zip(figure.row_names, figure.counts, strict=True)
            ]
        case Graph():
            head = [
                text.to(language)
                for text in (Text("quantity", "量"), Text("value", "数值"), Text("∂L/∂", "∂L/∂"))
            ]
            cells = [
                [name, float(value), float(slope)]
                for name, value, slope in zip(figure.names, figure.value, figure.gradient, strict=True)
            ]
    step = max(1, -(-len(cells) // most))
    return head, cells[::step]


def named(name: str | Text, language: str) -> str:
    """A name as it can stand in a picture."""
    # Vega puts names into expressions of its own, in which some characters end a line.
    return name.to(language) if isinstance(name, Text) else printable(name)


def _ends(language: str) -> list[str]:
    return [Text("low", "下限").to(language), Text("high", "上限").to(language)]


def _band(low: Any, high: Any, i: int) -> list[Any]:
    return [float(low[i]), float(high[i])] if len(low) else ["", ""]
