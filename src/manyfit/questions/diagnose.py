"""Does it underfit, overfit, or is its gap without harm? Asked by trying the remedies, not by looking at a curve.

Twins of the recipe, alike but for one remedy, train on the same splits from the same seeds. Overfitting is found when a
twin that is smaller, penalised or trained for less time is better on rows that neither has seen; underfitting when a
larger or longer one is. A gap between training and held-out loss that no remedy can make use of does no harm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Bars, Curves, Section, Series, Table, Text, digits
from manyfit.hyper import hyper
from manyfit.population import Member
from manyfit.questions._base import Rounds, question
from manyfit.questions._task import Replicate, Task
from manyfit.recipe import Recipe
from manyfit.rng import epoch_order
from manyfit.runs import Run
from manyfit.stats import Comparison, Finding, Interval, mean_interval, paired_ratios

Floats = NDArray[np.float64]

SCOPE = "seeds and splits"
FLOOR = 1e-3
"""Share of the score on unseen rows below which that on training rows is not told apart from nothing."""

BASE = "base"
CURBS = ("smaller", "penalised", "strongly", "shorter")
"""Twins that hold a network back: one of them is better when it overfits."""
BOOSTS = ("larger", "widest", "longer")
"""Twins that let it go further: one of them is better when it underfits."""
NARROW = 8
"""Width up to which four times of it is tried as well."""
SHARES = {"quarter": 0.25, "half": 0.5}
"""Twins that see a share of the training rows."""

WORDS: Mapping[str, Text] = {
    BASE: Text("as it is", "原样"),
    "smaller": Text("half the width", "宽度减半"),
    "penalised": Text("decay ×10", "衰减 ×10"),
    "strongly": Text("decay ×100", "衰减 ×100"),
    "shorter": Text("half the epochs", "轮数减半"),
    "larger": Text("twice the width", "宽度加倍"),
    "widest": Text("four times the width", "宽度四倍"),
    "longer": Text("twice the epochs", "轮数加倍"),
    "half": Text("half the rows", "一半的行"),
    "quarter": Text("a quarter of the rows", "四分之一的行"),
}

CODES: Mapping[str, Text] = {
    "overfitting": Text("overfitting", "过拟合"),
    "underfitting": Text("underfitting", "欠拟合"),
    "gap-without-harm": Text("gap without harm", "有差距但无害"),
    "fits": Text("no gap to speak of", "没有明显差距"),
    "unstable": Text("unstable", "不稳定"),
    "cannot-tell": Text("cannot tell", "无法判断"),
}

FINDINGS: Mapping[Finding, Text] = {
    Finding.BETTER: Text("better", "更好"),
    Finding.SAME: Text("same", "相同"),
    Finding.WORSE: Text("worse", "更差"),
    Finding.UNKNOWN: Text("cannot tell", "无法判断"),
}


class Evidence(NamedTuple):
    """What the twins showed. All scores are losses: lower is better.

    code: A key of `CODES`.
    remedies: By twin: twin − recipe as it is, on unseen rows.
    train, held: Mean score of the recipe on its training rows, and on rows it has not seen.
    gap: Interval of held − train.
    n_rows: [3] training rows of a quarter, a half, all.
    by_rows: [3] mean score on unseen rows with that many.
    doubling: What twice the rows would change the score by, if it goes on as from a quarter over a half to all of them.
    """

    code: str
    remedies: Mapping[str, Comparison]
    train: float
    held: float
    gap: Interval
    n_rows: Floats
    by_rows: Floats
    doubling: Interval


@question
class Diagnose:
    """Underfitting, gap without harm, or overfitting, each remedy tried.

    Example:
        >>> Diagnose(replicates=10).replicates
        10
    """

    replicates: int = hyper(15, low=2, doc="Fresh pairs of seed and split.")
    margin: float = hyper(0.01, low=0, doc="Share of the score within which two recipes count as the same.")
    level: float = hyper(
        0.95, above=0.5, below=1, doc="Confidence level, shared out among the remedies of one kind."
    )

    def rounds(self, task: Task) -> Rounds:
        """One population: every twin on every split from every seed."""
        pairs = task.replicates(self.replicates)
        members = [
            _member(task, recipe, pair, SHARES.get(name, 1.0))
            for name, recipe in twins(task.recipe).items()
            for pair in pairs
        ]
        run = yield task.population(members)
        return self.answer(task, self.evidence(task, run))

    def evidence(self, task: Task, run: Run) -> Evidence:
        """Read the run: a pure function of it."""
        names = list(twins(task.recipe))
        shape = (len(names), self.replicates)
        unseen = task.scores(run).reshape(shape)
        base = unseen[0]
        seen = task.scores(run, seen=True).reshape(shape)[0]
        scale = float(np.mean(base)) if np.isfinite(base).all() else 1.0
        margin, remedies = self.margin * scale, {}
        for family in (CURBS, BOOSTS):
            tried = [name for name in family if name in names]
            level = 1 - (1 - self.level) / max(len(tried), 1)  # Bonferroni over the remedies of one kind
            for name in tried:
                # by ratios, because scores differ more between splits than between twins, and are skewed
                found = paired_ratios(
                    unseen[names.index(name)],
                    base,
                    scope=SCOPE,
                    margin=self.margin,
                    level=level,
                    overlap=task.overlap,
                )
                remedies[name] = dataclasses.replace(
                    found, difference=_times(found.difference, scale), margin=margin
                )
        known = np.maximum(seen, FLOOR * base)
        gap = _times(_ratio(base, known, self.level, task.overlap), float(np.mean(seen)))
        sizes = [*(names.index(name) for name in SHARES), 0]
        by_rows = unseen[sizes]
        n_train = float(np.mean([len(m.rows.train) for m in run.population.members[: self.replicates]]))
        return Evidence(
            judge(remedies, gap, margin) if np.isfinite(base).all() else "unstable",
            remedies,
            float(np.mean(seen)),
            float(np.mean(base)),
            gap,
            n_train * np.array([*SHARES.values(), 1.0]),
            by_rows.mean(1),
            _times(_doubling(by_rows, self.level, task.overlap), scale),
        )

    def answer(self, task: Task, found: Evidence) -> Answer:
        """Say the evidence in words, a table and two pictures."""
        code = CODES[found.code]
        train, held = digits(found.train), digits(found.held)
        gap = Text(
            f"{task.name}: {code.en}. {task.measure.label.en} {train} on training rows, {held} on unseen ones.",
            f"{task.name}：{code.zh}。训练行的{task.measure.label.zh} 为 {train}，未见过的行为 {held}。",
        )
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
            (Series(Text("unseen rows", "未见过的行"), found.n_rows, found.by_rows),),
            Text("training rows", "训练行数"),
            task.measure.label,
            x_log=True,
        )
        table = Table(
            (Text("tried", "尝试"), minus, Text("interval", "区间"), Text("finding", "结论")),
            tuple(
                (
                    WORDS[name],
                    d.estimate,
                    f"[{digits(d.low)}, {digits(d.high)}]",
                    FINDINGS[found.remedies[name].finding],
                )
                for name, d in zip(names, differences, strict=True)
            ),
            Text("Remedies tried, on rows that no network has seen", "在任何网络都未见过的行上尝试各种办法"),
        )
        n = differences[0].n if differences else found.gap.n
        scope = Text(
            f"{n} pairs over seeds and splits of {task.name}; intervals at {self.level:.0%}, shared among the remedies",
            f"{task.name} 的 {n} 对种子与划分；区间水平 {self.level:.0%}，由各办法分担",
        )
        doubling = found.doubling
        more = Text(
            f"Twice the rows: {digits(doubling.estimate)} [{digits(doubling.low)}, {digits(doubling.high)}].",
            f"行数加倍：{digits(doubling.estimate)} [{digits(doubling.low)}, {digits(doubling.high)}]。",
        )
        measured = Text(
            "Twins share seeds, splits and rows with the recipe as it is; they differ by the remedy alone. "
            + ("Folds overlap, so intervals are corrected as by Nadeau and Bengio." if task.overlap else ""),
            "变体与原配方使用相同的种子、划分和行，只差一种办法。"
            + ("各折有重叠，区间按 Nadeau–Bengio 方法修正。" if task.overlap else ""),
        )
        return Answer(
            "diagnose",
            Text(f"Does the network fit {task.name}?", f"网络对 {task.name} 拟合得如何？"),
            (gap,),
            scope,
            (
                Section(Text("Remedies", "办法"), (gap,), (bars,), (table,), (measured,)),
                Section(Text("Rows", "行数"), (more,), (rows,)),
            ),
            numbers(found),
        )


def judge(remedies: Mapping[str, Comparison], gap: Interval, margin: float) -> str:
    """The code that the evidence supports.

    A remedy that helps decides; where curbs and boosts both help, the one that helps more. Without any: a gap that is
    there and that no curb can use is without harm if at least one curb is known not to help; no gap beyond the margin is
    a fit; what is left can't be told.
    """

    def best(family: tuple[str, ...]) -> float:
        helps = [
            remedies[n].difference.estimate
            for n in family
            if n in remedies and remedies[n].finding is Finding.BETTER
        ]
        return min(helps, default=0.0)

    curb, boost = best(CURBS), best(BOOSTS)
    if curb < 0 or boost < 0:
        return "overfitting" if curb <= boost else "underfitting"
    settled = [name for name in CURBS if name in remedies and remedies[name].finding is not Finding.UNKNOWN]
    if gap.low > margin and settled:
        return "gap-without-harm"
    if gap.within(max(margin, 0.0)) and settled:
        return "fits"
    return "cannot-tell"


def twins(recipe: Recipe) -> dict[str, Recipe]:
    """The recipe as it is, first, then its twins by name; a twin that would be the same is left out."""
    made = {
        BASE: recipe,
        "smaller": _scaled(recipe, 0.5),
        "penalised": _decayed(recipe, 10.0, 0.01),
        "strongly": _decayed(recipe, 100.0, 0.1),
        "shorter": dataclasses.replace(recipe, epochs=max(recipe.epochs // 2, 1)),
        "larger": _scaled(recipe, 2.0),
        "longer": dataclasses.replace(recipe, epochs=2 * recipe.epochs),
    }
    if min(recipe.dense.hidden, default=NARROW + 1) <= NARROW:
        made["widest"] = _scaled(recipe, 4.0)  # twice of next to nothing is not much
    different = {name: twin for name, twin in made.items() if name == BASE or twin != recipe}
    return {**different, **dict.fromkeys(SHARES, recipe)}


def numbers(found: Evidence) -> dict[str, object]:
    """The evidence as plain values."""
    return {
        "code": found.code,
        "train": found.train,
        "held": found.held,
        "gap": dataclasses.asdict(found.gap),
        "remedies": {
            name: {**dataclasses.asdict(c), "finding": c.finding.value} for name, c in found.remedies.items()
        },
        "rows": {"n": found.n_rows.tolist(), "score": found.by_rows.tolist()},
        "doubling": dataclasses.asdict(found.doubling),
    }


def _scaled(recipe: Recipe, factor: float) -> Recipe:
    hidden = tuple(max(round(width * factor), 1) for width in recipe.dense.hidden)
    return recipe.set("network.hidden", hidden)


def _decayed(recipe: Recipe, factor: float, least: float) -> Recipe:
    """More decay by the recipe's own means, and never less than `least` (times λ of AdamW; a tenth of it where coupled)."""
    decoupled = type(recipe.optimizer).__name__ == "AdamW"
    floor = least * (10 if decoupled else 0.1)
    return recipe.set("optimizer.weight_decay", max(recipe.get("optimizer.weight_decay") * factor, floor))


def _member(task: Task, recipe: Recipe, pair: Replicate, share: float) -> Member:
    """A twin on all its training rows, or on a random share of them."""
    whole = task.member(recipe, pair)
    if share >= 1.0:
        return whole
    rows = whole.rows.train
    chosen = np.sort(epoch_order(pair.streams.split, 0, len(rows))[: max(round(share * len(rows)), 1)])
    return task.member(recipe, pair, train=rows[chosen])


def _doubling(by_rows: Floats, level: float, overlap: float) -> Interval:
    """The share by which twice the rows would change the score: as the last doubling did, shrunk as much as that had shrunk."""
    with np.errstate(invalid="ignore", divide="ignore"):  # networks that diverged: inf − inf is unknown
        logs = np.log(by_rows)
        before, last = logs[1] - logs[0], logs[2] - logs[1]
    first, second = float(np.mean(before)), float(np.mean(last))
    shrink = min(max(second / first, 0.35), 1.0) if first < 0 and np.isfinite(second / first) else 2**-0.5
    found = mean_interval(shrink * last, scope=SCOPE, level=level, overlap=overlap)
    method = f"{found.method} of logarithms of the last doubling, shrunk by {shrink:.2f}"
    return dataclasses.replace(_shared(found), method=method)


def _ratio(above: Floats, below: Floats, level: float, overlap: float) -> Interval:
    """Geometric mean of above / below, minus 1."""
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log(above) - np.log(below)
    return _shared(mean_interval(logs, scope=SCOPE, level=level, overlap=overlap))


def _shared(logs: Interval) -> Interval:
    """An interval of a logarithm as one of a share: 0.1 is a tenth more."""
    estimate, low, high = (float(np.expm1(end)) for end in (logs.estimate, logs.low, logs.high))
    return dataclasses.replace(logs, estimate=estimate, low=low, high=high)


def _times(share: Interval, scale: float) -> Interval:
    """An interval of shares in the unit of the score."""
    return dataclasses.replace(
        share, estimate=scale * share.estimate, low=scale * share.low, high=scale * share.high
    )
