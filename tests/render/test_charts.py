"""Charts show the numbers they were given, and nothing else."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from manyfit.answers import Bars, Cloud, Curves, Figure, Grid, Scatter, Series, Text
from manyfit.render.charts import chart, svg
from manyfit.render.tabled import rows

X, Y, TITLE = Text("rate", "学习率"), Text("loss", "损失"), Text("A title", "标题")
FIGURES: dict[str, Figure] = {
    "scatter": Scatter(
        TITLE,
        np.array([1.0, 2.0]),
        np.array([1.5, math.nan]),
        X,
        Y,
        np.array([1.0, 1.5]),
        np.array([2.0, 3.0]),
        True,
    ),
    "curves": Curves(
        TITLE,
        (
            Series(
                Text("train", "训练"),
                np.array([1.0, 2.0]),
                np.array([3.0, 2.0]),
                np.array([2.0, 1.0]),
                np.array([4.0, 3.0]),
            ),
            Series("held", np.array([1.0, 2.0]), np.array([5.0, 4.0])),
        ),
        X,
        Y,
        x_log=True,
    ),
    "bars": Bars(
        TITLE, ("a", "b"), np.array([1.0, 2.0]), np.array([0.5, -math.inf]), np.array([1.5, math.inf]), X, 0.0
    ),
    "cloud": Cloud(TITLE, np.array([0.1, 1.0]), np.array([2.0, math.inf]), ("adam", "sgd"), X, Y, True, True),
    "grid": Grid(TITLE, ("a", "b"), ("a", "b"), np.array([[3.0, 1.0], [0.0, 4.0]]), X, Y),
}


def values_of(spec: Any) -> list[dict[str, Any]]:
    """All rows of data anywhere in a specification."""
    if isinstance(spec, dict):
        found = spec["values"] if isinstance(spec.get("values"), list) else []
        own = [row for row in found if isinstance(row, dict)]  # an axis has values of its own
        return own + [row for part in spec.values() for row in values_of(part)]
    return [row for part in spec for row in values_of(part)] if isinstance(spec, list) else []


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_chart_can_be_drawn_without_a_script_and_says_its_title(name: str, language: str) -> None:
    spec = chart(FIGURES[name], language)

    assert spec["description"] == TITLE.to(language)
    assert svg(spec).startswith("<svg")


def test_scatter_leaves_out_what_is_not_finite() -> None:
    points = [row for row in values_of(chart(FIGURES["scatter"])) if "low" in row]

    assert points[:2] == [{"x": 1.0, "y": 1.5, "low": 1.0, "high": 2.0}, {"x": 2.0, "low": 1.5, "high": 3.0}]


def test_curves_carry_bands_only_where_there_are_any() -> None:
    points = values_of(chart(FIGURES["curves"], "zh"))

    assert {row["name"] for row in points if "low" in row} == {"训练"}
    assert [row["y"] for row in points if row["name"] == "held"] == [5.0, 4.0]


def test_unknown_interval_is_drawn_as_none_at_all() -> None:
    points = {row["name"]: row for row in values_of(chart(FIGURES["bars"])) if "name" in row}

    assert points["b"] == {"name": "b", "x": 2.0}


def test_numbers_of_a_grid_stand_in_its_table() -> None:
    head, cells = rows(FIGURES["grid"])

    assert head[1:] == ["a", "b"]
    assert cells == [["a", 3.0, 1.0], ["b", 0.0, 4.0]]


def test_long_table_is_thinned_not_cut() -> None:
    x = np.arange(1000.0)

    _, cells = rows(Scatter(TITLE, x, x, X, Y), most=100)

    assert len(cells) == 100
    assert cells[-1][0] == 990.0


def encodings(spec: dict[str, Any], channel: str) -> list[dict[str, Any]]:
    """A channel of every layer that has it."""
    return [layer["encoding"][channel] for layer in spec["layer"] if channel in layer["encoding"]]


def test_whole_numbers_have_no_tick_between_them_and_logarithms_end_where_the_places_do() -> None:
    def curve(x: list[float], is_log: bool = False) -> Curves:
        return Curves(TITLE, (Series("a", np.array(x), np.array([3.0, 2.0])),), X, Y, x_log=is_log)

    whole, broken, log = (chart(c) for c in (curve([1.0, 8.0]), curve([0.5, 8.0]), curve([1.0, 256.0], True)))

    assert encodings(whole, "x")[0]["axis"] == {"tickMinStep": 1}
    assert "axis" not in encodings(broken, "x")[0]
    assert encodings(log, "x")[0]["axis"] == {"values": [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]}
    assert encodings(log, "x")[0]["scale"] == {"type": "log", "nice": False}


def test_curve_of_one_point_is_seen() -> None:
    one = Series("one", np.array([1.0, 2.0]), np.array([math.nan, 2.0]))
    two = Series("two", np.array([1.0, 2.0]), np.array([4.0, 5.0]))

    spec = chart(Curves(TITLE, (one, two), X, Y))

    dots = [layer for layer in spec["layer"] if layer["mark"]["type"] == "point"]
    assert [layer["data"]["values"] for layer in dots] == [[{"name": "one", "x": 2.0, "y": 2.0}]]
    assert all(layer["mark"]["type"] != "point" for layer in chart(FIGURES["curves"])["layer"])


def test_many_bands_are_paler_than_few() -> None:
    ends = np.array([1.0, 2.0])
    curves = [Series(f"{i}", ends, ends, ends - 1, ends + 1) for i in range(4)]

    few, many = (
        next(layer["mark"] for layer in chart(Curves(TITLE, tuple(of), X, Y))["layer"] if layer["mark"]["type"] == "area")
        for of in (curves[:3], curves)
    )

    assert few["opacity"] == 0.2 and many["opacity"] == 0.1
