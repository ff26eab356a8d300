"""Regularization in words, tables and pictures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from manyfit.answers import Answer, Bars, Cell, Curves, Section, Series, Table, Text
from manyfit.questions._contest.notes import minus, same_note
from manyfit.questions._contest.tree import HOLDS
from manyfit.questions._curbs.columns import columns_said, columns_section, kept_numbers
from manyfit.questions._curbs.curbed import Curbed, columns_kept, kept_of
from manyfit.questions._curbs.curbs import CURBS
from manyfit.questions._frame.base import INTERRUPTED
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.verdicts import both, score_text
from manyfit.questions._frame.words import (
    decimals,
    interval_text,
    listed,
    met_text,
    n_of,
    percent,
    rate_text,
    span_text,
    written,
)
from manyfit.stats import Comparison, Finding, Interval, paired

AS_IT_IS = Text("as it is", "原样")


class Again(NamedTuple):
    """The winner on pairs that have chosen nothing.

    score: Its score.
    gain: Minus the recipe as it is, on the same pairs.
    """

    score: Interval
    gain: Comparison


def regularized(
    task: Task, found: Curbed, again: Again | None, left_out: Sequence[Text], *, is_whole: bool
) -> Answer:
    """What regularization does.

    Args:
        task: What it was asked about.
        found: What was found.
        again: The winner once more; None where none is better, or the question was interrupted before.
        left_out: Why some curbs were not tried.
        is_whole: Whether nothing was interrupted.
    """
    columns = kept_of(found, task.scope)
    statement = [_take(task, found, again), *_others(found), *_edges(found)]
    if columns is not None:
        statement.append(columns_said(found, columns))
    if not is_whole:
        statement.append(INTERRUPTED)
    n, m = found.met.plain.shape
    trials = sorted({len(values) for values in found.tuning.strengths})
    each = f"{trials[0]}" if len(trials) == 1 else f"{trials[0]}–{trials[-1]}"
    n_networks = n * (1 + sum(map(len, found.tuning.strengths)))
    head = [
        Text(
            f"{n_of(len(found.names), 'regularizer')} × {each} strengths × {n_of(n, 'seed')}, and the recipe as it is = "
            f"{n_of(n_networks, 'network')}",
            f"{len(found.names)} 种正则化 × {each} 个强度 × {n} 个种子，加上原样 = {n_networks:,} 个网络",
        ),
        met_text(n * m, task.overlap.turns),
    ]
    if left_out:
        en, zh = "; ".join(t.en for t in left_out), "；".join(t.zh for t in left_out)
        head.append(Text(f"left out: {en}", f"略去：{zh}"))
    sections = [_main(task, found), _strengths(task, found)]
    if columns is not None:
        sections.append(columns_section(found, columns))
    sections.append(_tree(task, found, None if columns is None else columns.n))
    return Answer(
        "regularize",
        Text(f"Does regularization pay on {task.name}?", f"{task.name} 上正则化有用吗？"),
        tuple(statement),
        Text(f"{task.scope}, {task.said.en}", f"{task.name} 的{task.rows.scope.zh}，{task.said.zh}"),
        tuple(sections),
        _numbers(found, again, columns, is_whole),
        tuple(head),
        (same_note(found.verdict),),
    )


def _take(task: Task, found: Curbed, again: Again | None) -> Text:
    """What to do."""
    winner = found.winner
    if winner is not None:
        curb, k = CURBS[winner], found.names.index(winner)
        at = rate_text(found.tuning.strength(k))
        gain = found.against(winner) if again is None else again.gain
        score = found.verdict.score[1 + k] if again is None else again.score
        by, words = interval_text(gain.difference, signed=True), score_text(task.measure, score)
        if again is not None and gain.finding is not Finding.BETTER:
            return both(
                f"{curb.said.en} was better where it was chosen, but on other pairs {by} against the recipe as it is: do not "
                "count on it.",
                f"{curb.said.zh}在选取时更好，但在另外的配对上与原样相差 {by}：不可依赖。",
            )
        return both(
            f"Take {curb.said.en} at {curb.unit.en} {at}: {words.en}, {by} against the recipe as it is.",
            f"取{curb.said.zh}，{curb.unit.zh} {at}：{words.zh}，与原样相差 {by}。",
        )
    if not math.isfinite(found.verdict.score[0].estimate):
        return Text(
            "No gain is shown: some networks of the recipe as it is diverged; take a lower rate (--set optimizer.lr=…).",
            "未见收益：原样的配方有网络发散；请降低学习率（--set optimizer.lr=…）。",
        )
    plain = score_text(task.measure, found.verdict.score[0])
    if found.those(Finding.UNKNOWN):
        return both(f"No gain is shown: the recipe as it is has {plain.en}.", f"未见收益：原样的{plain.zh}。")
    return both(f"None pays: the recipe as it is has {plain.en}.", f"均无收益：原样的{plain.zh}。")


def _others(found: Curbed) -> list[Text]:
    """What the other curbs are, beside the recipe as it is."""
    sentences = []
    better = [name for name in found.those(Finding.BETTER) if name != found.winner]
    groups = (
        (better, "Better too", "同样更好"),
        (found.those(Finding.SAME), "The same as without", "与原样相同"),
        (found.those(Finding.UNKNOWN), "Cannot tell", "无法判断"),
        (found.those(Finding.WORSE), "Worse than without", "不如原样"),
    )
    for names, en, zh in groups:
        if names:
            said_en, said_zh = (
                listed([CURBS[name].said.to(lang) for name in names]) for lang in ("en", "zh")
            )
            sentences.append(Text(f"{en}: {said_en.en}.", f"{zh}：{said_zh.zh}。"))
    return sentences


def _edges(found: Curbed) -> list[Text]:
    at = [name for k, name in enumerate(found.names) if found.tuning.is_at_edge(k) and name == found.winner]
    return [
        both(
            f"{CURBS[name].said.en} is still best at the strongest that was tried: --{name} LOW..HIGH.",
            f"{CURBS[name].said.zh}的最佳强度位于试过的最强处：--{name} LOW..HIGH。",
        )
        for name in at
    ]


def _main(task: Task, found: Curbed) -> Section:
    verdict, tuning = found.verdict, found.tuning
    halves = [(c.difference.high - c.difference.low) / 2 for c in verdict.against if c is not None]
    places = min(decimals(min((half for half in halves if math.isfinite(half)), default=1.0)), 6)
    rows: list[tuple[Cell, ...]] = []
    for option in verdict.order:
        mean = verdict.score[option].estimate
        shown = written(mean, places) if math.isfinite(mean) else "∞"
        lost = f"{100 * found.met.diverged[option]:.0f} %"
        if option == 0:
            rows.append((AS_IT_IS, "–", shown, "–", "–", lost))
            continue
        name = found.names[option - 1]
        picks = tuning.picks(option - 1)
        rows.append(
            (
                CURBS[name].said,
                rate_text(tuning.strength(option - 1)),
                shown,
                minus(found.against(name)),
                span_text(float(picks.min()), float(picks.max())),
                lost,
            )
        )
    head = (
        Text("", ""),
        Text("strength", "强度"),
        task.measure.label,
        Text("minus as it is, paired", "减原样，配对"),
        Text("picked", "选中"),
        Text("diverged", "发散"),
    )
    table = Table(head, tuple(rows), Text("Tuned regularizers on fresh pairs", "调好的正则化在新的配对上"))
    order = [k - 1 for k in verdict.order if k != 0]
    differences = [found.against(found.names[k]).difference for k in order]
    bars = Bars(
        Text("Difference to the recipe as it is, paired", "与原样之差，配对"),
        tuple(CURBS[found.names[k]].said for k in order),
        np.array([d.estimate for d in differences]),
        np.array([d.low for d in differences]),
        np.array([d.high for d in differences]),
        Text(f"{task.measure.label.en}, minus as it is", f"{task.measure.label.zh}，减原样"),
        reference=0.0,
    )
    n, m = found.met.plain.shape
    measured = [
        Text(
            f"Each of {n} replicates tunes every regularizer on a pair of seed and split of its own, one network a strength; a "
            f"score is averaged with those of the neighboring strengths. What it picks is met on {n_of(m, 'fresh pair')}, which "
            "all share with the recipe as it is. So the luck of tuning is inside the intervals. The rate is the recipe's for "
            f"all. Findings hold together at {percent(found.level)} (Holm), and intervals are as wide as that asks.",
            f"{n} 个重复各自在自己的种子与划分上为每种正则化调参，每个强度一个网络；分数与相邻强度平均。"
            f"选中者在 {m} 对新的种子与划分上与原样相遇。因此区间包含调参的运气。学习率均为配方的学习率。"
            f"全部结论在 {percent(found.level)} 水平上同时成立（Holm），区间宽度与之相应。",
        )
    ]
    if found.price is not None and found.unwatched is not None:
        price = interval_text(found.price.difference, signed=True)
        alike = interval_text(found.unwatched.difference, signed=True)
        measured.append(
            both(
                f"Early stopping trains without the rows that it watches. By itself that changes the score by {price}; on the "
                f"same rows, stopping changes it by {alike}.",
                f"早停训练时不使用其监视的行。仅此一项使分数变化 {price}；在相同的行上，早停使其变化 {alike}。",
            )
        )
    return Section(Text("What pays", "哪种有用"), (), (bars,), (table,), tuple(measured))


def _strengths(task: Task, found: Curbed) -> Section:
    """The score over the strength of each curb; those with a λ share a picture."""
    groups: dict[tuple[str, bool], list[int]] = {}
    for k, name in enumerate(found.names):
        groups.setdefault((CURBS[name].unit.en, CURBS[name].is_log), []).append(k)
    plain = float(found.tuning.plain.mean())
    figures = []
    for (_, is_log), members in groups.items():
        series = []
        for k in members:
            mean = found.tuning.score[k].mean(1)
            seen = np.isfinite(mean)
            if seen.any():
                series.append(Series(CURBS[found.names[k]].said, found.tuning.strengths[k][seen], mean[seen]))
        if not series:
            continue
        ends = np.array([series[0].x[0], series[0].x[-1]])
        if math.isfinite(plain):
            series.append(Series(AS_IT_IS, ends, np.full(2, plain)))
        names = [[CURBS[found.names[k]].said.to(lang) for k in members] for lang in ("en", "zh")]
        values = np.concatenate([each.middle for each in series])
        figures.append(
            Curves(
                Text(
                    f"Mean score over the strength: {listed(names[0]).en}",
                    f"平均分数随强度的变化：{listed(names[1]).zh}",
                ),
                tuple(series),
                CURBS[found.names[members[0]]].unit,
                task.measure.label,
                x_log=is_log,
                y_log=bool(values.min() > 0 and values.max() > 20 * values.min()),
            )
        )
    return Section(Text("How strong", "多强"), (), tuple(figures))


def _tree(task: Task, found: Curbed, n_kept: float | None) -> Section:
    """The chapter's choice tree (3.6.3) and its list of what helps against what (3.6.8), each with its evidence."""
    label = task.measure.label
    rows: list[tuple[Cell, ...]] = []
    if found.sparse is not None and found.sparse_at is not None:
        at, total = (
            rate_text(found.sparse_at),
            len(found.tuning.weights["l1"].names) if "l1" in found.tuning.weights else 0,
        )
        what = Text(f"{label.en}, L1 at λ {at} minus as it is", f"{label.zh}，L1（λ {at}）减原样")
        word = HOLDS[found.sparse.finding]
        if found.sparse.finding in (Finding.SAME, Finding.BETTER) and n_kept is not None:
            word = (
                Text("holds here", "在此成立")
                if n_kept < total - 0.5
                else Text("it drops none", "它没有去掉任何列")
            )
        elif found.sparse.finding is Finding.WORSE:
            word = Text("costs score here", "在此损失分数")
        rows.append(
            (
                Text("features to be chosen: L1", "需要特征选择：L1"),
                what,
                interval_text(found.sparse.difference, signed=True),
                word,
            )
        )
    if {"l1", "l2"} <= found.tuning.weights.keys():
        rows.append(_sparsity(found))
    claims = (
        ("l2", Text("else L2", "否则 L2")),
        ("adamw", Text("else AdamW", "否则 AdamW")),
        ("dropout", Text("dropout against overfitting", "Dropout 防止过拟合")),
        ("stopping", Text("early stopping for generalization", "早停提高泛化性")),
        ("noise", Text("training with noise", "噪声训练")),
    )
    for name, claim in claims:
        if name in found.names:
            compared = found.against(name)
            what = Text(f"{label.en}, tuned minus as it is", f"{label.zh}，调好的减原样")
            rows.append(
                (claim, what, interval_text(compared.difference, signed=True), HOLDS[compared.finding])
            )
    if {"l1", "l2"} <= set(found.names):
        both_ = paired(
            found.tuned("l1"),
            found.tuned("l2"),
            scope=task.scope,
            margin=found.verdict.margin,
            level=found.level,
            overlap=task.overlap.of_means(found.met.plain.shape[1]),
        )
        what = Text(f"{label.en}, L1 minus L2", f"{label.zh}，L1 减 L2")
        of = Text("which penalty", "哪种惩罚")
        word = {
            Finding.BETTER: Text("L1 is better here", "在此 L1 更好"),
            Finding.WORSE: Text("L2 is better here", "在此 L2 更好"),
        }.get(both_.finding, HOLDS[both_.finding])
        rows.append((of, what, interval_text(both_.difference, signed=True), word))
    head = (Text("the chapter says", "教材的说法"), Text("measured", "衡量"), Text("", ""), Text("", ""))
    table = Table(
        head, tuple(rows), Text("The chapter's choice tree, on these rows", "教材的选择树在这些行上")
    )
    measured = Text(
        "Below 0 the first is better. For features to be chosen, L1 is as strong as its mean score in the tuning allowed without "
        "a loss beyond the margin, and then met on fresh pairs.",
        "小于 0 表示前者更好。为选择特征，L1 取调参中平均分数未超出容许范围的最强值，再在新的配对上检验。",
    )
    return Section(Text("The choice tree", "选择树"), (), (), (table,), (measured,))


def _sparsity(found: Curbed) -> tuple[Cell, ...]:
    """How many columns L1 and L2 leave at the strengths that were picked for the score."""
    counts = []
    for name in ("l1", "l2"):
        k = found.names.index(name)
        places = np.searchsorted(found.tuning.strengths[k], found.tuning.picks(k))
        counts.append(columns_kept(found.tuning.weights[name], places.tolist()))
    total = len(found.tuning.weights["l1"].names)
    by = f"{counts[0]:.1f} : {counts[1]:.1f}"
    holds = counts[0] < counts[1] - 0.5
    return (
        Text("L1 is sparse, L2 is not", "L1 稀疏，L2 不稀疏"),
        Text(
            f"columns left of {total} at the picked strengths, L1 : L2",
            f"选中强度下 {total} 列中保留的列数，L1 : L2",
        ),
        by,
        Text("holds here", "在此成立") if holds else Text("not at these strengths", "在这些强度下不成立"),
    )


def _numbers(found: Curbed, again: Again | None, columns: Any, is_whole: bool) -> dict[str, Any]:
    def plain(compared: Comparison | None) -> dict[str, Any] | None:
        return (
            None if compared is None else {**dataclasses.asdict(compared), "finding": compared.finding.value}
        )

    return {
        "take": found.winner,
        "score": None if again is None else dataclasses.asdict(again.score),
        "gain": None if again is None else plain(again.gain),
        "plain": dataclasses.asdict(found.verdict.score[0]),
        "margin": found.verdict.margin,
        "methods": [
            {
                "name": name,
                "strength": found.tuning.strength(k),
                "edge": found.tuning.is_at_edge(k),
                "picked": found.tuning.picks(k).tolist(),
                "score": dataclasses.asdict(found.verdict.score[1 + k]),
                "minus": plain(found.against(name)),
                "strengths": found.tuning.strengths[k].tolist(),
                "mean": found.tuning.score[k].mean(1).tolist(),
            }
            for k, name in enumerate(found.names)
        ],
        "sparse": None
        if found.sparse is None
        else {"strength": found.sparse_at, "minus": plain(found.sparse)},
        "early_stopping": {"rows": plain(found.price), "on_the_same_rows": plain(found.unwatched)},
        "columns": None if columns is None else kept_numbers(found, columns),
        "interrupted": not is_whole,
    }
