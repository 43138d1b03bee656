"""Codes: how they are read, whom they serve, and in which words they are refused."""

from typing import Any
from uuid import uuid4

import pytest
from plugins.promotions.tests.stall import (
    Stall,
    at,
    eur,
    make_member,
    member_id,
    off,
    outcome,
    percent,
)

from koipond_promotions.rules.codes import make_code, read_code
from koipond_sdk import Viewer

pytestmark = pytest.mark.story


async def test_a_code_unlocks_what_is_off(stall: Stall) -> None:
    await stall.coupon("SPRING10", percent("10"))
    assert await stall.total((stall.tea, 1)) == "10.00"
    assert await stall.total((stall.tea, 1), couponCodes=[" spring10 "]) == "9.00"
    assert outcome(await stall.order_of(couponCodes=["Spring10"])) == "PLACED 9.00"
    (use,) = await stall.uses()
    assert (use["off_minor"], use["version"]) == (1_00, 2)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("spring-10", "SPRING-10"),
        ("  Spring_10\t", "SPRING_10"),
        ("ＳＰＲＩＮＧ１０", "SPRING10"),
        ("abc", None),
        ("A" * 41, None),
        ("DROP TABLE", None),
        ("nul\0nul", None),
        ("", None),
    ],
)
def test_a_code_is_read_however_it_was_typed(typed: str, kept: str | None) -> None:
    assert read_code(typed) == kept


@pytest.mark.one_database
def test_a_generated_code_is_its_prefix_and_60_random_bits() -> None:
    drawn = iter(range(12))
    assert make_code("VIP-", lambda _: next(drawn)) == "VIP-0123456789AB"


@pytest.mark.one_database
async def test_an_unknown_code_is_nobodys(stall: Stall) -> None:
    refused = await stall.refused(stall.order_of(couponCodes=["NOSUCH"]))
    assert (refused["code"], refused["field"]) == ("COUPON_UNKNOWN", "couponCodes")


@pytest.mark.one_database
async def test_a_coupon_before_its_time(stall: Stall) -> None:
    await stall.coupon("EARLY", percent("10"), startsAt=at(hours=1))
    refused = await stall.refused(stall.order_of(couponCodes=["early"]))
    assert refused["code"] == "COUPON_NOT_YET_VALID"
    assert refused["message"] == (
        f"The coupon 'early' counts from {at(hours=1)} on, and it is {at()}. Come back then, or "
        "leave it out."
    )


@pytest.mark.one_database
async def test_an_expired_coupon_and_one_of_an_ended_promotion(stall: Stall) -> None:
    await stall.coupon("LATE", percent("10"), endsAt=at(hours=1))
    await stall.coupon("OWNEND", percent("10"), expiresAt=at(minutes=30))
    one = await stall.coupon("STOPPED", percent("10"))
    await stall.act("endPromotion", promotionId=one["id"], version=one["version"])
    assert await stall.total((stall.tea, 1), couponCodes=["LATE"]) == "9.00"
    stall.shop.clock.advance(hours=1)
    refused = await stall.refused(stall.order_of(couponCodes=["LATE"]))
    assert refused["message"] == f"The coupon 'LATE' counted until {at(hours=1)}. Leave it out."
    refused = await stall.refused(stall.order_of(couponCodes=["OWNEND"]))
    assert (
        refused["message"] == f"The coupon 'OWNEND' counted until {at(minutes=30)}. Leave it out."
    )
    assert (await stall.refused(stall.order_of(couponCodes=["STOPPED"])))[
        "code"
    ] == "COUPON_EXPIRED"


@pytest.mark.one_database
async def test_a_paused_coupon(stall: Stall) -> None:
    one = await stall.coupon("PAUSE", percent("10"))
    await stall.act("pausePromotion", promotionId=one["id"], version=one["version"])
    assert (await stall.refused(stall.order_of(couponCodes=["PAUSE"])))["code"] == "COUPON_PAUSED"


@pytest.mark.slow
async def test_the_coupon_of_a_draft_is_as_if_there_were_none(stall: Stall) -> None:
    draft = (await stall.create(percent("10"), needsCoupon=True))["promotion"]
    await stall.act("addPromotionCoupon", promotionId=draft["id"], code="DRAFT")
    assert (await stall.refused(stall.order_of(couponCodes=["DRAFT"])))["code"] == "COUPON_UNKNOWN"


@pytest.mark.one_database
async def test_another_members_coupon_is_as_if_there_were_none(stall: Stall, lin: Viewer) -> None:
    other = await make_member(stall.shop)
    await stall.coupon("MINE", percent("10"), memberId=member_id(lin))
    for stranger in (other, None):
        asked = (
            stall.order_of(couponCodes=["MINE"])
            if stranger is None
            else stall.order_of(couponCodes=["MINE"], viewer=stranger)
        )
        assert (await stall.refused(asked))["code"] == "COUPON_UNKNOWN"
    assert outcome(await stall.order_of(couponCodes=["MINE"], viewer=lin)) == "PLACED 9.00"


@pytest.mark.one_database
async def test_a_coupon_of_another_currency(stall: Stall) -> None:
    await stall.coupon("YUAN", {"kind": "AMOUNT", "amount": {"amount": "5", "currency": "CNY"}})
    refused = await stall.refused(stall.order_of(couponCodes=["YUAN"]))
    assert refused["code"] == "COUPON_ELSEWHERE"


@pytest.mark.one_database
async def test_a_coupon_below_its_minimum(stall: Stall) -> None:
    await stall.coupon("BIGGER", off("5.00"), minimum=eur("30.00"))
    refused = await stall.refused(stall.order_of(couponCodes=["BIGGER"]))
    assert refused["code"] == "COUPON_BELOW_MINIMUM"
    assert "30.00 EUR" in refused["message"]
    assert "Add something for 20.00 EUR" in refused["message"]


@pytest.mark.one_database
async def test_a_coupon_below_its_units(stall: Stall) -> None:
    await stall.coupon("MANY", off("5.00"), minimumUnits=3)
    refused = await stall.refused(stall.order_of(couponCodes=["MANY"]))
    assert refused["message"] == (
        "The coupon 'MANY' counts from 3 units of what it is for on, and there are 1. Add 2, or "
        "leave it out."
    )


@pytest.mark.one_database
async def test_a_coupon_for_what_is_not_in_the_cart(stall: Stall) -> None:
    await stall.coupon("TEAONLY", off("5.00"), selection={"productIds": [stall.tea_product]})
    refused = await stall.refused(stall.order_of((stall.cup, 1), couponCodes=["TEAONLY"]))
    assert refused["code"] == "COUPON_NOT_ELIGIBLE"


@pytest.mark.one_database
async def test_a_stacked_out_coupon_names_what_it_does_not_go_beside(stall: Stall) -> None:
    await stall.run(percent("10"), text="Autumn sale", stackMode="EXCLUSIVE")
    await stall.coupon("EXTRA", off("1.00"))
    refused = await stall.refused(stall.order_of(couponCodes=["EXTRA"]))
    assert refused["code"] == "COUPON_NOT_COMBINABLE"
    assert "Autumn sale" in refused["message"]


@pytest.mark.one_database
async def test_a_code_typed_twice_and_two_codes_of_one_promotion(stall: Stall) -> None:
    one = await stall.coupon("FIRST", percent("10"))
    await stall.act("addPromotionCoupon", promotionId=one["id"], code="SECOND")
    for codes in (["FIRST", "first"], ["FIRST", "SECOND"]):
        refused = await stall.refused(stall.order_of(couponCodes=codes))
        assert refused["code"] == "COUPON_REPEATED"


@pytest.mark.slow
@pytest.mark.one_database
async def test_more_codes_than_an_order_takes(stall: Stall) -> None:
    for number in range(6):
        await stall.coupon(f"CODE{number}", off("0.10"))
    codes = [f"CODE{number}" for number in range(6)]
    assert outcome(await stall.order_of(couponCodes=codes[:5])) == "PLACED 9.50"
    refused = await stall.refused(stall.order_of(couponCodes=codes))
    assert refused["message"] == "An order takes 5 coupons. Leave 'CODE5' out, or another one."


@pytest.mark.one_database
async def test_guests_are_told_to_log_in(stall: Stall, lin: Viewer) -> None:
    await stall.coupon("MEMBER", percent("10"), usesPerMember=1)
    assert (await stall.refused(stall.order_of(couponCodes=["MEMBER"])))["code"] == (
        "COUPON_FOR_MEMBERS"
    )
    assert outcome(await stall.order_of(couponCodes=["MEMBER"], viewer=lin)) == "PLACED 9.00"


@pytest.mark.one_database
async def test_a_coupon_for_a_group_that_the_buyer_is_not_in(stall: Stall, lin: Viewer) -> None:
    await stall.coupon("STAFF", percent("10"), groups=["staff"])
    refused = await stall.refused(stall.order_of(couponCodes=["STAFF"], viewer=lin))
    assert refused["code"] == "COUPON_FOR_OTHERS"


@pytest.mark.one_database
async def test_a_coupon_for_a_first_order_by_who_has_one(stall: Stall, lin: Viewer) -> None:
    await stall.coupon("HELLO", percent("50"), firstOrder=True)
    assert outcome(await stall.order_of(viewer=lin)) == "PLACED 10.00"
    refused = await stall.refused(stall.order_of(couponCodes=["HELLO"], viewer=lin))
    assert refused["message"] == (
        "The coupon 'HELLO' is for a first order, and you have 1. Leave it out."
    )


async def test_a_coupon_that_has_become_useless_keeps_a_cart_from_being_placed(
    stall: Stall,
) -> None:
    one = await stall.coupon("GONE", percent("10"))
    token = await stall.cart_of((stall.tea, 1))
    await stall.ask(
        "mutation($input: SetCheckoutInput!) { done: setCheckout(input: $input) "
        "{ userErrors { code } } }",
        token=token,
        couponCodes=["GONE"],
    )
    await stall.act("endPromotion", promotionId=one["id"], version=one["version"])
    seen = await stall.look(token)
    assert seen["total"]["amount"] == "10.00"
    assert [problem["code"] for problem in seen["problems"]] == ["COUPON_EXPIRED"]


# Generated codes.


async def generate(stall: Stall, one: dict[str, Any], **given: Any) -> dict[str, Any]:
    wanted = {"promotionId": one["id"], "idempotencyKey": str(uuid4())}
    return await stall.act("generatePromotionCoupons", **(wanted | given))


async def test_generated_codes_are_used_once_each(stall: Stall) -> None:
    one = await stall.run(percent("10"), needsCoupon=True)
    made = await generate(stall, one, count=3, prefix="tea-", expiresAt=at(days=30))
    codes = [each["code"] for each in made["coupons"]]
    assert len(set(codes)) == 3
    assert {code[:4] for code in codes} == {"TEA-"}
    assert {len(code) for code in codes} == {16}
    assert {each["usesMax"] for each in made["coupons"]} == {1}
    assert outcome(await stall.order_of(couponCodes=[codes[0]])) == "PLACED 9.00"
    refused = await stall.refused(stall.order_of(couponCodes=[codes[0]]))
    assert refused["message"] == f"The coupon '{codes[0]}' is used up: 1 of 1. Leave it out."
    assert outcome(await stall.order_of(couponCodes=[codes[1]])) == "PLACED 9.00"


async def test_the_same_key_gives_the_same_codes(stall: Stall) -> None:
    one = await stall.run(percent("10"), needsCoupon=True)
    first = await generate(stall, one, count=2, idempotencyKey="batch-1")
    assert await generate(stall, one, count=2, idempotencyKey="batch-1") == first
    assert len(await stall.coupons()) == 2


@pytest.mark.slow
async def test_ten_thousand_codes_at_once(stall: Stall) -> None:
    one = await stall.run(percent("10"), needsCoupon=True)
    made = await stall.act(
        "generatePromotionCoupons",
        promotionId=one["id"],
        idempotencyKey="many",
        count=10_000,
    )
    assert len({each["code"] for each in made["coupons"]}) == 10_000
    refused = await stall.refused(generate(stall, one, count=10_001))
    assert refused["message"] == "10001 does not go, from 1 to 10000 does."


async def test_each_member_gets_a_code_of_their_own(stall: Stall, lin: Viewer) -> None:
    other = await make_member(stall.shop)
    one = await stall.run(percent("10"), needsCoupon=True, text="For you")
    made = await generate(stall, one, memberIds=[member_id(lin), member_id(other)])
    mine = next(each for each in made["coupons"] if each["memberId"] == member_id(lin))
    answer = await stall.shop.graphql(
        "{ me { coupons { code expiresAt promotion { label kind percent } } } }", viewer=lin
    )
    assert answer["data"]["me"]["coupons"] == [
        {
            "code": mine["code"],
            "expiresAt": None,
            "promotion": {"label": "For you", "kind": "PERCENT", "percent": "10"},
        }
    ]
    refused = await stall.refused(
        generate(stall, one, memberIds=["mem_00000000000000000000000000"])
    )
    assert refused["code"] == "MEMBER_UNKNOWN"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"count": 0}, "PROMOTION_NUMBER_INVALID"),
        ({}, "PROMOTION_NUMBER_INVALID"),
        ({"count": 1, "usesMax": 0}, "PROMOTION_NUMBER_INVALID"),
        ({"count": 1, "prefix": "a b"}, "COUPON_CODE_INVALID"),
        ({"count": 1, "prefix": "A" * 21}, "COUPON_CODE_INVALID"),
    ],
)
async def test_codes_that_cannot_be_generated(
    stall: Stall, given: dict[str, Any], code: str
) -> None:
    one = await stall.run(percent("10"), needsCoupon=True)
    assert (await stall.refused(generate(stall, one, **given)))["code"] == code


async def test_codes_that_cannot_be_added(stall: Stall) -> None:
    one = await stall.coupon("TAKEN", percent("10"))
    plain = await stall.run(percent("10"))
    for promotion, code, refusal in (
        (one, "taken", "COUPON_CODE_TAKEN"),
        (one, "a!", "COUPON_CODE_INVALID"),
        (plain, "OTHER", "PROMOTION_WITHOUT_COUPONS"),
        ({"id": "promo_00000000000000000000000000"}, "OTHER", "PROMOTION_UNKNOWN"),
    ):
        asked = stall.act("addPromotionCoupon", promotionId=promotion["id"], code=code)
        assert (await stall.refused(asked))["code"] == refusal


async def test_codes_that_have_expired_already_are_not_made(stall: Stall) -> None:
    one = await stall.run(percent("10"), needsCoupon=True)
    wish = {"promotionId": one["id"], "code": "LATE", "expiresAt": at(minutes=-1)}
    refused = await stall.refused(stall.act("addPromotionCoupon", **wish))
    assert (refused["code"], refused["field"]) == ("COUPON_EXPIRY_PAST", "expiresAt")
    wish = {"promotionId": one["id"], "count": 2, "expiresAt": at()}
    refused = await stall.refused(
        stall.act("generatePromotionCoupons", idempotencyKey="late", **wish)
    )
    assert (refused["code"], refused["field"]) == ("COUPON_EXPIRY_PAST", "expiresAt")
