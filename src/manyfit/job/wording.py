"""What was found, in sentences and tables of both languages. Every number in them comes from the facts of the model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from manyfit.answers import Cell, Table, Text
from manyfit.data.columns import KIND_ZH
from manyfit.data.notes import in_a_row
from manyfit.metrics import registry
from manyfit.questions import has_number
from manyfit.questions.diagnose import CODES, FINDINGS, WORDS
from manyfit.render.names import printable
from manyfit.render.numbers import compact, digits_for, ranged, written
from manyfit.render.phrases import say
from manyfit.render.result import few_rows, is_small, is_vague
from manyfit.render.verdict import change, decimals, in_points, order_of, rows_finding
from manyfit.stats import Finding, Interval

Facts = Mapping[str, Any]

MOST_NAMES = 8
MOST_ROWS = 400
"""Columns that the table of columns lists."""

UNTRIED = {
    "budget": Text(
        "Whether it underfits or overfits, nobody can tell: no time was left to try remedies.",
        "是否欠拟合或过拟合无法判断：没有时间尝试各种办法。",
    ),
    "interrupted": Text(
        "Whether it underfits or overfits, nobody can tell: the job was interrupted before remedies were tried.",
        "是否欠拟合或过拟合无法判断：在尝试各种办法之前任务被中断。",
    ),
    "rows": Text(
        "Whether it underfits or overfits, nobody can tell: there "
        "are too few rows, groups or moments to try remedies on.",
        "是否欠拟合或过拟合无法判断：行、组或时刻太少，无法尝试各种办法。",
    ),
}

MEANINGS = {
    "overfitting": Text(
        "a network that is held back does better on rows that it has not seen",
        "受到抑制的网络在未见过的行上表现更好",
    ),
    "underfitting": Text(
        "a network that is given more does better on rows that it has not seen",
        "能力更强的网络在未见过的行上表现更好",
    ),
    "gap-without-harm": Text(
        "training rows are predicted better than unseen ones, but holding back does not help",
        "训练行的预测好于未见过的行，但抑制网络并无帮助",
    ),
    "fits": Text("unseen rows are predicted as well as training rows", "未见过的行与训练行预测得一样好"),
    "unstable": Text(
        "some of its trainings diverged, so no remedy can be judged", "部分训练发散，无法评判各种办法"
    ),
    "cannot-tell": Text(
        "no remedy that was tried is shown to help, nor is it shown that none would",
        "没有哪种办法被证明有用，也没有证明它们都无用",
    ),
}

EDGES = {"lowest": Text("lowest", "最小"), "highest": Text("highest", "最大")}


def both(said: Callable[[str], str]) -> Text:
    """A sentence that can be said in either language, said in both."""
    return Text(said("en"), said("zh"))


def fit_sentence(fit: Facts) -> Text:
    """Whether it fits, and what that rests on."""
    if not fit["tried"]:
        said = UNTRIED[fit["why"]]
        if fit.get("needs_s"):
            seconds = f"{fit['needs_s']:.0f}"
            return Text(
                f"{said.en} --budget {seconds} would leave some.", f"{said.zh}--budget {seconds} 可留出时间。"
            )
        return said
    is_known = math.isfinite(fit["held"])  # else networks diverged
    code, meaning = CODES[fit["code"]], MEANINGS[fit["code"] if is_known else "unstable"]
    if not is_known:
        return Text(f"Fit: {code.en}; {meaning.en}.", f"拟合：{code.zh}；{meaning.zh}。")
    score = fit["score_name"]
    begun = score[:1].upper() + score[1:]  # it begins a sentence
    train, held = compact(fit["train"]), compact(fit["held"])
    part_en, part_zh = "", ""
    if fit["is_part"]:
        rows = f"{fit['n_train']:,.0f}"
        part_en, part_zh = f" (tried on {rows} training rows each)", f"（每次用 {rows} 行训练）"
    return Text(
        f"Fit: {code.en}; {meaning.en}. {begun} is {train} on training rows and {held} on unseen ones{part_en}.",
        f"拟合：{code.zh}；{meaning.zh}。训练行的 {score} 为 {train}，未见过的行为 {held}{part_zh}。",
    )


def rows_sentence(fit: Facts) -> Text:
    """Whether more rows would pay."""
    n, said, finding = f"{round(fit['n_train']):,}", change(fit["doubling"]), rows_finding(fit)
    meaning = {
        Finding.BETTER: Text("more rows would pay", "更多的行会有帮助"),
        Finding.SAME: Text("more rows would change next to nothing", "更多的行几乎不会改变结果"),
        Finding.WORSE: Text("more rows would not pay", "更多的行没有帮助"),
        Finding.UNKNOWN: Text("whether they pay can't be told", "是否有帮助无法判断"),
    }[finding]
    score = fit["score_name"]
    return Text(
        f"With {n} more rows the {score} would change by {said}, as the last doublings went: {meaning.en}.",
        f"按最近几次加倍的趋势，再加 {n} 行，{score} 会变化 {said}：{meaning.zh}。",
    )


def columns_sentence(importance: Facts) -> Text:
    """Which columns matter."""
    names = [in_a_row(printable(each["name"])) for each in importance["found"] if each["matters"]]
    if not names:
        return Text(
            "No column alone can be shown to matter; columns that say the same stand in for each other.",
            "没有哪一列能单独被证明有用；内容相近的列可以相互替代。",
        )
    left = len(names) - MOST_NAMES
    more_en, more_zh = (f" and {left} more", f"等，另有 {left} 列") if left > 0 else ("", "")
    shown = names[:MOST_NAMES]
    return Text(
        f"Columns that matter: {', '.join(shown)}{more_en}.",
        f"有用的列：{'、'.join(shown)}{more_zh}。",
    )


def edge_sentences(edges: Sequence[Sequence[Any]]) -> list[Text]:
    """What the best recipe has at an end of what was tried."""
    said = []
    for path, end, value in edges:
        if path == "network.hidden":
            said.append(
                Text(
                    f"Width {value} is the largest that was tried; --max-width {2 * value} tries more.",
                    f"宽度 {value} 是试过的最大值；--max-width {2 * value} 可尝试更宽的网络。",
                )
            )
        else:
            said.append(
                Text(
                    f"{path} {value:.2g} lies at the {EDGES[end].en} end of what was tried.",
                    f"{path} {value:.2g} 位于搜索范围的{EDGES[end].zh}端。",
                )
            )
    return said


def coverage_sentence(covered: Facts | None) -> list[Text]:
    """What share of the test rows the prediction intervals cover."""
    if not covered:
        return []
    share = f"{100 * covered['estimate']:.0f} % [{100 * covered['low']:.0f}, {100 * covered['high']:.0f}]"
    few = both(lambda lang: say("covered.few", lang, n=covered["n"])) if is_vague(covered) else ""
    text = Text(
        f"90 % prediction intervals cover {share} of the test rows", f"90 % 预测区间覆盖 {share} 的测试行"
    )
    return [text + few + Text(".", "。")]


def few_rows_sentence(facts: Facts) -> list[Text]:
    """How little can be known of a table of so few rows; nothing for larger ones."""
    if not is_small(facts):
        return []
    n, n_test = few_rows(facts).values()
    return [
        Text(
            f"Only {n} rows, {n_test} of them locked for the test: another split of them may well say otherwise.",
            f"只有 {n} 行，其中 {n_test} 行锁定作测试：换一种划分，结论很可能不同。",
        )
    ]


def search_sentence(search: Facts) -> list[Text]:
    """That the search was cut to next to nothing, where it was."""
    if not search.get("is_small"):
        return []
    n, planned, seconds = search["rungs"][0]["recipes"], search["planned"], search["needs_s"]
    text = Text(
        f"Only {n} of {planned} recipes were tried: a better one may well exist",
        f"{planned} 个配方只试了 {n} 个：很可能还有更好的",
    )
    more = Text(f"; --budget {seconds} tries more.", f"；--budget {seconds} 可多试一些。")
    return [text + (more if seconds is not None else Text(".", "。"))]


def trust_sentence(trust: Facts | None) -> list[Text]:
    """How far probabilities are off, before and after calibration."""
    if not trust:
        return []
    after, before = (written(100 * trust[when]["estimate"], 1) for when in ("after", "before"))
    by, temperature = in_points(trust["change"]), written(trust["temperature"], 2)
    return [
        Text(
            f"Probabilities are off by {after} % on average, {before} % before calibration: {by} points "
            f"(temperature {temperature}).",
            f"概率平均偏差 {after} %，校准前为 {before} %：{by} 个百分点（温度 {temperature}）。",
        )
    ]


def opened_sentence(facts: Facts) -> list[Text]:
    """That the test rows were opened more than once."""
    if facts.get("openings", 1) <= 1:
        return []
    return [both(lambda lang: say("opened", lang, n=facts["openings"]))]


def interval_cells(score: Interval, ours: Interval, unit: float = 1.0) -> tuple[Cell, Cell]:
    """A score and its interval, in the digits that manyfit's own uncertainty deserves."""
    digits = _digits(ours, unit)
    return written(unit * score.estimate, digits), ranged(unit * score.low, unit * score.high, digits)


def difference_cells(
    minus: Interval | None, finding: Finding | None, ours: Interval, unit: float = 1.0
) -> tuple[Cell, Cell]:
    """A difference with its interval, and what it amounts to; empty for manyfit itself."""
    if minus is None or finding is None:
        return "", ""
    digits = _digits(ours, unit)
    ends = ", ".join(written(unit * end, digits, signed=True) for end in (minus.low, minus.high))
    return f"{written(unit * minus.estimate, digits, signed=True)} [{ends}]", FINDINGS[Finding(finding)]


def other_cell(name: str, value: float, ours: Interval) -> Cell:
    """Another metric of the same rows: in the digits of the "
    "deciding one where it has its unit, else in three decimals."""
    return written(value, _digits(ours, 1.0) if registry.find(name).in_units else 3)


def remedies_table(fit: Facts) -> Table:
    """What was tried, and what each remedy changed on rows that "
    "no network had seen: what changes something comes first."""
    most = decimals(fit["held"])
    found = sorted(fit["remedies"].items(), key=lambda item: order_of(item[1]))
    rows = tuple(
        (
            WORDS[name],
            change(each["difference"], most) if has_number(each) else "–",
            FINDINGS[Finding(each["finding"])],
        )
        for name, each in found
    )
    score = fit["score_name"]
    head = (
        Text("tried", "尝试"),
        Text(f"{score}, change with interval", f"{score} 的变化与区间"),
        Text("finding", "结论"),
    )
    return Table(
        head,
        rows,
        Text("Remedies tried, on rows that no network has seen", "在任何网络都未见过的行上尝试各种办法"),
    )


def columns_table(columns: Sequence[Facts], importance: Facts, label: str) -> Table:
    """Every column: what it is, what was done with it and why, and how much the networks need it."""
    found = {each["name"]: each for each in importance["found"]}
    order = sorted(
        columns, key=lambda c: -found[c["name"]]["estimate"] if c["name"] in found else float("inf")
    )
    rows: list[tuple[Cell, ...]] = []
    for column in order[:MOST_ROWS]:
        seen = found.get(column["name"])
        rows.append(
            (
                printable(column["name"]) or "–",
                Text(column["kind"], KIND_ZH[column["kind"]]),
                Text(column["did"], column["did_zh"] or column["did"]),
                Text(column["why"], column["why_zh"] or column["why"]),
                column["missing"],
                "" if seen is None else change(seen),
            )
        )
    left = len(columns) - len(rows)
    more_en, more_zh = (f"; {left:,} more not shown", f"；另有 {left:,} 列未列出") if left > 0 else ("", "")
    return Table(
        (
            Text("column", "列"),
            Text("kind", "种类"),
            Text("what was done", "处理方式"),
            Text("why", "原因"),
            Text("missing", "缺失"),
            Text(f"{label} when shuffled", f"打乱后的 {label}"),
        ),
        tuple(rows),
        Text(f"All columns, the most important first{more_en}", f"所有列，最重要的在前{more_zh}"),
    )


def notes_table(notes: Sequence[Facts]) -> list[Table]:
    """What was said about the table, warnings first; nothing where nothing was."""
    if not notes:
        return []
    kinds = {True: Text("warning", "警告"), False: Text("note", "说明")}
    ordered = sorted(notes, key=lambda n: not n["warning"])
    rows = tuple(
        (kinds[bool(n["warning"])], Text(printable(n["en"]), printable(n["zh"])), n["flag"]) for n in ordered
    )
    head = (Text("kind", "种类"), Text("what was found", "发现"), Text("flag", "选项"))
    return [Table(head, rows, Text("What to know about this table", "关于这张表"))]


def _digits(ours: Interval, unit: float) -> int:
    half = unit * (ours.high - ours.low) / 2
    return digits_for(half if half == half and abs(half) != float("inf") else abs(unit * ours.estimate) / 10)
