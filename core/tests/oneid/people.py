"""Two members who turn out to be one, and short words for what tests do to them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import uuid4

from core.tests.payment.till import PLACE, Till

from koipond.kernel.ids import (
    MemberId,
    OrderId,
    QuotaId,
    SubjectId,
    VariantId,
    decode,
    encode,
    new_id,
)
from koipond.kernel.pages import Page
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond.ledger import service as ledger
from koipond.ledger.types import AccountKey, Balance, Slip
from koipond.member import service as members
from koipond.member.types import Contact
from koipond.oneid import service as oneid
from koipond.oneid.types import MemberMerge, MergeWish
from koipond.order import service as orders
from koipond.quota import service as quota
from koipond.quota.types import Claim, QuotaSpec
from koipond_sdk.testing import STAFF

DAY = date(2026, 11, 22)


class People:
    """`till`'s shop, whose members are found by their e-mail address."""

    def __init__(self, till: Till) -> None:
        self.till = till
        self.shop = till.shop

    async def meet(self, email: str) -> MemberId:
        """Return the member of an address, who is a guest."""
        async with self.shop.context() as ctx:
            return await members.ensure_buyer(ctx, Contact(email=email))

    def viewer(self, key: MemberId) -> Viewer:
        return Viewer(kind=ViewerKind.MEMBER, id=key)

    async def merge(self, survivor: MemberId, merged: MemberId) -> MemberMerge:
        """Merge as staff who has just looked at both."""
        async with self.shop.context(viewer=STAFF) as ctx:
            stamps = await oneid.find_stamps(ctx, [survivor, merged])
            wish = MergeWish(
                survivor_id=survivor,
                merged_id=merged,
                expected_survivor=stamps.get(survivor, ""),
                expected_merged=stamps.get(merged, ""),
            )
            return await oneid.merge_members(ctx, wish)

    async def undo(self, merge: MemberMerge) -> MemberMerge:
        async with self.shop.context(viewer=STAFF) as ctx:
            return await oneid.undo_merge(ctx, merge.id)

    async def buy(self, key: MemberId, variant: str, quantity: int = 1) -> OrderId:
        """Place an order of a member who is logged in."""
        wish = {
            "lines": [{"variantId": variant, "quantity": quantity}],
            "contact": {"email": "typed@example.org"},
            "idempotencyKey": str(uuid4()),
        }
        answer = await self.shop.graphql(PLACE, {"input": wish}, viewer=self.viewer(key))
        done: dict[str, Any] = answer["data"]["done"]
        assert done["userErrors"] == [], done
        return decode(OrderId, done["order"]["id"])

    async def orders_of(self, key: MemberId) -> set[OrderId]:
        async with self.shop.context(viewer=STAFF) as ctx:
            found = await orders.find_member_orders(ctx, key, Page(first=100))
        return {one.id for one in found.rows}

    async def earn(self, key: MemberId, units: int, until: date | None = None) -> None:
        async with self.shop.context() as ctx:
            slip = Slip(source=f"test:{new_id()}", day=DAY)
            await ledger.earn(ctx, points(key), units, slip, expires_on=until)

    async def burn(self, key: MemberId, units: int) -> None:
        async with self.shop.context() as ctx:
            await ledger.burn(ctx, points(key), units, Slip(source=f"test:{new_id()}", day=DAY))

    async def balance(self, key: MemberId) -> Balance:
        async with self.shop.context() as ctx:
            return (await ledger.find_balances(ctx, [points(key)]))[points(key)]

    async def limited(self, limit: int) -> QuotaId:
        """Make a quota that carries a limit per member."""
        key = QuotaId(new_id())
        async with self.shop.context() as ctx:
            await quota.create(ctx, [QuotaSpec(id=key, capacity=100, subject_limit=limit)])
        return key

    async def take(self, key: MemberId, of: QuotaId, units: int) -> None:
        """Reserve units for a member, and place them."""
        owner: Any = new_id()
        claims = [Claim(quota_id=of, subject_id=SubjectId(key), quantity=units)]
        async with self.shop.context() as ctx:
            await quota.reserve(ctx, owner, claims)
            await quota.place(ctx, owner, claims)

    async def taken(self, key: MemberId, of: QuotaId) -> int:
        async with self.shop.context() as ctx:
            return (await quota.find_taken(ctx, SubjectId(key), [of])).get(of, 0)

    async def identities(self, key: MemberId) -> set[str]:
        async with self.shop.context() as ctx:
            return {one.value for one in (await members.find_people(ctx, [key]))[key].identities}

    async def tea(self, units: int = 100) -> str:
        made = await self.shop.make_product("TEA-1", price="10.00", stock=units)
        return encode(VariantId, made.variants["TEA-1"])


def points(key: MemberId) -> AccountKey:
    return AccountKey.of_member(key, "points")
