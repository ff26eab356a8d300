"""Batch sizes in words, tables and pictures."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Cell, Section, Table, Text
from manyfit.population import Population
from manyfit.questions._batches.batches import Pace, bytes_text, law_of, step_bytes
from manyfit.questions._batches.paced import (
    milliseconds_text,
    noise_said,
    pace_numbers,
    pace_section,
    steps_text,
)
from manyfit.questions._batches.scaling import RULES, WORDS, Scaled, scaling_section
from manyfit.questions._contest.compared import Told, answer_of
from manyfit.questions._contest.meeting import Found
from manyfit.questions._contest.notes import SIGNS, minus
from manyfit.questions._contest.tree import HOLDS
from manyfit.questions._frame.base import INTERRUPTED
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.verdicts import both
from manyfit.questions._frame.words import decimals, interval_text, listed, rate_text, written
from manyfit.stats import Comparison, Interval, paired, paired_ratios

Floats = NDArray[np.float64]

ALIKE = 0.1
"""Steps or seconds that differ by no more than this share count as the same."""
GIGABYTE = 1e9


class Batches(NamedTuple):
    """All that was found out about batch sizes.

    found: The tuned sizes and how they met.
    scaled: Ways to set the rate; None where the question was interrupted before.
    pace: Steps to the target; None likewise, or where there is no target.
    confirmed: The winner's score on fresh pairs; None where the question was interrupted before.
    left_out: Sizes that exceed the training rows.
    n_rows: Training rows of a split.
    is_whole: Whether nothing was interrupted.
    """

    found: Found
    scaled: Scaled | None
    pace: Pace | None
    confirmed: Interval | None
    left_out: tuple[int, ...]
    n_rows: int
    is_whole: bool

    @property
    def sizes(self) -> list[int]:
        """[K] rising."""
        return [int(option.name) for option in self.found.options]


def batches_told(task: Task, known: Batches, few: Population, n_first: int, level: float) -> Answer:
    """The whole answer.

    Args:
        task: What it was asked about.
        known: What was found.
        few: A population of a network at the smallest size, for what it takes of memory.
        n_first: Rates before any were added.
        level: Confidence level.
    """
    told = Told("batch_size", ("size", "种批量"), ("Which batch size for {}?", "{} 用多大的批量？"))
    base = answer_of(told, task, known.found, known.confirmed, n_first)
    law = (
        None
        if known.pace is None
        else law_of(known.pace, level=level, scope=task.scope, overlap=task.overlap)
    )
    bytes_ = step_bytes(few, known.sizes)
    is_module = getattr(few.members[0].recipe.network, "hidden", None) is None
    better, sensitivity = base.sections[0], base.sections[-1]
    margin = written(known.found.verdict.margin, max(decimals(known.found.verdict.margin), 0))
    first = dataclasses.replace(better, tables=(_table(task, known),))
    sections = [first]
    if known.scaled is not None:
        sections.append(scaling_section(known.scaled, known.found.verdict.tuned[:, 0], margin, task))
    if known.pace is not None:
        sections.append(pace_section(known.pace, law))
    sections += [_memory(known, bytes_, is_module), _claims(task, known), sensitivity]
    statement = [sentence for sentence in base.statement if sentence != INTERRUPTED]
    statement += [*_kept(known), *noise_said(known.pace, law), *([] if known.is_whole else [INTERRUPTED])]
    numbers = {
        **base.numbers,
        "sizes": known.sizes,
        "left_out": list(known.left_out),
        "rules": None if known.scaled is None else _rules(known.scaled),
        "pace": None if known.pace is None else pace_numbers(known.pace),
        "noise_scale": None
        if law is None
        else {**law._asdict(), "critical": dataclasses.asdict(law.critical), "sizes": law.sizes.tolist()},
        "bytes": dict(zip(map(str, known.sizes), bytes_, strict=True)),
        "interrupted": not known.is_whole,
    }
    return dataclasses.replace(
        base,
        statement=tuple(statement),
        sections=tuple(sections),
        numbers=numbers,
        head=(*base.head, *_left_out(known)),
    )


def _left_out(known: Batches) -> list[Text]:
    if not known.left_out:
        return []
    names = listed([str(size) for size in known.left_out])
    n = f"{known.n_rows:,}"
    return [
        Text(
            f"left out, more than the {n} training rows of a split: {names.en}",
            f"略去（超过一个划分的 {n} 个训练行）：{names.zh}",
        )
    ]


def _table(task: Task, known: Batches) -> Table:
    """A line for every size: its tuned score, what the rules do, steps and seconds to the target."""
    found, verdict, pace = known.found, known.found.verdict, known.pace
    halves = [(c.difference.high - c.difference.low) / 2 for c in verdict.against if c is not None]
    places = min(decimals(min((half for half in halves if math.isfinite(half)), default=1.0)), 6)
    rows: list[tuple[Cell, ...]] = []
    for k, option in enumerate(found.options):
        comparison, mean = verdict.against[k], verdict.score[k].estimate
        cells: list[Cell] = [
            option.name,
            rate_text(found.rates[k]),
            written(mean, places) if math.isfinite(mean) else "∞",
            "–" if comparison is None else minus(comparison),
        ]
        if known.scaled is not None:
            cells += [
                "–" if k == 0 else SIGNS[known.scaled.of(way)[k - 1].finding] for way in list(WORDS)[:-1]
            ]
        if pace is not None:
            cells += [steps_text(pace, k), milliseconds_text(pace, k)]
        rows.append(tuple(cells))
    reference = found.options[verdict.reference].name
    head = [
        Text("batch", "批量"),
        Text("rate", "学习率"),
        task.measure.label,
        Text(f"minus {reference}, paired", f"减 {reference}，配对"),
    ]
    if known.scaled is not None:
        head += [WORDS[way] for way in list(WORDS)[:-1]]
    if pace is not None:
        head += [Text("steps", "步数"), Text("ms", "毫秒")]
    caption = Text(
        "Each size at its own rate on fresh pairs; rates that follow a rule, against the smallest size; median steps and "
        "milliseconds to the target",
        "各批量以自己的学习率在新的配对上；按规则设定学习率时与最小批量相比；达到目标的中位步数与毫秒",
    )
    return Table(tuple(head), tuple(rows), caption)


def _kept(known: Batches) -> list[Text]:
    """Up to which size each way to set the rate keeps the score, and where it loses it."""
    scaled = known.scaled
    if scaled is None:
        return []
    first = scaled.sizes[0]
    kept = [(way, scaled.sizes[scaled.keeps(way)]) for way in WORDS if scaled.keeps(way)]
    lost = [(way, [scaled.sizes[k] for k in scaled.loses(way)]) for way in RULES if scaled.loses(way)]
    sentences = []
    if kept:
        en = ", ".join(f"{WORDS[way].en} up to {size}" for way, size in kept)
        zh = "，".join(f"{WORDS[way].zh}（至 {size}）" for way, size in kept)
        sentences.append(
            both(
                f"As good as {first} with the rate {en}.",
                f"不输于批量 {first}：学习率{zh}。",
            )
        )
    else:
        sentences.append(
            both(
                f"No larger batch is shown to be as good as {first}, whatever the rate.",
                f"无论学习率如何，都未能证明更大的批量不输于 {first}。",
            )
        )
    if lost:
        en = "; ".join(f"{WORDS[way].en} at {listed(sizes).en}" for way, sizes in lost)
        zh = "；".join(f"{WORDS[way].zh}（{listed(sizes).zh}）" for way, sizes in lost)
        sentences.append(both(f"Worse than {first} with the rate {en}.", f"不如批量 {first}：学习率{zh}。"))
    return sentences


def _memory(known: Batches, bytes_: list[int], is_module: bool) -> Section:
    rows: list[tuple[Cell, ...]] = [
        (str(size), bytes_text(n), f"{GIGABYTE / n:,.0f}")
        for size, n in zip(known.sizes, bytes_, strict=True)
    ]
    head = (
        Text("batch", "批量"),
        Text("a network takes", "一个网络占用"),
        Text("networks in 1 GB", "1 GB 可容网络"),
    )
    first, last = known.sizes[0], known.sizes[-1]
    said = Text(
        f"An estimate: a network takes {bytes_text(bytes_[0])} at batch {first} and {bytes_text(bytes_[-1])} at {last}.",
        f"估计：批量 {first} 时一个网络占用 {bytes_text(bytes_[0])}，{last} 时为 {bytes_text(bytes_[-1])}。",
    )
    measured = Text(
        "Counted, not measured: weights, their gradient and the optimizer's state once; for each row of the batch its inputs and "
        "outputs, and of every hidden unit its sum, its value and its gradient. The rows of the table come on top, once for all.",
        "按算术估计，并非实测：权重、梯度与优化器状态各一份；批量中每行的输入与输出，以及每个隐藏单元的加权和、取值与梯度。"
        "表格本身的行另计，所有网络共用一份。",
    )
    module = Text(
        "What the module holds inside is not known, so it takes more than this.",
        "模块内部的中间值未知，因此实际占用更多。",
    )
    table = Table(head, tuple(rows), Text("Memory, estimated", "内存（估计）"))
    return Section(
        Text("What fits in memory", "内存能容纳什么"),
        (said, *([module] if is_module else [])),
        (),
        (table,),
        (measured,),
    )


def _claims(task: Task, known: Batches) -> Section:
    """What the chapter says of small and large batches, on these rows."""
    found, pace = known.found, known.pace
    first, last = found.options[0].name, found.options[-1].name
    tuned, label = found.verdict.tuned, task.measure.label
    of = {"scope": task.scope, "level": found.level, "overlap": task.overlap}
    of_means = {**of, "overlap": task.overlap.of_means(found.races[0].score.shape[1])}
    rows: list[tuple[Cell, ...]] = []

    def row(claim: Text, what: Text, compared: Comparison, *, percent: bool = False) -> None:
        d = compared.difference
        if percent:
            d = dataclasses.replace(d, estimate=100 * d.estimate, low=100 * d.low, high=100 * d.high)
        by = interval_text(d, signed=True) + (" %" if percent else "")
        rows.append((claim, what, by, HOLDS[compared.finding]))

    small = paired(tuned[:, 0], tuned[:, -1], margin=found.verdict.margin, **of_means)
    row(
        Text("small batches generalize better", "小批量泛化性好"),
        Text(f"{label.en}, {first} minus {last}, both tuned", f"{label.zh}，{first} 减 {last}，均单独调参"),
        small,
    )
    if known.scaled is not None:
        left = known.scaled.score[list(WORDS).index("unchanged"), -1]
        row(
            Text("large batches need another rate", "大批量需要调整学习率"),
            Text(
                f"{label.en} at {last}, tuned minus the rate of {first}",
                f"{label.zh}，批量 {last}，单独调参减沿用 {first} 的学习率",
            ),
            paired(tuned[:, -1], left, margin=found.verdict.margin, **of_means),
        )
    if pace is not None:
        row(
            Text("large batches converge in fewer steps", "大批量收敛所需步数少"),
            Text(f"steps to the target, {last} over {first}", f"达到目标的步数，{last} 与 {first} 之比"),
            paired_ratios(pace.steps[-1], pace.steps[0], margin=ALIKE, **of),
            percent=True,
        )
        if np.isfinite(pace.step_seconds[[0, -1]]).all():
            seconds = pace.steps * pace.step_seconds[:, None]
            row(
                Text("large batches converge faster", "大批量收敛快"),
                Text(
                    f"seconds to the target on one core, {last} over {first}",
                    f"单核达到目标的秒数，{last} 与 {first} 之比",
                ),
                paired_ratios(seconds[-1], seconds[0], margin=ALIKE, **of),
                percent=True,
            )
    head = (Text("the chapter says", "教材的说法"), Text("measured", "衡量"), Text("", ""), Text("", ""))
    measured = Text(
        "Each line for itself; below 0 the claim holds. Of memory the chapter says: little, take 32–64; ample, 256–1024. How "
        "much each size takes stands above. How well a GPU is used is not asked here.",
        "各行单独判断；小于 0 表示说法成立。教材关于显存：小则 32–64，充足则 256–1024；"
        "各批量的占用见上。这里不涉及 GPU 利用率。",
    )
    table = Table(head, tuple(rows), Text("The chapter's claims, on these rows", "教材的说法在这些行上"))
    return Section(Text("Small or large", "小还是大"), (), (), (table,), (measured,))


def _rules(scaled: Scaled) -> dict[str, Any]:
    return {
        way: {
            "keeps": scaled.sizes[scaled.keeps(way)],
            "worse": [scaled.sizes[k] for k in scaled.loses(way)],
            "minus": {
                size: {**dataclasses.asdict(c), "finding": c.finding.value}
                for size, c in zip(scaled.sizes[1:], scaled.of(way), strict=True)
            },
        }
        for way in WORDS
    }
