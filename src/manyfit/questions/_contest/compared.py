"""A comparison in words, tables and pictures."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Bars, Cell, Section, Table, Text
from manyfit.questions._contest.meeting import Arrival, Found, arrivals, paid_by_trials
from manyfit.questions._contest.notes import minus, same_note
from manyfit.questions._contest.raced import race_section, race_target
from manyfit.questions._contest.sensitivity import sensitivity_section
from manyfit.questions._frame.base import INTERRUPTED
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.verdicts import score_text
from manyfit.questions._frame.words import (
    decimals,
    interval_text,
    listed,
    met_text,
    n_of,
    percent,
    rate_text,
    spaced,
    written,
)
from manyfit.questions._rates.response import rate_width
from manyfit.registry import plain_rule
from manyfit.stats import (
    Finding,
    Interval,
    interquartile_mean,
    proportion_interval,
    stratified_interval,
)

Floats = NDArray[np.float64]

class Told(NamedTuple):
    """What an answer calls things.

    question: The question's name.
    kind: What is compared, one of them in English, with its measure word in Chinese.
    title: The headline, with a place for the name of the data.
    """

    question: str
    kind: tuple[str, str]
    title: tuple[str, str]


def answer_of(
    told: Told,
    task: Task,
    found: Found,
    confirmed: Interval | None,
    n_first: int,
    more: Sequence[Section] = (),
) -> Answer:
    """What a comparison says.

    Args:
        told: What things are called.
        task: What it was asked about.
        found: What it found.
        confirmed: Score of the winner's rate on fresh pairs; None where the question was interrupted before.
        n_first: Rates before any were added.
        more: Sections after the others.
    """
    verdict, options = found.verdict, found.options
    names = [option.name for option in options]
    n, m = found.races[0].score.shape
    n_rates = len(found.tuning[0].rates)
    winner, reference = verdict.winner, names[verdict.reference]
    score = score_text(task.measure, verdict.score[winner] if confirmed is None else confirmed)
    rate = rate_text(found.rate)
    first = Text(
        f"Take {names[winner]} at rate {rate}: {score.en}.",
        f"取 {names[winner]}，学习率 {rate}：{score.zh}。",
    )
    statement = (first, *_others(task, found), *_edges(found))
    if not any(basin.good.any() for basin in found.basins):
        statement = (
            Text(
                "At every rate that was tried some networks of every option diverged: --rates LOW..HIGH.",
                "每个选项在试过的每个学习率下都有网络发散：--rates LOW..HIGH。",
            ),
        )
    if confirmed is None:
        statement += (INTERRUPTED,)
    kind, kind_zh = told.kind
    n_networks = len(options) * n_rates * n
    head = (
        Text(
            f"{n_of(len(options), kind)} × {n_of(n_rates, 'rate')} × {n_of(n, 'seed')} = {n_of(n_networks, 'network')}",
            f"{len(options)} {kind_zh} × {n_rates} 个学习率 × {n} 个种子 = {n_networks:,} 个网络",
        ),
        met_text(n * m, task.overlap.turns),
    )
    if n_rates > n_first:
        head += (
            Text(
                f"one was best at the edge: {n_of(n_rates - n_first, 'rate')} more for all",
                f"有选项的最佳值位于边缘：全部增加 {n_rates - n_first} 个学习率",
            ),
        )
    shared = task.setting({path for option in found.options for path in option.settings})
    scope = Text(
        ", ".join(part for part in (task.scope, shared.en) if part),
        "，".join(part for part in (f"{task.name} 的{task.rows.scope.zh}", shared.zh) if part),
    )
    sections = [
        Section(
            Text("Who is better", "谁更好"),
            (),
            (_bars(found, task),),
            (_main_table(found, task), _ranks_table(found, task)),
            (_measured(found, n, m),),
        ),
        *race_section(found),
        sensitivity_section(found, task),
        *more,
    ]
    return Answer(
        told.question,
        Text(*(title.format(task.name) for title in told.title)),
        statement,
        scope,
        tuple(sections),
        _numbers(found, confirmed, reference),
        head,
        (same_note(found.verdict), WHOSE),
    )


WHOSE = Text(
    "rate: what all seeds together recommend; scores: of what each seed picked",
    "学习率：全部种子一起推荐的值；分数：各种子所选中者的分数",
)


def _others(task: Task, found: Found) -> list[Text]:
    """What is said of those that are not the winner: the reference beside the winner, the others beside the reference."""
    verdict, label = found.verdict, task.measure.label
    names = [option.name for option in found.options]
    reference = names[verdict.reference]
    groups: dict[tuple[Finding, bool], list[int]] = {}
    for k in verdict.order:
        if k == verdict.winner:
            continue
        comparison = verdict.against[k if k != verdict.reference else verdict.winner]
        assert comparison is not None
        finding = comparison.finding if k != verdict.reference else _turned(comparison.finding)
        # Beside the winner itself: the reference, and all others where the winner is the reference.
        is_beside = verdict.reference in (k, verdict.winner)
        finding = Finding.UNKNOWN if finding is Finding.BETTER else finding
        groups.setdefault((finding, is_beside or finding is Finding.UNKNOWN), []).append(k)
    sentences = []
    for is_beside in (True, False):
        of, to = ("", "") if is_beside else (f" as {reference}", reference)
        same = groups.get((Finding.SAME, is_beside), [])
        if same:
            listing, verb = listed([names[k] for k in same]), "is" if len(same) == 1 else "are"
            sentences.append(
                Text(f"{listing.en} {verb} the same{of} here.", spaced(f"{listing.zh}在此与{to or '之'}相同。"))
            )
    unknown = listed([names[k] for k in groups.get((Finding.UNKNOWN, True), [])])
    if unknown.en:
        sentences.append(Text(f"Cannot tell: {unknown.en}.", f"无法判断：{unknown.zh}。"))
    for is_beside in (True, False):
        than, als = ("", "更差") if is_beside else (f" than {reference}", f"差于{reference}")
        worse = [(names[k], _size(found, k)) for k in groups.get((Finding.WORSE, is_beside), [])]
        if worse:
            en = ", ".join(f"{name} by {by}" for name, by in worse)
            zh = "，".join(f"{name} {by}" for name, by in worse)
            sentences.append(Text(f"Worse{than}: {en} ({label.en}).", f"{spaced(als)}：{zh}（{label.zh}）。"))
    return sentences


def _turned(finding: Finding) -> Finding:
    """What a against b says of b against a."""
    return {Finding.BETTER: Finding.WORSE, Finding.WORSE: Finding.BETTER}.get(finding, finding)


def _size(found: Found, k: int) -> str:
    """By how much an option is worse than the reference, or the reference than the winner."""
    verdict = found.verdict
    comparison = verdict.against[k if k != verdict.reference else verdict.winner]
    assert comparison is not None
    d = comparison.difference
    return written(abs(d.estimate), min(decimals((d.high - d.low) / 2), 6))


def _edges(found: Found) -> list[Text]:
    at = [o.name for o, basin in zip(found.options, found.basins, strict=True) if basin.edge]
    if not at:
        return []
    names = listed(at)
    verb = "is" if len(at) == 1 else "are"
    return [
        Text(
            f"{names.en} {verb} still best at the edge of the rates: --rates LOW..HIGH.",
            f"{names.zh} 的最佳值仍位于学习率范围的边缘：--rates LOW..HIGH。",
        )
    ]


def _main_table(found: Found, task: Task) -> Table:
    verdict = found.verdict
    reference = found.options[verdict.reference].name
    rows: list[tuple[Cell, ...]] = []
    for k in verdict.order:
        comparison, basin, response = verdict.against[k], found.basins[k], found.tuning[k]
        places = np.flatnonzero(basin.good)
        width = (
            rate_width(float(response.rates[places[-1]] / response.rates[places[0]])) if len(places) else "–"
        )
        mean = verdict.score[k]
        rows.append(
            (
                found.options[k].name,
                rate_text(found.rates[k]),
                written(mean.estimate, _places(found)) if math.isfinite(mean.estimate) else "∞",
                "–" if comparison is None else minus(comparison),
                width,
                f"{100 * verdict.diverged[k].estimate:.0f} %",
            )
        )
    head = (
        Text("", ""),
        Text("rate", "学习率"),
        task.measure.label,
        Text(f"minus {reference}, paired", f"减 {reference}，配对"),
        Text("good rates", "好的学习率"),
        Text("diverged", "发散"),
    )
    return Table(head, tuple(rows), Text("Tuned options on fresh pairs", "调好的选项在新的配对上"))


def _ranks_table(found: Found, task: Task) -> Table:
    """How the options stand among each other, replicate by replicate; networks that diverged rank worst."""
    verdict = found.verdict
    rows: list[tuple[Cell, ...]] = []
    for k in verdict.order:
        chance, lost = verdict.p_best[k], found.races[k].diverged
        middle = stratified_interval(
            interquartile_mean, verdict.tuned[:, k], scope=task.scope, level=found.level, n_resamples=1000
        )
        gone = proportion_interval(int(lost.sum()), lost.size, scope=task.scope, level=found.level)
        rows.append(
            (
                found.options[k].name,
                written(float(verdict.ranks[k]), 1),
                _percent_text(chance),
                interval_text(middle) if math.isfinite(middle.estimate) else "∞",
                _percent_text(gone),
            )
        )
    label = task.measure.label
    head = (
        Text("", ""),
        Text("average rank", "平均名次"),
        Text("P(best)", "P(最佳)"),
        Text(f"{label.en}, interquartile mean", f"{label.zh}，四分位均值"),
        Text("P(diverge)", "P(发散)"),
    )
    return Table(head, tuple(rows), Text("Replicate by replicate", "逐个重复"))


def _percent_text(share: Interval) -> str:
    return f"{100 * share.estimate:.0f} % [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def _places(found: Found) -> int:
    """Decimals of all scores, as the narrowest interval of a difference deserves."""
    halves = [
        (c.difference.high - c.difference.low) / 2
        for c in found.verdict.against
        if c is not None and math.isfinite(c.difference.high - c.difference.low)
    ]
    return min(decimals(min(halves, default=1.0)), 6)


def _bars(found: Found, task: Task) -> Bars:
    order = [k for k in found.verdict.order if found.verdict.against[k] is not None]
    differences = [c.difference for k in order if (c := found.verdict.against[k]) is not None]
    reference = found.options[found.verdict.reference].name
    label = task.measure.label
    return Bars(
        Text(f"Difference to {reference}, paired", f"与 {reference} 之差，配对"),
        tuple(found.options[k].name for k in order),
        np.array([d.estimate for d in differences]),
        np.array([d.low for d in differences]),
        np.array([d.high for d in differences]),
        Text(f"{label.en}, minus {reference}", f"{label.zh}，减 {reference}"),
        reference=0.0,
    )


def _measured(found: Found, n: int, m: int) -> Text:
    trials = len(found.tuning[0].rates)
    level = percent(found.level)
    return Text(
        f"Each of {n} replicates tunes every option over the same {trials} rates, with one network a rate, on a pair of "
        "seed and split of its own; a score is averaged with those of the neighboring rates. What it picks is met on "
        f"{n_of(m, 'fresh pair')}, which all options share. So the luck of tuning is inside the intervals. The reference "
        f"is the option with the best tuning; findings hold together at {level} (Holm), and intervals are as wide as that "
        "asks. Networks that diverged rank worst. The scope is this table: rows of another day vary more than its splits.",
        f"{n} 个重复各自在自己的种子与划分上，用相同的 {trials} 个学习率（每个一个网络）为每个选项调参；分数与相邻学习率平均。"
        f"选中者在 {m} 对新的种子与划分上相遇，各选项共用。因此区间包含调参的运气。参照为调参最佳的选项；"
        f"全部结论在 {level} 水平上同时成立（Holm），区间宽度与之相应。发散的网络排在最后。"
        "适用范围是这张表：换一批行，差异会比划分之间更大。",
    )


def _numbers(found: Found, confirmed: Interval | None, reference: str) -> dict[str, Any]:
    verdict = found.verdict
    target = race_target(found)
    came: tuple[Arrival, ...] = arrivals(found.races, target)
    options = []
    for k in verdict.order:
        comparison, basin, response = verdict.against[k], found.basins[k], found.tuning[k]
        places = np.flatnonzero(basin.good)
        paid = paid_by_trials(response.score.T, found.level)
        options.append(
            {
                "name": found.options[k].name,
                "settings": {path: plain_setting(value) for path, value in found.options[k].settings.items()},
                "rate": found.rates[k],
                "picked": found.races[k].rates.tolist(),
                "score": dataclasses.asdict(verdict.score[k]),
                "minus": None
                if comparison is None
                else {**dataclasses.asdict(comparison), "finding": comparison.finding.value},
                "good": response.rates[places[[0, -1]]].tolist() if len(places) else [],
                "edge": basin.edge,
                "diverged": dataclasses.asdict(verdict.diverged[k]),
                "rank": float(verdict.ranks[k]),
                "best": dataclasses.asdict(verdict.p_best[k]),
                "tuned": verdict.tuned[:, k].tolist(),
                "reach": came[k].share,
                "steps": came[k].steps,
                "seconds": came[k].seconds,
                "after_trials": {name: each.tolist() for name, each in paid._asdict().items()},
                "rates": [
                    {"rate": float(rate), "mean": float(mean), "diverged": float(p)}
                    for rate, mean, p in zip(response.rates, basin.mean, basin.p_diverge, strict=True)
                ],
            }
        )
    return {
        "winner": found.options[verdict.winner].name,
        "rate": found.rate,
        "score": None if confirmed is None else dataclasses.asdict(confirmed),
        "reference": reference,
        "margin": verdict.margin,
        "target": target,
        "options": options,
        "interrupted": confirmed is None,
    }


def plain_setting(value: Any) -> Any:
    """A setting as JSON has it: a rule by its name and values."""
    if dataclasses.is_dataclass(value):
        return plain_rule(value)
    return list(value) if isinstance(value, tuple) else value
