"""What a search found, in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Section, Text, digits
from manyfit.errors import RecipeError
from manyfit.questions._contest.meeting import best_after
from manyfit.questions._frame.base import INTERRUPTED
from manyfit.questions._frame.measure import said
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.verdicts import finding_text, gain_text, score_text
from manyfit.questions._frame.words import interval_text, listed, n_of, spaced
from manyfit.questions._search.pictures import (
    Told,
    finalists_table,
    importance_figure,
    is_drawn,
    over_trials_figure,
    settings_table,
    settings_text,
    share_text,
    short,
    trials_figure,
    value_text,
)
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.stats import Finding

Floats = NDArray[np.float64]

DRAWN = 2
"""Settings whose scores are drawn: those that matter most."""


def answer_of(task: Task, told: Told) -> Answer:
    """Say it."""
    n_trials, n = told.trials.score.shape
    sentences = list(_statement(task, told))
    if not told.is_whole:
        sentences.append(INTERRUPTED)
    head = [
        Text(
            f"{n_of(n_trials, 'recipe')} × {n_of(n, 'replicate')} = {n_of(n_trials * n, 'network')}",
            f"{n_trials} 个配方 × {n} 个重复 = {n_trials * n:,} 个网络",
        )
    ]
    if told.confirmed.against is not None:
        head.append(
            Text(
                f"the best {len(told.confirmed.finalists)} met on fresh pairs, the winner is scored on yet others",
                f"最好的 {len(told.confirmed.finalists)} 个在新的种子与划分上相遇，胜者再用另一批评分",
            )
        )
    tables = (finalists_table(task, told),) if told.confirmed.finalists else ()
    notes = ()
    if told.confirmed.against is not None:
        margin = digits(told.confirmed.against.margin)
        gain = gain_text([told.confirmed.against])
        same = Text(f"same: within {margin} (--margin)", f"相同：相差不超过 {margin}（--margin）")
        notes = (Text(f"{same.en}   {gain.en}", f"{same.zh}   {gain.zh}"),)
    figures = tuple(trials_figure(task, told, j) for j in told.ranked if is_drawn(told, j))[:DRAWN]
    sections = (
        Section(Text("The best recipes", "最好的配方"), (), figures, tables, (_measured(told, n),)),
        Section(
            Text("What matters", "什么重要"),
            tuple(_matters(told)),
            () if told.importance is None else (importance_figure(told),),
            (settings_table(told),),
            (_forest(),),
        ),
        Section(
            Text("What more trials find", "更多尝试能找到什么"),
            tuple(_paid(task, told)),
            (over_trials_figure(task, told),),
        ),
    )
    shared = task.setting(told.found.paths)
    return Answer(
        "search",
        Text(f"Which settings for {task.name}?", f"{task.name} 用哪些设置？"),
        tuple(sentences),
        Text(
            ", ".join(part for part in (task.scope, shared.en) if part),
            "，".join(part for part in (f"{task.name} 的{task.rows.scope.zh}", shared.zh) if part),
        ),
        sections,
        _numbers(told),
        tuple(head),
        notes,
    )


def _statement(task: Task, told: Told) -> Iterator[Text]:
    if told.winner is None:
        yield Text(
            "In every recipe that was tried a network diverged; search lower rates.",
            "试过的每个配方都有网络发散；请搜索更低的学习率。",
        )
        return
    text = settings_text(told.found, told.winner)
    score = score_text(task.measure, told.confirmed.score)
    against = told.confirmed.against
    if against is None:
        yield Text(
            f"Best so far: {text}; {score.en}, too good by the luck that made it the best.",
            f"目前最好：{text}；{score.zh}，因被选为最佳而偏好。",
        )
    else:
        by = interval_text(against.difference, signed=True)
        word = finding_text(against)
        if against.finding is Finding.BETTER:
            yield Text(f"Take {text}: {score.en}.", f"取 {text}：{score.zh}。")
            yield Text(f"Better than the recipe as it is, {by}.", f"优于原配方，{by}。")
        elif against.finding is Finding.UNKNOWN:
            yield Text(f"Best found: {text}; {score.en}.", f"找到的最佳：{text}；{score.zh}。")
            pairs = Text(f"{word.en} pairs", f"{word.zh[:-1]}对") if "," in word.en else word
            yield Text(
                f"Whether it beats the recipe as it is: {pairs.en} ({by}).",
                f"是否优于原配方：{pairs.zh}（{by}）。",
            )
        else:
            is_same = against.finding is Finding.SAME
            verdict = Text("the same", "与之相同") if is_same else Text("worse", "更差")
            yield Text(
                f"Keep the recipe as it is: the best found, {text}, is {verdict.en} ({by}).",
                f"保留原配方：找到的最佳 {text} {verdict.zh}（{by}）。",
            )
    yield from list(_matters(told))[:1]
    for path, end, value in told.edges:
        where = Text("above", "高于") if end == "highest" else Text("below", "低于")
        yield Text(
            f"The best {short(path)} may lie {where.en} what was tried ({value_text(value)}): --vary {path}=….",
            f"最佳的 {short(path)} 可能{where.zh}试过的范围（{value_text(value)}）：--vary {path}=…。",
        )


def _matters(told: Told) -> Iterator[Text]:
    found = told.importance
    if found is None:
        yield Text("Too few trials differ to say what matters.", "有差别的尝试太少，无法说明什么重要。")
        return
    sure = [j for j in told.ranked if found.of[j].low > 0]
    names = [f"{short(told.found.paths[j])} ({share_text(found.of[j].estimate)})" for j in sure]
    known = (
        f"{share_text(found.known.estimate)} [{share_text(found.known.low)}, {share_text(found.known.high)}]"
    )
    if not names:
        yield Text(
            "Which setting matters can not be told from these trials.", "这些尝试无法说明哪个设置重要。"
        )
    else:
        yield Text(f"What matters: {listed(names).en}.", f"重要的是：{listed(names).zh}。")
        rest = [short(told.found.paths[j]) for j in told.ranked if j not in sure]
        if rest:
            yield Text(
                f"Of {listed(rest).en} it can't be told that they matter here.",
                f"无法断定 {listed(rest).zh} 在此处重要。",
            )
    yield Text(
        f"Settings foretell {known} of the variance of ranks of held-out trials; the rest is interplay and luck.",
        f"设置能预言留出尝试的名次方差的 {known}；其余是相互作用与偶然。",
    )


def _paid(task: Task, told: Told) -> Iterator[Text]:
    if not told.is_random:
        yield Text(
            "Later recipes were proposed where earlier ones did well, so trials are not alike: the curve is the best so far.",
            "后来的配方是在先前效果好的地方提出的，各次尝试并不等同：曲线为至今最佳。",
        )
        return
    paid = best_after(told.trials.score.T)
    half, whole = digits(float(paid[len(paid) // 2 - 1])), digits(float(paid[-1]))
    n = len(paid)
    all_, some = said(task.measure, whole), said(task.measure, half)
    yield Text(
        f"The best of {n} trials is worth {all_.en} on other pairs; the best of {n // 2}, {some.en}.",
        spaced(f"{n} 次尝试中的最佳在其他种子与划分上为{all_.zh}；{n // 2} 次中的最佳为{some.zh}。"),
    )


def _measured(told: Told, n: int) -> Text:
    n_structures = len(told.found.space.structures)
    return Text(
        f"{n_of(n_structures, 'structure')}, settings drawn from their ranges; every recipe on the same {n} pairs of seed and "
        "split. The best few meet on fresh pairs, and the winner is scored on yet others, which chose nothing, beside the recipe "
        "as it is.",
        f"{n_structures} 种结构，设置从各自范围中抽取；每个配方使用相同的 {n} 对种子与划分。最好的几个在新的种子与划分上相遇，"
        "胜者再用另一批未参与选择的种子与划分，与原配方一起评分。",
    )


def _forest() -> Text:
    return Text(
        "Trials are resampled; a forest learns the rank of the score from the settings of those drawn, and foretells the "
        "others, with one setting shuffled at a time. Half of what the squared error gains is its importance, as a share of "
        "the variance of ranks; a network that diverged has the last rank. An interval that holds 0 says that the setting may "
        "not matter in this range.",
        "对尝试重抽样；随机森林从抽中的尝试学习设置与名次的关系，并预言其余尝试，每次打乱一个设置。"
        "平方误差增量的一半即其重要性，以名次方差的份额表示；发散的网络名次最后。区间包含 0 表示该设置在此范围内可能不重要。",
    )


def _numbers(told: Told) -> dict[str, object]:
    confirmed, trials, found = told.confirmed, told.trials, told.importance

    def values(recipe: Recipe) -> dict[str, Any]:
        return {path: _plain(recipe.get(path)) for path in told.found.paths}

    against = confirmed.against
    return {
        "best": None if told.winner is None else values(told.winner),
        "recipe": None if told.winner is None else _fields(told.winner),
        "score": dataclasses.asdict(confirmed.score),
        "as_it_is": None if confirmed.base is None else dataclasses.asdict(confirmed.base),
        "against_as_it_is": None
        if against is None
        else {
            **dataclasses.asdict(against.difference),
            "finding": against.finding.value,
            "more": against.more,
            "margin": against.margin,
        },
        "finalists": [
            {**values(trials.recipes[i]), "search": float(trials.mean[i]), "fresh": float(fresh)}
            for i, fresh in zip(confirmed.finalists, confirmed.met.tolist(), strict=True)
        ],
        "importance": None
        if found is None
        else {path: dataclasses.asdict(of) for path, of in zip(told.found.paths, found.of, strict=True)},
        "known": None if found is None else dataclasses.asdict(found.known),
        "edges": [[path, end, _plain(value)] for path, end, value in told.edges],
        "best_after": best_after(trials.score.T).tolist() if told.is_random else None,
        "trials": [
            {
                **values(recipe),
                "scores": trials.score[i].tolist(),
                "diverged": float(trials.diverged[i].mean()),
            }
            for i, recipe in enumerate(trials.recipes)
        ],
        "interrupted": not told.is_whole,
    }


def _fields(recipe: Recipe) -> dict[str, Any] | None:
    """A recipe as JSON holds it; None for a module that can't be written down."""
    try:
        return recipe.to_dict()
    except RecipeError:
        return None


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return name_of(value) if dataclasses.is_dataclass(value) else value
