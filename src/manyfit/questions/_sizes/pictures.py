"""Tables and pictures of networks of several sizes, and what they are made from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Cell, Curves, Series, Table, Text, digits
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.verdicts import finding_text
from manyfit.questions._frame.words import interval_text, n_of
from manyfit.questions._sizes.sizes import Found, Met, Response
from manyfit.stats import Finding, Interval, mean_interval

Floats = NDArray[np.float64]

WORDS: Mapping[str, Text] = {
    "underfits": Text("underfits", "欠拟合"),
    "right": Text("right", "适中"),
    "overfits": Text("overfits", "过拟合"),
    "worse": Text("worse", "较差"),
    "diverges": Text("diverges", "发散"),
    "open": Text("cannot tell", "无法判断"),
}
WIDE = 8.0
"""Scores that reach over more than this factor are drawn on a logarithmic axis."""
AS_GOOD = (Finding.SAME, Finding.BETTER)


class Told(NamedTuple):
    """All that is told.

    response, found: What sizes did, and what that said.
    met: What was chosen, on fresh pairs (or on the same where it was interrupted).
    edge: Where the best size lies at an edge, else empty.
    n_first: Sizes that were planned; those beyond were added.
    level: Confidence level.
    is_whole: Whether no round was interrupted.
    """

    response: Response
    found: Found
    met: Met
    edge: str
    n_first: int
    level: float
    is_whole: bool

    @property
    def taken(self) -> int:
        """The smallest size that was shown on fresh pairs to be as good as the best, else the best."""
        if not self.is_whole:
            return self.found.best
        good = [s for s in self.found.rivals if self.met.against[s].finding in AS_GOOD]
        return good[0] if good else self.found.best

    def score(self, task: Task, s: int) -> Interval:
        """The score of a size where it was met."""
        return mean_interval(self.met.score[s], scope=task.scope, level=self.level, overlap=task.overlap)

    def named(self, s: int) -> Text:
        """A size with its number of weights.

        A sentence says "64-64 (8,970 weights)".
        """
        name, n = self.response.sizes[s].name, int(self.response.weights[s])
        return Text(f"{name.en} ({n_of(n, 'weight')})", f"{name.zh}（{n:,} 个权重）")


def met_table(task: Task, told: Told) -> Table:
    rows = []
    for s in sorted(told.met.score):
        against = told.met.against.get(s)
        score = told.met.score[s]
        by: Cell = "–" if against is None else interval_text(against.difference, signed=True)
        word = _role(told, s) if against is None else finding_text(against)
        rows.append(
            (
                told.response.sizes[s].name,
                f"{int(told.response.weights[s]):,}",
                _mean(score),
                _mean(told.met.train[s]),
                by,
                word,
            )
        )
    head = (
        Text("hidden", "隐藏层"),
        Text("weights", "权重"),
        task.measure.label,
        Text("training rows", "训练行"),
        Text("minus best, paired", "减最佳（成对）"),
        Text("", ""),
    )
    caption = (
        Text("Sizes met on fresh pairs", "在新的种子与划分上相遇的大小")
        if told.is_whole
        else Text("Sizes on the pairs that chose them", "在选出它们的种子与划分上的大小")
    )
    return Table(head, tuple(rows), caption)


def _role(told: Told, s: int) -> Text:
    return Text("best", "最佳") if s == told.found.best else Text("for double descent", "用于双重下降")


def sizes_table(task: Task, told: Told) -> Table:
    response, found = told.response, told.found
    rows = tuple(
        (
            response.sizes[s].name,
            f"{int(response.weights[s]):,}",
            _mean(response.score[s]),
            _mean(response.train[s]),
            f"{100 * response.diverged[s].mean():.0f} %",
            WORDS[found.words[s]],
            Text("yes", "是") if found.candidates[s] else Text("", ""),
        )
        for s in range(len(response.sizes))
    )
    head = (
        Text("hidden", "隐藏层"),
        Text("weights", "权重"),
        task.measure.label,
        Text("training rows", "训练行"),
        Text("diverged", "发散"),
        Text("", ""),
        Text("may be the best", "可能最佳"),
    )
    return Table(head, rows, Text("Every size that was tried", "试过的每种大小"))


def curve_figure(task: Task, told: Told) -> Curves:
    """The chapter's picture at the depth of the best size: training rows and unseen ones over the number of weights."""
    response, found = told.response, told.found
    depth = response.sizes[found.best].depth
    places = [s for s, size in enumerate(response.sizes) if size.depth == depth]
    if depth == 0:
        places = list(range(len(response.sizes)))
    marks = []
    fitted = found.fitted.get(depth)
    if fitted is not None:
        marks.append((Text("training error ≈ 0", "训练误差约为零"), fitted))
    marks.append((Text("best", "最佳"), found.best))
    if told.taken in places and told.taken != found.best:
        marks.append((Text("smallest that is as good", "同样好的最小者"), told.taken))
    drawn = [(name, s) for name, s in marks if np.isfinite(found.mean[s])]
    layers, is_wide = n_of(depth, "hidden layer"), _is_wide(response.score[places])
    return Curves(
        Text(f"Training rows and unseen rows, {layers}", f"训练行与未见过的行，{depth} 个隐藏层"),
        (
            _series(Text("unseen rows", "未见过的行"), response, response.score, places, is_wide),
            _series(Text("training rows", "训练行"), response, response.train, places, is_wide),
        ),
        Text("weights", "权重数"),
        task.measure.label,
        x_log=True,
        y_log=is_wide,
        points=tuple(
            Series(name, response.weights[[s]], np.quantile(response.score[[s]], 0.5, axis=1, method="nearest"))
            for name, s in drawn
            if not is_wide or np.median(response.score[s]) > 0
        ),
    )


def depths_figure(task: Task, told: Told) -> tuple[Curves, ...]:
    """Unseen rows at every depth."""
    response = told.response
    depths = [d for d in response.depths if d or len(response.depths) > 1]
    if len(depths) < 2:
        return ()
    series, is_wide = [], _is_wide(response.score)
    for depth in depths:
        layers = (
            Text(f"{n_of(depth, 'hidden layer')}", f"{depth} 个隐藏层") if depth else Text("linear", "线性")
        )
        series.append(_series(layers, response, response.score, response.chain(depth), is_wide))
    return (
        Curves(
            Text("Unseen rows, by depth", "未见过的行，按深度"),
            tuple(series),
            Text("weights", "权重数"),
            task.measure.label,
            x_log=True,
            y_log=is_wide,
        ),
    )


def _series(name: Text, response: Response, scores: Floats, places: list[int], is_wide: bool) -> Series:
    """Median and the band of 80 % of the networks; a score of 0 has no place on a logarithmic axis."""
    low, middle, high = np.quantile(scores[places], [0.1, 0.5, 0.9], axis=1, method="nearest")
    least = 0.0 if is_wide else -np.inf
    seen = np.isfinite(middle) & (middle > least)
    return Series(
        name,
        response.weights[places][seen],
        middle[seen],
        np.where(low > least, low, middle)[seen],
        np.where(np.isfinite(high), high, np.nan)[seen],
    )


def _is_wide(scores: Floats) -> bool:
    """Whether scores reach over so much that a linear axis would show nothing of the low ones."""
    middle = np.median(scores, axis=1)
    known = middle[np.isfinite(middle)]
    return bool(known.size) and float(known.max()) > WIDE * float(known.min()) > 0


def _mean(scores: Floats) -> str:
    return digits(float(scores.mean())) if np.isfinite(scores).all() else "∞"
