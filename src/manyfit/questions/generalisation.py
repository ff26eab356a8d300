"""Does it hold on rows it has not seen, and on rows unlike those it has seen?

The chapter's 3.6.2: to generalize is to do well on unseen data. Unseen rows of the same kind show the gap that training opens.
Rows beyond what training covered show what is left when the world moves: an end of the main direction, a whole cluster, a
stretch of time, the extremes of a column are held back, and networks trained on the others are scored on them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Bars, Cell, Section, Table, Text, digits
from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.hyper import hyper
from manyfit.questions._frame.base import Rounds, question
from manyfit.questions._frame.measure import said
from manyfit.questions._frame.rows import TableRows
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.verdicts import both, finding_text, joined
from manyfit.questions._frame.words import interval_text, n_of, percent, spaced
from manyfit.questions._stress.between import Between, between_of
from manyfit.questions._stress.beyond import Found, Scores, read, scores_of
from manyfit.questions._stress.held_back import CLUSTERS, held_back, without
from manyfit.stats import Comparison, Finding, Interval, mean_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

AS_DRAWN = "random"
"""Unseen rows of the same kind."""


class Kind(NamedTuple):
    """A way to hold rows back.

    name: "direction", "cluster", "time", "group", or a column.
    said: In a table.
    """

    name: str
    said: Text


@question
class Generalisation:
    """The gap between training rows and unseen ones, and what is lost on rows unlike those that trained.

    Example:
        >>> Generalisation(beyond=("direction",)).replicates
        20
    """

    example: ClassVar[str] = "digits"

    beyond: tuple[str, ...] = hyper(
        ("direction", "cluster", "time", "group"),
        kind="texts",
        doc="What is held back: an end of the main direction, a cluster, the latest rows, a group; or columns by name.",
    )
    replicates: int = hyper(20, low=3, doc="Pairs of fresh seed and split.")
    share: float = hyper(0.2, above=0, below=0.5, doc="Share of the rows at an end that is held back.")
    margin: float | None = hyper(
        None,
        low=0,
        optional=True,
        kind="number",
        doc="What counts as no gap, in the score's unit; by default a share of it.",
    )
    level: float = hyper(0.95, above=0.5, below=1, doc="Confidence level.")

    def rounds(self, task: Task) -> Rounds:
        """One population: the recipe on every pair, and again without the rows of each kind that are held back."""
        pairs = task.replicates(self.replicates)
        plain = [task.member(task.recipe, pair) for pair in pairs]
        kinds = self.kinds(task)
        possible = kinds
        apart = {kind.name: held_back(task, kind.name, plain[0], self.share, task.seed) for kind in kinds}
        members, beyond = list(plain), {}
        for name, sets in apart.items():
            taken = [sets[pair.number % len(sets)] for pair in pairs] if sets else []
            twins = [without(task, pair, rows, name) for pair, rows in zip(pairs, taken, strict=False)]
            known = [twin for twin in twins if twin is not None]
            if len(known) == len(pairs):
                beyond.update(enumerate(taken, start=len(members)))
                members += [task.member(task.recipe, twin) for twin in known]
            else:  # nothing to hold back, or too little is left
                kinds = [kind for kind in kinds if kind.name != name]
        run = yield task.population(members)
        between = {AS_DRAWN: Between(task.scope, task.overlap)}
        between |= {kind.name: between_of(task, kind.name, len(apart[kind.name])) for kind in kinds}
        scores = scores_of(task, run, [AS_DRAWN, *(kind.name for kind in kinds)], beyond)
        found = {
            name: read(
                of,
                self.margin,
                task.measure.share,
                level=self.level,
                scope=between[name].scope,
                overlap=between[name].overlap,
            )
            for name, of in scores.items()
        }
        left = [_too_few(kind) for kind in possible if kind not in kinds]
        if self.beyond != type(self).beyond:  # asked for by name
            left += [_NONE[name] for name in _NONE if name in self.beyond and name not in {k.name for k in possible}]
        return self.answer(task, scores, found, kinds, between, len(run), left)

    def kinds(self, task: Task) -> list[Kind]:
        """What can be held back of this data.

        Raises:
            UsageError: If a column is asked for that there is not.
        """
        rows = task.rows
        data = rows.data if isinstance(rows, TableRows) else None
        columns = [column.name for column in data.used] if data is not None else []
        found = []
        for name in dict.fromkeys(self.beyond):
            if name in _SAID and name not in columns:
                if name in ("time", "group") and getattr(data, name, None) is None:
                    continue
                found.append(Kind(name, _SAID[name]))
            elif name in columns:
                found.append(Kind(name, Text(f"ends of {name}", f"{name} 的两端")))
            else:
                hint = did_you_mean(name, [*_SAID, *columns])
                rule = Text("is no column and no way to hold rows back", "既不是列名，也不是留出行的方式")
                raise UsageError(Problem(f"--beyond {name}", rule, hint=hint))
        return found

    def answer(
        self,
        task: Task,
        scores: Mapping[str, Scores],
        found: Mapping[str, Found],
        kinds: Sequence[Kind],
        between: Mapping[str, Between],
        n_networks: int,
        left: Sequence[Text] = (),
    ) -> Answer:
        """Say it in words, a table and two pictures; `left` says what could not be held back."""
        n = self.replicates
        head = (
            Text(
                f"{n_of(1 + len(kinds), 'way')} to hold rows out × {n_of(n, 'replicate')} = {n_of(n_networks, 'network')}",
                f"{1 + len(kinds)} 种留出方式 × {n} 个重复 = {n_networks:,} 个网络",
            ),
        )
        statement = (_gap(task, scores[AS_DRAWN], found[AS_DRAWN]), *_beyond(task, scores, found, kinds))
        sections = (
            Section(
                Text("Seen, unseen, unlike", "见过、未见、不同"),
                statement,
                (_scores_figure(task, scores, kinds, between, self.level), _shift_figure(task, found, kinds)),
                (_table(task, scores, found, kinds),),
                (_measured(self, task),),
            ),
        )
        return Answer(
            "generalisation",
            Text(f"Does the network generalize on {task.name}?", f"网络在 {task.name} 上泛化得如何？"),
            statement,
            Text(
                f"{task.scope}, {task.said.en}; test rows stay locked",
                f"{task.name} 的{task.rows.scope.zh}，{task.said.zh}；测试集保持锁定",
            ),
            sections,
            _numbers(scores, found),
            head,
            tuple(left),
        )


_SAID: Mapping[str, Text] = {
    "direction": Text("an end of the main direction", "主方向的一端"),
    "cluster": Text("a whole cluster", "整个簇"),
    "time": Text("later rows", "更晚的行"),
    "group": Text("whole groups", "整个组"),
}


_NONE: Mapping[str, Text] = {
    "time": Text(
        "not held back, no column of time is named (--time): later rows",
        "未留出（未指定时间列 --time）：更晚的行",
    ),
    "group": Text(
        "not held back, no column of groups is named (--group): whole groups",
        "未留出（未指定分组列 --group）：整个组",
    ),
}


def _too_few(kind: Kind) -> Text:
    said = kind.said
    return both(f"not held back, too few rows on one side: {said.en}", f"未留出（一侧的行太少）：{said.zh}")


def _mean(scores: Floats) -> str:
    return digits(float(scores.mean())) if np.isfinite(scores).all() else "∞"


def _gap(task: Task, scores: Scores, found: Found) -> Text:
    """The gap between training rows and unseen ones."""
    train, held = said(task.measure, _mean(scores.train)), _mean(scores.held)
    by = interval_text(found.gap.difference, signed=True)
    word = {
        Finding.WORSE: Text("a gap of", "差距"),
        Finding.SAME: Text("no gap to speak of,", "没有明显差距，"),
        Finding.BETTER: Text("unseen rows are easier,", "未见过的行更容易，"),
        Finding.UNKNOWN: Text("whether there is a gap can't be told,", "无法判断是否有差距，"),
    }[found.gap.finding]
    return both(
        f"{train.en[0].upper()}{train.en[1:]} on training rows, {held} on unseen ones of the same kind: {word.en} {by}.",
        f"训练行上{train.zh}，同类未见过的行上{held}：{word.zh}{by}。",
    )


def _beyond(
    task: Task, scores: Mapping[str, Scores], found: Mapping[str, Found], kinds: Sequence[Kind]
) -> Iterator[Text]:
    """What is lost on rows unlike those that trained, by kind."""
    by_finding: dict[Finding, list[Text]] = {}
    useless = []
    for kind in kinds:
        shift, worth = found[kind.name].shift, found[kind.name].worth
        if shift is None or worth is None:
            continue
        by, score = interval_text(shift.difference, signed=True), _mean(scores[kind.name].beyond)
        by_finding.setdefault(shift.finding, []).append(
            Text(f"{kind.said.en} {score} ({by})", f"{kind.said.zh}{score}（{by}）")
        )
        if worth.finding in (Finding.WORSE, Finding.SAME):
            useless.append(kind.said)
    for finding, word in _SHIFTED.items():
        if by_finding.get(finding):
            parts = joined(by_finding[finding])
            yield both(f"{word.en}: {parts.en}.", f"{word.zh}：{parts.zh}。")
    if useless:
        where = joined(useless)
        yield both(f"No better than a constant guess on {where.en}.", f"在{where.zh}上不比常数猜测更好。")


_SHIFTED = {
    Finding.WORSE: Text("Worse on rows held back", "留出的行上更差"),
    Finding.UNKNOWN: Text("Can't tell on rows held back", "留出的行上无法判断"),
    Finding.SAME: Text("The same on rows held back", "留出的行上相同"),
    Finding.BETTER: Text("Better on rows held back", "留出的行上更好"),
}


def _table(
    task: Task, scores: Mapping[str, Scores], found: Mapping[str, Found], kinds: Sequence[Kind]
) -> Table:
    rows: list[tuple[Cell, ...]] = []
    drawn = _AFTER if in_time(task) else _DRAWN
    for kind in (Kind(AS_DRAWN, drawn), *kinds):
        of, says = scores[kind.name], found[kind.name]
        cells: list[Cell] = [kind.said, _mean(of.train), _mean(of.held)]
        if says.shift is None:
            cells += ["", interval_text(says.gap.difference, signed=True), _gap_word(says.gap), ""]
        else:
            cells += [
                _mean(of.beyond),
                interval_text(says.shift.difference, signed=True),
                finding_text(says.shift),
                _mean(of.constant),
            ]
        rows.append(tuple(cells))
    head = (
        Text("held out", "留出"),
        Text("train", "训练"),
        Text("unseen", "未见"),
        Text("beyond", "范围外"),
        Text("difference", "差"),
        Text("finding", "结论"),
        Text("constant", "常数"),
    )
    label = task.measure.label
    return Table(
        head,
        tuple(rows),
        both(
            f"{label.en} on training rows, unseen ones, and rows held back",
            f"训练行、未见过的行与留出行上的{label.zh}",
        ),
    )


_DRAWN = Text("random rows", "随机行")
_AFTER = Text("the stretch after a cut", "切分点之后的时段")


def in_time(task: Task) -> bool:
    """Whether the rows have an order of time."""
    return isinstance(task.rows, TableRows) and task.rows.data.time is not None


def _gap_word(gap: Comparison) -> Text:
    word = {
        Finding.WORSE: Text("gap", "有差距"),
        Finding.SAME: Text("no gap", "无差距"),
        Finding.BETTER: Text("easier", "更容易"),
    }
    return word.get(gap.finding) or finding_text(gap)


def _scores_figure(
    task: Task,
    scores: Mapping[str, Scores],
    kinds: Sequence[Kind],
    between: Mapping[str, Between],
    level: float,
) -> Bars:
    """Every score with its interval over replicates."""
    names: list[Text] = [Text("training rows", "训练行"), Text("unseen rows", "未见过的行")]
    values = [scores[AS_DRAWN].train, scores[AS_DRAWN].held]
    for kind in kinds:
        names.append(kind.said)
        values.append(scores[kind.name].beyond)
    varies = [between[name] for name in (AS_DRAWN, AS_DRAWN, *(kind.name for kind in kinds))]
    intervals = [
        mean_interval(of, scope=each.scope, level=level, overlap=each.overlap)
        for of, each in zip(values, varies, strict=True)
    ]
    return _bars(Text("Scores", "分数"), names, intervals, task.measure.label)


def _shift_figure(task: Task, found: Mapping[str, Found], kinds: Sequence[Kind]) -> Bars:
    """The gap, and what each kind adds to it."""
    names: list[Text] = [Text("unseen − train", "未见 − 训练")]
    intervals = [found[AS_DRAWN].gap.difference]
    for kind in kinds:
        shift = found[kind.name].shift
        if shift is not None:
            names.append(Text(f"{kind.said.en} − unseen", f"{kind.said.zh} − 未见"))
            intervals.append(shift.difference)
    label = task.measure.label
    title = Text("Gap, and what lies beyond", "差距，以及范围之外")
    return _bars(title, names, intervals, Text(f"{label.en}, difference", spaced(f"{label.zh}之差")), 0.0)


def _bars(
    title: Text,
    names: Sequence[Text],
    intervals: Sequence[Interval],
    label: Text,
    reference: float = math.nan,
) -> Bars:
    estimate, low, high = (
        np.array([getattr(interval, part) for interval in intervals]) for part in ("estimate", "low", "high")
    )
    return Bars(title, tuple(names), estimate, low, high, label, reference)


def _measured(plan: Generalisation, task: Task) -> Text:
    fresh = task.rows.scope
    share = percent(plan.share)
    unseen = Text("random ones of what is left", "从其余行中随机抽取")
    if in_time(task):
        unseen = Text("the stretch right after a cut in time", "为时间切分点之后紧接的时段")
    return Text(
        f"{plan.replicates} pairs of seed and split. Rows held back neither train nor decide anything, and the encoding has not "
        f"seen them: the upper or the lower {share} along the main direction (or of a column), one of {CLUSTERS} clusters, the "
        f"latest {share}, a group; replicates take turns. Unseen rows are {unseen.en}. Intervals at "
        f"{percent(plan.level)} speak of fresh {fresh.en} of these rows. The constant guess is the mean, or the most frequent "
        "class, of the training rows. Test rows stay locked: manyfit train opens them once.",
        f"{plan.replicates} 对种子与划分。留出的行不参与训练与任何决定，编码也未见过它们：主方向（或某列）的上端或下端 {share}、"
        f"{CLUSTERS} 个簇之一、最晚的 {share}、一个组，各重复轮流。未见过的行{unseen.zh}。区间水平 {percent(plan.level)}，"
        f"针对这些行的新{fresh.zh}。常数猜测为训练行的均值或最常见的类别。测试集保持锁定，由 manyfit train 打开一次。",
    )


def _numbers(scores: Mapping[str, Scores], found: Mapping[str, Found]) -> dict[str, object]:
    def plain(comparison: Comparison | None) -> dict[str, object] | None:
        if comparison is None:
            return None
        facts = {"finding": comparison.finding.value, "margin": comparison.margin, "more": comparison.more}
        return {**dataclasses.asdict(comparison.difference), **facts}

    return {
        name: {
            "scores": {field: getattr(of, field).tolist() for field in Scores._fields},
            "gap": plain(found[name].gap),
            "shift": plain(found[name].shift),
            "against_constant": plain(found[name].worth),
        }
        for name, of in scores.items()
    }
