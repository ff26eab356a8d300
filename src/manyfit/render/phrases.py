"""What the terminal says, in English and Chinese: one table, so that a translation can be read beside its original."""

from __future__ import annotations

import os
from typing import NamedTuple


class Phrase(NamedTuple):
    """A sentence with places for facts."""

    en: str
    zh: str


PHRASES: dict[str, Phrase] = {
    "split": Phrase(
        "test {n_test} rows, locked; {folds} folds on {n_dev}",
        "测试集 {n_test} 行，已锁定；其余 {n_dev} 行分 {folds} 折",
    ),
    "split.time": Phrase(
        "test {n_test} rows, the latest, locked; {folds} folds on the {n_dev} before, each later than its training rows",
        "测试集 {n_test} 行（最新），已锁定；之前的 {n_dev} 行分 {folds} 折，每折都晚于其训练行",
    ),
    "new_folder": Phrase("{folder}/ is not there yet: it will be made", "{folder}/ 尚不存在：将会新建"),
    "first": Phrase(
        "first score {best} ({metric}) after {seconds} s", "{seconds} 秒后得到首个分数 {best}（{metric}）"
    ),
    "plan": Phrase(
        "plan {hash}   {recipes}, {rungs}, {networks} networks, about {seconds} s",
        "计划 {hash}   {recipes}，{rungs}，共 {networks} 个网络，约 {seconds} 秒",
    ),
    "plan.repeat": Phrase(
        "plan {hash}   {recipes}, {rungs}, {networks} networks, repeated as stored",
        "计划 {hash}   {recipes}，{rungs}，共 {networks} 个网络，按存档重复",
    ),
    "resumed": Phrase(
        "going on with {folder}: {rounds} rounds, {seconds} s of work, are there already",
        "继续 {folder}：已有 {rounds} 轮、{seconds} 秒的结果",
    ),
    "finished": Phrase(
        "{folder} is finished already: nothing was trained, this is what it holds",
        "{folder} 早已完成：没有训练，以下是其内容",
    ),
    "rung": Phrase("1 rung", "1 轮"),
    "rungs": Phrase("{n} rungs", "{n} 轮"),
    "searched": Phrase(
        "search      {seconds} s  {ladder}{diverged}", "搜索        {seconds} 秒  {ladder}{diverged}"
    ),
    "searched.of": Phrase("{done} of {planned}", "{planned} 中的 {done}"),
    "diverged": Phrase("   diverged {n}", "   发散 {n}"),
    "diverged.above": Phrase("   diverged {n} (all lr > {lr})", "   发散 {n}（学习率均 > {lr}）"),
    "paid_out": Phrase(
        "            more recipes no longer paid; ended early", "            继续搜索已无收益，提前结束"
    ),
    "interrupted": Phrase(
        "            interrupted: going on with what there is", "            已中断：用现有结果继续"
    ),
    "interrupted.answer": Phrase("Interrupted ({stages}). ", "已中断（{stages}）。"),
    "confirmed": Phrase(
        "confirm     {recipes}, {folds} new folds, {seeds}", "确认        {recipes}，{folds} 个新折，{seeds}"
    ),
    "recipe": Phrase("1 recipe", "1 个配方"),
    "recipes": Phrase("{n} recipes", "{n} 个配方"),
    "seed": Phrase("1 new seed", "1 个新种子"),
    "seeds": Phrase("{n} new seeds", "{n} 个新种子"),
    "averaged.same": Phrase(
        "            {n} are the same within {margin}, or can't be told apart; averaged",
        "            其中 {n} 个在 {margin} 内相同或无法区分；取平均",
    ),
    "averaged.alone": Phrase("            1 is best; its one network is the model", "            1 个最好；它唯一的网络就是模型"),
    "averaged.one": Phrase(
        "            1 is best; its {networks} networks are averaged",
        "            1 个最好；平均其 {networks} 个网络",
    ),
    "averaged": Phrase(
        "            {n} averaged ({networks} networks)", "            平均 {n} 个配方（{networks} 个网络）"
    ),
    "testing": Phrase("test        baselines and test rows", "测试        基线模型与测试集"),
    "wrote": Phrase("wrote  {folder}/ (model, report, run)", "已写入  {folder}/（模型、报告、运行记录）"),
    "carried": Phrase(
        "plan   {hash}   manyfit train --config {folder} repeats it",
        "计划    {hash}   manyfit train --config {folder} 可重复",
    ),
    "carried.part": Phrase(
        "plan   {hash}: what was carried out of {planned}   manyfit train --config {folder} repeats it",
        "计划    {hash}：{planned} 中实际执行的部分   manyfit train --config {folder} 可重复",
    ),
    "next": Phrase("next   manyfit predict {folder} new.csv", "下一步  manyfit predict {folder} new.csv"),
    "stage.measure": Phrase("measure", "测速"),
    "stage.search": Phrase("search", "搜索"),
    "stage.confirm": Phrase("confirm", "确认"),
    "stage.twins": Phrase("remedies", "试办法"),
    "stage.round": Phrase("train", "训练"),
    "progress": Phrase(
        "{done}/{total}  alive {alive}  diverged {diverged}  best {best}  {left} s left",
        "{done}/{total}  训练中 {alive}  发散 {diverged}  最好 {best}  剩 {left} 秒",
    ),
    # questions
    "question.plan": Phrase(
        "plan {hash}   {networks} networks in the first round", "计划 {hash}   第一轮 {networks} 个网络"
    ),
    "question.stored": Phrase(
        "{folder}/ holds rounds of this plan: what is finished is read, not trained again",
        "{folder}/ 中已有该计划的轮次：已完成的直接读取，不再训练",
    ),
    "question.wrote": Phrase("wrote  {folder}/ (answer, report, run)", "已写入  {folder}/（结论、报告、运行记录）"),
    "question.interrupted": Phrase(
        "interrupted before there was anything to answer with", "已中断：尚无可用于回答的结果"
    ),
    "question.goes_on": Phrase(
        "the same command goes on where it was left: {folder}/", "再次运行同一命令即可从中断处继续：{folder}/"
    ),
    # the result
    "test.first": Phrase("TEST, first look", "测试集，首次查看"),
    "test.again": Phrase("TEST, look {n}", "测试集，第 {n} 次查看"),
    "test.rows": Phrase("95 % (rows)", "95 %（按行）"),
    "test.minus": Phrase("minus manyfit, paired", "减 manyfit，配对"),
    "better": Phrase("better", "更好"),
    "worse": Phrase("worse", "更差"),
    "same": Phrase("same", "相同"),
    "cannot tell": Phrase("?", "？"),
    "manyfit": Phrase("manyfit", "manyfit"),
    "boosting": Phrase("boosting", "梯度提升"),
    "linear": Phrase("linear", "线性"),
    "mean": Phrase("mean", "均值"),
    "majority": Phrase("majority", "多数类"),
    "beside": Phrase("beside it  {others}", "另有  {others}"),
    "below": Phrase("below", "低于"),
    "above": Phrase("above", "高于"),
    "verdict": Phrase("VERDICT  ", "结论  "),
    "answer.yes": Phrase(
        "Yes, a network: {share} better than {rival} {interval}.",
        "需要网络：比{rival}好 {share} {interval}。",
    ),
    "answer.no": Phrase(
        "No: {rival} is {share} better than the networks {interval}.",
        "不需要网络：{rival}比网络好 {share} {interval}。",
    ),
    "answer.same": Phrase(
        "No need for a network: {rival} is the same within {margin} {interval}.",
        "不必用网络：{rival}在 {margin} 内与之相同 {interval}。",
    ),
    "answer.unknown": Phrase(
        "Can't tell whether a network is needed: {share} {side} than {rival}, interval {interval}.",
        "无法断定是否需要网络：比{rival}{side} {share}，区间 {interval}。",
    ),
    "answer.nothing": Phrase(
        "No signal shown: what the networks gain on the {rival}, which looks at no column, is {share} {interval}.",
        "未见信号：相对不看任何列的{rival}，网络的改进为 {share} {interval}。",
    ),
    "few": Phrase(
        "  few      only {n} rows, {n_test} of them locked for the test: another split of them may well say otherwise",
        "  行少     只有 {n} 行，其中 {n_test} 行锁定作测试：换一种划分，结论很可能不同",
    ),
    "covered": Phrase(
        "  90 % prediction intervals cover {share} {interval} of test rows",
        "  90 % 预测区间覆盖 {share} {interval} 的测试行",
    ),
    "covered.few": Phrase(": {n} rows are too few to tell", "：{n} 行太少，说明不了什么"),
    "budget": Phrase("   --budget {seconds}", "   --budget {seconds}"),
    "search.few": Phrase(
        "  search   {n} of {planned} recipes tried: a better one may well exist",
        "  搜索     {planned} 个配方只试了 {n} 个：很可能还有更好的",
    ),
    "edge": Phrase(
        "  edge     {path} {value} lies at the {end} end of what was tried",
        "  边界     {path} {value} 位于搜索范围的{end}端",
    ),
    "edge.width": Phrase(
        "  edge     width {width} is the largest tried   --max-width {twice}",
        "  边界     宽度 {width} 是试过的最大值   --max-width {twice}",
    ),
    "lowest": Phrase("lower", "下"),
    "highest": Phrase("upper", "上"),
    "opened": Phrase(
        "test rows opened {n} times: their score is no longer a first look",
        "测试集已打开 {n} 次：分数不再是首次查看",
    ),
    # the verdict
    "fit": Phrase(
        "  fit      {code}: {score} {train} on training rows, {held} held out",
        "  拟合     {code}：{score} 训练行 {train}，留出行 {held}",
    ),
    "fit.diverged": Phrase(
        "  fit      {code}: some of its trainings diverged, so no remedy can be judged",
        "  拟合     {code}：部分训练发散，无法评判各种办法",
    ),
    "fit.part": Phrase("   ({rows} rows each)", "   （每次 {rows} 行）"),
    "fit.budget": Phrase(
        "  fit      cannot tell: no time was left to try remedies   --budget {seconds}",
        "  拟合     无法判断：没有时间尝试各种办法   --budget {seconds}",
    ),
    "fit.interrupted": Phrase(
        "  fit      cannot tell: interrupted before remedies were tried",
        "  拟合     无法判断：在尝试各种办法之前已中断",
    ),
    "fit.rows": Phrase(
        "  fit      cannot tell: too few rows, groups or moments to try remedies on",
        "  拟合     无法判断：行、组或时刻太少，无法尝试各种办法",
    ),
    "fit.asked": Phrase(
        "  fit      cannot tell: this plan tries no remedies", "  拟合     无法判断：该计划不尝试各种办法"
    ),
    "also": Phrase("  also     {text}", "  另有     {text}"),
    "tried.unknown": Phrase("can't tell: {names}", "无法判断：{names}"),
    "tried": Phrase("  tried    ", "  尝试     "),
    "again": Phrase("  again    {told} with fresh seeds", "  再试     {told}（全新的种子）"),
    "rows": Phrase("  rows     {n} more: {change}", "  行数     再加 {n} 行：{change}"),
    "columns": Phrase("  columns  {names}", "  列       {names}"),
    "columns.more": Phrase("{names} and {n} more", "{names} 等，另有 {n} 列"),
    "columns.none": Phrase(
        "  columns  none alone can be shown to matter", "  列       没有哪一列能单独被证明有用"
    ),
    "trust": Phrase(
        "  probabilities are off by {after}, {before} before calibration: {change} points (out-of-fold rows)",
        "  概率平均偏差 {after}，校准前 {before}：{change} 个百分点（折外行）",
    ),
    # predicting
    "predicted.one": Phrase("1 row predicted by {networks} networks", "{networks} 个网络预测了 1 行"),
    "predicted": Phrase("{rows} rows predicted by {networks} networks", "{networks} 个网络预测了 {rows} 行"),
    "written": Phrase("wrote  {path}", "已写入  {path}"),
    "other_table": Phrase(
        "the table differs from the one this plan was made for: the same plan, other numbers",
        "数据与该计划原来的表不同：计划相同，数值会不同",
    ),
}

LANGUAGES = ("en", "zh")


def language(asked: str | None = None) -> str:
    """The language to speak: the one asked for, else that of the locale, else English."""
    if asked:
        return "zh" if asked.lower().startswith("zh") else "en"
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(variable):
            return "zh" if os.environ[variable].lower().startswith("zh") else "en"
    return "en"


def say(key: str, lang: str = "en", **facts: object) -> str:
    """A sentence in a language, its facts filled in.

    Example:
        >>> say("rungs", "zh", n=3)
        '3 轮'
    """
    phrase = PHRASES[key]
    return (phrase.zh if lang == "zh" else phrase.en).format(**facts)
