"""Steps and seconds to a target in words, a table and a picture, and what they tell of the gradient's noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from manyfit.answers import Cell, Curves, Section, Series, Table, Text
from manyfit.questions._batches.batches import FEWEST, OFTEN, POOR, Law, Pace
from manyfit.questions._frame.words import n_of, percent, rate_text
from manyfit.stats import Interval


def steps_text(pace: Pace, k: int) -> str:
    return f"{pace.middle[k]:,.0f}" if math.isfinite(pace.middle[k]) else "–"


def milliseconds_text(pace: Pace, k: int) -> str:
    value = 1000 * pace.middle[k] * pace.step_seconds[k]
    return f"{value:.3g}" if math.isfinite(value) else "–"


def noise_said(pace: Pace | None, law: Law | None) -> list[Text]:
    """What the steps tell of the gradient's noise."""
    if pace is None:
        return []
    if law is None:
        n = int((pace.reached >= OFTEN).sum())
        return [
            Text(
                f"The gradient's noise scale cannot be told: {n} of {len(pace.sizes)} sizes come to the target, and the law "
                f"needs {FEWEST}.",
                f"无法判断梯度的噪声尺度：{len(pace.sizes)} 种批量中有 {n} 种达到目标，而规律需要 {FEWEST} 种。",
            )
        ]
    low, high = int(law.sizes[0]), int(law.sizes[-1])
    scale = _scale(law.critical)
    if law.finding == "told":
        return [
            Text(
                f"The gradient's noise scale is about {scale} rows: far below it, twice the batch halves the steps; far above "
                "it, a larger batch saves none.",
                f"梯度的噪声尺度约为 {scale} 行：远低于它时，批量加倍则步数减半；远高于它时，更大的批量不再节省步数。",
            )
        ]
    if law.finding == "above":
        return [
            Text(
                f"The gradient's noise scale lies above {high} rows: up to there twice the batch about halves the steps.",
                f"梯度的噪声尺度高于 {high} 行：在此之前，批量加倍则步数约减半。",
            )
        ]
    if law.finding == "below":
        return [
            Text(
                f"The gradient's noise scale lies below {low} rows: larger batches save hardly any step.",
                f"梯度的噪声尺度低于 {low} 行：更大的批量几乎不节省步数。",
            )
        ]
    if law.off > POOR:
        share = percent(law.off)
        return [
            Text(
                f"The gradient's noise scale cannot be told: the steps of some size lie {share} off the law.",
                f"无法判断梯度的噪声尺度：某种批量的步数偏离规律 {share}。",
            )
        ]
    return [
        Text(
            f"The gradient's noise scale cannot be told from these sizes: {scale} rows.",
            f"这些批量无法确定梯度的噪声尺度：{scale} 行。",
        )
    ]


def _scale(critical: Interval) -> str:
    """A size with its interval, in two digits."""
    texts = [
        "∞" if not math.isfinite(v) or v > 1e6 else f"{float(f'{v:.2g}'):,.10g}"
        for v in (critical.estimate, critical.low, critical.high)
    ]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def pace_section(pace: Pace, law: Law | None) -> Section:
    """Steps and seconds to the target over the size, with the law fitted to them."""
    middle = pace.middle
    seen = np.isfinite(middle)
    series, points = [], []
    if law is not None:
        sizes = np.geomspace(law.sizes[0], law.sizes[-1], 60)
        series.append(Series(Text("the law", "规律"), sizes, law.steps(sizes)))
    if seen.any():
        low, high = np.quantile(pace.steps[seen], [0.1, 0.9], axis=1, method="nearest")
        measured = Series(
            Text("median, 80 % of networks", "中位数与 80 % 的网络"),
            pace.sizes[seen],
            middle[seen],
            low,
            np.where(np.isfinite(high), high, np.nan),
        )
        (points if law is not None else series).append(measured)
    target = f"{pace.target:.3g}"
    figure = Curves(
        Text(f"Steps to a training loss of {target}", f"达到训练损失 {target} 的步数"),
        tuple(series),
        Text("batch size", "批量"),
        Text("steps", "步数"),
        x_log=True,
        y_log=True,
        points=tuple(points),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            f"{size:.0f}",
            rate_text(float(pace.rates[k])),
            f"{100 * pace.reached[k]:.0f} %",
            steps_text(pace, k),
            f"{middle[k] * size:,.0f}" if seen[k] else "–",
            milliseconds_text(pace, k),
        )
        for k, size in enumerate(pace.sizes)
    ]
    head = (
        Text("batch", "批量"),
        Text("rate", "学习率"),
        Text("reach it", "达到者"),
        Text("steps", "步数"),
        Text("rows seen", "所见行数"),
        Text("ms", "毫秒"),
    )
    table = Table(
        head,
        tuple(rows),
        Text(f"To a training loss of {target}, medians", f"达到训练损失 {target}（中位数）"),
    )
    measured_by = [
        Text(
            "Rates are chosen for speed on pairs of their own, as many for each size, and steps are counted on fresh pairs. "
            "Between epochs the logarithm of the loss is taken as straight. Milliseconds are of one core for one network, among "
            "others of its kind; they are of this machine, and vary more from day to day than their digits show.",
            "学习率在单独的配对上按速度选取，每种批量的试验数相同；步数在新的配对上计数。两轮之间按损失的对数线性插值。"
            "毫秒指与同类网络一起训练时单核上一个网络的用时；它取决于本机，日间变化比所示位数更大。",
        )
    ]
    if law is not None:
        scale, least = _scale(law.critical), f"{law.least:.3g}"
        measured_by.append(
            Text(
                f"The law S(B) = S_min · (1 + B_crit / B), fitted to the logarithms at {n_of(len(law.sizes), 'size')} on "
                f"{n_of(law.n, 'pair')}: S_min {least} steps, B_crit {scale}; no size lies more than {percent(law.off)} off it. "
                "B_crit is the simple noise scale, the variance of a row's gradient over the square of its mean, as far as "
                "steps show it; it grows while the loss falls, so it is of this target and of these rates.",
                f"规律 S(B) = S_min · (1 + B_crit / B)，在 {len(law.sizes)} 种批量、{law.n} 对上按对数拟合：S_min {least} 步，"
                f"B_crit {scale}；各批量偏离不超过 {percent(law.off)}。"
                "B_crit 即由步数所见的简单噪声尺度（单行梯度的方差除以其均值的平方）；"
                "它随损失下降而增大，因此只对应这一目标与这些学习率。",
            )
        )
    return Section(
        Text("Steps and seconds to a target", "达到目标的步数与时间"),
        (),
        (figure,),
        (table,),
        tuple(measured_by),
    )


def pace_numbers(pace: Pace) -> dict[str, Any]:
    return {
        "target": pace.target,
        "sizes": [
            {
                "size": int(size),
                "rate": float(pace.rates[k]),
                "reach": float(pace.reached[k]),
                "steps": pace.steps[k].tolist(),
                "median": float(pace.middle[k]),
                "step_seconds": float(pace.step_seconds[k]),
            }
            for k, size in enumerate(pace.sizes)
        ],
    }
