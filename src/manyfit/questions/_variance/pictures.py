"""Tables and pictures of a loss taken apart: bias², variance and noise over a setting."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from manyfit.answers import Cell, Curves, Series, Table, Text, digits
from manyfit.questions._frame.verdicts import finding_text
from manyfit.questions._frame.words import decimals, interval_text, rate_text, written
from manyfit.questions._variance.decomposed import Decomposed, Reading
from manyfit.stats import Interval

NAMES: Mapping[str, Text] = {
    "loss": Text("loss", "损失"),
    "bias": Text("bias²", "偏差²"),
    "variance": Text("variance", "方差"),
    "data": Text("of the data", "来自数据"),
    "seed": Text("of the seed", "来自种子"),
    "noise": Text("noise", "噪声"),
}
WITH_NOISE = Text("bias² + noise", "偏差² + 噪声")
WHAT = {"width": Text("width", "宽度"), "l2": Text("strength", "强度")}


def setting_text(over: str, value: float) -> str:
    """A width or a strength."""
    return f"{value:.0f}" if over == "width" else "0" if value == 0 else rate_text(value)


def bias_name(found: Decomposed) -> Text:
    """Bias² alone, or with the noise where that is not known."""
    return NAMES["bias"] if found.knows_noise else WITH_NOISE


def terms_table(found: Decomposed, reading: Reading, over: str, loss: Text) -> Table:
    """The terms at every setting."""
    rows: list[tuple[Cell, ...]] = []
    for v, value in enumerate(found.settings):
        of = {name: intervals[v] for name, intervals in reading.of.items()}
        cells: list[Cell] = [
            setting_text(over, float(value)),
            _mean_cell(of["loss"]),
            interval_text(of["bias"]),
        ]
        cells.append(interval_text(of["variance"]))
        if found.knows_noise:
            cells.append(_mean_cell(of["noise"]))
        cells.append(Text("as it is", "原样") if v == found.base else finding_text(reading.against[v]))
        rows.append(tuple(cells))
    head = (
        WHAT[over],
        loss,
        bias_name(found),
        NAMES["variance"],
        *([NAMES["noise"]] if found.knows_noise else []),
        Text("vs as it is", "与原样相比"),
    )
    return Table(head, tuple(rows), Text("The terms of the loss", "损失的各项"))


def _mean_cell(interval: Interval) -> str:
    half = (interval.high - interval.low) / 2
    if not math.isfinite(interval.estimate):
        return written(interval.estimate, 2)
    return written(interval.estimate, min(decimals(half), 6)) if half > 0 else digits(interval.estimate)


def terms_figure(found: Decomposed, reading: Reading, over: str, loss: Text) -> Curves:
    """Bias², variance, noise and their sum over the setting."""
    names = {"loss": loss, "bias": bias_name(found), "variance": NAMES["variance"]}
    if found.knows_noise:
        names["noise"] = NAMES["noise"]
    title = Text(f"{loss.en.capitalize()} taken apart over the {WHAT[over].en}", f"{loss.zh}的分解随{WHAT[over].zh}的变化")
    return Curves(
        title,
        tuple(_series(found, reading, name, word) for name, word in names.items()),
        _axis(over),
        loss,
        x_log=True,
    )


def sources_figure(found: Decomposed, reading: Reading, over: str) -> Curves:
    """The variance by its two sources over the setting."""
    names = {name: NAMES[name] for name in ("variance", "data", "seed")}
    return Curves(
        Text("Variance by data and by seed", "方差：数据与种子"),
        tuple(_series(found, reading, name, word) for name, word in names.items()),
        _axis(over),
        NAMES["variance"],
        x_log=True,
    )


def _axis(over: str) -> Text:
    return (
        Text("units of a hidden layer", "隐藏层单元数")
        if over == "width"
        else Text("strength of L2", "L2 强度")
    )


def _series(found: Decomposed, reading: Reading, name: str, word: Text) -> Series:
    """One term with its band; a strength of 0 has no place on a logarithmic axis."""
    intervals = reading.of[name]
    seen = [v for v, value in enumerate(found.settings) if value > 0 and math.isfinite(intervals[v].estimate)]
    middle, low, high = (
        np.array([getattr(intervals[v], part) for v in seen]) for part in ("estimate", "low", "high")
    )
    return Series(word, found.settings[seen], middle, low, high)
