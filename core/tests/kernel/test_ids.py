from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.kernel.ids import (
    PREFIXES,
    IdInvalid,
    OrderId,
    OrderLineId,
    ProductId,
    VariantId,
    decode,
    encode,
    new_id,
    new_token,
    prefix_of,
)

KEY = ProductId(UUID("01950000-0000-7000-8000-00000000002a"))


@given(st.uuids())
def test_an_id_that_is_written_reads_back(key: UUID) -> None:
    written = encode(ProductId, ProductId(key))
    assert (prefix_of(written), len(written)) == ("prod", 31)
    assert decode(ProductId, written) == key


def test_no_two_kinds_share_a_prefix() -> None:
    assert len(set(PREFIXES.values())) == len(PREFIXES)


def test_later_ids_sort_later_in_both_forms() -> None:
    keys = [OrderId(new_id()) for _ in range(1000)]
    assert keys == sorted(keys)
    written = [encode(OrderId, key) for key in keys]
    assert written == sorted(written)


GOOD = encode(ProductId, KEY)


@pytest.mark.parametrize(
    "value",
    [
        *("", "_", "prod", "prod_", GOOD[:-1], GOOD + "0", GOOD.upper(), GOOD + "\n", " " + GOOD),
        *("prod_" + "z" * 26, "prod_" + "0" * 25 + "u", "prod_" + "0" * 25 + "٣", str(KEY)),
        encode(VariantId, VariantId(KEY)),
        "prod_" + "0" * 100_000,
    ],
)
def test_what_is_no_id_of_this_kind_is_refused(value: str) -> None:
    with pytest.raises(IdInvalid) as refused:
        decode(ProductId, value)
    assert "is not the id of a product: those are prod_ and 26 characters" in str(refused.value)
    assert len(str(refused.value)) < 250


def test_tokens_are_256_random_bits() -> None:
    tokens = {new_token() for _ in range(100)}
    assert {len(token) for token in tokens} == {43}
    assert len(tokens) == 100


def test_a_wrong_id_is_refused_in_words() -> None:
    with pytest.raises(IdInvalid, match="'x' is not the id of an order line: those are line_"):
        decode(OrderLineId, "x")
