"""What telling a draft changes, without a database."""

from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from koipond.catalog.errors import SkuTaken
from koipond.catalog.rules import Teller, edition
from koipond.catalog.types import (
    MediaDraft,
    Named,
    NameKind,
    Outcome,
    ProductDraft,
    Refused,
    Saved,
    SearchText,
    Shelf,
    StoredMedia,
    StoredOption,
    StoredProduct,
    StoredVariant,
    Telling,
    VariantDraft,
)
from koipond.kernel.ids import ChannelId, MediaId, OptionId, PriceListId, ProductId, VariantId
from koipond.kernel.money import Currency
from koipond.kernel.texts import Locale

pytestmark = pytest.mark.story

EN, ZH = Locale("en"), Locale("zh-Hans")
CHANNEL = ChannelId(UUID(int=1))
IN_ENGLISH = Telling(locale=EN, channel_id=CHANNEL, currency=Currency("EUR"))
IN_CHINESE = Telling(locale=ZH, channel_id=CHANNEL, currency=Currency("CNY"))
NOW = datetime(2026, 1, 2, tzinfo=UTC)
EMPTY = Shelf()

TEA = ProductDraft(
    slug="tea",
    name="Tea",
    description="<p>good</p>",
    categories=("Drinks",),
    collections=("New",),
    attributes=(("Origin", "Anhui"),),
    options=("Weight",),
    media=(MediaDraft(url="tea.jpg", alt="A cup"),),
    variants=(
        VariantDraft(sku="T-50", options=("50 g",), price_minor=500),
        VariantDraft(sku="T-100", options=("100 g",), price_minor=900),
    ),
)


def tell(
    draft: ProductDraft, shelf: Shelf = EMPTY, telling: Telling = IN_ENGLISH, *, ids: int = 100
) -> tuple[Saved | Refused, Shelf]:
    """Tell one draft; new ids are UUIDs of 100, 101, and so on."""
    numbers = count(ids)
    teller = Teller(shelf, telling, now=NOW, new_id=lambda: UUID(int=next(numbers)))
    return teller.tell(draft), teller.after


def told_again(shelf: Shelf, *, telling: Telling = IN_ENGLISH, **changes: Any) -> StoredProduct:
    """Tell a changed TEA to a shelf that has it; returns what it is then."""
    given = {name: getattr(TEA, name) for name in TEA.__struct_fields__} | changes
    result, after = tell(ProductDraft(**given), shelf, telling, ids=200)
    assert isinstance(result, Saved)
    return after.products["tea"]


def names(shelf: Shelf, kind: NameKind) -> list[Named]:
    return list(shelf.names[kind].values())


def test_a_new_product_is_made_with_all_that_it_names() -> None:
    result, after = tell(TEA)
    option = OptionId(UUID(int=101))
    assert after.products["tea"] == StoredProduct(
        id=ProductId(UUID(int=100)),
        slug="tea",
        version=1,
        name={EN: "Tea"},
        description={EN: "<p>good</p>"},
        created_at=NOW,
        updated_at=NOW,
        listed=True,
        categories={0: UUID(int=102)},
        collections={0: UUID(int=103)},
        attributes={0: UUID(int=105)},
        options=(StoredOption(id=option, name={EN: "Weight"}),),
        media=(StoredMedia(id=MediaId(UUID(int=106)), url="tea.jpg", alt={EN: "A cup"}),),
        variants={
            "T-50": StoredVariant(
                id=VariantId(UUID(int=107)),
                sku="T-50",
                position=0,
                track_stock=True,
                values={option: {EN: "50 g"}},
                price_minor=500,
            ),
            "T-100": StoredVariant(
                id=VariantId(UUID(int=108)),
                sku="T-100",
                position=1,
                track_stock=True,
                values={option: {EN: "100 g"}},
                price_minor=900,
            ),
        },
        search={
            EN: SearchText(
                name="tea",
                words="tea",
                beside="t 100 50 g drinks new anhui",
                parts="te ea a",
                edition=edition(),
            )
        },
    )
    assert after.price_list_id == PriceListId(UUID(int=109))
    assert names(after, NameKind.ATTRIBUTE_VALUE) == [
        Named(id=UUID(int=105), code="anhui", name={EN: "Anhui"}, parent=UUID(int=104))
    ]
    assert result == Saved(
        slug="tea",
        product_id=ProductId(UUID(int=100)),
        outcome=Outcome.CREATED,
        variants={"T-50": VariantId(UUID(int=107)), "T-100": VariantId(UUID(int=108))},
        created=frozenset({"T-50", "T-100"}),
    )


def test_the_same_draft_again_is_unchanged_and_the_very_same() -> None:
    _, shelf = tell(TEA)
    result, after = tell(TEA, shelf, ids=200)
    assert isinstance(result, Saved)
    assert (result.outcome, result.created) == (Outcome.UNCHANGED, frozenset())
    assert after.products["tea"] is shelf.products["tea"]
    assert after == shelf


def test_another_language_adds_its_texts_to_the_same_things() -> None:
    _, shelf = tell(TEA)
    told = ProductDraft(
        slug="tea",
        name="茶",
        categories=("饮料",),
        collections=("新品",),
        attributes=(("产地", "安徽"),),
        options=("重量",),
        media=(MediaDraft(url="tea.jpg", alt="一杯"),),
        variants=(VariantDraft(sku="T-50", options=("50克",), price_minor=4000),),
    )
    result, after = tell(told, shelf, IN_CHINESE, ids=200)
    assert isinstance(result, Saved)
    assert result.outcome is Outcome.CHANGED
    tea = after.products["tea"]
    assert tea.name == {EN: "Tea", ZH: "茶"}
    assert tea.description == {EN: "<p>good</p>"}
    assert tea.options[0].name == {EN: "Weight", ZH: "重量"}
    assert tea.media[0].alt == {EN: "A cup", ZH: "一杯"}
    assert list(tea.variants["T-50"].values.values()) == [{EN: "50 g", ZH: "50克"}]
    assert list(tea.variants["T-100"].values.values()) == [{EN: "100 g"}]
    assert tea.search[ZH] == SearchText(
        name="茶",
        words="茶",
        beside="t 100 50 克 饮料 新品 安徽",
        parts="茶 50 0克 克 饮料 料 新品 品 安徽 徽",
        edition=edition(),
    )
    assert [one.name for one in names(after, NameKind.CATEGORY)] == [{EN: "Drinks", ZH: "饮料"}]
    assert [one.name for one in names(after, NameKind.ATTRIBUTE)] == [{EN: "Origin", ZH: "产地"}]
    assert [one.code for one in names(after, NameKind.ATTRIBUTE_VALUE)] == ["anhui"]


def test_another_name_in_the_same_language_is_another_category() -> None:
    _, shelf = tell(TEA)
    _, after = tell(
        ProductDraft(slug="tea", name="Tea", categories=("Leaves",), variants=TEA.variants,
                     options=TEA.options),
        shelf,
        ids=200,
    )  # fmt: skip
    assert [(one.code, one.name) for one in names(after, NameKind.CATEGORY)] == [
        ("drinks", {EN: "Drinks"}),
        ("leaves", {EN: "Leaves"}),
    ]
    assert after.products["tea"].categories == {0: names(after, NameKind.CATEGORY)[1].id}


def test_a_category_is_found_by_its_slug_or_its_name_before_one_is_made() -> None:
    known = Named(id=UUID(int=7), code="饮料", name={ZH: "饮料", EN: "Drinks"})
    _, after = tell(TEA, Shelf(names={NameKind.CATEGORY: {known.id: known}}))
    assert after.products["tea"].categories == {0: known.id}
    _, after = tell(
        ProductDraft(slug="x", name="X", categories=("饮料",), variants=(VariantDraft(sku="X"),)),
        Shelf(names={NameKind.CATEGORY: {known.id: known}}),
    )
    assert after.products["x"].categories == {0: known.id}


def test_a_translation_that_names_a_known_thing_means_that_one() -> None:
    """Else two things of one name would stand beside each other."""
    leaves = Named(id=UUID(int=7), code="叶", name={ZH: "叶"})
    _, shelf = tell(TEA, Shelf(names={NameKind.CATEGORY: {leaves.id: leaves}}))
    after = told_again(shelf, telling=IN_CHINESE, categories=("叶",))
    assert after.categories == {0: leaves.id}


def test_two_names_of_one_thing_are_one() -> None:
    _, shelf = tell(ProductDraft(slug="tea", name="Tea", categories=("Drinks", "DRINKS", "Food"),
                                 variants=(VariantDraft(sku="T"),)))  # fmt: skip
    drinks, food = names(shelf, NameKind.CATEGORY)
    assert shelf.products["tea"].categories == {0: drinks.id, 2: food.id}


def test_what_a_draft_leaves_empty_stays() -> None:
    _, shelf = tell(TEA)
    bare = ProductDraft(
        slug="tea", name="Tea", variants=(VariantDraft(sku="T-50", price_minor=500),)
    )
    result, after = tell(bare, shelf, ids=200)
    assert isinstance(result, Saved)
    assert result.outcome is Outcome.UNCHANGED
    assert after == shelf


def test_a_price_that_is_not_told_is_taken_away_and_no_other() -> None:
    _, shelf = tell(TEA)
    variants = (VariantDraft(sku="T-50", options=("50 g",)),)
    tea = told_again(shelf, variants=variants)
    assert {sku: variant.price_minor for sku, variant in tea.variants.items()} == {
        "T-50": None,
        "T-100": 900,
    }


def test_stock_is_counted_as_told_and_else_as_before() -> None:
    def counted(track_stock: bool | None, shelf: Shelf) -> bool:
        variant = VariantDraft(sku="T", track_stock=track_stock)
        _, after = tell(ProductDraft(slug="tea", name="Tea", variants=(variant,)), shelf, ids=200)
        return after.products["tea"].variants["T"].track_stock

    loose = VariantDraft(sku="T", track_stock=False)
    _, untracked = tell(ProductDraft(slug="tea", name="Tea", variants=(loose,)))
    assert counted(None, EMPTY) is True
    assert counted(None, untracked) is False
    assert counted(True, untracked) is True


def test_an_unpublished_product_is_no_longer_listed() -> None:
    _, shelf = tell(TEA)
    assert told_again(shelf, published=False).listed is False


def test_more_options_are_added_and_fewer_are_cut_with_their_values() -> None:
    _, shelf = tell(TEA)
    weight = shelf.products["tea"].options[0]
    variants = (VariantDraft(sku="T-50", options=("50 g", "red"), price_minor=500),)
    more = told_again(shelf, options=("Weight", "Tin"), variants=variants)
    assert [option.name for option in more.options] == [{EN: "Weight"}, {EN: "Tin"}]
    assert more.options[0].id == weight.id
    fewer = told_again(
        replace(shelf, products={"tea": more}),
        variants=(VariantDraft(sku="T-50", options=("50 g",), price_minor=500),),
    )
    assert fewer.options == (weight,)
    assert fewer.variants["T-50"].values == {weight.id: {EN: "50 g"}}


def test_a_picture_is_known_by_its_address() -> None:
    _, shelf = tell(TEA)
    known = shelf.products["tea"].media[0]
    media = (MediaDraft(url="new.jpg"), MediaDraft(url="tea.jpg"), MediaDraft(url="new.jpg"))
    after = told_again(shelf, media=media).media
    assert [picture.url for picture in after] == ["new.jpg", "tea.jpg"]
    assert after[1] == known


def test_html_is_made_safe() -> None:
    draft = ProductDraft(
        slug="tea",
        name="Tea",
        description='<p onclick="x()">a<script>alert(1)</script> <a href="javascript:x">b</a>',
        variants=(VariantDraft(sku="T"),),
    )
    _, after = tell(draft)
    safe = '<p>a <a rel="noopener noreferrer">b</a></p>'
    assert after.products["tea"].description == {EN: safe}


def test_a_sku_of_another_product_is_refused_and_nothing_of_the_draft_is_kept() -> None:
    _, shelf = tell(TEA)
    other = ProductDraft(
        slug="other", name="O", categories=("Else",), variants=(VariantDraft(sku="T-50"),)
    )
    result, after = tell(other, shelf, ids=200)
    assert isinstance(result, Refused)
    assert isinstance(result.error, SkuTaken)
    assert str(result.error) == "SKU T-50 belongs to the product tea. A SKU names one variant."
    assert after == shelf


def test_drafts_of_one_batch_know_each_other() -> None:
    numbers = count(100)
    teller = Teller(Shelf(), IN_ENGLISH, now=NOW, new_id=lambda: UUID(int=next(numbers)))
    first = teller.tell(TEA)
    taken = teller.tell(ProductDraft(slug="other", name="O", variants=(VariantDraft(sku="T-50"),)))
    again = teller.tell(TEA)
    assert isinstance(first, Saved)
    assert isinstance(taken, Refused)
    assert isinstance(again, Saved)
    assert (first.outcome, again.outcome) == (Outcome.CREATED, Outcome.UNCHANGED)
    assert list(teller.after.products) == ["tea"]
