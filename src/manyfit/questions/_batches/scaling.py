"""Whether the rate must grow with the batch: rules that spare the tuning, beside tuning each size for itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Cell, Curves, Section, Series, Table, Text
from manyfit.questions._contest.notes import minus
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.words import listed
from manyfit.stats import Comparison, Finding

Floats = NDArray[np.float64]

RULES: Mapping[str, Callable[[float], float]] = {
    "unchanged": lambda ratio: 1.0,
    "root": math.sqrt,
    "linear": lambda ratio: ratio,
}
"""By what a rule multiplies the rate when the batch grows so many times."""
TUNED = "tuned"
WORDS: Mapping[str, Text] = {
    "unchanged": Text("unchanged", "不变"),
    "root": Text("times √", "按根号增大"),
    "linear": Text("times ratio", "按比例增大"),
    TUNED: Text("tuned", "单独调参"),
}
SAID: Mapping[str, Text] = {
    "unchanged": Text("The unchanged rate", "学习率不变时"),
    "root": Text("The rate times the root of the ratio", "学习率按批量之比的平方根增大时"),
    "linear": Text("The rate times the ratio", "学习率按批量之比增大时"),
    TUNED: Text("A rate tuned for each size", "每种批量单独调参时"),
}


class Scaled(NamedTuple):
    """What each way to set the rate scores as the batch grows. K sizes, n replicates.

    sizes: [K] by name, the smallest first.
    score: [ways, K − 1, n] mean score on fresh pairs at every size but the smallest; ways as in `WORDS`.
    against: [ways][K − 1] minus the smallest size, tuned; findings of a way hold together.
    """

    sizes: tuple[str, ...]
    score: Floats
    against: tuple[tuple[Comparison, ...], ...]

    def of(self, way: str) -> tuple[Comparison, ...]:
        """The comparisons of a way, size by size."""
        return self.against[list(WORDS).index(way)]

    def keeps(self, way: str) -> int:
        """How many sizes beyond the smallest in a row keep the score: the same, or better."""
        kept = [c.finding in (Finding.SAME, Finding.BETTER) for c in self.of(way)]
        return kept.index(False) if False in kept else len(kept)

    def loses(self, way: str) -> list[int]:
        """The sizes at which the score is worse, as places in `sizes`."""
        return [k for k, c in enumerate(self.of(way), start=1) if c.finding is Finding.WORSE]


def way_said(scaled: Scaled, way: str) -> Text:
    """What became of the score when the rate was set this way."""
    sizes, kept, lost = scaled.sizes, scaled.keeps(way), scaled.loses(way)
    head, better = SAID[way], scaled.of(way)
    parts: list[Text] = []
    if kept:
        parts.append(Text(f"keeps the score up to {sizes[kept]}", f"直到 {sizes[kept]} 都保持分数"))
    worse = listed([sizes[k] for k in lost])
    if lost:
        parts.append(Text(f"is worse at {worse.en}", f"在 {worse.zh} 处更差"))
    unsure = [sizes[k] for k in range(1, len(sizes)) if better[k - 1].finding is Finding.UNKNOWN]
    if unsure:
        open_ = listed(unsure)
        parts.append(Text(f"leaves it open at {open_.en}", f"在 {open_.zh} 处尚无法判断"))
    en = parts[0].en if len(parts) == 1 else ", ".join(p.en for p in parts[:-1]) + f" and {parts[-1].en}"
    return Text(f"{head.en} {en}.", f"{head.zh}{'，'.join(p.zh for p in parts)}。")


def scaling_section(scaled: Scaled, base: Floats, margin: str, task: Task) -> Section:
    """The score over the size for each way to set the rate, and each minus the smallest size.

    Args:
        scaled: What was found.
        base: [n] scores of the smallest size, tuned.
        margin: What counts as the same, written.
        task: What it was asked about.
    """
    sizes = np.array([float(size) for size in scaled.sizes])
    series = []
    for way, score in zip(WORDS, scaled.score, strict=True):
        mean = np.concatenate([[base.mean()], score.mean(1)])
        seen = np.isfinite(mean)
        if seen.any():
            series.append(Series(WORDS[way], sizes[seen], mean[seen]))
    values = np.concatenate([each.middle for each in series]) if series else np.ones(1)
    figure = Curves(
        Text("Mean score over the batch size", "平均分数随批量的变化"),
        tuple(series),
        Text("batch size", "批量"),
        task.measure.label,
        x_log=True,
        y_log=bool(values.min() > 0 and values.max() > 20 * values.min()),
    )
    rows: list[tuple[Cell, ...]] = [
        (size, *(minus(scaled.of(way)[k]) for way in WORDS)) for k, size in enumerate(scaled.sizes[1:])
    ]
    first = scaled.sizes[0]
    table = Table(
        (Text("batch", "批量"), *WORDS.values()),
        tuple(rows),
        Text(f"Score minus that of {first}, tuned; paired", f"分数减去批量 {first}（单独调参）的分数，配对"),
    )
    measured = Text(
        f"Each replicate takes the rate that its own tuning picked at batch {first} and lets it stay, grow with the root of the "
        "batch, or in proportion to it; or it picks a rate for each size. All of them meet on the same fresh pairs, with the "
        f"same epochs, so that large batches make fewer steps. The same: within ±{margin}. The findings of a column hold "
        "together (Holm).",
        f"每个重复取自己在批量 {first} 上选中的学习率，令其不变、按批量的平方根增大或按批量的比例增大；"
        "或者为每种批量单独选取。它们在相同的新配对上相遇，轮数相同，因此大批量的步数更少。"
        f"相同：±{margin} 以内。每列的结论同时成立（Holm）。",
    )
    said = tuple(way_said(scaled, way) for way in WORDS)
    return Section(
        Text("The rate as the batch grows", "批量增大时的学习率"), said, (figure,), (table,), (measured,)
    )
