"""Does the network hold up, and what buys more of it? Asked by spoiling rows, and by training the remedies beside it.

The chapter's 3.6.2: robust is what still answers well under noise, outliers and shift. Weight decay, noise in training and
dropout are said to help; here each is trained on the same pairs of seed and split, and its price on clean rows stands beside
what it buys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Cell, Curves, Section, Series, Table, Text, digits
from manyfit.errors import Problem, RecipeError, UnknownNameError, did_you_mean
from manyfit.hyper import hyper
from manyfit.penalties import L2
from manyfit.questions._frame.base import Rounds, question
from manyfit.questions._frame.measure import said
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.verdicts import both, finding_text, joined
from manyfit.questions._frame.words import interval_text, n_of, percent
from manyfit.questions._stress.exposed import Bought, Exposed, exposed_of, masked_share, read, spoiled_members
from manyfit.questions._stress.spoil import Kind, kind_of
from manyfit.recipe import Recipe
from manyfit.stats import Comparison, Finding, mean_interval

Floats = NDArray[np.float64]

AS_IS, CLEAN = "as is", "clean"

WORDS: Mapping[str, Text] = {
    AS_IS: Text("as it is", "原样"),
    "decay": Text("weight decay", "权重衰减"),
    "noise": Text("noise training", "加噪训练"),
    "dropout": Text("dropout", "Dropout"),
}
MASKED = 0.05
"""Share of networks in which PGD may be weaker than FGSM before it is called a sign of masked slopes."""


@question
class Robustness:
    """How scores fall under noise, outliers, missing cells, shift and attacks, and which remedy buys robustness at what price.

    The recipe as it is and its remedies train on the same pairs of seed and split. Their networks are scored on rows that no
    network has seen, clean and spoiled; wrong targets spoil the rows that train.

    Example:
        >>> Robustness(spoil=("noise", "pgd")).kinds[1].strengths
        (0.02, 0.05, 0.1, 0.2)
    """

    example: ClassVar[str] = "digits"

    spoil: tuple[str, ...] = hyper(
        ("noise", "outliers", "missing", "drift", "shift", "labels", "fgsm", "pgd", "fgsm-l2", "pgd-l2"),
        kind="texts",
        doc="How rows are spoiled.",
    )
    remedies: tuple[str, ...] = hyper(
        ("decay", "noise", "dropout"), kind="texts", doc="What is trained beside the recipe."
    )
    replicates: int = hyper(20, low=3, doc="Pairs of fresh seed and split.")
    strength: float = hyper(1.0, above=0, scale="log", doc="What all strengths are multiplied by.")
    decay: float = hyper(0.005, above=0, scale="log", doc="Strength of L2 of that remedy.")
    noise: float = hyper(0.5, above=0, doc="Noise on the inputs in training, in spreads, of that remedy.")
    dropout: float = hyper(
        0.3, above=0, below=1, doc="Chance that a hidden unit is dropped in a step, of that remedy."
    )
    margin: float | None = hyper(
        None,
        low=0,
        optional=True,
        kind="number",
        doc="What counts as the same, in the score's unit; by default a share of it.",
    )
    level: float = hyper(
        0.95, above=0.5, below=1, doc="Confidence level, shared out among the ways to spoil rows."
    )

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The ways in which rows are spoiled, with their strengths."""
        return tuple(kind_of(name, self.strength) for name in dict.fromkeys(self.spoil))

    def rounds(self, task: Task) -> Rounds:
        """One population: every recipe on every pair, and again on rows whose targets are wrong."""
        recipes, kinds = self.recipes(task.recipe), self.kinds
        pairs = task.replicates(self.replicates)
        clean = [task.member(recipe, pair) for recipe in recipes.values() for pair in pairs]
        spoiled, views = spoiled_members(task, clean, pairs, kinds)
        population = task.population(clean)
        run = yield dataclasses.replace(
            population, members=(*clean, *spoiled), views={**population.views, **views}
        )
        exposed = exposed_of(task, run, tuple(recipes), pairs, kinds)
        return self.answer(task, exposed, self.read(exposed, task), len(run))

    def recipes(self, recipe: Recipe) -> dict[str, Recipe]:
        """The recipe as it is, and each remedy that changes it.

        Raises:
            UnknownNameError: If there is no such remedy.
        """
        made = {AS_IS: recipe}
        for name in self.remedies:
            if name not in WORDS or name == AS_IS:
                known = [word for word in WORDS if word != AS_IS]
                rule = Text(f"unknown remedy {name!r}", f"未知的办法 {name!r}")
                raise UnknownNameError(Problem("", rule, hint=did_you_mean(name, known)))
            try:
                twin = _remedied(
                    recipe, name, {"decay": self.decay, "noise": self.noise, "dropout": self.dropout}[name]
                )
            except RecipeError:  # a module of the user's own has no such setting
                continue
            if twin != recipe:
                made[name] = twin
        return made

    def read(self, exposed: Exposed, task: Task) -> dict[str, Bought]:
        """What each remedy buys: a pure function of what was exposed."""
        return read(
            exposed,
            self.kinds,
            self.margin,
            task.measure.share,
            level=self.level,
            scope=task.scope,
            overlap=task.overlap,
        )

    def answer(self, task: Task, exposed: Exposed, bought: Mapping[str, Bought], n_networks: int) -> Answer:
        """Say it in words, tables and pictures."""
        kinds, n = self.kinds, self.replicates
        spoiled = sum(kind.is_in_training for kind in kinds)
        head = (
            Text(
                f"{n_of(len(exposed.recipes), 'recipe')} × {n_of(n, 'replicate')}"
                + (", clean and with wrong targets" if spoiled else "")
                + f" = {n_of(n_networks, 'network')}",
                f"{len(exposed.recipes)} 个配方 × {n} 个重复"
                + ("，训练标签正确与有误" if spoiled else "")
                + f" = {n_networks:,} 个网络",
            ),
        )
        statement = [
            _as_is(task, exposed, kinds),
            *(_bought(task, name, bought[name], kinds) for name in bought),
        ]
        masked = masked_share(exposed)
        if masked > MASKED:
            statement.append(
                Text(
                    f"In {percent(masked)} of the networks PGD is weaker than FGSM: their slopes are masked, and scores "
                    "under attack are too good.",
                    f"{percent(masked)} 的网络中 PGD 弱于 FGSM：梯度被掩蔽，攻击下的分数偏乐观。",
                )
            )
        sections = [
            Section(
                Text("Clean and robust", "干净与受扰"),
                (statement[0],),
                (),
                (_score_table(task, exposed, bought, kinds),),
                (_measured(self, exposed, kinds, masked),),
            ),
            Section(
                Text("What remedies buy", "各办法换来什么"),
                tuple(statement[1:]),
                (),
                (_bought_table(task, bought, kinds),),
            ),
            Section(
                Text("Score over strength", "分数随强度的变化"),
                _weakest(task, exposed, kinds),
                tuple(_figure(task, exposed, kind, self.level) for kind in kinds),
                (),
                (_drawn(exposed, self.level),),
            ),
        ]
        return Answer(
            "robustness",
            Text(f"How robust is the network on {task.name}?", f"{task.name} 上的网络有多鲁棒？"),
            tuple(statement),
            Text(f"{task.scope}, {task.said.en}", f"{task.name} 的{task.rows.scope.zh}，{task.said.zh}"),
            tuple(section for section in sections if bought or section is not sections[1]),
            _numbers(exposed, bought, kinds, masked),
            head,
            (_SIGNS,) if bought else (),
        )


_SIGNS = Text(
    "↓ better than as it is, ↑ worse, = the same (--margin), ? cannot tell; strengths: see Score over strength in the report",
    "↓ 优于原样，↑ 更差，= 相同（--margin），? 无法判断；强度的含义见报告的“分数随强度的变化”",
)


def _remedied(recipe: Recipe, name: str, amount: float) -> Recipe:
    """The recipe with at least so much of a remedy."""
    path = {"decay": "l2.strength", "noise": "augment.noise", "dropout": "network.dropout"}[name]
    has_one = name != "decay" or any(isinstance(penalty, L2) for penalty in recipe.penalties)
    present = float(recipe.get(path)) if has_one else 0.0
    return recipe.set(path, max(present, amount))


def _as_is(task: Task, exposed: Exposed, kinds: Sequence[Kind]) -> Text:
    """What the recipe as it is scores on clean rows, and where it loses most."""
    clean = float(exposed.clean[0].mean())
    losses = {kind.name: float(exposed.spoiled[kind.name][kind.reference, 0].mean()) for kind in kinds}
    worst = sorted(kinds, key=lambda kind: -losses[kind.name])[:2]
    parts = []
    for kind in worst:
        name, score = kind.at(kind.strengths[kind.reference]), digits(losses[kind.name])
        parts.append(Text(f"{score} under {name.en}", f"{name.zh}下为{score}"))
    score = said(task.measure, digits(clean))
    most = joined(parts).en, "，".join(part.zh for part in parts)
    return both(
        f"As it is: {score.en} on clean rows" + (f"; {most[0]}." if parts else "."),
        f"原样：干净行上{score.zh}" + (f"；{most[1]}。" if parts else "。"),
    )


def _bought(task: Task, name: str, bought: Bought, kinds: Sequence[Kind]) -> Text:
    """What a remedy buys, at what price."""
    words, by_name = WORDS[name], {kind.name: kind for kind in kinds}
    better, worse = (
        joined([by_name[kind].said for kind in bought.kinds(finding)]) if bought.kinds(finding) else None
        for finding in (Finding.BETTER, Finding.WORSE)
    )
    price = said(task.measure, interval_text(bought.price.difference, signed=True))
    verdict = finding_text(bought.price)
    buys = (
        Text(f"buys robustness to {better.en}", f"换来对{better.zh}的鲁棒性")
        if better
        else Text("buys none that can be shown", "未见换来鲁棒性")
    )
    costs = Text(f", costs some to {worse.en}", f"，但对{worse.zh}更差") if worse else Text("", "")
    return both(
        f"{words.en.capitalize()} {buys.en}{costs.en}; clean rows: {price.en} ({verdict.en}).",
        f"{words.zh}{buys.zh}{costs.zh}；干净行：{price.zh}（{verdict.zh}）。",
    )


def _score_table(task: Task, exposed: Exposed, bought: Mapping[str, Bought], kinds: Sequence[Kind]) -> Table:
    """A row for each recipe, a column for clean rows and for each kind at its reference strength."""
    rows: list[tuple[Cell, ...]] = [
        (Text("strength", "强度"), "0", *(f"{kind.strengths[kind.reference]:g}" for kind in kinds))
    ]
    for r, name in enumerate(exposed.recipes):
        cells: list[Cell] = [WORDS[name], _score_cell(exposed.clean[r], bought[name].price if r else None)]
        for kind in kinds:
            scores = exposed.spoiled[kind.name][kind.reference, r]
            cells.append(_score_cell(scores, bought[name].by_kind[kind.name] if r else None))
        rows.append(tuple(cells))
    head = (task.measure.label, Text("clean", "干净"), *(kind.said for kind in kinds))
    label = task.measure.label
    caption = both(f"{label.en} on clean and on spoiled rows", f"干净行与受扰行上的{label.zh}")
    return Table(head, tuple(rows), caption)


def _score_cell(scores: Floats, found: Comparison | None) -> Text:
    """A mean score, and the sign of a finding that stands: better −, worse +, same =."""
    number = digits(float(scores.mean())) if np.isfinite(scores).all() else "∞"
    sign = (
        "" if found is None else {"better": " ↓", "worse": " ↑", "same": " ="}.get(found.finding.value, " ?")
    )
    return Text(number + sign, number + sign)


def _bought_table(task: Task, bought: Mapping[str, Bought], kinds: Sequence[Kind]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, found in bought.items():
        listed = [(Text("clean", "干净"), found.price)]
        listed += [(kind.at(kind.strengths[kind.reference]), found.by_kind[kind.name]) for kind in kinds]
        for what, comparison in listed:
            by = interval_text(comparison.difference, signed=True)
            rows.append((WORDS[name], what, by, finding_text(comparison)))
    label = task.measure.label
    head = (
        Text("remedy", "办法"),
        Text("rows", "数据行"),
        Text(f"{label.en}, minus as it is", f"{label.zh}，减原样"),
        Text("finding", "结论"),
    )
    return Table(head, tuple(rows), Text("What each remedy changes", "每种办法带来的变化"))


def _figure(task: Task, exposed: Exposed, kind: Kind, level: float) -> Curves:
    """Score over strength, a curve with the interval of its mean for each recipe; clean rows at strength 0."""
    series = []
    x = np.array([0.0, *kind.strengths])
    for r, name in enumerate(exposed.recipes):
        scores = np.concatenate([exposed.clean[None, r], exposed.spoiled[kind.name][:, r]])
        ends = [mean_interval(of, scope=task.scope, level=level, overlap=task.overlap) for of in scores]
        seen = np.isfinite(scores).all(1)
        middle, low, high = (
            np.array([getattr(end, part) for end in ends])[seen] for part in ("estimate", "low", "high")
        )
        series.append(Series(WORDS[name], x[seen], middle, low, high))
    return Curves(kind.said, tuple(series), kind.unit, task.measure.label)


def _weakest(task: Task, exposed: Exposed, kinds: Sequence[Kind]) -> tuple[Text, ...]:
    """The least strength tried of each kind at which the mean of the recipe as it is comes to twice its clean one."""
    clean = float(exposed.clean[0].mean())
    doubling = []
    for kind in kinds:
        means = exposed.spoiled[kind.name][:, 0].mean(1)
        worse = np.flatnonzero(means >= 2 * clean)
        if worse.size:
            doubling.append(kind.at(kind.strengths[worse[0]]))
    if not (0 < clean < np.inf and kinds):
        return ()
    if not doubling:
        return (Text("No mean comes to twice the clean one.", "没有均值达到干净行均值的两倍。"),)
    en, zh = joined(doubling)
    return (both(f"The mean comes to twice the clean one at {en}.", f"均值达到干净行均值两倍之处：{zh}。"),)


def _drawn(exposed: Exposed, level: float) -> Text:
    n = exposed.clean.shape[1]
    return Text(
        f"Means over {n} pairs of seed and split, with their {percent(level)} intervals; strength 0 is clean rows.",
        f"{n} 对种子与划分的均值及其 {percent(level)} 区间；强度 0 为干净行。",
    )


def _measured(plan: Robustness, exposed: Exposed, kinds: Sequence[Kind], masked: float) -> Text:
    attacks = any(kind.attack is not None for kind in kinds)
    n = exposed.clean.shape[1]
    english = (
        f"{n} pairs of seed and split; recipes are compared on the same pairs. Findings at {percent(plan.level)}, shared out "
        f"among the {len(kinds)} ways to spoil rows: ↓ better, ↑ worse, = the same within the margin, ? cannot tell. "
        "Corruptions hit the rows that score, wrong targets the rows that train; flags and categories are never nudged. "
        f"Remedies: L2 of {plan.decay:g}, noise of {plan.noise:g} on the inputs in training, dropout of {plan.dropout:g}."
    )
    chinese = (
        f"{n} 对种子与划分；各配方在相同的对上比较。结论水平 {percent(plan.level)}，由 {len(kinds)} 种扰动分担："
        "↓ 更好，↑ 更差，= 在容差内相同，? 无法判断。扰动作用于评分行，标签错误作用于训练行；是非与类别输入不作微扰。"
        f"办法：L2 强度 {plan.decay:g}，训练时输入噪声 {plan.noise:g}，Dropout {plan.dropout:g}。"
    )
    if attacks:
        english += (
            " Attacks climb each network's own loss, within the range of the data. "
            f"PGD finds less loss than FGSM in {percent(masked)} of the networks; many would be a sign of masked slopes."
        )
        chinese += "攻击沿各网络自身的损失上升，且不超出数据范围。"
        chinese += f"{percent(masked)} 的网络中 PGD 弱于 FGSM；若较多则说明梯度被掩蔽。"
    return Text(english, chinese)


def _numbers(
    exposed: Exposed, bought: Mapping[str, Bought], kinds: Sequence[Kind], masked: float
) -> dict[str, object]:
    def plain(found: Comparison) -> dict[str, object]:
        return {
            **dataclasses.asdict(found.difference),
            "finding": found.finding.value,
            "margin": found.margin,
            "more": found.more,
        }

    return {
        "clean": {name: exposed.clean[r].tolist() for r, name in enumerate(exposed.recipes)},
        "spoiled": {
            kind.name: {
                "strengths": list(kind.strengths),
                "reference": kind.strengths[kind.reference],
                "scores": {
                    name: exposed.spoiled[kind.name][:, r].tolist() for r, name in enumerate(exposed.recipes)
                },
            }
            for kind in kinds
        },
        "remedies": {
            name: {
                "price": plain(found.price),
                "bought": {kind: plain(c) for kind, c in found.by_kind.items()},
            }
            for name, found in bought.items()
        },
        "masked": masked,
    }
