"""What growing parts of the rows say of more of them, in words, tables and pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Cell, Curves, Section, Series, Table, Text, digits
from manyfit.questions._frame.base import INTERRUPTED
from manyfit.questions._frame.measure import said
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.verdicts import both, gain_text
from manyfit.questions._frame.words import interval_text, n_of
from manyfit.questions._growth.grown import Found, Grown, as_plain
from manyfit.questions._growth.power_law import Check
from manyfit.stats import NEVER, Finding, mean_interval

Floats = NDArray[np.float64]

AHEAD = (2.0, 4.0)
"""How many times the rows the curve is drawn and told."""
DRAWN = 40
"""Points of a drawn curve."""


def answer_of(
    task: Task, grown: Grown, found: Found, level: float, same_updates: bool, *, is_whole: bool = True
) -> Answer:
    """Say it."""
    n_parts, n = grown.score.shape
    sentences = list(_statement(task, grown, found))
    if not is_whole:
        sentences.append(INTERRUPTED)
    head = Text(
        f"{n_of(n_parts, 'number')} of rows × {n_of(n, 'replicate')} = {n_of(n_parts * n, 'network')}",
        f"{n_parts} 种行数 × {n} 个重复 = {n_parts * n:,} 个网络",
    )
    gain = gain_text([found.half])
    notes = (
        Text(
            f"no more than the margin: within {digits(found.margin)} (--margin)   {gain.en}",
            f"不超过容差：变化在 {digits(found.margin)} 以内（--margin）   {gain.zh}",
        ),
    )
    sections = (
        Section(
            Text("Score over the number of rows", "分数随行数的变化"),
            tuple(_law(found, level)),
            (_figure(task, grown, found, level),),
            (_table(task, grown, found, level),),
            (_measured(n, same_updates),),
        ),
        Section(
            Text("Did smaller parts foretell the largest?", "较小的部分是否预言了最大的？"),
            (_checked(task, found),),
            (),
            (_parts_table(task, grown),),
        ),
    )
    return Answer(
        "learning_curve",
        Text(f"Would more rows pay for {task.name}?", f"{task.name} 再多一些行有用吗？"),
        tuple(sentences),
        Text(f"{task.scope}, {task.said.en}", f"{task.name} 的{task.rows.scope.zh}，{task.said.zh}"),
        sections,
        _numbers(grown, found, level, is_whole),
        (head,),
        notes,
    )


def _statement(task: Task, grown: Grown, found: Found) -> Iterator[Text]:
    n_all = round(float(grown.n_rows[-1]))
    half = said(task.measure, interval_text(found.half.difference, signed=True))
    if found.twice is None or found.four is None:
        gone = 100 * float(grown.diverged[-1].mean())
        yield (
            Text(
                f"Cannot tell: with all {n_all:,} rows {gone:.0f} % of the networks diverged; take a lower rate.",
                f"无法判断：使用全部 {n_all:,} 行时 {gone:.0f} % 的网络发散；请降低学习率。",
            )
            if gone
            else Text(
                "Cannot tell: too few numbers of rows for a curve.",
                "无法判断：行数的取值太少，无法拟合曲线。",
            )
        )
        return
    by = said(task.measure, interval_text(found.twice, signed=True))
    twice = both(f"{by.en} for twice as many", f"行数加倍时{by.zh}")
    match found.finding:
        case Finding.BETTER:
            yield Text(f"More rows pay: {twice.en}.", f"再多一些行有用：{twice.zh}。")
        case Finding.SAME:
            yield Text(
                f"More rows pay no more than the margin: {twice.en}.",
                f"再多一些行的好处不超过容差：{twice.zh}。",
            )
        case Finding.WORSE:
            yield Text(f"More rows do not pay: {twice.en}.", f"再多一些行没有用：{twice.zh}。")
        case _:
            yield from _unknown(found, twice)
    if found.finding is not Finding.UNKNOWN:
        four = interval_text(found.four, signed=True)
        yield Text(f"For four times as many {four}.", f"四倍时 {four}。")
    yield Text(
        f"Measured, from half of the rows to all {n_all:,}: {half.en}.",
        f"实测：从一半到全部 {n_all:,} 行，{half.zh}。",
    )
    if found.check is not None and found.check.holds:
        yield Text("Half of the rows foretold the whole.", "由一半的行预言了全部的结果。")


def _unknown(found: Found, twice: Text) -> Iterator[Text]:
    if found.check is not None and not found.check.holds:
        miss = interval_text(found.check.miss, signed=True)
        yield Text(
            f"Cannot tell: the curve through half of the rows misses the whole by {miss}, so it is not trusted beyond it.",
            f"无法判断：由一半的行得到的曲线与全部的结果相差 {miss}，因此不用于外推。",
        )
    elif 0 < found.more < NEVER:
        yield Text(
            f"Cannot tell, {found.more:,} more replicates: {twice.en}.",
            f"无法判断，再加 {found.more:,} 个重复：{twice.zh}。",
        )
    else:
        yield Text(f"Cannot tell: {twice.en}.", f"无法判断：{twice.zh}。")


def _law(found: Found, level: float) -> Iterator[Text]:
    if found.curve is None or found.twice is None:
        return
    left = interval_text(found.curve.left(scope=found.twice.scope, level=level))
    c = f"{float(found.curve.law.c[0]):.2g}"
    yield Text(
        f"The curve is a + b · rows^−{c}; endless rows would leave a = {left}.",
        f"曲线为 a + b · 行数^−{c}；行数无穷多时剩下 a = {left}。",
    )
    gone = int((~found.kept).sum())
    if gone:
        yield Text(
            f"{n_of(gone, 'number')} of rows at which a network diverged {'is' if gone == 1 else 'are'} not part of it.",
            f"有网络发散的 {gone} 种行数不计入其中。",
        )


def _checked(task: Task, found: Found) -> Text:
    tried = found.check
    if tried is None:
        return Text("Not checked: too few numbers of rows up to a half.", "未检验：一半以内的行数取值太少。")
    told = _foretold(task, tried)
    if tried.holds:
        return Text(f"Yes: {told.en}.", f"是：{told.zh}。")
    return Text(
        f"No: {told.en}. What it says of more rows is not trusted.",
        f"否：{told.zh}。不采信它对更多行的预言。",
    )


def _foretold(task: Task, tried: Check) -> Text:
    foretold = said(task.measure, interval_text(tried.foretold))
    measured, miss = digits(tried.measured), interval_text(tried.miss, signed=True)
    return both(
        f"the curve through half of the rows and less foretold {foretold.en} for all of them; measured {measured}, "
        f"a miss of {miss}",
        f"由一半及更少的行得到的曲线对全部的行预言{foretold.zh}；实测 {measured}，相差 {miss}",
    )


def _measured(n: int, same_updates: bool) -> Text:
    length = (
        Text(
            "All are trained with as many updates as all rows get, so that fewer rows do not mean less training.",
            "各种行数的更新次数与使用全部行时相同，因此行数少并不意味着训练少。",
        )
        if same_updates
        else Text("All are trained with as many passes.", "各种行数的训练轮数相同。")
    )
    return Text(
        f"{n} pairs of seed and split; in each, the smaller part of the training rows lies within the larger, and all are scored "
        f"on the same unseen rows. {length.en} Inputs are scaled by all training rows of a split. Intervals resample the pairs; "
        "they do not know of curves of another shape, which is why half of the rows have to foretell the whole.",
        f"{n} 对种子与划分；每对中较小的训练部分包含于较大的部分，并在相同的未见过的行上评分。{length.zh}"
        "输入按该划分的全部训练行缩放。区间由对各对重抽样得到；它不考虑其他形状的曲线，所以才要求一半的行能预言全部。",
    )


def _table(task: Task, grown: Grown, found: Found, level: float) -> Table:
    """A quarter, half and all of the rows as measured; twice and four times as foretold."""
    given = {"scope": task.scope, "level": level}
    quarter = int(np.argmin(np.abs(np.log(4 * grown.n_rows / grown.n_rows[-1]))))
    rows: list[tuple[Cell, ...]] = []
    for k in dict.fromkeys((quarter, grown.half, len(grown.n_rows) - 1)):
        score = mean_interval(grown.score[k], overlap=task.overlap, **given)
        change: Cell = "–"
        if k < len(grown.n_rows) - 1:
            with np.errstate(invalid="ignore"):
                minus = grown.score[k] - grown.score[-1]
            change = interval_text(mean_interval(minus, overlap=task.overlap, **given), signed=True)
        n_rows = f"{round(float(grown.n_rows[k])):,}"
        shown = interval_text(score) if np.isfinite(grown.score[k]).all() else "∞"
        rows.append((n_rows, shown, change, Text("measured", "实测")))
    if found.curve is not None:
        for times in AHEAD:
            n_rows = f"{round(times * float(grown.n_rows[-1])):,}"
            score, minus = found.curve.at(times, **given), found.curve.change(times, **given)
            word = Text("foretold", "预言")
            rows.append((n_rows, interval_text(score), interval_text(minus, signed=True), word))
    head = (
        Text("training rows", "训练行数"),
        task.measure.label,
        Text("minus all rows", "减全部的行"),
        Text("", ""),
    )
    return Table(head, tuple(rows), Text("What rows change", "行数带来的变化"))


def _parts_table(task: Task, grown: Grown) -> Table:
    rows = tuple(
        (
            f"{round(float(n_rows)):,}",
            _mean(score),
            _mean(train),
            f"{100 * diverged.mean():.0f} %",
        )
        for n_rows, score, train, diverged in zip(*grown, strict=True)
    )
    head = (
        Text("training rows", "训练行数"),
        task.measure.label,
        Text("on training rows", "训练行上"),
        Text("diverged", "发散"),
    )
    return Table(head, rows, Text("Every number of rows", "每种行数"))


def _mean(scores: Floats) -> str:
    return digits(float(scores.mean())) if np.isfinite(scores).all() else "∞"


def _figure(task: Task, grown: Grown, found: Found, level: float) -> Curves:
    series = []
    for name, scores in (
        (Text("unseen rows", "未见过的行"), grown.score),
        (Text("training rows", "训练行"), grown.train),
    ):
        seen = np.flatnonzero(np.isfinite(scores).all(1))
        ends = [
            mean_interval(scores[k], scope=task.scope, level=level, overlap=task.overlap)
            for k in seen.tolist()
        ]
        series.append(
            Series(
                name,
                grown.n_rows[seen],
                scores[seen].mean(1),
                np.array([end.low for end in ends]),
                np.array([end.high for end in ends]),
            )
        )
    if found.curve is not None:
        x = np.geomspace(float(found.curve.x[0]), max(AHEAD), DRAWN)
        at = [found.curve.at(float(each), scope=task.scope, level=level) for each in x]
        low, middle, high = (np.array([getattr(i, end) for i in at]) for end in ("low", "estimate", "high"))
        ahead = x >= 1
        low, high = np.where(ahead, low, np.nan), np.where(ahead, high, np.nan)
        name = Text("curve, foretold", "曲线与预言")
        series.append(Series(name, x * grown.n_rows[-1], middle, low, high))
    return Curves(
        Text("Score over the number of training rows", "分数随训练行数的变化"),
        tuple(series),
        Text("training rows", "训练行数"),
        task.measure.label,
        x_log=True,
    )


def _numbers(grown: Grown, found: Found, level: float, is_whole: bool) -> dict[str, object]:
    law = None
    if found.curve is not None and found.twice is not None:
        scale = float(grown.n_rows[-1])
        a, b, c = (float(part[0]) for part in found.curve.law)
        law = {"a": a, "b": b * scale**c, "c": c}
        law["left"] = as_plain(found.curve.left(scope=found.twice.scope, level=level))
    tried = found.check
    return {
        "finding": found.finding.value,
        "more": found.more,
        "twice": as_plain(found.twice),
        "four_times": as_plain(found.four),
        "half_to_all": as_plain(found.half.difference),
        "margin": found.margin,
        "law": law,
        "check": None
        if tried is None
        else {
            "foretold": as_plain(tried.foretold),
            "measured": tried.measured,
            "miss": as_plain(tried.miss),
            "holds": tried.holds,
        },
        "parts": [
            {
                "rows": float(grown.n_rows[k]),
                "scores": grown.score[k].tolist(),
                "train_scores": grown.train[k].tolist(),
                "diverged": float(grown.diverged[k].mean()),
            }
            for k in range(len(grown.n_rows))
        ],
        "interrupted": not is_whole,
    }
