"""Documents are read once, and strangers who send ever other ones fill no memory."""

import pytest

from koipond.app import make_schemas
from koipond.graphql.asking import RequestRefused
from koipond.graphql.documents import REMEMBERED, REMEMBERED_EACH, REMEMBERED_LENGTH, Documents
from koipond.graphql.private import core_schema

SCHEMAS = make_schemas(())


@pytest.fixture
def documents() -> Documents:
    return Documents(core_schema(SCHEMAS.storefront), production=True)


def test_a_document_that_was_sent_before_is_not_read_again(documents: Documents) -> None:
    first = documents.find("{ channels { code } }")
    assert documents.find("{ channels { code } }") is first
    assert documents.find("{ channels { code  } }") is not first


@pytest.mark.slow
def test_no_more_are_remembered_than_a_number(documents: Documents) -> None:
    first = documents.find("{ a0: __typename }")
    for number in range(1, REMEMBERED + 1):
        documents.find(f"{{ a{number}: __typename }}")
        # Who is asked for all the time stays.
        assert documents.find("{ a0: __typename }") is first
    assert len(documents) == REMEMBERED


def test_no_more_are_remembered_than_a_length(documents: Documents) -> None:
    for number in range(30):
        documents.find("{ __typename }".ljust(REMEMBERED_EACH - number))
    assert len(documents) == REMEMBERED_LENGTH // REMEMBERED_EACH


def test_one_that_would_drive_out_all_others_is_not_remembered(documents: Documents) -> None:
    kept = documents.find("{ channels { code } }")
    long = "{ __typename }".ljust(REMEMBERED_EACH + 1)
    assert documents.find(long) is not documents.find(long)
    assert documents.find("{ channels { code } }") is kept


@pytest.mark.slow
def test_each_schema_has_documents_of_its_own() -> None:
    both = [
        Documents(core_schema(one), production=True) for one in (SCHEMAS.storefront, SCHEMAS.admin)
    ]
    found = [one.find("{ __typename }") for one in both]
    assert found[0] is not found[1]
    both[0].find("{ channels { code } me { id } }")
    with pytest.raises(RequestRefused):
        both[1].find("{ channels { code } me { id } }")


def test_what_is_refused_is_not_remembered(documents: Documents) -> None:
    for _ in range(2):
        with pytest.raises(RequestRefused):
            documents.find("{ nothing }")
    assert len(documents) == 0


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            f"{{ product {{ {'id ' * 999} }} }}",
            "it has the same fields or fragments so often that comparing them is given up",
        ),
        (
            f"{{ products(first: {'9' * 5_000}) {{ totalCount }} }}",
            "the number in line 1 has more than 1,000 digits",
        ),
        (
            f"query(\n$n: Int = {'9' * 1_001}) {{ products(first: $n) {{ totalCount }} }}",
            "the number in line 2 has more than 1,000 digits",
        ),
    ],
    ids=["compared", "argument", "default"],
)
def test_what_graphql_core_gives_up_on_is_said_in_words(
    documents: Documents, document: str, problem: str
) -> None:
    with pytest.raises(RequestRefused) as refused:
        documents.find(document)
    (error,) = refused.value.answer.errors
    assert error["message"] == f"This document is refused: {problem}."
    assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


def test_digits_in_a_text_are_no_number(documents: Documents) -> None:
    documents.find(f'{{ product(slug: "{"9" * 5_000}") {{ id }} }}')
