"""Text in any usual encoding, into UTF-8: guessed only where the guess is safe, and said."""

from __future__ import annotations

import numpy as np

from manyfit.data.notes import Note, note
from manyfit.errors import DataError, Problem

_SAMPLE_BYTES = 65_536


def to_utf8(data: bytes, name: str, encoding: str | None) -> tuple[bytes, list[Note]]:
    """Bring text to UTF-8 without a mark, and say so when it was something else."""
    if encoding:
        try:
            return data.decode(encoding).removeprefix("\ufeff").encode(), []
        except LookupError:
            hint = "Usual ones are utf-8, gb18030, cp1252 and utf-16."
            raise DataError(
                Problem("encoding", "must be the name of an encoding", repr(encoding), hint=hint)
            ) from None
        except UnicodeError as error:
            raise DataError(Problem(name, f"can't be read as {encoding}", str(error))) from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16").encode(), [note("encoding", name=name, encoding="UTF-16")]
        except UnicodeError as error:
            raise DataError(
                Problem(name, "begins like UTF-16 but can't be read as such", str(error))
            ) from None
    if b"\x00" in data[:_SAMPLE_BYTES]:
        hint = "manyfit reads CSV, TSV, Parquet and Arrow/Feather files (also .gz)."
        raise DataError(Problem(name, "is no table: it holds binary data", hint=hint))
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode("utf-8")
        return data, []
    except UnicodeDecodeError as error:
        position = error.start
    where = f"{name} line {_line_of(data, position)}"
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        text = ""
    if text and _looks_chinese(data):
        return text.encode(), [note("encoding", name=name, encoding="GB18030")]
    rule = "is neither UTF-8 nor GB18030"
    hint = "If it came from a Western European Windows, pass encoding='cp1252' (--encoding cp1252); else save it as UTF-8."
    raise DataError(Problem(where, rule, f"byte 0x{data[position]:02x}", hint=hint))


def _line_of(data: bytes, position: int) -> int:
    return data.count(b"\n", 0, position) + 1


def _looks_chinese(data: bytes) -> bool:
    """Whether the high bytes come in pairs, as in GB text. In Western text a high byte stands alone between ASCII letters."""
    codes = np.frombuffer(data[: 1 << 20], np.uint8)
    is_high = codes >= 0x80
    padded = np.concatenate(([False], is_high, [False]))
    alone = is_high & ~padded[:-2] & ~padded[2:]
    return bool(alone.sum() <= 0.2 * is_high.sum())
