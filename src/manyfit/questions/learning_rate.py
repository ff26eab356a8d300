"""Which learning rate? Asked by training at every rate, not by looking at one sweep.

The chapter's 3.2.3: too small converges slowly, too large oscillates or diverges. Here each word needs its evidence: a loss
that still falls, a loss that keeps rising, a share of networks that diverged.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Section, Text, digits
from manyfit.hyper import AnyRange, Choice, LogRange, hyper
from manyfit.population import Population
from manyfit.questions._frame.base import INTERRUPTED, Interrupted, Rounds, question
from manyfit.questions._frame.task import Replicate, Task
from manyfit.questions._frame.verdicts import score_text
from manyfit.questions._frame.words import n_of, percent, rate_text, span_text
from manyfit.questions._rates.pictures import (
    curves_figure,
    divergence_figure,
    rates_table,
    regions_table,
    response_figure,
    words_of,
)
from manyfit.questions._rates.regions import FALLS, RISES, Region, regions_of, width_of
from manyfit.questions._rates.response import (
    Basin,
    Response,
    beyond,
    rate_width,
    read,
    response_of,
    stretches,
)
from manyfit.runs import Run
from manyfit.stats import Interval, mean_interval

Floats = NDArray[np.float64]

TRY, CONFIRM = 0, 1
"""Stages: rates are tried on some pairs of seed and split, the chosen one is met on others."""


@question
class LearningRate:
    """Which learning rate: the score over a range of rates, the best one, and how wide the good basin around it is.

    Networks train at every rate on the same pairs of seed and split. Where the best rate lies at the edge of the range, the range
    is widened. The rate in the middle of the good basin is then met on fresh pairs, and that score is quoted.

    Example:
        >>> LearningRate(points=3).tried(LearningRate().rates)
        [0.0001, 0.01, 1.0]
    """

    example: ClassVar[str] = "digits"

    rates: AnyRange = hyper(
        LogRange(1e-4, 1.0), above=0, doc="Rates to try, LOW..HIGH, or some with commas between."
    )
    points: int = hyper(25, low=3, doc="How many rates, evenly spread in their logarithm.")
    replicates: int = hyper(10, low=3, doc="Pairs of fresh seed and split at every rate.")
    confirm: int = hyper(20, low=2, doc="Other fresh pairs, on which the chosen rate is met.")
    widen: int = hyper(
        2, low=0, doc="How often the range may be widened when the best rate lies at its edge."
    )
    margin: float | None = hyper(
        None,
        low=0,
        optional=True,
        kind="number",
        doc="What counts as the same, in the score's unit; by default a share of it.",
    )
    level: float = hyper(0.95, above=0.5, below=1, doc="Confidence level.")

    def tried(self, rates: AnyRange) -> list[float]:
        """The rates of a range, rising."""
        chosen = rates.options if isinstance(rates, Choice) else rates.grid(self.points)
        return sorted({float(f"{rate:.6g}") for rate in chosen})

    def rounds(self, task: Task) -> Rounds:
        """Every rate on every pair; more rates while the best lies at the edge; the chosen one on fresh pairs."""
        pairs = task.replicates(self.replicates, stage=TRY)
        response = yield from self._try(task, self.tried(self.rates), pairs)
        first = response
        is_whole = True
        try:
            for _ in range(self.widen):
                edge = self.read(response, task).edge
                if not edge:
                    break
                more = yield from self._try(task, beyond(response.rates, edge), pairs)
                response = response.joined(more)
            basin = self.read(response, task)
            recipe = task.recipe.set("optimizer.lr", float(response.rates[basin.chosen]))
            fresh = task.replicates(self.confirm, stage=CONFIRM)
            run = yield task.population([task.member(recipe, pair) for pair in fresh])
            confirmed = mean_interval(
                task.scores(run), scope=task.scope, level=self.level, overlap=task.overlap
            )
        except Interrupted:
            is_whole = False
            basin = self.read(response, task)
            confirmed = mean_interval(
                response.score[basin.chosen], scope=task.scope, level=self.level, overlap=task.overlap
            )
        return self.answer(task, response, basin, confirmed, len(first.rates), is_whole=is_whole)

    def _try(
        self, task: Task, rates: Sequence[float], pairs: Sequence[Replicate]
    ) -> Generator[Population, Run, Response]:
        recipes = [task.recipe.set("optimizer.lr", rate) for rate in rates]
        run = yield task.population([task.member(recipe, pair) for recipe in recipes for pair in pairs])
        return response_of(task, run, rates)

    def read(self, response: Response, task: Task) -> Basin:
        """What a response says, a pure function of it."""
        return read(
            response,
            self.margin,
            task.measure.share,
            level=self.level,
            scope=task.scope,
            overlap=task.overlap,
        )

    def answer(
        self,
        task: Task,
        response: Response,
        basin: Basin,
        confirmed: Interval,
        n_first: int,
        *,
        is_whole: bool = True,
    ) -> Answer:
        """Say it in words, tables and pictures."""
        rates = [rate_text(rate) for rate in response.rates]
        chosen = rates[basin.chosen]
        low, high = _ends(response.rates, basin.good)
        given = {"level": self.level, "scope": task.scope}
        regions = regions_of(response, basin, overlap=task.overlap, **given)
        wide = width_of(response, self.margin, task.measure.share, **given)
        width = _width_text(wide)
        score = score_text(task.measure, confirmed)
        sentences = [
            Text(f"Take {chosen}: {score.en}.", f"取 {chosen}：{score.zh}。"),
            Text(
                f"Rates from {rate_text(low)} to {rate_text(high)} are within the margin of the best ({width}).",
                f"{rate_text(low)} 到 {rate_text(high)} 与最佳之差在容差以内（{width}）。",
            )
            if high > low
            else _alone(response.rates, basin.candidates),
        ]
        if basin.edge:
            sentences.append(_EDGE[basin.edge])
        if not np.isfinite(basin.mean).any():
            sentences = [
                Text("At every rate some networks diverged.", "每个学习率下都有网络发散。"),
                _EDGE["lowest"],
            ]
        if not is_whole:
            sentences.append(INTERRUPTED)
        n_rates, n = response.score.shape
        more = n_rates - n_first
        head = (
            Text(
                f"{n_of(n_rates, 'rate')} × {n_of(n, 'replicate')} = {n_of(n_rates * n, 'network')}",
                f"{n_rates} 个学习率 × {n} 个重复 = {n_rates * n:,} 个网络",
            ),
            *(
                [
                    Text(
                        f"the best lay at the edge: {n_of(more, 'rate')} more, now {rates[0]} to {rates[-1]}",
                        f"最佳值位于边缘：增加 {more} 个学习率，现为 {rates[0]} 到 {rates[-1]}",
                    )
                ]
                if more
                else []
            ),
            Text(
                f"the chosen rate was met on {self.confirm} fresh seed-and-split pairs",
                f"选定的学习率另在 {self.confirm} 对新的种子与划分上确认",
            ),
        )
        notes = (
            Text(
                f"right: mean within {digits(basin.margin)} of the best (--margin), none diverged; the other words only where "
                f"shown to be worse",
                f"适中：均值与最佳相差不超过 {digits(basin.margin)}（--margin），且无发散；其他说法仅用于已证实更差者",
            ),
            _whose_scores(n, self.confirm, is_whole),
        )
        measured = _measured(n, self.level)
        in_set = _among(response.rates, basin.candidates)
        best = Text(
            f"With {percent(self.level)} confidence the best of the rates tried is among {in_set}.",
            f"以 {percent(self.level)} 的置信度，试过的学习率中最佳者属于 {in_set}。",
        )
        sections = (
            Section(
                Text("Response to the rate", "学习率的影响"),
                (best,),
                (response_figure(response, basin, task),),
                (regions_table(response, basin, regions, task),),
                (measured,),
            ),
            Section(
                Text("Training at these rates", "各学习率下的训练"),
                (),
                (
                    curves_figure(response, basin, regions),
                    *([divergence_figure(response, basin)] if basin.p_diverge.any() else []),
                ),
                (rates_table(response, basin, regions, task),),
            ),
        )
        scope = Text(
            f"{task.scope}, {task.said.en}",
            f"{task.name} 的{task.rows.scope.zh}，{task.said.zh}",
        )
        return Answer(
            "learning_rate",
            Text(f"Which learning rate for {task.name}?", f"{task.name} 用多大的学习率？"),
            tuple(sentences),
            scope,
            sections,
            _numbers(response, basin, regions, wide, confirmed, is_whole),
            head,
            notes,
        )


_EDGE = {
    "highest": Text(
        "The best may lie above what was tried: --rates LOW..HIGH.",
        "最佳值可能高于试过的范围：--rates LOW..HIGH。",
    ),
    "lowest": Text(
        "The best may lie below what was tried: --rates LOW..HIGH.",
        "最佳值可能低于试过的范围：--rates LOW..HIGH。",
    ),
}


def _alone(rates: Floats, candidates: NDArray[np.bool_]) -> Text:
    """That no other rate is as good, as far as the replicates tell."""
    if candidates.sum() < 2:
        return Text("No other rate that was tried is as good.", "试过的其他学习率都不如它。")
    among = _among(rates, candidates)
    return Text(
        f"No other mean is as good, but the best may be any of {among}: more --replicates tell.",
        f"其他学习率的均值都不如它，但最佳者可能是 {among} 中的任何一个：增加 --replicates 可分辨。",
    )


def _ends(rates: Floats, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    places = np.flatnonzero(chosen)
    return (float(rates[places[0]]), float(rates[places[-1]])) if len(places) else (math.nan, math.nan)


def _whose_scores(n: int, n_fresh: int, is_whole: bool) -> Text:
    """On which pairs the scores of the table and that of the answer were measured."""
    if not is_whole:
        return Text(f"all scores are of the {n} pairs that chose", f"所有分数均来自用于选择的 {n} 对")
    return Text(
        f"scores here are of the {n} pairs that chose the rate, the answer's of the {n_fresh} fresh ones",
        f"表中分数来自用于选择的 {n} 对，结论中的分数来自 {n_fresh} 对新的种子与划分",
    )


def _width_text(width: Interval) -> str:
    """The width of the good basin with its interval."""
    return f"{rate_width(width.estimate)} [{rate_width(width.low)}, {rate_width(width.high)}]"


def _measured(n: int, level: float) -> Text:
    falls, rises = percent(FALLS), percent(RISES)
    return Text(
        f"At every rate the same {n} pairs of seed and split. Too small: the training loss still loses more than {falls} in the "
        f"last quarter of the training. Oscillating: it rises in at least {rises} more of the epochs than at the best rate, and "
        "ends higher. Overfits: it ends lower than at the best rate. A region is called so where its mean score is shown to be "
        f"worse than that of the right rates, paired, all regions together at {percent(level)}; intervals are as wide as that "
        "asks, and allow for the luck by which the right rates came out best. A region that is worse may hold rates that are "
        "not: see which may be the best. Diverging: some networks left the finite numbers, or a million times their first loss. "
        "The width of the right rates has a bootstrap interval over the pairs.",
        f"每个学习率使用相同的 {n} 对种子与划分。太小：训练损失在最后四分之一训练中仍下降超过 {falls}。"
        f"震荡：训练损失上升的轮次比最佳处至少多 {rises}，且最终更高。过拟合：训练损失最终低于最佳处。"
        f"只有证实一个区域的平均分数比适中者更差（配对，全部区域一起，{percent(level)}）时才这样称呼；区间宽度与之相应，"
        "并计入适中者因运气而最佳的部分。区域更差并不表示其中每个学习率都更差：见“可能最佳”。"
        "发散：部分网络的损失不再有限或超过初始的一百万倍。适中范围的宽度带有对各对重抽样的区间。",
    )


def _among(rates: Floats, chosen: NDArray[np.bool_]) -> str:
    """Rates by name, neighbors as stretches."""
    return ", ".join(span_text(rates[run[0]], rates[run[-1]]) for run in stretches(chosen.tolist(), True))


def _numbers(
    response: Response,
    basin: Basin,
    regions: Sequence[Region],
    wide: Interval,
    confirmed: Interval,
    is_whole: bool,
) -> dict[str, object]:
    words = words_of(regions)
    low, high = _ends(response.rates, basin.good)
    return {
        "rate": float(response.rates[basin.chosen]),
        "score": dataclasses.asdict(confirmed),
        "good": [low, high],
        "width": high / low,
        "width_interval": dataclasses.asdict(wide),
        "candidates": response.rates[basin.candidates].tolist(),
        "edge": basin.edge,
        "margin": basin.margin,
        "regions": [
            {
                "rates": response.rates[list(region.rates)].tolist(),
                "word": region.word,
                "minus": None if region.minus is None else dataclasses.asdict(region.minus),
            }
            for region in regions
        ],
        "rates": [
            {
                "rate": float(response.rates[r]),
                "word": words[r],
                "mean": float(basin.mean[r]),
                "diverged": float(basin.p_diverge[r]),
                "falls": float(basin.falls[r]),
                "rises": float(basin.rises[r]),
                "scores": response.score[r].tolist(),
            }
            for r in range(len(response.rates))
        ],
        "interrupted": not is_whole,
    }
