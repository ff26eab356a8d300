"""Tables and pictures of a response to the learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Curves, Series, Table, Text, digits
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.words import interval_text, rate_text, span_text
from manyfit.questions._rates.regions import Region
from manyfit.questions._rates.response import Basin, Response, median

Floats = NDArray[np.float64]

WORDS: Mapping[str, Text] = {
    "small": Text("too small", "太小"),
    "right": Text("right", "适中"),
    "overfits": Text("overfits", "过拟合"),
    "oscillates": Text("oscillating", "震荡"),
    "diverges": Text("diverging", "发散"),
    "worse": Text("worse", "较差"),
    "open": Text("cannot tell", "无法判断"),
}


def regions_table(response: Response, basin: Basin, regions: Sequence[Region], task: Task) -> Table:
    """Neighboring rates of one word, with what speaks for it."""
    rows = []
    for region in regions:
        run, word = list(region.rates), region.word
        finite = basin.mean[run][np.isfinite(basin.mean[run])]
        scores = span_text(float(finite.min()), float(finite.max()), digits) if finite.size else "∞"
        rows.append(
            (
                span_text(response.rates[run[0]], response.rates[run[-1]]),
                WORDS[word],
                scores,
                "–" if region.minus is None else interval_text(region.minus, signed=True),
                _percent(basin.p_diverge[run]),
                _evidence(word, basin, run),
            )
        )
    head = (
        Text("rate", "学习率"),
        Text("", ""),
        task.measure.label,
        Text("minus right, paired", "减适中者，配对"),
        Text("diverged", "发散"),
        Text("evidence", "依据"),
    )
    return Table(head, tuple(rows), Text("Regions of the rate", "学习率的区域"))


def _evidence(word: str, basin: Basin, run: Sequence[int]) -> Text:
    if word == "small":
        share = _percent(basin.falls[list(run)])
        return Text(
            f"training loss still falls by {share} in the last quarter",
            f"训练损失在最后四分之一仍下降 {share}",
        )
    if word == "oscillates":
        share = _percent(basin.rises[list(run)])
        return Text(f"training loss rises in {share} of the epochs", f"训练损失在 {share} 的轮次中上升")
    if word == "overfits":
        return Text("training loss is lower than at the best rate", "训练损失低于最佳学习率处")
    if word == "worse":
        return Text("the training loss shows no reason", "训练损失未显示原因")
    if word == "open":
        return Text("not shown to be worse", "未证实更差")
    return Text("", "")


def rates_table(response: Response, basin: Basin, regions: Sequence[Region], task: Task) -> Table:
    """Every rate that was tried."""
    words = words_of(regions)
    rows = tuple(
        (
            rate_text(response.rates[r]),
            WORDS[words[r]],
            float(basin.mean[r]) if np.isfinite(basin.mean[r]) else "∞",
            _percent(basin.p_diverge[r : r + 1]),
            Text("yes", "是") if basin.candidates[r] else Text("", ""),
        )
        for r in range(len(response.rates))
    )
    head = (
        Text("rate", "学习率"),
        Text("", ""),
        task.measure.label,
        Text("diverged", "发散"),
        Text("may be the best", "可能最佳"),
    )
    return Table(head, rows, Text("Every rate that was tried", "试过的每个学习率"))


def _percent(shares: Floats) -> str:
    known = shares[np.isfinite(shares)]
    if not known.size:
        return "–"
    low, high = round(100 * float(known.min())), round(100 * float(known.max()))
    return f"{low} %" if low == high else f"{low}–{high} %"


def response_figure(response: Response, basin: Basin, task: Task) -> Curves:
    """Median and the band of 80 % of the networks over the rate."""
    low, middle, high = np.quantile(response.score, [0.1, 0.5, 0.9], axis=1, method="nearest")
    seen = np.isfinite(middle)
    series = [
        Series(
            Text("median, 80 % of networks", "中位数与 80 % 的网络"),
            response.rates[seen],
            middle[seen],
            low[seen],
            np.where(np.isfinite(high), high, np.nan)[seen],
        )
    ]
    if basin.good.any():
        inside = basin.good & seen
        series.append(Series(Text("right", "适中"), response.rates[inside], middle[inside]))
    wide = bool(seen.any()) and float(middle[seen].max()) > 20 * max(float(middle[seen].min()), 1e-300) > 0
    return Curves(
        Text("Score over the rate", "分数随学习率的变化"),
        tuple(series),
        Text("learning rate", "学习率"),
        task.measure.label,
        x_log=True,
        y_log=wide,
    )


def words_of(regions: Sequence[Region]) -> list[str]:
    """[R] the word of each rate."""
    return [region.word for region in regions for _ in region.rates]


def curves_figure(response: Response, basin: Basin, regions: Sequence[Region]) -> Curves:
    """The chapter's picture: training loss over epochs at one rate of each region, the middle one."""
    series = []
    for region in regions:
        run = region.rates
        r = basin.chosen if basin.chosen in run else run[len(run) // 2]
        curve = np.array([median(of_epoch) for of_epoch in response.loss[:, r]])
        seen = np.isfinite(curve) & (curve > 0)
        if seen.any():
            word, rate = WORDS[region.word], rate_text(response.rates[r])
            series.append(
                Series(
                    Text(f"{rate} {word.en}", f"{rate} {word.zh}"),
                    1.0 + np.flatnonzero(seen).astype(float),
                    curve[seen],
                )
            )
    return Curves(
        Text("Training loss at a rate of each region", "各区域一个学习率的训练损失"),
        tuple(series),
        Text("epoch", "轮次"),
        Text("training loss, median", "训练损失（中位数）"),
        y_log=True,
    )


def divergence_figure(response: Response, basin: Basin) -> Curves:
    """The share of networks that diverged over the rate."""
    return Curves(
        Text("How many networks diverge", "有多少网络发散"),
        (Series(Text("diverged", "发散"), response.rates, 100 * basin.p_diverge),),
        Text("learning rate", "学习率"),
        Text("% of the networks", "网络的 %"),
        x_log=True,
    )
