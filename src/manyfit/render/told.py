"""An answer in the terminal: what was trained, the table, the answer, its scope. The same words as in the report."""

from __future__ import annotations

import math

from manyfit.answers import Answer, Cell, Table, Text, digits

ANSWER = Text("ANSWER  ", "结论  ")
ALSO = Text("ALSO    ", "另有  ")
SCOPE = Text("SCOPE   ", "范围  ")
SECONDS = Text("{} s", "{} 秒")
PLAN = Text("; plan {}", "；计划 {}")


def answer_lines(answer: Answer, lang: str = "en") -> list[str]:
    """What a question found.

    Args:
        answer: The answer.
        lang: "en" or "zh".
    """
    lines = [line.to(lang) for line in answer.head]
    if lines and math.isfinite(answer.seconds):
        lines[0] += "   " + SECONDS.to(lang).format(took(answer.seconds))
    table = next((table for section in answer.sections[:1] for table in section.tables), None)
    if table is not None:
        lines += ["", *table_lines(table, lang)] if lines else table_lines(table, lang)
    lines += [note.to(lang) for note in answer.notes]
    lines.append(
        ANSWER.to(lang) + ("" if lang == "zh" else " ").join(text.to(lang) for text in answer.statement)
    )
    lines += [ALSO.to(lang) + text.to(lang) for text in answer.also]
    lines.append(SCOPE.to(lang) + scope_of(answer, lang))
    return [_line(line) for line in lines]


def scope_of(answer: Answer, lang: str = "en") -> str:
    """The scope with the hash of the plan."""
    return answer.scope.to(lang) + (PLAN.to(lang).format(answer.plan) if answer.plan else "")


def took(seconds: float) -> str:
    """Seconds as a reader wants them.

    Example:
        >>> took(0.234), took(3.21), took(14.4)
        ('0.2', '3.2', '14')
    """
    return f"{seconds:.1f}" if seconds < 9.95 else f"{seconds:.0f}"


def table_lines(table: Table, lang: str = "en") -> list[str]:
    """A table in columns: numbers to the right, words to the left; wide characters count double.

    Example:
        >>> table = Table((Text("", ""), Text("n", "数")), (("a", 1), ("bb", 22)), Text("", ""))
        >>> table_lines(table), table_lines(table, "zh")
        (['     n', 'a    1', 'bb  22'], ['    数', 'a    1', 'bb  22'])
    """
    from rich.cells import cell_len

    head = [_line(title.to(lang)) for title in table.head]
    rows = [[shown(cell, lang) for cell in row] for row in table.rows]
    is_number = [all(isinstance(row[i], (int, float)) for row in table.rows) for i in range(len(head))]
    widths = [max(cell_len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = []
    for row in [head, *rows]:
        pads = [" " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [
            pad + cell if right else cell + pad for cell, pad, right in zip(row, pads, is_number, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def shown(cell: Cell, lang: str = "en") -> str:
    """A cell as text."""
    if isinstance(cell, Text):
        return _line(cell.to(lang))
    if isinstance(cell, float):
        return "" if math.isnan(cell) else digits(cell)
    return _line(str(cell))


def _line(text: str) -> str:
    """One line, whatever names of the user's data are in it; spaces at its start and within stay."""
    return "".join(c if c.isprintable() else " " for c in text)
