"""Lines as text for a terminal: symbols under symbols, results under results by their decimal points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from manyfit.answers import Cell, Table, Text
from manyfit.tape.lines import Account, Line
from manyfit.tape.symbols import number

MOST_SYMBOL = 24
"""Columns for symbols; a longer one stands on a line of its own."""


class Piece(NamedTuple):
    """Text of one kind: "title", "head", "symbol", "formula", "numbers", "result", "note" or "plain"."""

    text: str
    kind: str = "plain"


def text_of(account: Account, lang: str = "en", width: int = 100, digits: int = 4) -> Iterator[list[Piece]]:
    """A whole account, line by line.

    Args:
        account: What to tell.
        lang: "en" or "zh".
        width: Columns; a formula that does not fit beside its numbers stands above them.
        digits: Significant digits of the results.
    """
    yield [Piece(account.title.to(lang), "title")]
    for sentence in account.about:
        yield [Piece(sentence.to(lang))]
    count = 0
    for part in account.parts:
        yield []
        yield [Piece(part.title.to(lang), "head")]
        yield from _lines(part.lines, count, lang, width, digits)
        count += len(part.lines)
        for table in part.tables:
            yield []
            yield from _table(table, lang)


def _lines(lines: Sequence[Line], count: int, lang: str, width: int, digits: int) -> Iterator[list[Piece]]:
    left = min(max((_cells(line.symbol) for line in lines), default=0), MOST_SYMBOL)
    results = _by_point([number(line.value, digits) for line in lines])
    last = max((_cells(text) for text in results), default=0)
    texts = [_texts(line, result.strip()) for line, result in zip(lines, results, strict=True)]
    most = width - 6 - left - 3 - 3 - last  # what is left for formula and numbers
    needed = [
        _cells(both) if _cells(both) <= most else min(_cells(numbers), most) for _, numbers, both in texts
    ]
    room = min(most, max(needed, default=0))
    for position, (line, result, (formula, numbers, both)) in enumerate(
        zip(lines, results, texts, strict=True), count + 1
    ):
        note = [Piece(f"   {line.note.to(lang)}", "note")] if line.note else []
        lead = [Piece(f"{position:4}  "), Piece(line.symbol + " " * (left - _cells(line.symbol)), "symbol")]
        end = [Piece(" = "), Piece(result, "result"), *note]
        if line.symbol and _cells(line.symbol) > left:
            yield lead
            lead = [Piece(" " * (6 + left))]
        if _cells(both) <= room:
            middle = [
                Piece(formula, "formula"),
                Piece(" = " if formula and numbers else ""),
                Piece(numbers, "numbers"),
            ]
            gap = Piece(" " * (room - _cells(both)))
            yield [*lead, Piece(" = " if both else "   "), *middle, gap, *end]
            continue
        if formula:
            yield [*lead, Piece(" = "), Piece(formula, "formula")]
            lead = [Piece(" " * (6 + left))]
        if _cells(numbers) > room:
            yield [*lead, Piece(" = "), Piece(numbers, "numbers")]
            lead, numbers = [Piece(" " * (6 + left))], ""
        gap = Piece(" " * (room - _cells(numbers)))
        yield [*lead, Piece(" = " if numbers else "   "), Piece(numbers, "numbers"), gap, *end]


def _texts(line: Line, result: str) -> tuple[str, str, str]:
    """Formula, numbers, and both in a row; what only repeats the result is left out."""
    formula = line.formula if line.formula != result else ""
    numbers = line.numbers if line.numbers not in (formula, result) else ""
    return formula, numbers, f"{formula} = {numbers}" if formula and numbers else formula or numbers


def _table(table: Table, lang: str) -> Iterator[list[Piece]]:
    yield [Piece(table.caption.to(lang), "head")]
    head = [title.to(lang) for title in table.head]
    columns = [[_said(row[k], lang) for row in table.rows] for k in range(len(head))]
    columns = [columns[0], *(_by_point(column) for column in columns[1:])]
    widths = [
        max(_cells(title), *(_cells(cell) for cell in column))
        for title, column in zip(head, columns, strict=True)
    ]
    for k, cells in enumerate([head, *zip(*columns, strict=True)]):
        first = cells[0] + " " * (widths[0] - _cells(cells[0]))
        rest = [
            " " * (width - _cells(cell)) + cell for cell, width in zip(cells[1:], widths[1:], strict=True)
        ]
        yield [Piece("      " + "  ".join([first, *rest]), "formula" if k == 0 else "plain")]


def _by_point(texts: Sequence[str]) -> list[str]:
    """Numbers padded on both sides, so that their decimal points stand in one column.

    Example:
        >>> _by_point(["1.25", "−10", "3e−9"])
        ['  1.25', '−10   ', '  3e−9']
    """
    parts = [_parted(text) for text in texts]
    before = max((_cells(whole) for whole, _ in parts), default=0)
    after = max((_cells(rest) for _, rest in parts), default=0)
    return [
        " " * (before - _cells(whole)) + whole + rest + " " * (after - _cells(rest)) for whole, rest in parts
    ]


def _parted(text: str) -> tuple[str, str]:
    end = next((k for k, sign in enumerate(text) if sign in ".e"), len(text))
    return text[:end], text[end:]


def _said(cell: Cell, lang: str) -> str:
    return cell.to(lang) if isinstance(cell, Text) else str(cell)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
