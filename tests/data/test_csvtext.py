"""Delimited text: encodings, delimiters, headers, and rows of the wrong length."""

import gzip

import polars as pl
import pytest

from manyfit.data.csvtext import guess_delimiter, read_csv
from manyfit.errors import DataError


def frame_of(content: str | bytes, **options) -> pl.DataFrame:
    data = content if isinstance(content, bytes) else content.encode()
    return read_csv(data, "t.csv", **options)[0]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_delimiter_is_found(mark):
    text = f"a{mark}b\n1{mark}2\n3{mark}4\n"

    assert frame_of(text).to_dict(as_series=False) == {"a": [1, 3], "b": [2, 4]}


def test_delimiter_is_the_one_that_cuts_every_line_alike():
    assert guess_delimiter("name;note\nAnn;a, b, c\nBob;x\n") == ";"
    assert guess_delimiter("a,b;c\n1,2;3\n4,5\n") == ","


def test_columns_parted_by_blanks_are_read():
    assert frame_of("  a   b\n  1  20\n 10   2 \n").to_dict(as_series=False) == {"a": [1, 10], "b": [20, 2]}


def test_types_come_from_all_rows_not_the_first_hundred():
    text = "x\n" + "1\n" * 200 + "3.5\n"

    assert frame_of(text)["x"].dtype == pl.Float64


def test_windows_and_old_mac_line_ends_are_read():
    assert frame_of("a,b\r\n1,2\r\n").rows() == frame_of("a,b\r1,2\r").rows() == [(1, 2)]


def test_quoted_delimiters_line_ends_and_quotes_stay_in_their_field():
    text = 'a,b\n"x,1",2\n"two\nlines",3\n"say ""hi""",4\n'

    assert frame_of(text)["a"].to_list() == ["x,1", "two\nlines", 'say "hi"']


def test_quote_inside_a_bare_field_is_text():
    text = 'size,n\n5" pipe,1\n6 pipe,2\n'

    assert frame_of(text)["size"].to_list() == ['5" pipe', "6 pipe"]


def test_number_too_large_for_any_integer_is_read():
    text = "x,y\n" + "9" * 60 + ",1\n2,2\n"

    assert float(frame_of(text)["x"][0]) == 1e60


def test_blank_lines_are_no_rows():
    assert frame_of("a,b\n\n1,2\n\n\n3,4\n\n").rows() == [(1, 2), (3, 4)]


@pytest.mark.parametrize(
    ("text", "row", "got"),
    [
        ("a,b\n1,2\n3\n", "row 2 (line 3)", "got 1: '3'"),
        ("a,b\n1,2,3\n", "row 1 (line 2)", "got 3: '1', '2', '3'"),
    ],
)
def test_ragged_row_is_named(text, row, got):
    with pytest.raises(DataError, match="must have 2 fields") as caught:
        frame_of(text)

    assert row in str(caught.value) and got in str(caught.value)


def test_ragged_rows_are_reported_together():
    with pytest.raises(DataError) as caught:
        frame_of("a,b\n1\n1,2\n3\n")

    assert [problem.where for problem in caught.value.problems] == [
        ("t.csv row 1 (line 2)", "t.csv 第 1 行数据（文件第 2 行）"),
        ("t.csv row 3 (line 4)", "t.csv 第 3 行数据（文件第 4 行）"),
    ]


def test_lines_are_those_of_the_file_and_rows_skip_what_is_empty():
    with pytest.raises(DataError, match=r"t.csv row 2 \(line 8\) must have 2 fields"):
        frame_of("\n\na,b\n\n1,2\n\n,\n3\n")


def test_rows_after_a_quoted_line_end_are_counted_in_lines_of_the_file():
    with pytest.raises(DataError, match=r"row 2 \(line 4\)"):
        frame_of('a,b\n"x\ny",1\n2\n')


def test_columns_of_one_name_are_refused():
    with pytest.raises(DataError, match=r"several columns of one name: 'a'.*Columns 1, 3 are called 'a'"):
        frame_of("a,b,a\n1,2,3\n")


def test_unnamed_column_gets_a_name_and_a_note():
    frame, notes = read_csv(b",x\n0,5\n1,6\n", "t.csv")

    assert frame.columns == ["column_1", "x"]
    assert [n.code for n in notes] == ["unnamed"]


def test_table_without_a_header_can_be_read():
    assert frame_of("1,2\n3,4\n", header=False).to_dict(as_series=False) == {
        "column_1": [1, 3],
        "column_2": [2, 4],
    }


def test_delimiter_named_by_excel_is_obeyed():
    assert frame_of("sep=;\na;b\n1,5;2\n").columns == ["a", "b"]


@pytest.mark.parametrize("text", [b"", b"\n\n", b"  \n", b"\xef\xbb\xbf"])
def test_empty_file_is_refused(text):
    with pytest.raises(DataError, match="is empty"):
        frame_of(text)


def test_header_without_rows_is_refused():
    with pytest.raises(DataError, match=r"column names but no rows.*'a', 'b'"):
        frame_of("a,b\n\n")


@pytest.mark.parametrize(
    ("encoding", "named"), [("utf-8", ""), ("utf-8-sig", ""), ("utf-16", "UTF-16"), ("gb18030", "GB18030")]
)
def test_chinese_text_is_read_in_any_of_its_encodings(encoding, named):
    data = "城市,人口\n北京,2189\n上海,2487\n广州,1868\n".encode(encoding)

    frame, notes = read_csv(data, "t.csv")

    assert frame.columns == ["城市", "人口"]
    assert frame["城市"].to_list() == ["北京", "上海", "广州"]
    assert [named in n.text for n in notes] == ([True] if named else [])


def test_western_text_is_refused_with_the_option_that_reads_it():
    data = "name,n\nMüller,1\nJosé,2\nFrançois,3\n".encode("cp1252")

    with pytest.raises(DataError, match=r"t.csv line 2 is neither UTF-8 nor GB18030.*--encoding cp1252"):
        read_csv(data, "t.csv")
    assert frame_of(data, encoding="cp1252")["name"].to_list() == ["Müller", "José", "François"]


def test_unknown_encoding_is_refused():
    with pytest.raises(DataError, match="encoding must be the name of an encoding, got 'klingon'"):
        frame_of("a\n1\n", encoding="klingon")


def test_binary_noise_is_refused():
    with pytest.raises(DataError, match="binary data"):
        frame_of(bytes(range(256)) * 4)


def test_quote_that_never_closes_is_refused():
    with pytest.raises(DataError, match=r"t.csv"):
        frame_of('a,b\n1,2\n"' + "x,y\n" * 300_000)


def test_column_can_be_kept_as_text():
    assert frame_of("zip,n\n00501,1\n", text=["zip"])["zip"].to_list() == ["00501"]


def test_compressed_bytes_are_not_text():
    with pytest.raises(DataError):
        frame_of(gzip.compress(b"a,b\n1,2\n", mtime=0))


def test_header_that_looks_like_values_is_said():
    notes = read_csv(b"1,2\n3,4\n", "t.csv")[1]

    assert [n.flag for n in notes] == ["--no-header"]
