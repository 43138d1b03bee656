"""From bytes to rows: what is read, and what refuses the whole file with its line."""

import contextlib
import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.imports import rules
from koipond.imports.errors import (
    EncodingUnknown,
    EncodingWrong,
    FieldTooLarge,
    FileDamaged,
)
from koipond.kernel.errors import DomainError


def read(content: bytes | str, encoding: str = "utf-8") -> list[tuple[int, list[str]]]:
    """Return (line, cells) of every row."""
    raw = content.encode() if isinstance(content, str) else content
    rows = rules.read_rows(io.BytesIO(raw), rules.find_codec(encoding))
    return [(row.line, row.cells) for row in rows]


def refusal(content: bytes | str, encoding: str = "utf-8") -> DomainError:
    with pytest.raises(DomainError) as caught:
        read(content, encoding)
    return caught.value


def test_cells_are_trimmed_and_empty_rows_left_out() -> None:
    assert read("name ,  sku\n\n  , \n,\nTea\t, 　T-1 \n") == [
        (1, ["name", "sku"]),
        (5, ["Tea", "T-1"]),
    ]


def test_quotes_hold_commas_and_lines_and_may_have_spaces_behind_them() -> None:
    content = 'a,b\n"1, ""2""\n3"  ,4\n5,6'
    assert read(content) == [(1, ["a", "b"]), (2, ['1, "2"\n3', "4"]), (4, ["5", "6"])]


def test_a_quote_inside_a_cell_is_a_letter() -> None:
    assert read('13" screen,x\n') == [(1, ['13" screen', "x"])]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_end_in_lf_or_crlf(end: str) -> None:
    assert read(f"a,b{end}1,2{end}") == [(1, ["a", "b"]), (2, ["1", "2"])]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_utf_8_is_read_with_and_without_its_mark(mark: bytes) -> None:
    assert read(mark + "名称,sku\n绿茶,T".encode()) == [(1, ["名称", "sku"]), (2, ["绿茶", "T"])]


def test_gb18030_is_read_when_it_is_named() -> None:
    # 㐀 and 😀 need four bytes, which GBK does not have.
    content = "名称,描述\n明前龙井,汤色嫩绿，回甘㐀😀\n".encode("gb18030")
    assert read(content, "gb18030") == [
        (1, ["名称", "描述"]),
        (2, ["明前龙井", "汤色嫩绿，回甘㐀😀"]),
    ]
    assert read("碧螺春,茶\n".encode("gbk"), "gb18030") == [(1, ["碧螺春", "茶"])]


def test_another_encoding_is_refused_with_its_line_and_the_option() -> None:
    error = refusal(b"name,sku\nok,1\n" + "绿茶,2\n".encode("gb18030"))
    assert isinstance(error, EncodingWrong)
    assert (error.line, error.encoding) == (3, "utf-8")
    assert str(error) == (
        "Line 3 is not utf-8. If it was saved by a Chinese Excel, add the option "
        "--encoding gb18030. Nothing was imported."
    )


def test_a_wrong_encoding_by_name_is_refused_with_its_line() -> None:
    error = refusal(b"name\n\xff\xff\n", "gb18030")
    assert isinstance(error, EncodingWrong)
    assert (error.line, error.encoding) == (2, "gb18030")


def test_utf_16_is_refused_at_its_first_line() -> None:
    error = refusal("name,sku\n".encode("utf-16"))
    assert isinstance(error, EncodingWrong)
    assert error.line == 1


@pytest.mark.parametrize(
    "name", ["", "klingon", "utf-16", "rot13", "hex", "undefined", "punycode", "cp037", "a\0b"]
)
def test_an_encoding_that_cannot_be_read_by_lines_is_refused(name: str) -> None:
    with pytest.raises(EncodingUnknown, match="is no encoding that a CSV can be read in"):
        rules.find_codec(name)


def test_one_encoding_has_one_name() -> None:
    assert {rules.find_codec(name) for name in ("utf8", "UTF-8", "utf-8-sig", "U8")} == {"utf-8"}
    assert rules.find_codec("GB18030") == "gb18030"


def test_a_nul_byte_is_refused_with_its_line() -> None:
    error = refusal(b"a,b\n1,2\n3,\0\n")
    assert isinstance(error, FileDamaged)
    assert str(error) == (
        "Line 3 cannot be read: it has a NUL byte, so it is no text. Nothing was imported."
    )


def test_a_first_line_that_is_no_object_is_told_of_as_json() -> None:
    with pytest.raises(FileDamaged) as refused:
        list(rules.read_objects(io.BytesIO(b'{"sku": '), "utf-8"))
    assert str(refused.value) == (
        "Line 1 cannot be read: it is no JSON: Expecting value: line 1 column 9 (char 8). "
        "Nothing was imported."
    )


@pytest.mark.parametrize("tail", ["", "\n", "\n5,6\n", ",x\n7,8"])
def test_an_unclosed_quote_is_refused_where_it_is_opened(tail: str) -> None:
    error = refusal(f'a,b\n1,2\n3,"4{tail}')
    assert isinstance(error, FileDamaged)
    assert (error.line, error.reason) == (3, "a quote is opened here and never closed")


def test_a_line_end_of_old_macs_is_refused() -> None:
    error = refusal(b"a,b\r1,2\r")
    assert isinstance(error, FileDamaged)
    assert error.reason == "it has a line end (CR) that is none; lines end in LF or CR LF"


def test_a_field_of_a_million_characters_is_read_and_one_more_refused() -> None:
    assert read("a\n" + "茶" * 1_000_000)[1] == (2, ["茶" * 1_000_000])
    error = refusal("a\nb\n" + "x" * 1_000_001)
    assert isinstance(error, FieldTooLarge)
    assert str(error) == (
        "The row in line 3 has a field of more than 1,000,000 characters. Shorten it, or close its"
        " quote. Nothing was imported."
    )


@pytest.mark.parametrize("lines", [1, 10_000])
def test_a_field_of_10_mb_is_refused_where_it_begins(lines: int) -> None:
    line = "x" * (10_000_000 // lines) + "\n"
    error = refusal(f'a,b\nc,"{line * lines}"\nd,e\n')
    assert isinstance(error, FieldTooLarge)
    assert (error.line, error.limit) == (2, 1_000_000)


def test_a_line_without_an_end_is_not_read_into_memory() -> None:
    endless = (b"x" * rules.LINE_MAX for _ in range(10**9))
    with pytest.raises(FileDamaged, match=r"Line 1 .* it has 32,000,000 bytes or more and no end"):
        list(rules.read_rows(endless, "utf-8"))


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))


@pytest.mark.slow
@given(st.lists(st.lists(TEXT, min_size=1), min_size=1))
def test_what_was_written_is_read_but_for_outer_spaces(rows: list[list[str]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    # A mark at the very beginning is one of the encoding.
    expected = [[cell.strip() for cell in row] for row in rows]
    if rows[0][0].startswith("\ufeff"):
        return
    assert [cells for _, cells in read(written.getvalue())] == [row for row in expected if any(row)]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_as_what_they_are(content: bytes) -> None:
    for encoding in ("utf-8", "gb18030"):
        with contextlib.suppress(EncodingWrong, FileDamaged):
            assert all(any(cells) for _, cells in read(content, encoding))
