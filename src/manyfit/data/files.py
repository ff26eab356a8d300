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

from manyfit.data.csvtext import read_csv
from manyfit.data.notes import Note, note
from manyfit.errors import DataError, Problem

KNOWN = "manyfit reads CSV, TSV, Parquet and Arrow/Feather files (also .gz, .bz2, .xz, .zip)."
_FOREIGN = (
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"FEA1", "a Feather file of version 1"),
    (b"\x89HDF", "an HDF5 file"),
    (b"\x93NUMPY", "a NumPy file"),
    (b"\x80\x04", "a pickle"),
    (b"\x80\x05", "a pickle"),
    (b"{", "JSON"),
    (b"[{", "JSON"),
)
_REMEDIES = {
    "an old Excel workbook": "Save the sheet as CSV, or pass pandas.read_excel(...).",
    "a NumPy file": "Pass the arrays: load((X, y)).",
    "a pickle": "manyfit never opens pickles; pass the DataFrame itself, or save it as Parquet.",
    "JSON": "Pass polars.read_json(...) or pandas.read_json(...).",
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
        inside = sorted(p.name for p in path.iterdir() if p.suffix.lower() in _SUFFIXES)[:5]
        hint = f"It holds {', '.join(inside)}: name one of them." if inside else "Name a file."
        raise DataError(Problem(str(path), "is a directory, not a table", hint=hint)) from None
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(Problem(str(path), "does not exist", hint=near_files(path))) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(Problem(str(path), "can't be opened", str(reason or error))) from None


_SUFFIXES = (".csv", ".tsv", ".txt", ".gz", ".parquet", ".arrow", ".feather", ".ipc", ".zip", ".xz", ".bz2")


def near_files(path: Path) -> str:
    """A hint for a file that is not there: files of a similar name in its folder, and the embedded examples."""
    from manyfit.data.examples import EXAMPLES

    folder = path.parent
    try:
        names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.suffix.lower() in _SUFFIXES)
    except OSError:
        return f"The folder {str(folder)!r} does not exist either."
    near = difflib.get_close_matches(path.name, [*names, *EXAMPLES], n=1, cutoff=0.6)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    if names:
        hint += f"Tables there: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}. "
    return hint + f"Embedded examples: {', '.join(EXAMPLES)}."


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
            raise DataError(Problem(name, f"is {kind}, not a table", hint=_REMEDIES.get(kind, KNOWN)))
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
        raise DataError(Problem(name, f"is a damaged {kind} file", first, hint="Write it again.")) from None


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
        raise DataError(
            Problem(name, "is a damaged or locked archive", str(error), hint="Pack it again.")
        ) from None
    return data, []


def _unzip(data: bytes, name: str) -> tuple[bytes, list[Note]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [m for m in archive.namelist() if not m.endswith("/") and not m.startswith("__MACOSX")]
        if any(m.startswith("xl/") for m in members):
            hint = "Save the sheet as CSV, or pass pandas.read_excel(...) or polars.read_excel(...)."
            raise DataError(Problem(name, "is an Excel workbook, not a plain table", hint=hint))
        tables = [m for m in members if Path(m).suffix.lower() in _SUFFIXES]
        if not tables:
            raise DataError(Problem(name, "is an archive without a table in it", hint=KNOWN))
        notes = [note("first_sheet", name=name, member=tables[0])] if len(tables) > 1 else []
        return archive.read(tables[0]), notes
