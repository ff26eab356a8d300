"""Delimited text into a frame: encoding, delimiter, header and row lengths are settled here, so that polars meets no surprise."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator

import numpy as np
import polars as pl

from manyfit.data.charset import to_utf8
from manyfit.data.notes import Note, note, shown
from manyfit.errors import DataError, Problem
from manyfit.text import Text

DELIMITERS = ",;\t|"
_SAMPLE_BYTES = 65_536
_CHUNK_BYTES = 1 << 24
_FIELD_LIMIT = 1 << 20  # characters in one cell; more means a quote that never closes


def read_csv(
    data: bytes,
    name: str,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool = True,
    text: Collection[str] = (),
) -> tuple[pl.DataFrame, list[Note]]:
    """Read delimited text.

    Args:
        data: The content of the file, uncompressed.
        name: What to call the file in errors.
        encoding: Name of the encoding; None tries UTF-8 (with or without its mark), UTF-16 with its mark, then GB18030.
        delimiter: The character between fields; None finds it out.
        header: False when the first line holds values already; columns are then called column_1, column_2, …
        text: Columns to be kept as text even when they look like numbers.

    Returns:
        The frame with types inferred from all rows, and what there is to say about it.

    Raises:
        DataError: If the text is empty, ragged, unreadable or has two columns of one name.
    """
    data, notes = to_utf8(data, name, encoding)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    n_above, data = len(data), data.lstrip(b"\n")
    n_above -= len(data)
    if not data or data.isspace():
        hint = Text(
            "A table needs a line of column names and rows below it.", "表格需要一行列名，下面是数据行。"
        )
        raise DataError(Problem(name, Text("is empty", "是空的"), hint=hint))
    named = re.match(rb'"?sep=(.)"?\n', data)  # what Excel writes above a table
    if named:
        data, delimiter = data[named.end() :], delimiter or named[1].decode("ascii", "replace")
        n_above += 1
    sample = data[:_SAMPLE_BYTES].decode("utf-8", "ignore")
    if delimiter is None and is_blank_delimited(sample) and b'"' not in data:
        data, delimiter = re.sub(rb"[ \t]+", b"\t", re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", data)), "\t"
    delimiter = delimiter or guess_delimiter(sample)
    if len(delimiter) != 1 or delimiter in '"\n\r':
        rule = Text("must be one character", "必须是一个字符")
        hint = Text("Usual ones are , ; and tab.", "常用的有 , ; 和制表符。")
        raise DataError(Problem("delimiter", rule, repr(delimiter), hint=hint))

    first, end = _first_record(data, name, delimiter)
    if header:
        names, more = column_names(first, name)
        notes += more
        notes += [note("no_header", name=name)] if looks_like_values(names) else []
        body, n_above = data[end:], n_above + data[:end].count(b"\n")
    else:
        names, body = [f"column_{i + 1}" for i in range(len(first))], data
    if not body or body.isspace():
        hint = Text(
            f"Columns: {shown(names, 8)}. Add rows below the first line.",
            f"列名：{shown(names, 8)}。请在第一行下面加上数据行。",
        )
        raise DataError(Problem(name, Text("has column names but no rows", "只有列名，没有数据行"), hint=hint))
    frame = _parse(body, names, delimiter, name, text, n_above)
    return frame.filter(~pl.all_horizontal(pl.all().is_null())), notes


def guess_delimiter(sample: str) -> str:
    """The character between fields: the one that cuts every line into as many fields as the header.

    Example:
        >>> guess_delimiter("a;b\\n1,5;2\\n")
        ';'
    """
    lines = _whole_lines(sample)
    if not lines:
        return ","
    shares: dict[str, float] = {}
    for candidate in DELIMITERS:
        if candidate in lines[0]:
            counts = _field_counts(lines, candidate)
            if counts and counts[0] > 1:
                shares[candidate] = counts.count(counts[0]) / len(counts)
    perfect = [candidate for candidate, share in shares.items() if share == 1.0]
    if len(perfect) == 1:
        return perfect[0]
    try:
        sniffed = csv.Sniffer().sniff("\n".join(lines)[:16_384], DELIMITERS).delimiter
    except csv.Error:
        sniffed = ""
    if sniffed in perfect or (not perfect and sniffed in shares):
        return sniffed
    return max(shares, key=lambda candidate: (shares[candidate], lines[0].count(candidate)), default=",")


def is_blank_delimited(sample: str) -> bool:
    """Whether fields stand in columns parted by blanks: no other delimiter, and as many words in every line.

    Example:
        >>> is_blank_delimited("a b\\n 1  2\\n10 20\\n")
        True
    """
    lines = _whole_lines(sample)
    if len(lines) < 2 or any(mark in lines[0] for mark in DELIMITERS):
        return False
    counts = {len(line.split()) for line in lines}
    return len(counts) == 1 and counts.pop() > 1


def _whole_lines(sample: str) -> list[str]:
    lines = sample.split("\n")
    lines = lines[:-1] if len(lines) > 2 else lines  # the last one may be cut off
    return [line for line in lines if line.strip()][:100]


def _field_counts(lines: list[str], delimiter: str) -> list[int]:
    try:
        return [len(record) for record in csv.reader(lines, delimiter=delimiter) if record]
    except csv.Error:
        return []


def _first_record(data: bytes, name: str, delimiter: str) -> tuple[list[str], int]:
    """The fields of the first record, and where in the bytes the second one begins."""
    head = io.StringIO(data[: 1 << 24].decode("utf-8", "ignore"), newline="")
    lines: list[str] = []

    def taken() -> Iterator[str]:
        for line in head:
            lines.append(line)
            yield line

    try:
        record = next(csv.reader(taken(), delimiter=delimiter))
    except (csv.Error, StopIteration) as error:
        raise DataError(_unreadable(name, 1, error)) from None
    return record, sum(len(line.encode()) for line in lines)


def column_names(header: list[str], name: str) -> tuple[list[str], list[Note]]:
    """Tidy the names of a header: blanks cut off, empty ones numbered, doubles refused."""
    names = [cell.strip().removeprefix("\ufeff") for cell in header]
    unnamed = [i for i, cell in enumerate(names) if not cell]
    for i in unnamed:
        names[i] = f"column_{i + 1}"
    doubles = (
        sorted({cell for cell in names if names.count(cell) > 1}) if len(set(names)) < len(names) else []
    )
    if doubles:
        places = [str(i + 1) for i, cell in enumerate(names) if cell == doubles[0]]
        rule = Text(
            f"has several columns of one name: {shown(doubles, 5)}", f"有几列同名：{shown(doubles, 5)}"
        )
        hint = Text(
            f"Columns {', '.join(places)} are called {doubles[0]!r}; give each column its own name.",
            f"第 {'、'.join(places)} 列都叫 {doubles[0]!r}；请给每列各自的名字。",
        )
        if all(_is_number(cell) for cell in header):
            hint += NO_HEADER
        raise DataError(Problem(name, rule, hint=hint))
    return names, [note("unnamed", [names[i] for i in unnamed])] if unnamed else []


NO_HEADER = Text(
    " The first line looks like values: if the table has no header, pass header=False (--no-header).",
    "第一行看起来像数据：若表格没有列名，请加 header=False（--no-header）。",
)


def looks_like_values(names: list[str]) -> bool:
    """Whether a header is made of numbers only, so that the first row was probably taken for names."""
    return bool(names) and all(_is_number(cell) for cell in names)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parse(
    body: bytes, names: list[str], delimiter: str, name: str, text: Collection[str], n_above: int
) -> pl.DataFrame:
    """The rows; `n_above` lines of the file lie above them."""
    if _is_rectangular(body, len(names), delimiter):
        try:
            frame = pl.read_csv(
                io.BytesIO(body),
                has_header=False,
                new_columns=names,
                separator=delimiter,
                infer_schema_length=None,
                schema_overrides={column: pl.String for column in names if column in text},
            ).rechunk()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
            pass  # odd quotes or numbers beyond 128 bits: the slow reader below knows what to do
        else:
            if frame.width == len(names):
                return frame
    return _parse_slowly(body, names, delimiter, name, n_above)


def _is_rectangular(body: bytes, n_fields: int, delimiter: str) -> bool:
    """Whether every line has as many fields as the header, counted on the bytes (a hundred times faster than a reader)."""
    if not body.endswith(b"\n"):
        body += b"\n"
    codes = np.frombuffer(body, np.uint8)
    quoted, seen, previous_end = np.uint8(0), 0, -1
    last = 0
    for start in range(0, len(codes), _CHUNK_BYTES):
        chunk = codes[start : start + _CHUNK_BYTES]
        is_line, is_mark = (
            chunk == 10,
            chunk == ord(delimiter) if ord(delimiter) < 128 else np.zeros(len(chunk), bool),
        )
        is_quote = chunk == 34
        if quoted or is_quote.any():
            inside = np.bitwise_xor.accumulate(is_quote.view(np.uint8)) ^ quoted
            quoted = inside[-1]
            is_line &= inside == 0
            is_mark &= inside == 0
        ends = np.flatnonzero(is_line)
        totals = seen + np.searchsorted(np.flatnonzero(is_mark), ends)
        marks = np.diff(totals, prepend=last)
        lengths = np.diff(ends + start, prepend=previous_end) - 1
        if np.any((marks != n_fields - 1) & (lengths > 0)):
            return False
        if len(ends):
            last, previous_end = int(totals[-1]), int(ends[-1]) + start
        seen += int(np.count_nonzero(is_mark))
    return not quoted


def _unreadable(name: str, line: int, error: Exception) -> Problem:
    hint = Text(
        "A quote that is opened must be closed; write a quote inside a field twice.",
        "引号打开后必须关闭；字段里的引号要写两遍。",
    )
    where = Text(f"{name} line {line}", f"{name} 第 {line} 行")
    return Problem(where, Text(f"can't be read: {error}", f"无法读取：{error}"), hint=hint)


def _parse_slowly(body: bytes, names: list[str], delimiter: str, name: str, n_above: int) -> pl.DataFrame:
    """Python's reader: it finds the row that is wrong, and takes what the fast one can't. Every column stays text."""
    old_limit = csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(io.StringIO(body.decode("utf-8"), newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    wrong: list[Problem] = []
    try:
        for record in reader:
            if not any(record):
                continue
            if len(record) != len(names):
                row, line = len(rows) + 1, reader.line_num + n_above
                where = Text(f"{name} row {row} (line {line})", f"{name} 第 {row} 行数据（文件第 {line} 行）")
                rule = Text(
                    f"must have {len(names)} fields as the first line has", f"必须和第一行一样有 {len(names)} 个字段"
                )
                wrong.append(Problem(where, rule, f"{len(record)}: {shown(record, 4)}"))
                if len(wrong) == 3:
                    break
            rows.append(record)
    except csv.Error as error:
        raise DataError(_unreadable(name, reader.line_num + n_above, error)) from None
    finally:
        csv.field_size_limit(old_limit)
    if wrong:
        hint = Text(
            f"Quote fields that contain {delimiter!r}, or mend the row; delimiter= (--delimiter) gives another delimiter.",
            f"含有 {delimiter!r} 的字段要加引号，或改好这一行；delimiter=（--delimiter）可指定别的分隔符。",
        )
        wrong[-1] = Problem(wrong[-1].where, wrong[-1].rule, wrong[-1].got, hint=hint)
        raise DataError(wrong, scope=name)
    columns = {column: [row[i] for row in rows] for i, column in enumerate(names)}
    return pl.DataFrame({column: pl.Series(values, dtype=pl.String) for column, values in columns.items()})
