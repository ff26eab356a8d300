"""Files and streams into a frame: what a file is, its first bytes say, not its name."""

from __future__ import annotations

import bz2
import difflib
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

import polars as pl

from manyfit.data.csvtext import DELIMITERS, read_csv
from manyfit.data.notes import Note, note
from manyfit.errors import DataError, Problem
from manyfit.text import Text

KNOWN = Text(
    "manyfit reads CSV, TSV, Parquet and Arrow/Feather files (also .gz, .bz2, .xz, .zip).",
    "manyfit 能读 CSV、TSV、Parquet 和 Arrow/Feather 文件（也可以是 .gz、.bz2、.xz、.zip）。",
)
_WORKBOOK = Text("an old Excel workbook", "旧版 Excel 工作簿")
_NUMPY = Text("a NumPy file", "NumPy 文件")
_PICKLE = Text("a pickle", "pickle 文件")
_JSON = Text("JSON", "JSON")
_PICTURE = Text("a picture", "图片")
_FOREIGN = (
    (b"%PDF", Text("a PDF document", "PDF 文档")),
    (b"\x89PNG", _PICTURE),
    (b"\xff\xd8\xff", _PICTURE),
    (b"GIF8", _PICTURE),
    (b"SQLite format 3", Text("an SQLite database", "SQLite 数据库")),
    (b"\xd0\xcf\x11\xe0", _WORKBOOK),
    (b"FEA1", Text("a Feather file of version 1", "第 1 版的 Feather 文件")),
    (b"\x89HDF", Text("an HDF5 file", "HDF5 文件")),
    (b"\x93NUMPY", _NUMPY),
    (b"\x80\x04", _PICKLE),
    (b"\x80\x05", _PICKLE),
    (b"{", _JSON),
    (b"[{", _JSON),
)
_REMEDIES = {
    _WORKBOOK: Text(
        "Save the sheet as CSV, or pass pandas.read_excel(...).",
        "请把工作表另存为 CSV，或传入 pandas.read_excel(...)。",
    ),
    _NUMPY: Text("Pass the arrays: load((X, y)).", "请传入数组：load((X, y))。"),
    _PICKLE: Text(
        "manyfit never opens pickles; pass the DataFrame itself, or save it as Parquet.",
        "manyfit 从不打开 pickle；请传入 DataFrame 本身，或存为 Parquet。",
    ),
    _JSON: Text(
        "Pass polars.read_json(...) or pandas.read_json(...).",
        "请传入 polars.read_json(...) 或 pandas.read_json(...)。",
    ),
}


def read_file(
    source: str | Path,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool = True,
    text: Collection[str] = (),
) -> tuple[str, pl.DataFrame, list[Note]]:
    """Read a table from a path, or from standard input when the path is "-".

    Returns:
        What to call the table, its frame, and what there is to say about how it was read.

    Raises:
        DataError: If there is no such file, it is no table, or it can't be read.
    """
    if str(source) == "-":
        name, data = "stdin", sys.stdin.buffer.read()
    else:
        path = Path(source)
        name, data = path.name, read_bytes(path)
    frame, notes = read_data(data, name, encoding=encoding, delimiter=delimiter, header=header, text=text)
    return name, frame, notes


def read_bytes(path: Path) -> bytes:
    """The content of a file, or one clear error."""
    try:
        return path.read_bytes()
    except IsADirectoryError:
        inside = ", ".join(tables_in(path)[:5])
        hint = Text("Name a file.", "请指明一个文件。")
        if inside:
            hint = Text(f"It holds {inside}: name one of them.", f"里面有 {inside}：请指明其中一个。")
        rule = Text("is a directory, not a table", "是文件夹，不是表格")
        raise DataError(Problem(str(path), rule, hint=hint)) from None
    except (FileNotFoundError, NotADirectoryError):
        rule = Text("does not exist", "不存在")
        raise DataError(Problem(str(path), rule, hint=near_files(path))) from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else "") or str(error)
        rule = Text(f"can't be opened: {reason}", f"打不开：{reason}")
        raise DataError(Problem(str(path), rule)) from None


_SUFFIXES = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".arrow", ".feather", ".ipc", ".zip", ".xz", ".bz2")


def tables_in(folder: Path) -> list[str]:
    """Names of the files in a folder that may be tables, by their ending; plain text where its first line has several fields."""
    names = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES and p.is_file())
    return [name for name in names if not name.lower().endswith(".txt") or _has_fields(folder / name)]


def _has_fields(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            first = file.readline(4096)
    except OSError:
        return False
    return any(mark.encode() in first for mark in DELIMITERS)


def near_files(path: Path) -> Text:
    """A hint for a file that is not there: files of a similar name in its folder, and the embedded examples."""
    from manyfit.data.examples import EXAMPLES

    folder = path.parent
    try:
        names = tables_in(folder)
    except OSError:
        return Text(
            f"The folder {str(folder)!r} does not exist either.", f"文件夹 {str(folder)!r} 也不存在。"
        )
    near = difflib.get_close_matches(path.name, [*names, *EXAMPLES], n=1, cutoff=0.6)
    hint = Text(f"Did you mean {near[0]!r}? ", f"是不是 {near[0]!r}？") if near else Text("", "")
    if names:
        there = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
        hint += Text(f"Tables there: {there}. ", f"那里的表格：{there}。")
    known = ", ".join(EXAMPLES)
    return hint + Text(f"Embedded examples: {known}.", f"内置示例：{known}。")


def read_data(
    data: bytes,
    name: str,
    *,
    encoding: str | None = None,
    delimiter: str | None = None,
    header: bool = True,
    text: Collection[str] = (),
) -> tuple[pl.DataFrame, list[Note]]:
    """Read a table from bytes: compressed or not, Parquet, Arrow, or delimited text."""
    data, notes = _unpack(data, name)
    for magic, kind in _FOREIGN:
        if data.startswith(magic):
            rule = Text(f"is {kind.en}, not a table", f"是{kind.zh}，不是表格")
            raise DataError(Problem(name, rule, hint=_REMEDIES.get(kind, KNOWN)))
    reader = None
    if data[:4] == b"PAR1":
        reader, kind = pl.read_parquet, "Parquet"
    elif data[:6] == b"ARROW1":
        reader, kind = pl.read_ipc, "Arrow"
    elif data[:4] == b"\xff\xff\xff\xff":
        reader, kind = pl.read_ipc_stream, "Arrow stream"
    if reader is None:
        frame, more = read_csv(data, name, encoding=encoding, delimiter=delimiter, header=header, text=text)
        return frame, notes + more
    try:
        return reader(io.BytesIO(data)), notes
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else "no reason given"
        rule = Text(f"is a damaged {kind} file: {first}", f"是损坏的 {kind} 文件：{first}")
        raise DataError(Problem(name, rule, hint=Text("Write it again.", "请重新写一遍。"))) from None


def _unpack(data: bytes, name: str) -> tuple[bytes, list[Note]]:
    try:
        if data[:2] == b"\x1f\x8b":
            return gzip.decompress(data), []
        if data[:3] == b"BZh":
            return bz2.decompress(data), []
        if data[:6] == b"\xfd7zXZ\x00":
            return lzma.decompress(data), []
        if data[:4] == b"PK\x03\x04":
            return _unzip(data, name)
    except (
        OSError,
        ValueError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
    ) as error:
        rule = Text(f"is a damaged or locked archive: {error}", f"是损坏或加密的压缩包：{error}")
        raise DataError(Problem(name, rule, hint=Text("Pack it again.", "请重新打包。"))) from None
    return data, []


def _unzip(data: bytes, name: str) -> tuple[bytes, list[Note]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [m for m in archive.namelist() if not m.endswith("/") and not m.startswith("__MACOSX")]
        if any(m.startswith("xl/") for m in members):
            hint = Text(
                "Save the sheet as CSV, or pass pandas.read_excel(...) or polars.read_excel(...).",
                "请把工作表另存为 CSV，或传入 pandas.read_excel(...) 或 polars.read_excel(...)。",
            )
            rule = Text("is an Excel workbook, not a plain table", "是 Excel 工作簿，不是单纯的表格")
            raise DataError(Problem(name, rule, hint=hint))
        tables = [m for m in members if Path(m).suffix.lower() in _SUFFIXES]
        if not tables:
            rule = Text("is an archive without a table in it", "是不含表格的压缩包")
            raise DataError(Problem(name, rule, hint=KNOWN))
        notes = [note("first_sheet", name=name, member=tables[0])] if len(tables) > 1 else []
        return archive.read(tables[0]), notes
