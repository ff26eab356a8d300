"""The job's result as an answer: what the report shows, most important first. It is kept in the run folder as plain values.

VERDICT and TEST come first, then what out-of-fold rows show, then the columns, then how it was found, and the recipes last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Curves, Figure, Section, Table, Text
from manyfit.job import pictures
from manyfit.job.confirm import Confirmed
from manyfit.job.look import Look
from manyfit.job.rows import Stage
from manyfit.job.search import Search
from manyfit.job.settings import plan_section, recipes_section
from manyfit.job.trust import Bins
from manyfit.job.verdict import Judged
from manyfit.job.wording import (
    both,
    columns_sentence,
    columns_table,
    coverage_sentence,
    difference_cells,
    edge_sentences,
    few_rows_sentence,
    fit_sentence,
    interval_cells,
    notes_table,
    opened_sentence,
    other_cell,
    remedies_table,
    rows_sentence,
    search_sentence,
    trust_sentence,
)
from manyfit.metrics import registry
from manyfit.model import Model
from manyfit.questions import again_lines, also_lines, also_table
from manyfit.registry import name_of
from manyfit.render.phrases import say
from manyfit.render.result import answer_sentence
from manyfit.rng import derive

Floats = NDArray[np.float64]

EDGE = "edge-of-search"
"""What lies at an edge of the search is told in sentences of its own."""


@dataclass(frozen=True, eq=False)
class Material:
    """What a job has found, all together.

    model: The model with its facts; the look at the test rows included.
    search, confirmed: How the recipes were found and met again.
    chosen: Recipes of the model, the best first.
    judged: What the verdict stands on.
    looked: The look at the test rows.
    """

    model: Model
    search: Search
    confirmed: Confirmed
    chosen: Sequence[int]
    judged: Judged
    looked: Look


def summarize(found: Material) -> Answer:
    """The answer of the main job."""
    facts = found.model.facts
    source, target = facts["source"], found.model.target.name
    n_test, n_dev = facts["rows"]["test"], facts["rows"]["development"]
    return Answer(
        "train",
        Text(f"{source}: predicting {target}", f"{source}：预测 {target}"),
        (both(lambda lang: answer_sentence(facts, lang)),),
        Text(
            f"the test table speaks of the {n_test:,} locked rows of "
            f"{source}; everything else of its {n_dev:,} other rows, "
            f"resampled into fresh folds with fresh seeds. Plan {facts['plan_hash']}, seed {facts['seed']}.",
            f"测试表针对 {source} 中锁定的 {n_test:,} 行；其余结论针对另外 {n_dev:,} 行，以新的折和新的种子重采样。"
            f"计划 {facts['plan_hash']}，种子 {facts['seed']}。",
        ),
        (
            _verdict(found),
            _test(found),
            _held_out(found),
            _columns(found),
            *_more_rows(found),
            _curves(found),
            _search(found),
            plan_section(facts),
            recipes_section(found.confirmed, found.chosen, facts["metric"], facts["margin"]),
        ),
        dict(facts),
    )


def _verdict(found: Material) -> Section:
    facts, asked = found.model.facts, found.judged.tried.answer
    statement = [*few_rows_sentence(facts), fit_sentence(facts["fit"])]
    if facts["fit"]["tried"]:
        statement += [*again_lines(facts["fit"]), rows_sentence(facts["fit"])]
        also = also_lines(facts["fit"], without=(EDGE,))
        statement += [Text(f"Also: {line.en}", f"另有：{line.zh}") for line in also]
    statement += [columns_sentence(facts["importance"]), *edge_sentences(facts["edges"])]
    statement += (
        search_sentence(facts["search"])
        + coverage_sentence(facts["test"].get("covered"))
        + trust_sentence(facts["trust"])
        + opened_sentence(facts)
    )
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    measured: tuple[Text, ...] = ()
    if asked is not None:
        remedies = asked.sections[0]
        figures, tables, measured = (
            remedies.figures,
            (remedies_table(facts["fit"]), *also_table(facts["fit"], without=(EDGE,))),
            (
                *remedies.measured,
                *(text for part in asked.sections[2:] for text in part.measured),
                asked.scope,
            ),
        )
    return Section(Text("VERDICT", "结论"), tuple(statement), figures, tables, measured)


def _test(found: Material) -> Section:
    looked = found.looked
    metric = registry.find(looked.metric)
    unit = 1.0 if metric.is_loss or metric.label == "R²" else 100.0  # shares read better as percent
    label = metric.label if unit == 1.0 else f"{metric.label} %"
    others = list(looked.contenders[0].others)
    head = (
        Text("model", "模型"),
        Text(label, label),
        Text("95 % interval", "95 % 区间"),
        Text("minus manyfit, paired", "减 manyfit，配对"),
        Text("against manyfit", "与 manyfit 相比"),
        *(Text(registry.find(name).label, registry.find(name).label) for name in others),
    )
    ours = looked.contenders[0].score
    rows = tuple(
        (
            _named(each.name),
            *interval_cells(each.score, ours, unit),
            *difference_cells(each.minus, each.finding, ours, unit),
            *(other_cell(name, each.others[name], ours) for name in others),
        )
        for each in looked.contenders
    )
    caption = Text(
        f"{looked.n_rows:,} locked rows, opened for the first time"
        if looked.opening == 1
        else f"{looked.n_rows:,} locked rows, opening {looked.opening}",
        f"{looked.n_rows:,} 行锁定的测试行，首次打开"
        if looked.opening == 1
        else f"{looked.n_rows:,} 行锁定的测试行，第 {looked.opening} 次打开",
    )
    names = [_named(each.name) for each in looked.contenders]
    figure = pictures.score_bars(names, [each.score for each in looked.contenders], metric.label)
    measured = Text(
        "Rivals are scikit-learn's, fitted on all development rows with "
        "the same preprocessing. Intervals: bootstrap over test rows "
        "(whole groups, copies or stretches of time where there are some); differences on the same rows, in pairs.",
        "对照模型来自 scikit-learn，用相同的预处理在全部开发行上拟合。区间："
        "对测试行做自助法（有组、重复行或时间段时整块抽取）；差值在相同的行上配对计算。",
    )
    score, interval = interval_cells(ours, ours, unit)
    said = Text(
        f"On rows that nobody has learned from manyfit has {label} {score}, 95 % interval {interval}.",
        f"在从未用于学习的行上，manyfit 的 {label} 为 {score}，95 % 区间为 {interval}。",
    )
    return Section(Text("TEST", "测试"), (said,), (figure,), (Table(head, rows, caption),), (measured,))


def _held_out(found: Material) -> Section:
    held, model = found.judged.held, found.model
    seed = derive(found.confirmed.table.seed, Stage.SHOWN, 2)
    measured = Text(
        "Development rows, each predicted by networks that were trained on other folds.",
        "开发行，每一行都由在其他折上训练的网络预测。",
    )
    if model.target.task == "regression":
        width = model.calibration.widths.get(0.9)
        figure = pictures.predicted_against_true(held.y, held.predicted, width, model.target.name, seed)
        said = Text(
            "Rows that the predicting networks have not seen. On the dashed "
            "line a prediction is exact; the bars are 90 % prediction intervals.",
            "预测这些行的网络从未见过它们。落在虚线上表示预测完全准确；竖线是 90 % 预测区间。",
        )
        return Section(Text("Predicted against true", "预测值与真实值"), (said,), (figure,), (), (measured,))
    before, after = Bins(held.predicted, held.y), Bins(held.trusted, held.y)
    figures = (
        pictures.confusion(held.y, held.predicted, model.target.labels),
        pictures.reliability(before, after, held.weights),
    )
    said = Text(
        "Rows that the predicting networks have not seen: what they were "
        "taken for, and whether the probabilities mean what they say.",
        "预测这些行的网络从未见过它们：它们被判为什么类别，以及概率是否可信。",
    )
    return Section(Text("True and decided classes", "真实类别与判定类别"), (said,), figures, (), (measured,))


def _columns(found: Material) -> Section:
    facts, looked = found.model.facts, found.judged.columns
    label = registry.find(looked.metric).label
    tables = [columns_table(facts["columns"], facts["importance"], label)]
    tables += notes_table(facts["notes"])
    n = len(looked.found)
    measured = Text(
        f"The cells of one column are shuffled among held-out rows ({looked.n_rows:,} "
        "in all) and the networks of that fold predict them again; "
        f"{n} of {looked.n_columns} columns, 95 % intervals over folds and shuffles for "
        "each; of those said to matter a tenth at most should be there by chance. "
        "Columns that say the same share their importance.",
        f"在留出行（共 {looked.n_rows:,} 行）中打乱一列的值，再由该折的网络预测；共 {looked.n_columns} "
        f"列中的 {n} 列，每列单独给出折与打乱上的 95 % 区间；"
        "被称为有用的列中，最多约十分之一出于偶然。内容相近的列会分摊重要性。",
    )
    return Section(
        Text("Columns", "列"),
        (columns_sentence(facts["importance"]),),
        (pictures.column_bars(looked.found, label),),
        tuple(tables),
        (measured,),
    )


def _more_rows(found: Material) -> list[Section]:
    asked = found.judged.tried.answer
    if asked is None:
        return []
    rows = asked.sections[1]
    return [
        Section(
            Text("Would more rows pay?", "更多的行有用吗？"),
            (rows_sentence(found.model.facts["fit"]),),
            rows.figures,
        )
    ]


def _curves(found: Material) -> Section:
    confirmed, best = found.confirmed, found.chosen[0]
    figure = curves_of(confirmed, best)
    said = Text(
        f"{confirmed.scores[best].size} networks of the best recipe, on {len(confirmed.folds)} "
        "folds. The line is their median, the band holds four fifths of them.",
        f"最佳配方的 {confirmed.scores[best].size} 个网络，分布在 "
        f"{len(confirmed.folds)} 折上。线为中位数，色带包含五分之四的网络。",
    )
    measured = Text(
        "Training loss is the mean over the updates of an epoch, with dropout where "
        "there is some; the held-out loss is measured after the epoch without it. "
        "The weights that are kept are those of the best epoch. The curve ends when half of the networks have stopped.",
        "训练损失是一轮内各次更新的均值（有 dropout 时包含其影响）；留出损失在该轮之后、"
        "无 dropout 时测量。保留的是最佳轮次的权重。半数网络停止后曲线结束。",
    )
    return Section(Text("Learning curves", "学习曲线"), (said,), (figure,), (), (measured,))


def curves_of(confirmed: Confirmed, recipe: int) -> Curves:
    """Learning curves of a confirmed recipe, in the unit of the target where it is a number."""
    train, held = confirmed.curves[recipe]
    if confirmed.table.data.task != "regression":
        return pictures.learning_curves(train, held, lambda loss: loss, "log loss")
    n_seeds = confirmed.scores.shape[2]
    scale = np.repeat([encoder.y_scale for encoder in confirmed.encoders], n_seeds)
    return pictures.learning_curves(train, held, lambda loss: np.sqrt(np.maximum(loss, 0.0)) * scale, "RMSE")


def _search(found: Material) -> Section:
    search, facts = found.search, found.model.facts
    first = search.rungs[0]
    scores = first.scores
    label = "log loss"
    if found.model.target.task == "regression":
        with np.errstate(invalid="ignore"):
            scores = np.sqrt(scores) * found.confirmed.encoders[0].y_scale
        label = "RMSE"
    rates = np.array([float(recipe.optimizer.lr) for recipe in first.recipes])
    figure = pictures.search_cloud(
        rates, scores, [name_of(recipe.optimizer) for recipe in first.recipes], label
    )
    ladder = " → ".join(f"{tried.rung.recipes}" for tried in search.rungs)
    n, diverged = search.n_networks, len(search.diverged)
    early_en = " More recipes no longer paid, so it ended early." if search.paid_out else ""
    early_zh = "继续搜索已无收益，因此提前结束。" if search.paid_out else ""
    said = Text(
        f"{n:,} networks on one split of the development rows; recipes from round to round: {ladder}; {diverged} diverged."
        f"{early_en} Recipes met again on fresh folds with fresh seeds: {facts['confirm']['recipes']}. "
        "The numbers of this report come from there.",
        f"在开发行的一个划分上训练 {n:,} 个网络，各轮配方数 {ladder}；{diverged} 个发散。{early_zh}"
        f"{facts['confirm']['recipes']} 个配方在新的折和新的种子上重新确认：本报告的数字来自确认。",
    )
    return Section(Text("Search", "搜索"), (said,), (figure,))


def _named(name: str) -> Text:
    return both(lambda lang: say(name, lang))
