"""Text in any usual encoding, into UTF-8: guessed only where the guess is safe, and said."""

from __future__ import annotations

import numpy as np

from manyfit.data.notes import Note, note
from manyfit.errors import DataError, Problem
from manyfit.text import Text

_SAMPLE_BYTES = 65_536


def to_utf8(data: bytes, name: str, encoding: str | None) -> tuple[bytes, list[Note]]:
    """Bring text to UTF-8 without a mark, and say so when it was something else."""
    if encoding:
        try:
            return data.decode(encoding).removeprefix("\ufeff").encode(), []
        except LookupError:
            hint = Text("Usual ones are utf-8, gb18030, cp1252 and utf-16.", "常用的有 utf-8、gb18030、cp1252 和 utf-16。")
            rule = Text("must be the name of an encoding", "必须是一种编码的名字")
            raise DataError(Problem("encoding", rule, repr(encoding), hint=hint)) from None
        except UnicodeError as error:
            rule = Text(f"can't be read as {encoding}: {error}", f"不能按 {encoding} 读取：{error}")
            raise DataError(Problem(name, rule)) from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            return data.decode("utf-16").encode(), [note("encoding", name=name, encoding="UTF-16")]
        except UnicodeError as error:
            rule = Text(
                f"begins like UTF-16 but can't be read as such: {error}", f"开头像 UTF-16，却不能按它读取：{error}"
            )
            raise DataError(Problem(name, rule)) from None
    if b"\x00" in data[:_SAMPLE_BYTES]:
        hint = Text(
            "manyfit reads CSV, TSV, Parquet and Arrow/Feather files (also .gz).",
            "manyfit 能读 CSV、TSV、Parquet 和 Arrow/Feather 文件（也可以是 .gz）。",
        )
        rule = Text("is no table: it holds binary data", "不是表格：里面是二进制数据")
        raise DataError(Problem(name, rule, hint=hint))
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode("utf-8")
        return data, []
    except UnicodeDecodeError as error:
        position = error.start
    line = data.count(b"\n", 0, position) + 1
    where = Text(f"{name} line {line}", f"{name} 第 {line} 行")
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        text = ""
    if text and _looks_chinese(data):
        return text.encode(), [note("encoding", name=name, encoding="GB18030")]
    rule = Text("is neither UTF-8 nor GB18030", "既不是 UTF-8 也不是 GB18030")
    hint = Text(
        "If it came from a Western European Windows, pass encoding='cp1252' (--encoding cp1252); else save it as UTF-8.",
        "若来自西欧语言的 Windows，请加 encoding='cp1252'（--encoding cp1252）；否则另存为 UTF-8。",
    )
    raise DataError(Problem(where, rule, Text(f"byte 0x{data[position]:02x}", f"字节 0x{data[position]:02x}"), hint=hint))


def _looks_chinese(data: bytes) -> bool:
    """Whether the high bytes come in pairs, as in GB text. In Western text a high byte stands alone between ASCII letters."""
    codes = np.frombuffer(data[: 1 << 20], np.uint8)
    is_high = codes >= 0x80
    padded = np.concatenate(([False], is_high, [False]))
    alone = is_high & ~padded[:-2] & ~padded[2:]
    return bool(alone.sum() <= 0.2 * is_high.sum())
