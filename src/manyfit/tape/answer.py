"""An account of a calculation as an answer: a table for each part and the computation graph, ready for a report."""

from __future__ import annotations

from typing import Any

from manyfit.answers import Answer, Section, Table, Text
from manyfit.tape.lines import Account, Part
from manyfit.tape.symbols import number

HEAD = (
    Text("step", "步骤"),
    Text("quantity", "量"),
    Text("formula", "公式"),
    Text("numbers put in", "代入数值"),
    Text("result", "结果"),
    Text("", ""),
)


def answer_of(account: Account, digits: int = 4) -> Answer:
    """The answer to "what happens in one training step"."""
    sections, count = [], 0
    for part in account.parts:
        figures = (account.graph,) if part is account.parts[0] else ()
        sections.append(Section(part.title, (), figures, (_table(part, count, digits), *part.tables)))
        count += len(part.lines)
    return Answer(
        "trace",
        account.title,
        account.about,
        _SCOPE,
        tuple(sections),
        {**account.arrays, "lines": plain(account)},
    )


def plain(account: Account) -> list[dict[str, Any]]:
    """Every line as plain values, results in full."""
    lines = [(part.kind, line) for part in account.parts for line in part.lines]
    return [
        {
            "step": step,
            "part": kind,
            "quantity": line.symbol,
            "formula": line.formula,
            "numbers": line.numbers,
            "value": line.value,
        }
        for step, (kind, line) in enumerate(lines, 1)
    ]


_SCOPE = Text("one update, in float64; nothing is estimated", "一次更新，float64；没有任何估计")


def _table(part: Part, count: int, digits: int) -> Table:
    rows = [
        (
            str(step),
            line.symbol,
            line.formula,
            line.numbers if line.numbers != line.formula else "",
            number(line.value, digits),
            line.note or "",
        )
        for step, line in enumerate(part.lines, count + 1)
    ]
    width = len(HEAD) if any(line.note for line in part.lines) else len(HEAD) - 1
    return Table(HEAD[:width], tuple(row[:width] for row in rows), part.title)
