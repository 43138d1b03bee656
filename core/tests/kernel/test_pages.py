import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.pages import FIRST_DEFAULT, Key, Page, PageInvalid, cursor, cut, page

SHAPE = (str, int)
# PostgreSQL compares no text with it.
NUL = cursor(("\0", 1))
TOO_LARGE = cursor(("x", 1 << 63))


def test_a_page_has_a_default_size() -> None:
    assert page(None, None, shape=SHAPE) == Page(first=FIRST_DEFAULT)


@pytest.mark.parametrize("first", [0, -1, 101, 2**31])
def test_a_size_out_of_range_is_refused(first: int) -> None:
    with pytest.raises(PageInvalid, match=rf"first: {first} .* 1 to 100"):
        page(first, None, shape=SHAPE)


@given(
    st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.integers(-(2**63), 2**63 - 1)
)
def test_a_cursor_reads_back_as_the_key_that_it_was_made_of(name: str, number: int) -> None:
    assert page(1, cursor((name, number)), shape=SHAPE).after == (name, number)


@pytest.mark.parametrize(
    "after",
    [
        "",
        "x",
        "é",
        "AAAA",
        cursor((1, "x")),
        cursor(("x",)),
        cursor(("x", 1, 2)),
        "=" * 50,
        NUL,
        TOO_LARGE,
    ],
)
def test_a_cursor_of_another_list_is_refused(after: str) -> None:
    with pytest.raises(PageInvalid, match="endCursor of the same list"):
        page(1, after, shape=SHAPE)


def test_the_row_too_many_shows_that_more_follow() -> None:
    keys: list[Key] = [(1,), (2,), (3,)]
    full = cut(["a", "b", "c"], keys, Page(first=2))
    assert (full.rows, full.keys, full.has_next) == (["a", "b"], [(1,), (2,)], True)
    last = cut(["a", "b"], keys[:2], Page(first=2))
    assert (last.rows, last.has_next) == (["a", "b"], False)
