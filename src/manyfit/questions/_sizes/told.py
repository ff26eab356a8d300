"""What networks of several sizes did, in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Section, Text, digits
from manyfit.questions._frame.base import INTERRUPTED
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.verdicts import both, finding_text, gain_text, score_text
from manyfit.questions._frame.words import interval_text, n_of, percent
from manyfit.questions._sizes.pictures import (
    AS_GOOD,
    Told,
    curve_figure,
    depths_figure,
    met_table,
    sizes_table,
)
from manyfit.questions._sizes.sizes import ZERO
from manyfit.stats import Comparison, Finding

Floats = NDArray[np.float64]

_EDGE = {
    "widest": Text(
        "The best may be wider than what was tried: --widths LOW..HIGH.",
        "最佳宽度可能超过试过的范围：--widths LOW..HIGH。",
    ),
    "deepest": Text(
        "The best may be deeper than what was tried: --depths LOW..HIGH.",
        "最佳深度可能超过试过的范围：--depths LOW..HIGH。",
    ),
    "narrowest": Text(
        "The best may be narrower than what was tried: --widths LOW..HIGH.",
        "最佳宽度可能低于试过的范围：--widths LOW..HIGH。",
    ),
}


def answer_of(task: Task, told: Told) -> Answer:
    """Say it."""
    response, found = told.response, told.found
    sentences = list(_statement(task, told))
    if not told.is_whole:
        sentences.append(INTERRUPTED)
    n_sizes, n = response.score.shape
    more = n_sizes - told.n_first
    head = [
        Text(
            f"{n_of(n_sizes, 'size')} × {n_of(n, 'replicate')} = {n_of(n_sizes * n, 'network')}",
            f"{n_sizes} 种大小 × {n} 个重复 = {n_sizes * n:,} 个网络",
        )
    ]
    if more:
        head.append(
            Text(
                f"the best lay at the edge: {n_of(more, 'size')} more",
                f"最佳值位于边缘：增加 {more} 种大小",
            )
        )
    n_met = len(told.met.score[found.best])
    if told.is_whole:
        head.append(
            Text(
                f"{n_of(len(told.met.score), 'size')} met on {n_met} fresh seed-and-split pairs",
                f"其中 {len(told.met.score)} 种在 {n_met} 对新的种子与划分上相遇",
            )
        )
    gain = gain_text(told.met.against.values())
    notes = (
        Text(
            f"same: within {digits(found.margin)} of the best (--margin)   {gain.en}",
            f"相同：与最佳相差不超过 {digits(found.margin)}（--margin）   {gain.zh}",
        ),
    )
    setting = task.setting(["network"])
    scope = Text(f"{task.scope}, {setting.en}", f"{task.name} 的{task.rows.scope.zh}，{setting.zh}")
    sections = (
        Section(
            Text("Score over the size", "分数随网络大小的变化"),
            (_candidates(told),),
            (curve_figure(task, told), *depths_figure(task, told)),
            (met_table(task, told),),
            (_measured(told, n),),
        ),
        Section(Text("Double descent", "双重下降"), (_descent(task, told),), (), (), (_planned(),)),
        Section(Text("Every size", "每种大小"), tuple(_regions(told)), (), (sizes_table(task, told),)),
    )
    return Answer(
        "capacity",
        Text(f"How large a network for {task.name}?", f"{task.name} 用多大的网络？"),
        tuple(sentences),
        scope,
        sections,
        _numbers(task, told),
        tuple(head),
        notes,
    )


def _statement(task: Task, told: Told) -> Iterator[Text]:
    found, met = told.found, told.met
    if not np.isfinite(found.mean).any():
        yield Text(
            "At every size some networks diverged; take a lower learning rate.",
            "每种大小都有网络发散；请降低学习率。",
        )
        return
    best, taken = told.named(found.best), told.taken
    score = score_text(task.measure, told.score(task, found.best))
    if not told.is_whole:
        yield Text(
            f"Best so far: {best.en}, {score.en}, too good by the luck that made it the best.",
            f"目前最佳：{best.zh}，{score.zh}，因被选为最佳而偏好。",
        )
        return
    yield Text(f"Best: {best.en}, {score.en}.", f"最佳：{best.zh}，{score.zh}。")
    if taken != found.best:
        name, by = told.named(taken), interval_text(met.against[taken].difference, signed=True)
        yield Text(
            f"Take {name.en}: the smallest shown to be as good, {by}.",
            f"取 {name.zh}：已证实同样好的最小者，相差 {by}。",
        )
    elif found.rivals:
        unsure = [met.against[s] for s in found.rivals if met.against[s].finding is Finding.UNKNOWN]
        if unsure:
            word = _unknown(min(unsure, key=lambda c: c.more))
            yield Text(f"Whether a smaller one is as good: {word.en}.", f"更小的网络是否同样好：{word.zh}。")
        else:
            yield Text("No smaller one is as good.", "没有更小的网络同样好。")
    else:
        yield _no_rival(told)
    largest = len(told.response.sizes) - 1
    if largest in met.against:
        yield _largest(told, largest, met.against[largest])
    if met.has_descended_twice:
        yield Text(
            "The error falls a second time beyond a peak (double descent).",
            "误差越过峰值后再次下降（双重下降）。",
        )
    if told.edge:
        yield _EDGE[told.edge]


def _no_rival(told: Told) -> Text:
    """What is said of smaller sizes where none has a mean within the margin of the best."""
    found, smaller = told.found, range(told.found.best)
    if not smaller:
        return Text("It is the smallest that was tried.", "它是试过的最小者。")
    open_ = [s for s in smaller if found.candidates[s]]
    if not open_:
        return Text("No smaller one came close.", "更小的网络都不接近。")
    name = told.response.sizes[open_[0]].name
    return both(
        f"No smaller mean lies within the margin, but the best may be as small as {name.en}: more --replicates tell.",
        f"更小者的均值都不在容差以内，但最佳者可能小至{name.zh}：增加 --replicates 可分辨。",
    )


def _largest(told: Told, s: int, against: Comparison) -> Text:
    """What more weights do: harm, none, or what can't be told."""
    name, by = told.named(s), interval_text(against.difference, signed=True)
    fits = told.found.train[s] <= told.found.train[told.found.best]
    if against.finding is Finding.WORSE:
        why = Text("overfits", "过拟合") if fits else Text("is worse", "更差")
        return Text(f"The largest, {name.en}, {why.en}: {by}.", f"最大的 {name.zh}{why.zh}：{by}。")
    if against.finding in AS_GOOD:
        return Text(f"More weights do no harm: {name.en} {by}.", f"更多权重无害：{name.zh} {by}。")
    word = _unknown(against)
    return Text(f"Whether {name.en} is worse: {word.en} ({by}).", f"{name.zh}是否更差：{word.zh}（{by}）。")


def _unknown(compared: Comparison) -> Text:
    """Cannot tell, with how many more pairs would."""
    word = finding_text(compared)
    return Text(f"{word.en} pairs", f"{word.zh[:-1]}对") if "," in word.en else word


def _candidates(told: Told) -> Text:
    found = told.found
    names = [told.response.sizes[s].name for s in np.flatnonzero(found.candidates)]
    if len(names) == len(told.response.sizes) > 1:
        return Text(
            f"At {percent(told.level)} confidence any of the {len(names)} sizes tried may be the best.",
            f"以 {percent(told.level)} 的置信度，试过的 {len(names)} 种大小都可能最佳。",
        )
    return both(
        f"With {percent(told.level)} confidence the best of the sizes tried is among {', '.join(n.en for n in names)}.",
        f"以 {percent(told.level)} 的置信度，试过的大小中最佳者属于{'、'.join(n.zh for n in names)}。",
    )


def _descent(task: Task, told: Told) -> Text:
    """What the planned test of a second descent found."""
    found, met = told.found, told.met
    if not told.is_whole:
        return Text(
            "Not tested: interrupted before fresh pairs were met.",
            "未检验：在新的种子与划分上比较之前已中断。",
        )
    if found.dip is None or met.rise is None or met.fall is None:
        return Text(
            f"Not seen here: at no depth does the mean score rise and fall again by more than {digits(found.margin)}.",
            f"此处未见：在任何深度上，平均分数都没有先升后降超过 {digits(found.margin)}。",
        )
    low, peak, end = (told.named(s) for s in found.dip)
    rise, fall = (interval_text(c.difference, signed=True) for c in (met.rise, met.fall))
    between = Text(
        f"from {low.en} to {peak.en} {rise}, and above {end.en} {fall}",
        f"从 {low.zh} 到 {peak.zh} {rise}，比 {end.zh} 高 {fall}",
    )
    if met.has_descended_twice:
        return Text(
            f"Seen on fresh pairs: {task.measure.label.en} rises {between.en}.",
            f"在新的种子与划分上可见：{task.measure.label.zh}{between.zh}。",
        )
    if Finding.UNKNOWN in (met.rise.finding, met.fall.finding):
        more = max(met.rise.more, met.fall.more)
        return Text(
            f"Cannot tell, {more:,} more pairs: a peak that fresh pairs do not settle, {between.en}.",
            f"无法判断，再加 {more:,} 对：新的种子与划分未能确定该峰值，{between.zh}。",
        )
    return Text(
        f"Not seen here: a peak that was there when sizes were tried is not on fresh pairs, {between.en}.",
        f"此处未见：尝试时出现的峰值在新的种子与划分上消失，{between.zh}。",
    )


def _planned() -> Text:
    """How a second descent is tested."""
    return Text(
        "A low score, a peak behind it and a low score behind that are chosen on the pairs on which sizes are tried, and met on "
        "fresh ones. A second descent is there when the peak is worse than both, each by its interval.",
        "低点、其后的峰值与再其后的低点在尝试大小的种子与划分上选出，并在新的种子与划分上比较。"
        "只有当峰值分别比两者都差（各看其区间）时，才算第二次下降。",
    )


def _measured(told: Told, n: int) -> Text:
    return Text(
        f"Every size trains on the same {n} pairs of seed and split. Right: its mean lies within the margin of the best. "
        "Underfits: worse on unseen rows and on training rows, with fewer weights. Overfits: worse on unseen rows, and no worse "
        "on training rows, with more weights. Both are said only of sizes that are shown not to be the best. "
        f"Training error is called about zero at {percent(ZERO)} of what a constant guess has. "
        "On fresh pairs all sizes that are compared with the best make one family of findings.",
        f"每种大小使用相同的 {n} 对种子与划分。适中：均值与最佳相差不超过容差。欠拟合：权重更少，未见过的行与训练行都更差。"
        f"过拟合：权重更多，未见过的行更差，而训练行不更差；两者只用于已证实并非最佳的大小。"
        f"训练误差不超过常数猜测的 {percent(ZERO)} 时称为约为零。"
        "在新的种子与划分上，与最佳比较的所有大小构成同一族结论。",
    )


def _regions(told: Told) -> Iterator[Text]:
    """From which size on the training rows are fitted, depth by depth; in one sentence where no depth comes to that."""
    if len(told.found.fitted) > 1 and all(s is None for s in told.found.fitted.values()):
        yield Text("No size reaches a training error of about zero.", "没有大小使训练误差约为零。")
        return
    for depth, s in told.found.fitted.items():
        if depth == 0 and s is None:
            continue
        layers = (
            Text(f"{n_of(depth, 'hidden layer')}", f"{depth} 个隐藏层") if depth else Text("Linear", "线性")
        )
        if s is None:
            yield Text(
                f"{layers.en}: no size reaches a training error of about zero.",
                f"{layers.zh}：没有大小使训练误差约为零。",
            )
        else:
            name = told.named(s)
            yield Text(
                f"{layers.en}: training error is about zero from {name.en} on.",
                f"{layers.zh}：从 {name.zh} 起训练误差约为零。",
            )


def _numbers(task: Task, told: Told) -> dict[str, object]:
    response, found, met = told.response, told.found, told.met

    def plain(compared: Comparison | None) -> dict[str, object] | None:
        if compared is None:
            return None
        shown = dataclasses.asdict(compared.difference)
        return {**shown, "finding": compared.finding.value, "more": compared.more}

    def size(s: int) -> dict[str, object]:
        depth, width = response.sizes[s]
        return {"depth": depth, "width": width, "weights": int(response.weights[s])}

    return {
        "best": size(found.best),
        "score": dataclasses.asdict(told.score(task, found.best)),
        "smallest": size(told.taken),
        "candidates": [size(s) for s in np.flatnonzero(found.candidates).tolist()],
        "margin": found.margin,
        "edge": told.edge,
        "met": [
            {
                **size(s),
                "scores": met.score[s].tolist(),
                "train": met.train[s].tolist(),
                "against_best": plain(met.against.get(s)),
            }
            for s in sorted(met.score)
        ],
        "double_descent": {
            "seen": told.is_whole and met.has_descended_twice,
            "sizes": None if found.dip is None else [size(s) for s in found.dip],
            "rise": plain(met.rise),
            "fall": plain(met.fall),
        },
        "fitted_from": {str(depth): None if s is None else size(s) for depth, s in found.fitted.items()},
        "sizes": [
            {
                **size(s),
                "word": found.words[s],
                "mean": float(found.mean[s]),
                "train": float(found.train[s]),
                "scores": response.score[s].tolist(),
                "train_scores": response.train[s].tolist(),
                "diverged": float(response.diverged[s].mean()),
            }
            for s in range(len(response.sizes))
        ],
        "interrupted": not told.is_whole,
    }
