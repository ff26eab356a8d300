"""Too stiff or too restless? Bias², variance and noise from networks that share no data, over capacity or regularization.

The chapter's 3.6.1: E (y − f)² = bias² + variance + irreducible error. One network shows only the sum. Networks trained on
data sets that have no row in common show how much of it is variance; a known truth, or rows with the same inputs, show how
much is noise.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Section, Text, digits
from manyfit.data.truth import truth_of
from manyfit.errors import Problem, UsageError
from manyfit.hyper import AnyRange, Choice, LogRange, hyper
from manyfit.population import Member
from manyfit.questions._frame.base import Rounds, question
from manyfit.questions._frame.rows import TableRows
from manyfit.questions._frame.task import Replicate, Task
from manyfit.questions._frame.verdicts import both, finding_text
from manyfit.questions._frame.words import interval_text, n_of, percent
from manyfit.questions._variance.decomposed import Decomposed, Reading, known_of, read, terms_of
from manyfit.questions._variance.draws import DrawnRows, data_sets, n_rows_text
from manyfit.questions._variance.over import own_setting, setting_said, with_setting
from manyfit.questions._variance.pictures import (
    NAMES,
    WHAT,
    bias_name,
    setting_text,
    sources_figure,
    terms_figure,
    terms_table,
)
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.runs import Run
from manyfit.stats import Finding
from manyfit.stats.decompose import Terms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SEEDS = 1
"""Stage of the networks' own streams; stage 0 splits the rows."""


@question
class BiasVariance:
    """Bias², variance and noise over capacity or regularization, from networks whose data sets share no row.

    Data sets come in groups: fresh ones where the law behind the rows is known (line, cubic, moons, spirals), else halves of the
    rows that train. Squared error is taken apart for numbers, cross-entropy for classes; the terms add up to the loss.

    Example:
        >>> BiasVariance(widths=Choice((4, 2))).values(64.0)
        [2.0, 4.0, 64.0]
    """

    example: ClassVar[str] = "cubic"

    over: str = hyper(
        "width", options=("width", "l2"), doc="What is varied: units of the hidden layers, or strength of L2."
    )
    widths: AnyRange = hyper(
        Choice((1, 2, 4, 8, 16, 32, 64, 128, 256)), low=1, doc="Units of every hidden layer."
    )
    strengths: AnyRange = hyper(
        LogRange(1e-5, 1.0), above=0, doc="Strengths of L2, LOW..HIGH, or some with commas between."
    )
    points: int = hyper(9, low=2, doc="How many strengths of a range.")
    data: str = hyper(
        "auto",
        options=("auto", "fresh", "halves", "bootstraps"),
        doc="Where data sets come from; auto is fresh, else halves.",
    )
    sets: int = hyper(2, low=2, doc="Data sets of a group.")
    seeds: int = hyper(2, low=1, doc="Networks on each data set, each from a seed of its own.")
    replicates: int = hyper(10, low=2, doc="Groups of data sets, each with rows of its own that score.")
    margin: float = hyper(
        0.05, low=0, doc="Share of the loss of the recipe as it is that counts as the same."
    )
    level: float = hyper(0.95, above=0.5, below=1, doc="Confidence level.")

    def values(self, own: float) -> list[float]:
        """The settings, rising; that of the recipe as it is among them."""
        given = self.widths if self.over == "width" else self.strengths
        found = given.options if isinstance(given, Choice) else given.grid(self.points)
        rounded = {float(round(value) if self.over == "width" else f"{value:.4g}") for value in found}
        return sorted(rounded | {own})

    def rounds(self, task: Task) -> Rounds:
        """One population: every setting on every data set from every seed."""
        own = own_setting(task.recipe, self.over)
        values = self.values(own)
        task, how = self.with_draws(task)
        groups = task.replicates(self.replicates)
        sets = [data_sets(task, group, self.sets, how) for group in groups]
        members = [
            member
            for value in values
            for g, group in enumerate(groups)
            for member in self._members(task, with_setting(task.recipe, self.over, value), group, g, sets[g])
        ]
        run = yield task.population(members)
        found = self.take_apart(task, run, values, own)
        said = _draws_text(how, sets[0])
        return self.answer(task, found, self.read(found, task), said, len(run))

    def with_draws(self, task: Task) -> tuple[Task, str]:
        """The task on the data sets that are asked for, and where they come from.

        Raises:
            UsageError: If fresh data sets are asked for and nobody knows the law behind the rows.
        """
        rows = task.rows
        if isinstance(rows, DrawnRows):
            return task, "fresh"
        truth = (
            truth_of(rows.data) if isinstance(rows, TableRows) and self.data in ("auto", "fresh") else None
        )
        if truth is not None:
            drawn = DrawnRows.of_example(rows.data, truth, self.replicates, self.sets, task.seed)  # type: ignore[union-attr]
            return dataclasses.replace(task, rows=drawn), "fresh"
        if self.data == "fresh":
            hint = Text(
                "Only the laws behind line, cubic, moons and spirals are known; take halves.",
                "已知规律的只有 line、cubic、moons 和 spirals；请用 halves。",
            )
            rule = Text("needs rows from a known law", "需要来自已知规律的行")
            raise UsageError(Problem("--data fresh", rule, task.name, hint=hint))
        return task, "halves" if self.data == "auto" else self.data

    def _members(
        self, task: Task, recipe: Recipe, group: Replicate, g: int, sets: Sequence[Ints]
    ) -> list[Member]:
        """[K · S] networks of a group, set after set, each from a seed of its own."""
        found = []
        for k, rows in enumerate(sets):
            for s in range(self.seeds):
                number = (g * self.sets + k) * self.seeds + s
                streams = Streams.of(task.seed, SEEDS, number)
                found.append(task.member(recipe, group._replace(streams=streams), train=rows))
        return found

    def take_apart(self, task: Task, run: Run, values: Sequence[float], own: float) -> Decomposed:
        """The terms that a run shows: a pure function of it."""
        place = np.arange(len(run)).reshape(len(values), -1, self.sets * self.seeds)
        known = known_of(task, run.population.members[0])
        shape = (len(values), self.sets, self.seeds)
        groups = [terms_of(task, run, place[:, g].ravel(), shape, known) for g in range(place.shape[1])]
        gone = run.diverged[place]
        terms = []
        for name, of_groups in zip(Terms._fields, zip(*groups, strict=True), strict=True):
            table = np.stack(of_groups, axis=1)
            terms.append(table if name == "noise" else np.where(gone.any(2), np.inf, table))
        return Decomposed(
            np.array(values), values.index(own), Terms(*terms), gone.mean((1, 2)), known.is_told
        )

    def read(self, found: Decomposed, task: Task) -> Reading:
        """What a decomposition says: a pure function of it."""
        return read(found, self.margin, level=self.level, scope=task.scope, overlap=task.overlap)

    def answer(self, task: Task, found: Decomposed, reading: Reading, draws: Text, n_networks: int) -> Answer:
        """Say it in words, tables and pictures."""
        n_values, n = found.terms.loss.shape
        what = WHAT[self.over]
        head = (
            Text(
                f"{n_of(n_values, what.en)} × {n_of(n, 'group')} × {n_of(self.sets, 'data set')} × {n_of(self.seeds, 'seed')}"
                f" = {n_of(n_networks, 'network')}",
                f"{n_values} 个{what.zh} × {n} 组 × {self.sets} 个数据集 × {self.seeds} 个种子 = {n_networks:,} 个网络",
            ),
            draws,
        )
        loss = (
            Text("squared error", "平方误差")
            if task.rows.task == "regression"
            else Text("cross-entropy", "交叉熵")
        )
        statement = [_at_base(found, reading, self.over, loss), _trade_off(found, reading, self.over)]
        statement.append(_best(found, reading, self.over))
        sections = (
            Section(
                Text("Bias and variance", "偏差与方差"),
                tuple(statement),
                (terms_figure(found, reading, self.over, loss),),
                (terms_table(found, reading, self.over, loss),),
                (_measured(self, task, found, draws),),
            ),
            Section(
                Text("Where the variance comes from", "方差的来源"),
                (_sources(found, reading, self.over),),
                (sources_figure(found, reading, self.over),),
                (),
                (_SOURCES,),
            ),
        )
        return Answer(
            "bias_variance",
            Text(f"Bias or variance on {task.name}?", f"{task.name} 上是偏差还是方差？"),
            tuple(statement),
            Text(f"{task.scope}, {task.said.en}", f"{task.name} 的{task.rows.scope.zh}，{task.said.zh}"),
            sections if self.seeds > 1 else sections[:1],
            _numbers(found, reading),
            head,
            (
                Text(
                    "vs as it is: within the margin counts as the same (--margin, a share of the loss)",
                    "与原样相比：差异在容差内视为相同（--margin，占损失的比例）",
                ),
            ),
        )


def _at_base(found: Decomposed, reading: Reading, over: str, loss: Text) -> Text:
    """The terms of the recipe as it is."""
    of = {name: intervals[found.base] for name, intervals in reading.of.items()}
    at, bias = setting_said(over, float(found.settings[found.base])), bias_name(found)
    noise = f"{digits(of['noise'].estimate)}"
    share = of["variance"].estimate / of["loss"].estimate if of["loss"].estimate > 0 else math.nan
    english = (
        f"As it is ({at.en}): {loss.en} {digits(of['loss'].estimate)} = {bias.en} {interval_text(of['bias'])}"
        f" + variance {interval_text(of['variance'])}" + (f" + noise {noise}" if found.knows_noise else "")
    )
    chinese = (
        f"原样（{at.zh}）：{loss.zh}{digits(of['loss'].estimate)} = {bias.zh} {interval_text(of['bias'])}"
        f" + 方差{interval_text(of['variance'])}" + (f" + 噪声{noise}" if found.knows_noise else "")
    )
    if reading.dominates in _DOMINATES:
        word = _DOMINATES[reading.dominates]
        return both(f"{english}; {word.en}.", f"{chinese}；{word.zh}。")
    if math.isfinite(share):
        return both(f"{english}; variance is {percent(share)} of it.", f"{chinese}；方差占{percent(share)}。")
    return both(f"{english}.", f"{chinese}。")


_DOMINATES = {
    "variance": Text("variance is the larger part", "方差更大"),
    "bias": Text("bias² is the larger part", "偏差² 更大"),
    "balanced": Text("the two are the same", "两者相当"),
    "cannot-tell": Text("which of the two is larger can't be told", "无法判断两者孰大"),
}
_MOVES = {
    Finding.BETTER: Text("falls", "下降"),
    Finding.WORSE: Text("rises", "上升"),
    Finding.SAME: Text("stays within the margin", "变化在容差内"),
    Finding.UNKNOWN: Text("may fall or rise", "升降不明"),
}


def _trade_off(found: Decomposed, reading: Reading, over: str) -> Text:
    """What the largest setting does to bias² and variance, against the smallest."""
    low, high = (setting_text(over, float(found.settings[i])) for i in (0, -1))
    what, bias = WHAT[over], bias_name(found)
    parts = []
    for name, comparison in ((bias, reading.bias_over), (NAMES["variance"], reading.variance_over)):
        by, moves = interval_text(comparison.difference, signed=True), _MOVES[comparison.finding]
        parts.append(Text(f"{name.en} {moves.en} ({by})", f"{name.zh}{moves.zh}（{by}）"))
    means = np.array([interval.estimate for interval in reading.of["variance"]])
    peak = int(np.argmax(np.where(np.isfinite(means), means, -np.inf)))
    most = Text("", "")
    if 0 < peak < len(means) - 1:
        shown = setting_text(over, float(found.settings[peak]))
        most = Text(f"; variance is largest at {shown}", f"；方差在{shown}处最大")
    return both(
        f"From {what.en} {low} to {high} {parts[0].en} and {parts[1].en}{most.en}.",
        f"{what.zh}从{low}到{high}：{parts[0].zh}，{parts[1].zh}{most.zh}。",
    )


def _best(found: Decomposed, reading: Reading, over: str) -> Text:
    """Where the loss is lowest, and whether that is better than as it is."""
    best = reading.best
    at, loss = setting_said(over, float(found.settings[best])), digits(reading.of["loss"][best].estimate)
    if best == found.base:
        return both(f"No other {WHAT[over].en} has a lower loss.", f"其他{WHAT[over].zh}的损失都不更低。")
    verdict, by = reading.against[best], interval_text(reading.against[best].difference, signed=True)
    word = finding_text(verdict)
    edge = Text("", "")
    if best in (0, len(found.settings) - 1):
        option = "--widths" if over == "width" else "--strengths"
        edge = Text(f" It is the last one tried: {option}.", f"它位于试过范围的边缘：{option}。")
    return both(
        f"The loss is lowest at {at.en}, {loss}: {by} against as it is ({word.en}).{edge.en}",
        f"损失在{at.zh}处最低，为{loss}：与原样相差{by}（{word.zh}）。{edge.zh}",
    )


def _sources(found: Decomposed, reading: Reading, over: str) -> Text:
    """The two sources of the variance of the recipe as it is."""
    at = setting_said(over, float(found.settings[found.base]))
    data, seed = (interval_text(reading.of[name][found.base]) for name in ("data", "seed"))
    return both(
        f"As it is ({at.en}): {data} of the variance comes from the data, {seed} from the seed.",
        f"原样（{at.zh}）：方差中来自数据{data}，来自种子{seed}。",
    )


_SOURCES = Text(
    "Networks on one data set differ by their seeds alone; what the means of data sets differ by beyond that is of the data.",
    "同一数据集上的网络只因种子而不同；各数据集均值之差超出该部分的，来自数据。",
)


def _draws_text(how: str, sets: Sequence[Ints]) -> Text:
    n = n_rows_text(sets)
    return {
        "fresh": Text(
            f"fresh data sets of {n} rows from the law behind the rows",
            f"由已知分布新抽的数据集，每个 {n} 行",
        ),
        "halves": Text(
            f"data sets that share no row: parts of {n} rows of the rows that train",
            f"互不重叠的数据集：训练行的各部分，每个 {n} 行",
        ),
        "bootstraps": Text(
            f"bootstraps of {n} rows, which share 63 % of their rows: variance comes out too small",
            f"自助样本，每个 {n} 行，彼此共有 63 % 的行：方差偏小",
        ),
    }[how]


def _measured(plan: BiasVariance, task: Task, found: Decomposed, draws: Text) -> Text:
    n = found.terms.loss.shape[1]
    english = (
        f"{n} groups of {plan.sets} data sets, {plan.seeds} networks on each; {draws.en}. Intervals at {percent(plan.level)} "
        "over the groups. Terms are free of the bias that a finite number of networks brings and add up to the loss; a term near "
        "0 may come out negative. "
    )
    chinese = (
        f"{n} 组，每组 {plan.sets} 个数据集，各训练 {plan.seeds} 个网络；{draws.zh}。区间水平 {percent(plan.level)}，按组计算。"
        "各项已去除网络个数有限带来的偏差，且相加等于损失；接近 0 的项可能为负。"
    )
    if task.rows.task == "regression":
        english += "Squared error in the unit of the target, squared."
        chinese += "平方误差以目标单位的平方计。"
    else:
        english += (
            "Cross-entropy about the normalized geometric mean of the probabilities (Heskes 1998); with few data sets in a group "
            "its variance comes out a little too small."
        )
        chinese += "交叉熵以概率的归一化几何均值为中心（Heskes 1998）；每组数据集很少时方差略偏小。"
    if not found.knows_noise:
        english += " Neither the law nor repeated rows tell the noise, so it stands with the bias."
        chinese += "分布未知且没有足够的重复行，噪声与偏差无法分开。"
    return Text(english, chinese)


def _numbers(found: Decomposed, reading: Reading) -> dict[str, Any]:
    return {
        "settings": found.settings.tolist(),
        "as_it_is": float(found.settings[found.base]),
        "best": float(found.settings[reading.best]),
        "dominates": reading.dominates,
        "noise_is_known": found.knows_noise,
        "terms": {
            name: [dataclasses.asdict(interval) for interval in intervals]
            for name, intervals in reading.of.items()
        },
        "groups": {name: table.tolist() for name, table in found.terms._asdict().items()},
        "against": [c.finding.value for c in reading.against],
        "bias_over": reading.bias_over.finding.value,
        "variance_over": reading.variance_over.finding.value,
        "diverged": found.diverged.tolist(),
    }
