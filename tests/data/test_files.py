"""Files and streams: told apart by their first bytes, refused with a remedy."""

import bz2
import gzip
import io
import lzma
import zipfile

import polars as pl
import pytest

from manyfit.data import read
from manyfit.errors import DataError

FRAME = pl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", None]})
CSV = b"a,b\n1,x\n2,y\n3,\n"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_csv_is_read_however_it_is_packed_and_named(tmp_path, pack):
    path = tmp_path / "table.data"
    path.write_bytes(pack(CSV))

    table = read(path)

    assert table.frame.equals(FRAME)
    assert table.name == "table.data"


def test_zip_of_one_table_is_read(tmp_path):
    path = tmp_path / "t.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.csv", CSV)

    assert read(str(path)).frame.equals(FRAME)


@pytest.mark.parametrize("write", ["write_parquet", "write_ipc", "write_ipc_stream"])
def test_column_files_are_told_by_their_content(tmp_path, write):
    path = tmp_path / "t.bin"
    getattr(FRAME, write)(path)

    assert read(path).frame.equals(FRAME)


@pytest.mark.parametrize(
    "magic", [b"PAR1", b"ARROW1\0\0", b"\x1f\x8b", b"PK\x03\x04", b"BZh", b"\xff\xff\xff\xff"]
)
def test_damaged_file_is_one_clear_error(tmp_path, magic):
    path = tmp_path / "broken"
    path.write_bytes(magic + b"rubbish" * 10)

    with pytest.raises(DataError, match=r"broken is a damaged"):
        read(path)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"%PDF-1.7", "PDF"), (b"\x89PNG\r\n", "picture"), (b"\x80\x04\x95", "pickle"), (b'{"a": 1}', "JSON")],
)
def test_file_of_another_kind_is_called_by_its_name(tmp_path, content, kind):
    path = tmp_path / "f"
    path.write_bytes(content)

    with pytest.raises(DataError, match=kind):
        read(path)


def test_excel_workbook_is_refused_with_a_remedy(tmp_path):
    path = tmp_path / "t.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")

    with pytest.raises(DataError, match=r"Excel workbook.*Save the sheet as CSV"):
        read(path)


def test_missing_file_names_the_nearest_one(tmp_path):
    (tmp_path / "house.csv").write_bytes(CSV)

    with pytest.raises(DataError, match=r"huose.csv does not exist. Did you mean 'house.csv'\?"):
        read(tmp_path / "huose.csv")


def test_missing_file_may_be_a_misspelt_example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(DataError, match="Did you mean 'digits'"):
        read("digit")


def test_file_comes_before_the_example_of_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "iris").write_bytes(CSV)

    assert read("iris").frame.equals(FRAME)


def test_missing_folder_is_said(tmp_path):
    with pytest.raises(DataError, match=r"folder .* does not exist either"):
        read(tmp_path / "no" / "t.csv")


def test_directory_is_refused_and_its_tables_named(tmp_path):
    (tmp_path / "a.csv").write_bytes(CSV)

    with pytest.raises(DataError, match=r"is a directory.*It holds a.csv"):
        read(tmp_path)


def test_unreadable_name_is_one_clear_error():
    with pytest.raises(DataError):
        read("a\0b")


def test_address_is_not_opened():
    with pytest.raises(DataError, match="Download it first"):
        read("https://example.org/t.csv")


def test_standard_input_is_read(monkeypatch):
    class Stream:
        buffer = io.BytesIO(CSV)

    monkeypatch.setattr("sys.stdin", Stream)

    table = read("-")

    assert table.name == "stdin"
    assert table.frame.equals(FRAME)


def test_open_file_is_read():
    assert read(io.BytesIO(CSV)).frame.equals(FRAME)
    assert read(io.StringIO(CSV.decode())).frame.equals(FRAME)
