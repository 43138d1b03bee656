"""Text as addresses, search words and patterns; what a product must be; what may be asked."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from koipond.catalog import rules
from koipond.catalog.errors import ProductFilterInvalid, ProductInvalid, SkuTwice
from koipond.catalog.rules.searching import Closeness
from koipond.catalog.types import (
    MediaDraft,
    OptionChoice,
    Product,
    ProductDraft,
    ProductFilter,
    ProductSort,
    VariantDraft,
)
from koipond.kernel.ids import ProductId, new_id
from koipond.kernel.texts import Locale
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind

EN, ZH = Locale("en"), Locale("zh-Hans")


def tea(**changes: Any) -> ProductDraft:
    """A draft that may be stored, changed."""
    given = {"slug": "tea", "name": "Tea", "variants": (VariantDraft(sku="T"),)} | changes
    return ProductDraft(**given)


def reason(**changes: Any) -> str:
    """Why a changed tea may not be stored."""
    error = rules.refusal_of(tea(**changes))
    assert isinstance(error, ProductInvalid)
    assert error.product == changes.get("slug", "tea")
    return error.reason


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("Sports & Outdoor", "sports-outdoor"),
        ("  Ｇｒｅｅｎ　Tea ", "green-tea"),
        ("绿茶 / 龙井", "绿茶-龙井"),
        ("Crème brûlée", "crème-brûlée"),
        ("चाय", "चाय"),
        ("50 g", "50-g"),
        ("ПУЭР", "пуэр"),
        ("²", "2"),
        ("!!!", ""),
        ("", ""),
    ],
)
def test_a_slug_keeps_letters_and_digits_of_any_script(text: str, slug: str) -> None:
    assert rules.slugify(text) == slug


@given(st.text())
def test_a_slug_of_a_slug_is_itself(text: str) -> None:
    slug = rules.slugify(text)
    assert rules.slugify(slug) == slug
    assert not slug.startswith("-")
    assert "--" not in slug


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert rules.fold(rules.fold(text)) == rules.fold(text)


def test_a_variant_is_called_by_its_options_or_like_its_product() -> None:
    product = Product(
        id=ProductId(new_id()), slug="tea", name={EN: "Tea", ZH: "茶"}, description={}
    )
    options = [
        OptionChoice(name={EN: "Weight"}, value={EN: "50 g", ZH: "50克"}),
        OptionChoice(name={EN: "Tin"}, value={EN: "red"}),
    ]
    assert rules.variant_name(options, product, [ZH, EN]) == "50克 / red"
    assert rules.variant_name([], product, [ZH, EN]) == "茶"


def test_a_sound_product_is_not_refused() -> None:
    assert rules.refusal_of(tea()) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"slug": ""}, "its slug is empty"),
        ({"slug": "x" * 201}, "its slug has 201 characters, at most 200 are possible"),
        ({"slug": "a b"}, "its slug is part of an address: no spaces and none of / ? # % \\"),
        ({"slug": "a/b"}, "its slug is part of an address: no spaces and none of / ? # % \\"),
        ({"name": "  "}, "its name is empty"),
        ({"name": "x" * 501}, "its name has 501 characters, at most 500 are possible"),
        ({"name": "a\0b"}, "a text has the character U+0000"),
        ({"name": "a\ud800b"}, "a text has half a character (a lone surrogate)"),
        ({"variants": ()}, "it has no variant; a product is sold as one"),
        ({"categories": ("!",)}, "the category or collection '!' has no letter and no digit"),
        ({"attributes": (("brand", "-"),)}, "the value of the attribute brand '-' has no letter and"
         " no digit"),
        ({"options": (" ",)}, "an option has no name"),
        ({"options": ("size",)}, "T has 0 option values for 1 options"),
        ({"media": (MediaDraft(url="javascript:alert(1)"),)}, "'javascript:alert(1)' is no address"
         " of a picture: http, https, or a path"),
        ({"media": (MediaDraft(url="http://[x"),)}, "'http://[x' is no address of a picture: http,"
         " https, or a path"),
        ({"media": (MediaDraft(url="x" * 2001),)}, "the address of a picture has 2001 characters,"
         " at most 2000 are possible"),
    ],
)  # fmt: skip
def test_what_cannot_be_stored_is_refused_with_its_reason(
    changes: dict[str, Any], why: str
) -> None:
    assert reason(**changes) == why


@pytest.mark.parametrize(
    ("variant", "why"),
    [
        ({"sku": ""}, "a variant has no SKU"),
        ({"sku": "x" * 121}, "a SKU has 121 characters, at most 120 are possible"),
        ({"sku": " T"}, "SKU ' T' begins or ends with a space"),
        ({"price_minor": -1}, "the price of T is out of range: -1 minor units"),
        ({"price_minor": 2**63}, f"the price of T is out of range: {2**63} minor units"),
        ({"options": ("S",)}, "T has 1 option values for 0 options"),
    ],
)
def test_a_variant_that_cannot_be_stored_is_refused_with_its_reason(
    variant: dict[str, Any], why: str
) -> None:
    assert reason(variants=(VariantDraft(**({"sku": "T"} | variant)),)) == why


def test_an_empty_option_value_is_refused() -> None:
    variants = (VariantDraft(sku="T", options=(" ",)),)
    assert reason(options=("size",), variants=variants) == "T has an empty option value"


def test_more_variants_than_one_statement_can_name_are_refused() -> None:
    variants = tuple(VariantDraft(sku=str(n)) for n in range(rules.VARIANTS_MAX + 1))
    assert reason(variants=variants) == "it has 2049 variants, at most 2048 are possible"


def test_a_sku_names_one_variant() -> None:
    error = rules.refusal_of(tea(variants=(VariantDraft(sku="T"), VariantDraft(sku="T"))))
    assert isinstance(error, SkuTwice)
    assert str(error) == "SKU T is there twice in one product. A SKU names one variant."


def test_a_filter_that_would_cost_too_much_is_refused() -> None:
    with pytest.raises(ProductFilterInvalid, match="the text has 201 characters, at most 200"):
        rules.check_filter(ProductFilter(text="x" * 201))
    with pytest.raises(ProductFilterInvalid, match="21 attributes, at most 20"):
        rules.check_filter(ProductFilter(attributes=(("a", "b"),) * 21))
    rules.check_filter(ProductFilter(text="x" * 200, attributes=(("a", "b"),) * 20))


def test_a_cursor_of_one_order_fits_no_other() -> None:
    assert rules.key_shape(ProductSort.NEWEST) == (UUID,)
    assert rules.key_shape(ProductSort.NAME) == (str | None, UUID)
    assert rules.key_shape(ProductSort.RELEVANCE) == (Closeness, UUID)
    assert rules.key_shape(ProductSort.PRICE_LOWEST_FIRST) == (int | None, UUID)


def test_who_works_for_the_shop_sees_what_no_channel_lists() -> None:
    kinds = {kind: rules.sees_unlisted(Viewer(kind=kind)) for kind in ViewerKind}
    assert kinds == {
        ViewerKind.GUEST: False,
        ViewerKind.MEMBER: False,
        ViewerKind.STAFF: True,
        ViewerKind.SERVICE: True,
    }
    assert not rules.sees_unlisted(GUEST)
