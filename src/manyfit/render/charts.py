"""Figures to charts: one function for each kind of figure data, each a Vega-Lite specification and nothing else.

No number is computed here. Colors are a palette that color-blind readers can tell apart (Okabe and Ito); text takes
the color of the page around it, so that one chart serves light and dark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import altair as alt
import numpy as np

from manyfit.answers import Bars, Cloud, Curves, Figure, Graph, Grid, Scatter, Text, digits
from manyfit.render.tabled import named

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D1F", "#7A7A7A")
FONTS = 'system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif'
WIDTH, HEIGHT = 560, 300
BAND, FEW_BANDS = 0.2, 3
"""How dense a band is, and from how many on they are half as dense."""
MOST_POINTS = 1000
"""Points of a cloud that are drawn."""
CHARACTER = 8
"""Width of a character of a label, about."""

Spec = dict[str, Any]


def chart(figure: Figure, language: str = "en") -> Spec:
    """The Vega-Lite specification of a figure, ready to draw without any further request.

    Example:
        >>> import numpy as np
        >>> spec = chart(Scatter(Text("t", "题"), np.array([1.0]), np.array([2.0]), Text("x", "x"), Text("y", "y")))
        >>> spec["description"]
        't'
    """
    return drawing(figure, language).to_dict(validate=False)


def drawing(figure: Figure, language: str = "en") -> Any:
    """A figure as an altair chart, for a notebook."""
    drawn = panel(figure, language).properties(background="transparent")
    return drawn.configure(**theme("currentColor"))


def thinned(figure: Figure) -> Figure:
    """A figure of as many points as a reader can see; of more every so many are taken, by rising y, and the title says so.

    Example:
        >>> import numpy as np
        >>> y = np.arange(3000.0)
        >>> few = thinned(Cloud(Text("t", "题"), y, y, ("a",) * 3000, Text("x", "x"), Text("y", "y")))
        >>> len(few.y), few.y[[0, -1]].tolist(), few.title.en
        (1000, [0.0, 2999.0], 't (1,000 of 3,000)')
    """
    if not isinstance(figure, (Cloud, Scatter)) or len(figure.x) <= MOST_POINTS:
        return figure
    n = len(figure.x)
    order = np.argsort(figure.y, kind="stable")
    kept = order[np.linspace(0, n - 1, MOST_POINTS).round().astype(int)]
    title = Text(
        f"{figure.title.en} ({MOST_POINTS:,} of {n:,})", f"{figure.title.zh}（{n:,} 中的 {MOST_POINTS:,} 个）"
    )
    if isinstance(figure, Cloud):
        kinds = tuple(figure.kind[i] for i in kept)
        return figure._replace(title=title, x=figure.x[kept], y=figure.y[kept], kind=kinds)
    low, high = (ends[kept] if len(ends) else ends for ends in (figure.low, figure.high))
    return figure._replace(title=title, x=figure.x[kept], y=figure.y[kept], low=low, high=high)


def panel(figure: Figure, language: str) -> Any:
    """A figure as an altair chart without colors of text and page, to stand beside others."""
    figure = thinned(figure)
    return _DRAWINGS[type(figure)](figure, language).properties(description=figure.title.to(language))


def svg(spec: Spec, number: int = 0) -> str:
    """The chart as a picture that needs no script.

    Args:
        spec: The chart.
        number: Its place in the page: what its parts are called must not repeat, nor depend on what was drawn before.
    """
    import vl_convert

    drawn = vl_convert.vegalite_to_svg(spec)
    ids = list(dict.fromkeys(re.findall(r'\bid="((?:gradient_|clip)\d+)"', drawn)))
    new = {old: f"part-{number}-{place}" for place, old in enumerate(ids)}
    return re.sub(
        r'(?<=(?:id="|rl\(#))(?:gradient_|clip)\d+', lambda found: new.get(found[0], found[0]), drawn
    )


def _scatter(figure: Scatter, language: str) -> Any:
    columns = {"x": figure.x, "y": figure.y} | (
        {"low": figure.low, "high": figure.high} if len(figure.low) else {}
    )
    data = _points(columns)
    x = alt.X("x:Q", title=figure.x_title.to(language), scale=alt.Scale(zero=False))
    y = alt.Y("y:Q", title=figure.y_title.to(language), scale=alt.Scale(zero=False))
    base = alt.Chart(alt.Data(values=data))
    layers = []
    if len(figure.low):
        layers.append(
            # the points' own color, paler: a lighter one would outshine them on a dark page
            base.mark_rule(color=PALETTE[0], opacity=0.25).encode(
                x=x, y=alt.Y("low:Q", title=figure.y_title.to(language)), y2="high:Q"
            )
        )
    layers.append(
        base.mark_point(filled=True, size=22, color=PALETTE[0], opacity=0.9).encode(
            x=x, y=y, tooltip=["x:Q", "y:Q"]
        )
    )
    if figure.is_identity and len(figure.x):
        ends = [float(min(figure.x.min(), figure.y.min())), float(max(figure.x.max(), figure.y.max()))]
        line = alt.Chart(alt.Data(values=[{"x": end, "y": end} for end in ends]))
        layers.append(line.mark_line(color=PALETTE[1], strokeDash=[5, 4]).encode(x="x:Q", y="y:Q"))
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _curves(figure: Curves, language: str) -> Any:
    data = []
    for series in figure.series:
        columns = {"x": series.x, "y": series.middle} | (
            {"low": series.low, "high": series.high} if len(series.low) else {}
        )
        data += _points(columns, name=[named(series.name, language)] * len(series.x))
    xs = [series.x for series in (*figure.series, *figure.points)]
    x = _along(xs, figure.x_title.to(language), figure.x_log)
    y = alt.Y("y:Q", title=figure.y_title.to(language), scale=_scale(figure.y_log))
    color, dash = _kinds([named(s.name, language) for s in figure.series], "name")
    # Said for all layers: the legend of a band alone would be as pale as the band and hold no dashes.
    signs = alt.Legend(symbolType="stroke", symbolOpacity=1, symbolStrokeWidth=2, symbolSize=300)
    color, dash = color.legend(signs), dash.legend(signs)
    base = alt.Chart(alt.Data(values=data))
    # A layer without a single point would have no extent, which Vega reports in the console.
    n_bands = sum(len(series.low) > 0 for series in figure.series)
    band = (
        base.transform_filter("isValid(datum.low)")
        .mark_area(opacity=BAND if n_bands <= FEW_BANDS else BAND / 2)  # many would be mud
        .encode(x=x, y=alt.Y("low:Q", title=figure.y_title.to(language)), y2="high:Q", color=color)
    )
    line = base.mark_line(strokeWidth=2).encode(
        x=x, y=y, color=color, strokeDash=dash, tooltip=["name:N", "x:Q", "y:Q"]
    )
    alone = [named(s.name, language) for s in figure.series if np.isfinite(s.middle).sum() == 1]
    stop = alt.Chart(alt.Data(values=[row for row in data if row["name"] in alone and "y" in row]))
    stops = stop.mark_point(filled=True, size=60, opacity=1).encode(x=x, y=y, color=color)
    dots = []
    if figure.points:
        names = [named(series.name, language) for series in figure.points]
        places = [
            point
            for name, series in zip(names, figure.points, strict=True)
            for point in _points({"x": series.x, "y": series.middle}, name=[name] * len(series.x))
        ]
        shape = alt.Shape("name:N", title=None, scale=alt.Scale(domain=names))
        mark = alt.Chart(alt.Data(values=places)).mark_point(size=28, opacity=0.5, color=PALETTE[7])
        dots = [mark.encode(x=x, y=y, shape=shape, tooltip=["name:N", "x:Q", "y:Q"])]
    layers = [*dots, *([band] if n_bands else []), line, *([stops] if alone else [])]
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)


def _bars(figure: Bars, language: str) -> Any:
    names = [named(name, language) for name in figure.names]
    data = _points({"x": figure.estimate, "low": figure.low, "high": figure.high}, name=names)
    y = alt.Y("name:N", title=None, sort=names, axis=alt.Axis(labelLimit=240))
    x = alt.X("x:Q", title=figure.x_title.to(language), scale=alt.Scale(zero=False))
    base = alt.Chart(alt.Data(values=data))
    layers = [
        base.mark_rule(strokeWidth=2, color=PALETTE[0]).encode(
            y=y, x=alt.X("low:Q", title=figure.x_title.to(language)), x2="high:Q"
        ),
        base.mark_point(filled=True, size=60, color=PALETTE[0]).encode(
            y=y, x=x, tooltip=["name:N", "x:Q", "low:Q", "high:Q"]
        ),
    ]
    if np.isfinite(figure.reference):
        reference = alt.Chart(alt.Data(values=[{"x": float(figure.reference)}]))
        layers.insert(0, reference.mark_rule(strokeDash=[4, 4], color=PALETTE[7]).encode(x="x:Q"))
    return alt.layer(*layers).properties(width=WIDTH, height=max(60, 26 * len(names)))


def _cloud(figure: Cloud, language: str) -> Any:
    data = _points({"x": figure.x, "y": figure.y}, kind=figure.kind)
    kinds = sorted(set(figure.kind))
    color, _ = _kinds(kinds, "kind")
    shape = alt.Shape("kind:N", title=None, scale=alt.Scale(domain=kinds))
    x = _along([figure.x], figure.x_title.to(language), figure.x_log)
    y = alt.Y("y:Q", title=figure.y_title.to(language), scale=_scale(figure.y_log))
    mark = alt.Chart(alt.Data(values=data)).mark_point(size=34, opacity=0.8)
    return mark.encode(x=x, y=y, color=color, shape=shape, tooltip=["kind:N", "x:Q", "y:Q"]).properties(
        width=WIDTH, height=HEIGHT
    )


def _grid(figure: Grid, language: str) -> Any:
    row_names, column_names = (
        [named(name, language) for name in names] for names in (figure.row_names, figure.column_names)
    )
    data = [
        {"row": row, "column": column, "n": float(figure.counts[i, j])}
        for i, row in enumerate(row_names)
        for j, column in enumerate(column_names)
    ]
    n_rows = len(figure.row_names)
    longest = max((CHARACTER * len(name) for name in column_names), default=0)
    side = min(max(34, longest), 80) if n_rows <= 12 else max(8, 400 // n_rows)
    x = alt.X(
        "column:N",
        title=figure.column_title.to(language),
        sort=column_names,
        axis=alt.Axis(labelAngle=0 if longest <= side else -40, labelLimit=140),
    )
    y = alt.Y("row:N", title=figure.row_title.to(language), sort=row_names)
    base = alt.Chart(alt.Data(values=data)).encode(x=x, y=y)
    most = float(figure.counts.max()) if figure.counts.size else 0.0
    cells = base.mark_rect().encode(
        color=alt.Color("n:Q", title=None, scale=alt.Scale(scheme="blues", domain=[0, max(most, 1.0)])),
        tooltip=["row:N", "column:N", "n:Q"],
    )
    layers = [cells]
    if len(figure.row_names) <= 12:
        ink = alt.condition(f"datum.n > {most / 2}", alt.value("white"), alt.value("#1a1a1a"))
        layers.append(base.mark_text().encode(text="n:Q", color=ink))
    return alt.layer(*layers).properties(
        width=side * len(figure.column_names), height=side * len(figure.row_names)
    )


def _graph(figure: Graph, language: str) -> Any:
    start, end = figure.source.astype(int), figure.target.astype(int)
    columns = {"x": figure.x[start], "y": figure.y[start], "x2": figure.x[end], "y2": figure.y[end]}
    # Each label a little nearer to where its edge begins: in the middle the labels of crossing edges would meet.
    columns |= {
        "mid_x": (3 * columns["x"] + 2 * columns["x2"]) / 5,
        "mid_y": (3 * columns["y"] + 2 * columns["y2"]) / 5,
    }
    edges = alt.Chart(alt.Data(values=_points(columns, by=[_short(by) for by in figure.derivative])))
    nodes = alt.Chart(
        alt.Data(
            values=_points(
                {"x": figure.x, "y": figure.y},
                name=figure.names,
                value=[_short(value) for value in figure.value],
                slope=[_short(slope) for slope in figure.gradient],
            )
        )
    )
    scale = {"axis": None, "scale": alt.Scale(zero=False, nice=False, padding=40)}
    x, y = alt.X("x:Q", **scale), alt.Y("y:Q", **scale)
    ink, label = alt.value("currentColor"), {"fontSize": 12}
    layers = [
        edges.mark_rule(opacity=0.4).encode(x=x, y=y, x2="x2:Q", y2="y2:Q", color=ink),
        edges.mark_text(fontSize=10, dy=-6).encode(
            x=alt.X("mid_x:Q", **scale), y=alt.Y("mid_y:Q", **scale), text="by:N", color=ink
        ),
        nodes.mark_point(filled=True, size=90, color=PALETTE[0], opacity=1).encode(
            x=x, y=y, tooltip=["name:N", "value:N", "slope:N"]
        ),
        nodes.mark_text(dx=0, dy=-26, fontWeight="bold", **label).encode(x=x, y=y, text="name:N", color=ink),
        nodes.mark_text(dy=-13, **label).encode(x=x, y=y, text="value:N", color=alt.value(PALETTE[0])),
        nodes.mark_text(dy=15, **label).encode(x=x, y=y, text="slope:N", color=alt.value(PALETTE[1])),
    ]
    n_columns, n_rows = len(set(figure.x.tolist())), 1 + (np.ptp(figure.y) if len(figure.y) else 0)
    return alt.layer(*layers).properties(
        width=max(WIDTH, 110 * n_columns), height=float(max(140, 85 * n_rows))
    )


_DRAWINGS: dict[type, Callable[[Any, str], Any]] = {
    Scatter: _scatter,
    Curves: _curves,
    Bars: _bars,
    Cloud: _cloud,
    Grid: _grid,
    Graph: _graph,
}


def theme(ink: str) -> dict[str, Any]:
    """Fonts, axes and legend, with the color of the text."""
    return {
        "font": FONTS,
        "axis": alt.AxisConfig(
            labelColor=ink,
            titleColor=ink,
            tickColor="#8886",
            domainColor="#8889",
            gridColor="#8883",
            labelFontSize=12,
            titleFontSize=12,
            labelSeparation=6,
        ),
        "legend": alt.LegendConfig(
            labelColor=ink, titleColor=ink, labelFontSize=12, orient="bottom", columns=4, labelLimit=200
        ),
        "view": alt.ViewConfig(stroke="transparent"),
    }


def _points(columns: dict[str, Any], **names: Any) -> list[dict[str, Any]]:
    """Rows of a chart's data; what is not finite is left out of its row, because JSON has no word for it."""
    count = len(next(iter(columns.values())))
    rows = [{name: values[i] for name, values in names.items()} for i in range(count)]
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            if np.isfinite(value):
                row[name] = float(value)
    return rows


def _short(value: float) -> str:
    return digits(float(value)).replace("-", "−") if np.isfinite(value) else ""


def _scale(is_log: bool) -> Any:
    return alt.Scale(type="log") if is_log else alt.Scale(zero=False)


def _along(values: Sequence[Any], title: str, is_log: bool) -> Any:
    """The x axis of places: logarithms end where the places do, and whole numbers have no tick between them."""
    x = alt.X("x:Q", title=title, scale=alt.Scale(type="log", nice=False) if is_log else alt.Scale(zero=False))
    known = np.concatenate([np.asarray(part, dtype=np.float64) for part in values] or [np.empty(0)])
    known = known[np.isfinite(known)]
    if is_log:
        ticks = _decades(known[known > 0])
        return x.axis(alt.Axis(values=ticks)) if len(ticks) > 1 else x
    is_whole = known.size > 0 and bool((known == np.floor(known)).all())
    return x.axis(alt.Axis(tickMinStep=1)) if is_whole else x


def _decades(places: Any) -> list[float]:
    """Ticks of a logarithm: powers of ten, and two and five times them where there are few.

    Example:
        >>> _decades(np.array([32.0, 600.0])), _decades(np.array([1e-4, 0.3]))
        ([50.0, 100.0, 200.0, 500.0], [0.0001, 0.001, 0.01, 0.1])
    """
    if not len(places):
        return []
    low, high = float(places.min()), float(places.max())
    steps = (1, 2, 5) if high < low * 10**2.5 else (1,)
    powers = range(int(np.floor(np.log10(low))), int(np.floor(np.log10(high))) + 1)
    return [tick for k in powers for tick in (float(f"{step}e{k}") for step in steps) if low <= tick <= high]


def _kinds(names: list[str], field: str) -> tuple[Any, Any]:
    """Color and dash for named kinds: two signs for one difference, so that color alone never carries it."""
    dashes = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [10, 4], [4, 1], [3, 3, 1, 3]]
    color = alt.Color(
        f"{field}:N",
        title=None,
        scale=alt.Scale(domain=names, range=[PALETTE[i % 8] for i in range(len(names))]),
    )
    dash = alt.StrokeDash(
        f"{field}:N",
        title=None,
        scale=alt.Scale(domain=names, range=[dashes[i % 8] for i in range(len(names))]),
    )
    return color, dash
