"""Every attack is tried somewhere, or it is said why not."""

import pytest
from tests.attacks.rows import ROOT, Row, read_rows, rows_of


@pytest.mark.parametrize("row", read_rows(), ids=lambda row: row.number)
def test_each_place_is_there(row: Row) -> None:
    assert bool(row.where) != bool(row.missing)
    for place in row.where:
        path, _, test = place.partition("::")
        assert (ROOT / path).exists(), place
        assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), place


def test_rows_are_numbered_from_1_to_34() -> None:
    numbers = [int(one) for row in read_rows() for one in row.number.split(", ")]
    assert numbers == list(range(1, 35))


def test_a_test_is_of_the_rows_that_name_it_its_file_or_its_folder() -> None:
    here = "core/tests/kernel/test_viewer.py::test_a_token[x]"
    assert rows_of(here) == ["14, 15, 16, 17, 18, 19, 20, 21"]
    assert rows_of("core/tests/exports/test_exporting.py::test_x") == ["29"]
    assert rows_of("core/tests/kernel/test_viewers.py::test_x") == []
