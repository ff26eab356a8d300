"""Does it underfit, overfit, or is its gap without harm? Asked by trying the remedies, not by looking at a curve.

Twins of the recipe, alike but for one remedy, train on the same splits from the same seeds. Overfitting is found when a
twin that is smaller, penalised or stopped early is better on rows that neither has seen; underfitting when a larger or
longer one is. The one that helps most is chosen for its luck as well: it decides only if it is better again, on
fresh pairs that had no part in choosing it. A gap between training and held-out loss that no remedy can make use of does
no harm.

What else may be wrong is looked for in the same records (`_findings/`): each finding with its evidence, and its remedies
tried on fresh pairs that had no part in finding it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Bars, Curves, Section, Series, Table, Text, digits
from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.hyper import hyper
from manyfit.population import Member
from manyfit.questions._diagnosis.also import again_lines, also_lines, also_section, has_number
from manyfit.questions._diagnosis.evidence import Evidence, numbers
from manyfit.questions._diagnosis.findings import Found, Records, Seen, Tried, Twin
from manyfit.questions._diagnosis.findings import registry as findings
from manyfit.questions._diagnosis.fresh import Fresh
from manyfit.questions._diagnosis.judgement import judge, leading
from manyfit.questions._diagnosis.pairs import by_ratio, in_units, times
from manyfit.questions._diagnosis.twins import BASE, BOOSTS, CURBS, SHARES, WORDS, twins
from manyfit.questions._frame.base import INTERRUPTED, Interrupted, Rounds, question
from manyfit.questions._frame.measure import said
from manyfit.questions._frame.task import Replicate, Task
from manyfit.questions._frame.verdicts import FINDINGS as FINDINGS
from manyfit.questions._frame.verdicts import both, finding_text
from manyfit.questions._frame.words import interval_text, n_of, percent, spaced
from manyfit.recipe import Recipe
from manyfit.rng import epoch_order
from manyfit.runs import Run
from manyfit.stats import Comparison, Interval, mean_interval

Floats = NDArray[np.float64]

FLOOR = 1e-3
"""Share of the score on unseen rows below which that on training rows is not told apart from nothing."""

CODES: Mapping[str, Text] = {
    "overfitting": Text("overfitting", "过拟合"),
    "underfitting": Text("underfitting", "欠拟合"),
    "gap-without-harm": Text("gap without harm", "有差距但无害"),
    "fits": Text("no gap to speak of", "没有明显差距"),
    "unstable": Text("unstable", "不稳定"),
    "cannot-tell": Text("cannot tell", "无法判断"),
}
MAIN = ("overfitting", "underfitting", "gap-without-harm", "fits")
"""Verdicts that can be muted, beside the findings."""


@question
class Diagnose:
    """Underfitting, gap without harm, or overfitting, each remedy tried.

    Example:
        >>> Diagnose(replicates=10).replicates
        10
    """

    replicates: int = hyper(30, low=2, doc="Fresh pairs of seed and split.")
    margin: float = hyper(0.01, low=0, doc="Share of the score within which two recipes count as the same.")
    level: float = hyper(
        0.95, above=0.5, below=1, doc="Confidence level, shared out among the remedies of one kind."
    )
    mute: tuple[str, ...] = hyper(
        (), kind="texts", doc="Codes of findings that are not shown and decide nothing."
    )

    def rounds(self, task: Task) -> Rounds:
        """The recipe as it is, watched; its twins on the same pairs; on fresh pairs the best of them, and what findings want."""
        problems = list(unknown_codes(self.mute))
        if problems:
            raise UsageError(problems, "this question")
        pairs = task.replicates(self.replicates)
        own = task.population(task.member(task.recipe, pair) for pair in pairs)
        base = yield dataclasses.replace(own, watch=True)
        tried = {name: twin for name, twin in twins(task.recipe).items() if name != BASE}
        run = yield task.population(
            _member(task, recipe, pair, SHARES.get(name, 1.0))
            for name, recipe in tried.items()
            for pair in pairs
        )
        unseen = {BASE: task.scores(base)}
        unseen |= zip(tried, task.scores(run).reshape(len(tried), len(pairs)), strict=True)
        records = self.records(task, pairs, base, unseen)
        fresh = Fresh(task, self.replicates, self.margin)
        seen: tuple[tuple[str, Seen], ...] = ()
        changes: Mapping[Twin, Comparison] = {}
        is_cut = False
        try:
            if leader := leading(records.remedies, self.mute):
                twin = Twin(WORDS[leader], tried[leader])
                again = yield from fresh.changes({twin: self.level})
                records = self.records(task, pairs, base, unseen, again[twin])
            seen = tuple(self.seen(records))
            changes = yield from fresh.changes(self._levels(seen))
        except Interrupted:
            is_cut = True
        found = tuple(_found(code, what, changes) for code, what in seen)
        networks = len(base) + len(run), fresh.n_networks
        return self.answer(task, self.evidence(records, found, is_cut)._replace(n_networks=networks))

    def records(
        self,
        task: Task,
        pairs: Sequence[Replicate],
        base: Run,
        unseen: Mapping[str, Floats],
        again: Comparison | None = None,
    ) -> Records:
        """What the pairs have left behind, compared: a pure function of the runs.

        Args:
            task: What is asked about.
            pairs: [n] seeds and splits.
            base: Run of the recipe as it is.
            unseen: [n] scores on unseen rows, by twin.
            again: What the twin that helps most changed on fresh pairs, once it is known.
        """
        own = unseen[BASE]
        scale = float(np.mean(own)) if np.isfinite(own).all() else 1.0
        remedies = {}
        for family in (CURBS, BOOSTS):
            names = [name for name in family if name in unseen]
            level = 1 - (1 - self.level) / max(len(names), 1)  # Bonferroni over the remedies of one kind
            for name in names:
                found = by_ratio(unseen[name], own, task, self.margin, level)
                remedies[name] = in_units(found, scale)
        seen = task.scores(base, seen=True)
        gap = self._gap(task, own, seen)
        leader, code = leading(remedies, self.mute), "cannot-tell"
        if np.isfinite(own).all():
            curbs = {
                name: in_units(by_ratio(unseen[name], own, task, self.margin, self.level), scale)
                for name in CURBS
                if name in unseen
            }
            code = judge(leader, again, curbs, gap, self.margin * scale, self.mute)
        shown = {name: found.finding for name, found in remedies.items()}
        edges = () if task.edges is None else task.edges(shown)
        return Records(
            task, pairs, base, unseen, seen, remedies, gap, code, leader, again, self.margin, self.level, edges
        )

    def _gap(self, task: Task, own: Floats, seen: Floats) -> Interval:
        known = np.maximum(seen, FLOOR * own)
        return times(_ratio(own, known, self.level, task), float(np.mean(seen)))

    def seen(self, records: Records) -> Iterator[tuple[str, Seen]]:
        """What each finding that is not muted sees, in the order in which they are told."""
        for code, kind in sorted(findings.all().items(), key=lambda item: item[1].rank):
            if code not in self.mute and (what := kind().look(records)) is not None:
                yield code, what

    def _levels(self, seen: Sequence[tuple[str, Seen]]) -> dict[Twin, float]:
        """The level at which each remedy is tried: it is shared among those of one finding (Bonferroni)."""
        wants = [what.wants for _, what in seen]
        return {
            twin: 1 - (1 - self.level) / max(len(mine) for mine in wants if twin in mine)
            for all_of_one in wants
            for twin in all_of_one
        }

    def evidence(self, records: Records, found: tuple[Found, ...] = (), is_cut: bool = False) -> Evidence:
        """The evidence as a whole."""
        task = records.task
        own = records.unseen[BASE]
        by_rows = np.array([records.unseen[name] for name in (*SHARES, BASE)])
        n_train = float(np.mean([len(member.rows.train) for member in records.base.population.members]))
        scale = float(np.mean(own)) if np.isfinite(own).all() else 1.0
        return Evidence(
            records.code,
            records.remedies,
            float(np.mean(records.seen)),
            float(np.mean(own)),
            records.gap,
            n_train * np.array([*SHARES.values(), 1.0]),
            by_rows.mean(1),
            _ends(list(by_rows), self.level, task),
            times(_doubling(by_rows, self.level, task), scale),
            task.overlap.n_data(len(records.pairs)),
            found,
            tuple(self.mute),
            is_cut,
            records.leader,
            records.again,
        )

    def answer(self, task: Task, found: Evidence) -> Answer:
        """Say the evidence in words, a table and two pictures."""
        code, plain = CODES[found.code], numbers(found)
        train, held = said(task.measure, digits(found.train)), digits(found.held)
        gap = both(
            f"{task.name}: {code.en}. {train.en[0].upper()}{train.en[1:]} on training rows, {held} on unseen ones.",
            f"{task.name}：{code.zh}。训练行上{train.zh}，未见过的行上{held}。",
        )
        statement = (gap, *_decisive(task, found))
        if not math.isfinite(found.held):
            gap = Text(
                f"{task.name}: {code.en}; some of its trainings diverged, so no remedy can be judged.",
                f"{task.name}：{code.zh}；部分训练发散，无法评判各种办法。",
            )
            statement = (gap,)
        names = tuple(found.remedies)
        differences = [found.remedies[name].difference for name in names]
        minus = Text(f"{task.measure.label.en}, twin minus as it is", f"{task.measure.label.zh}：变体减原样")
        bars = Bars(
            Text("What each remedy changes", "每种办法带来的变化"),
            tuple(WORDS[name] for name in names),
            np.array([d.estimate for d in differences]),
            np.array([d.low for d in differences]),
            np.array([d.high for d in differences]),
            minus,
            reference=0.0,
        )
        rows = Curves(
            Text("Would more rows pay?", "更多的行有用吗？"),
            (Series(Text("unseen rows", "未见过的行"), np.rint(found.n_rows), found.by_rows, *found.by_rows_ends),),
            Text("training rows", "训练行数"),
            task.measure.label,
            x_log=True,
        )
        table = Table(
            (Text("tried", "尝试"), minus, Text("finding", "结论")),
            tuple(
                (
                    WORDS[name],
                    interval_text(d, signed=True) if has_number(dataclasses.asdict(found.remedies[name])) else "–",
                    finding_text(found.remedies[name]),
                )
                for name, d in zip(names, differences, strict=True)
            ),
            Text("Remedies tried, on rows that no network has seen", "在任何网络都未见过的行上尝试各种办法"),
        )
        scope = _scope(task, self.replicates, found.n_data, self.level)
        by = interval_text(found.doubling, signed=True)
        more = Text(
            f"Twice the rows would change the {task.measure.label.en} by {by}, if it goes on as it went.",
            spaced(f"按目前的趋势，行数加倍会使{task.measure.label.zh}变化 {by}。"),
        )
        measured = Text(
            "Twins share seeds, splits and rows with the recipe as it is; they differ by the remedy alone. Scores are compared "
            "pair by pair by their ratios, whose geometric mean is told in the unit of the score. "
            + ("Folds or stretches of time overlap, so intervals are corrected as by Nadeau and Bengio." if task.overlap else ""),
            "变体与原配方使用相同的种子、划分和行，只差一种办法。分数逐对按比值比较，其几何均值以分数的单位给出。"
            + ("各折或各时段有重叠，区间按 Nadeau–Bengio 方法修正。" if task.overlap else ""),
        )
        return Answer(
            "diagnose",
            Text(f"Does the network fit {task.name}?", f"网络对 {task.name} 拟合得如何？"),
            (*statement, *([INTERRUPTED] if found.is_cut else [])),
            scope,
            (
                Section(Text("Remedies", "办法"), statement, (bars,), (table,), (measured,)),
                Section(Text("Rows", "行数"), (more,), (rows,)),
                *also_section(plain),
            ),
            plain,
            _head(found, self.replicates),
            also=tuple(also_lines(plain)),
        )


def _decisive(task: Task, found: Evidence) -> tuple[Text, ...]:
    """What the code stands on: the remedy that helped most, once more; where none decides, the gap."""
    again = tuple(again_lines(numbers(found)))
    if found.code in ("overfitting", "underfitting"):
        return again
    if not math.isfinite(found.gap.high - found.gap.low):
        return again
    by = said(task.measure, interval_text(found.gap, signed=True))
    if found.code == "gap-without-harm":
        return (
            *again,
            both(f"No curb makes use of the gap, pair by pair {by.en}.", f"逐对的差距{by.zh}，抑制的办法都无法利用它。"),
        )
    return (*again, both(f"Pair by pair the gap is {by.en}.", f"逐对的差距：{by.zh}。"),)


def _head(found: Evidence, n_pairs: int) -> tuple[Text, ...]:
    """How many networks were trained, and what for."""
    n, more = found.n_networks
    twins = n // n_pairs - 1
    lines = [
        Text(
            f"the recipe as it is and {n_of(twins, 'twin')} × {n_of(n_pairs, 'pair')} = {n_of(n, 'network')}",
            f"原样与 {twins} 个变体 × {n_pairs} 对 = {n:,} 个网络",
        )
    ]
    if more:
        lines.append(
            Text(
                f"what helped most, and what findings want, on {n_of(n_pairs, 'fresh pair')}: {n_of(more, 'network')}",
                f"最有用的办法与各项发现的办法在 {n_pairs} 对新的种子与划分上：{more:,} 个网络",
            )
        )
    return tuple(lines)


def unknown_codes(mute: Sequence[str]) -> Iterator[Problem]:
    """Codes that nobody has, to be muted."""
    known = (*MAIN, *findings.all())
    for code in mute:
        if code not in known:
            yield Problem("mute", Text(f"knows no finding {code!r}", f"没有叫 {code!r} 的发现"), hint=did_you_mean(code, known))


def _found(code: str, seen: Seen, changes: Mapping[Twin, Comparison]) -> Found:
    """A finding with what came of its remedies, as far as they could be tried."""
    fresh = tuple(Tried(twin.name, changes[twin]) for twin in seen.wants if twin in changes)
    return Found(code, findings.find(code).label, seen, (*seen.tried, *fresh))


def _member(task: Task, recipe: Recipe, pair: Replicate, share: float) -> Member:
    """A twin on all its training rows, or on a random share of them."""
    whole = task.member(recipe, pair)
    if share >= 1.0:
        return whole
    rows = whole.rows.train
    chosen = np.sort(epoch_order(pair.streams.split, 0, len(rows))[: max(round(share * len(rows)), 1)])
    return task.member(recipe, pair, train=rows[chosen])


def _doubling(by_rows: Floats, level: float, task: Task) -> Interval:
    """The share by which twice the rows would change the score: as the last doubling did, shrunk as much as that had shrunk."""
    with np.errstate(invalid="ignore", divide="ignore"):  # networks that diverged: inf − inf is unknown
        logs = np.log(by_rows)
        before, last = logs[1] - logs[0], logs[2] - logs[1]
    first, second = float(np.mean(before)), float(np.mean(last))
    shrink = min(max(second / first, 0.35), 1.0) if first < 0 and np.isfinite(second / first) else 2**-0.5
    found = mean_interval(shrink * last, scope=task.scope, level=level, overlap=task.overlap)
    method = f"{found.method} of logarithms of the last doubling, shrunk by {shrink:.2f}"
    return dataclasses.replace(_shared(found), method=method)


def _ratio(above: Floats, below: Floats, level: float, task: Task) -> Interval:
    """Geometric mean of above / below, minus 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(above) - np.log(below)
    return _shared(mean_interval(logs, scope=task.scope, level=level, overlap=task.overlap))


def _shared(logs: Interval) -> Interval:
    """An interval of a logarithm as one of a share: 0.1 is a tenth more."""
    estimate, low, high = (float(np.expm1(end)) for end in (logs.estimate, logs.low, logs.high))
    return dataclasses.replace(logs, estimate=estimate, low=low, high=high)


def _ends(by_rows: Sequence[Floats], level: float, task: Task) -> Floats:
    """[2, k] ends of the intervals of mean scores."""
    if not all(np.isfinite(scores).all() for scores in by_rows):
        return np.full((2, len(by_rows)), np.nan)
    found = [mean_interval(of, scope=task.scope, level=level, overlap=task.overlap) for of in by_rows]
    return np.array([[each.low for each in found], [each.high for each in found]])


def _scope(task: Task, n_pairs: int, n_data: int, level: float) -> Text:
    """What the intervals speak of: pairs, or the data sets that the pairs share."""
    rows = task.rows.scope
    words = Text(f"{n_pairs} pairs over {rows.en} of {task.name}", f"{task.name} 的 {n_pairs} 对{rows.zh}")
    if 1 < n_data < n_pairs:
        words = Text(
            f"{n_data} data sets of {task.name}, the {n_pairs} pairs on them averaged where they share their rows",
            f"{task.name} 的 {n_data} 个数据集，{n_pairs} 对中共用行的先取平均",
        )
    return Text(
        f"{words.en}; intervals at {percent(level)}, shared among the remedies",
        f"{words.zh}；区间水平 {percent(level)}，由各办法分担",
    )
