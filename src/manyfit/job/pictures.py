"""The job's results as figure data: arrays and words, tested by value, drawn elsewhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Bars, Cloud, Curves, Grid, Scatter, Series, Text
from manyfit.job.columns import Importance
from manyfit.job.trust import Bins
from manyfit.rng import epoch_order
from manyfit.stats import Interval, proportion_interval

Floats = NDArray[np.float64]

MAX_POINTS = 400
"""Points in a picture of rows: more hide each other."""
MAX_BARS = 20
MAX_CLASSES = 20
BAND = (0.1, 0.9)
"""Ends of the band over the networks of a recipe, as shares of them."""
LOG_FROM = 30.0
"""Values that differ by so many times are shown on a logarithmic axis."""


def predicted_against_true(
    y: Floats, predicted: Floats, width: float | None, target: str, seed: int
) -> Scatter:
    """Out-of-fold predictions over the truth, with the ends of their 90 % intervals; of many rows some, drawn at random.

    Args:
        y, predicted: [n] numbers in the unit of the target.
        width: Half width of the interval; None where there is none.
        target: Name of the target.
        seed: Of the draw.
    """
    chosen = np.sort(epoch_order(seed, 0, len(y))[:MAX_POINTS])
    x, middle = y[chosen].astype(np.float64), predicted[chosen].astype(np.float64)
    ends = () if width is None else (middle - width, middle + width)
    return Scatter(
        Text("Predicted against true", "预测值与真实值"),
        x,
        middle,
        Text(f"true {target}", f"真实 {target}"),
        Text(f"predicted {target}", f"预测 {target}"),
        *ends,
        is_identity=True,
    )


def confusion(y: NDArray[Any], predicted: Floats, labels: Sequence[Any]) -> Grid:
    """Counts of true and decided classes; of many classes the most common ones.

    Args:
        y: [n] classes.
        predicted: [n, C] probabilities.
        labels: [C] names of the classes.
    """
    y = y.astype(np.int64)
    counts = np.zeros((len(labels), len(labels)))
    np.add.at(counts, (y, predicted.argmax(1)), 1.0)
    shown = np.sort(np.argsort(-counts.sum(1), kind="stable")[:MAX_CLASSES])
    names = tuple(str(labels[c]) for c in shown)
    if len(set(names)) < len(names):  # 1 and "1" in one column of the table
        names = tuple(repr(labels[c]) for c in shown)
    few = len(shown) < len(labels)
    title = Text(
        f"The {len(shown)} most common classes, true and decided", f"最常见的 {len(shown)} 类：真实与判定"
    )
    return Grid(
        title if few else Text("True and decided classes", "真实类别与判定类别"),
        names,
        names,
        counts[np.ix_(shown, shown)],
        Text("true", "真实"),
        Text("decided", "判定"),
    )


def reliability(before: Bins, after: Bins, weights: Floats | None = None) -> Curves:
    """How often the decided class is right over how sure the networks were: on the diagonal, probabilities mean what they say."""
    sure, right, n = after.curve(weights)
    ends = [
        proportion_interval(round(share * size), int(size), scope="out-of-fold rows")
        for share, size in zip(right, n, strict=True)
    ]
    raw_sure, raw_right, _ = before.curve(weights)
    least = float(min(sure.min(initial=1.0), raw_sure.min(initial=1.0)))
    diagonal = np.array([least, 1.0])
    return Curves(
        Text("How sure, how right", "把握与正确率"),
        (
            Series(
                Text("calibrated", "校准后"),
                sure,
                right,
                np.array([end.low for end in ends]),
                np.array([end.high for end in ends]),
            ),
            Series(Text("as trained", "校准前"), raw_sure, raw_right),
            Series(Text("as they should be", "理想"), diagonal, diagonal),
        ),
        Text("probability of the decided class", "判定类别的概率"),
        Text("share that is right", "正确的比例"),
    )


def learning_curves(train: Floats, held: Floats, to_score: Any, score: str) -> Curves:
    """Median loss over the networks of one recipe after each epoch, with a band of the middle four fifths of them.

    Ends where fewer than half of the networks are still in training: what is left would be a choice of the slow ones.

    Args:
        train, held: [T, P] losses; NaN once a network has ended.
        to_score: From losses [T, P] to what is shown.
        score: Name of what is shown.
    """
    series = []
    for name, losses in ((Text("training rows", "训练行"), train), (Text("held-out rows", "留出行"), held)):
        alive = np.isfinite(losses).mean(1) >= 0.5
        n = int(np.argmin(alive)) if not alive.all() else len(alive)
        if n == 0:
            continue
        scores = to_score(losses[:n])
        middle = np.nanmedian(scores, axis=1)
        low, high = np.nanquantile(scores, BAND, axis=1)
        series.append(Series(name, np.arange(1.0, n + 1), middle, low, high))
    return Curves(
        Text("Learning curves of the best recipe", "最佳配方的学习曲线"),
        tuple(series),
        Text("epoch", "轮次"),
        Text(score, score),
        y_log=spans(np.concatenate([end for s in series for end in (s.low, s.middle)])) if series else False,
    )


def search_cloud(rates: Floats, scores: Floats, kinds: Sequence[str], score: str) -> Cloud:
    """Score of every recipe of the first rung over its rate, by optimizer; diverged networks have no score and are left out.

    Args:
        rates, scores: [n] numbers.
        kinds: [n] names of the optimizers.
        score: Name of the score.
    """
    known = np.flatnonzero(np.isfinite(scores))
    return Cloud(
        Text("Every recipe of the first round", "第一轮的所有配方"),
        rates[known],
        scores[known],
        tuple(kinds[i] for i in known.tolist()),
        Text("learning rate", "学习率"),
        Text(score, score),
        x_log=True,
        y_log=spans(scores[known]),
    )


def column_bars(found: Sequence[Importance], score: str) -> Bars:
    """What shuffling each column does to the score; the most important ones."""
    top = found[:MAX_BARS]
    return Bars(
        Text("How much worse without the column", "没有该列会差多少"),
        tuple(each.column for each in top),
        np.array([each.increase.estimate for each in top]),
        np.array([each.increase.low for each in top]),
        np.array([each.increase.high for each in top]),
        Text(f"{score}: change when shuffled", f"{score}：打乱后的变化"),
        reference=0.0,
    )


def score_bars(names: Sequence[Text], scores: Sequence[Interval], score: str) -> Bars:
    """The model and its rivals on the test rows."""
    return Bars(
        Text("On the test rows", "测试行上"),
        tuple(names),
        np.array([each.estimate for each in scores]),
        np.array([each.low for each in scores]),
        np.array([each.high for each in scores]),
        Text(score, score),
    )


def spans(values: Floats) -> bool:
    """Whether values are all positive and far enough apart for a logarithmic axis.

    Example:
        >>> spans(np.array([0.1, 10.0])), spans(np.array([1.0, 2.0])), spans(np.array([0.0, 9.0]))
        (True, False, False)
    """
    least, most = float(values.min(initial=math.inf)), float(values.max(initial=-math.inf))
    return bool(least > 0 and most / least >= LOG_FROM)
