"""The chapter's decision tree for optimizers (3.5.3), each of its branches with the evidence of a comparison."""

from __future__ import annotations

from typing import NamedTuple

from manyfit.answers import Section, Table, Text
from manyfit.questions._contest.meeting import Found
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.words import interval_text
from manyfit.stats import Finding, Interval, paired


class Branch(NamedTuple):
    """A branch of the tree: it says that `first` is to be taken before `second`.

    claim: What the chapter says.
    what: "score", or "diverge" for how often networks diverge over all rates.
    """

    claim: Text
    first: str
    second: str
    what: str = "score"


BRANCHES = (
    Branch(Text("Adam is the default choice: before SGD", "默认选择 Adam：优于 SGD"), "adam", "sgd"),
    Branch(Text("momentum speeds up SGD", "动量加速 SGD"), "momentum", "sgd"),
    Branch(
        Text("else Adam or SGD with momentum: Adam first", "其余选 Adam 或动量 SGD：先 Adam"),
        "adam",
        "momentum",
    ),
    Branch(Text("RMSprop mends AdaGrad's dying rate", "RMSprop 解决 AdaGrad 衰减过快"), "rmsprop", "adagrad"),
    Branch(
        Text("stability asked for: AdamW before Adam", "需要稳定：AdamW 优于 Adam"),
        "adamw",
        "adam",
        "diverge",
    ),
    Branch(Text("large-scale: LAMB before AdamW", "大规模：LAMB 优于 AdamW"), "lamb", "adamw"),
)

ALIKE = 2.0
"""Two optimizers are as stable as each other when their shares of diverging trials differ by no more than so many points."""

HOLDS = {
    Finding.BETTER: Text("holds here", "在此成立"),
    Finding.SAME: Text("no difference here", "在此无差别"),
    Finding.WORSE: Text("the opposite holds here", "在此相反"),
    Finding.UNKNOWN: Text("cannot tell", "无法判断"),
}


def tree_section(found: Found, task: Task) -> list[Section]:
    """The branches whose optimizers were compared; nothing where there are none."""
    places = {option.name: k for k, option in enumerate(found.options) if "optimizer" in option.settings}
    rows = []
    for branch in BRANCHES:
        if branch.first in places and branch.second in places:
            finding, by = _judged(branch, places[branch.first], places[branch.second], found, task)
            of = (
                task.measure.label
                if branch.what == "score"
                else Text("trials that diverge, %", "发散的试验，%")
            )
            rows.append((branch.claim, of, interval_text(by, signed=True), HOLDS[finding]))
    if not rows:
        return []
    head = (
        Text("the chapter says", "教材的说法"),
        Text("", ""),
        Text("first minus second", "前者减后者"),
        Text("", ""),
    )
    title = Text("The chapter's decision tree, on these rows", "教材的决策树在这些行上")
    measured = Text(
        "Each line for itself, from the same tuned options on the same fresh pairs; below 0 the first is better. What a "
        "branch says of deep networks, of pretraining or of sparse data is asked by other examples (manyfit list examples).",
        "各行单独判断，来自同一批调好的选项与新的配对；小于 0 表示前者更好。"
        "关于深度网络、预训练或稀疏数据的说法由其他示例检验（manyfit list examples）。",
    )
    return [
        Section(Text("The decision tree", "决策树"), (), (), (Table(head, tuple(rows), title),), (measured,))
    ]


def _judged(branch: Branch, first: int, second: int, found: Found, task: Task) -> tuple[Finding, Interval]:
    if branch.what == "score":
        tuned = found.verdict.tuned
        comparison = paired(
            tuned[:, first],
            tuned[:, second],
            scope=task.scope,
            margin=found.verdict.margin,
            level=found.level,
            overlap=task.overlap.of_paired_groups(found.races[first].score, found.races[second].score),
        )
        return comparison.finding, comparison.difference
    lost = [
        100 * found.tuning[k].diverged.mean(0) for k in (first, second)
    ]  # of each replicate's trials, in percent
    comparison = paired(*lost, scope=task.scope, margin=ALIKE, level=found.level, overlap=task.overlap)
    return comparison.finding, comparison.difference
