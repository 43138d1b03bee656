"""What staff do has a record, which nobody changes unseen."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, insert, update

from koipond.app import make_schemas
from koipond.cli.examining import recount
from koipond.graphql.private import core_schema, declared_field
from koipond.kernel.audit import HIDDEN, Act, audit_record
from koipond.kernel.chaining import (
    ChainAudit,
    audit_chain,
    audit_link,
    chain_audit,
    find_head,
    find_waiting,
)
from koipond.kernel.context import Context, transaction
from koipond.kernel.db import AsyncConnection
from koipond.kernel.ids import MemberId, StaffId, encode, new_id
from koipond.kernel.plugins import discover
from koipond.kernel.viewer import Viewer, ViewerKind
from koipond_sdk.testing import STAFF, RunningShop

pytestmark = pytest.mark.story

SET_ZONE = """mutation($input: SetZoneInput!) { setZone(input: $input) {
  zone { code } userErrors { code } } }"""
SET_CHANNEL = """mutation($input: SetChannelInput!) { setChannel(input: $input) {
  channel { code } userErrors { code } } }"""
RECORDS = """query($filter: AuditFilter, $first: Int, $after: String) {
  auditRecords(filter: $filter, first: $first, after: $after) {
    nodes { actorKind actorId operation subject outcome channel before after input
            ip userAgent requestId at }
    pageInfo { hasNextPage endCursor } } }"""


async def records(shop: RunningShop, **given: Any) -> list[dict[str, Any]]:
    answer = await shop.graphql(RECORDS, given, viewer=STAFF, admin=True)
    nodes: list[dict[str, Any]] = answer["data"]["auditRecords"]["nodes"]
    return nodes


async def change(shop: RunningShop, name: str, viewer: Viewer = STAFF) -> dict[str, Any]:
    given = {"input": {"code": "main", "name": name}}
    headers = {"User-Agent": "koi-test", "X-Request-Id": f"r-{name}"}
    return await shop.graphql(SET_CHANNEL, given, viewer=viewer, admin=True, headers=headers)


async def link(shop: RunningShop) -> None:
    async with shop.shop.context(viewer=STAFF) as ctx:
        await chain_audit(ctx, ChainAudit())


async def broken(shop: RunningShop) -> list[str]:
    async with shop.shop.context(viewer=STAFF) as ctx:
        return [one.problem for one in await audit_chain(ctx)]


async def write(shop: RunningShop, statement: Any) -> None:
    """Write past the program, as who has the database's password can."""

    async def work(db: AsyncConnection) -> None:
        await db.execute(statement)

    await shop.shop.database.transact(work)


async def test_a_change_is_told_with_who_what_and_from_where(shop: RunningShop) -> None:
    await change(shop, "Moon")
    (found,) = await records(shop)
    assert found == {
        "actorKind": "STAFF",
        "actorId": encode(StaffId, StaffId(STAFF.id)),
        "operation": "setChannel",
        "subject": "channel main",
        "outcome": "DONE",
        "channel": "main",
        "before": {"name": "Main", "version": 1},
        "after": {"name": "Moon", "version": 2},
        "input": None,
        "ip": found["ip"],
        "userAgent": "koi-test",
        "requestId": "r-Moon",
        "at": shop.clock.now().isoformat(),
    }


async def test_a_change_that_is_rolled_back_leaves_no_record(shop: RunningShop) -> None:
    @transaction
    async def fail(ctx: Context) -> None:
        ctx.audited("channel main", after={"name": "Moon"})
        raise ZeroDivisionError

    async with shop.shop.context(viewer=STAFF) as ctx:
        ctx.act = Act("setChannel")
        with pytest.raises(ZeroDivisionError):
            await fail(ctx)
    refused = {"input": {"code": "nowhere", "name": "x"}}
    answer = await shop.graphql(SET_CHANNEL, refused, viewer=STAFF, admin=True)
    assert answer["data"]["setChannel"]["userErrors"] == [{"code": "CHANNEL_UNKNOWN"}]
    assert await records(shop) == []


async def test_what_a_use_case_does_not_name_is_told_by_its_input(shop: RunningShop) -> None:
    @transaction
    async def hire(ctx: Context) -> None:
        """Change something without a word."""

    secret = {"name": "Lin", "email": "lin@example.org", "password": "hunter2", "price": 1.5}
    given = {**secret, "address": {"line1": "x"}, "many": list(range(60)), "text": "a" * 400}
    given |= {"reason": "Lin is in hospital", "note": "", "refund": {"note": "Lin called"}}
    async with shop.shop.context(viewer=STAFF) as ctx:
        ctx.act = Act("hire", given=given)
        await hire(ctx)
        await hire(ctx)
    (found,) = await records(shop)
    told = found["input"]
    assert (told["email"], told["password"], told["address"]) == (HIDDEN, HIDDEN, HIDDEN)
    assert (told["name"], told["price"], told["text"]) == ("Lin", "1.5", "a" * 300 + "…")
    assert told["many"] == [*range(50), "… 60 in all"]
    # What people write of people stays where it can be erased.
    assert (told["reason"], told["note"], told["refund"]) == (HIDDEN, "", {"note": HIDDEN})


async def test_who_asks_for_what_they_may_not_do_has_one_record_a_minute(
    shop: RunningShop,
) -> None:
    clerk = Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"order.read"}))
    for _ in range(3):
        assert "errors" in await change(shop, "Moon", clerk)
    (found,) = await records(shop)
    assert (found["operation"], found["outcome"]) == ("setChannel", "REFUSED")
    assert found["actorId"] == encode(StaffId, StaffId(clerk.id))
    # What was not done is erased with nothing.
    assert found["input"]["name"] == HIDDEN
    shop.clock.advance(minutes=1)
    await change(shop, "Moon", clerk)
    assert len(await records(shop)) == 2


async def test_a_refused_edit_of_a_member_keeps_no_word_of_it(shop: RunningShop) -> None:
    clerk = Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"order.read"}))
    document = """mutation($input: UpdateMemberInput!) { updateMember(input: $input) {
      userErrors { code } } }"""
    member = encode(MemberId, MemberId(new_id()))
    given = {"input": {"memberId": member, "name": "Lin Wang", "expectedVersion": 3}}
    assert "errors" in await shop.graphql(document, given, viewer=clerk, admin=True)
    (found,) = await records(shop)
    assert (found["operation"], found["outcome"]) == ("updateMember", "REFUSED")
    assert found["input"] == {
        "member_id": member,
        "name": HIDDEN,
        "locale": None,
        "expected_version": 3,
    }


async def test_records_are_found_by_who_what_and_when(shop: RunningShop) -> None:
    other = Viewer(kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"*"}))
    start = shop.clock.now()
    for number, viewer in enumerate([STAFF, other, STAFF]):
        await change(shop, f"N{number}", viewer)
        shop.clock.advance(minutes=1)
    zone = {"input": {"code": "eu", "name": "EU", "places": ["DE"]}}
    await shop.graphql(SET_ZONE, zone, viewer=STAFF, admin=True)

    async def names(**given: Any) -> list[str]:
        return [one["requestId"] for one in await records(shop, filter=given)]

    assert await names(operation="setChannel") == ["r-N2", "r-N1", "r-N0"]
    assert await names(actorId=encode(StaffId, StaffId(other.id))) == ["r-N1"]
    assert await names(
        subject="channel main", since=(start + timedelta(minutes=1)).isoformat()
    ) == [
        "r-N2",
        "r-N1",
    ]
    assert await names(until=(start + timedelta(minutes=1)).isoformat()) == ["r-N0"]
    first = await shop.graphql(RECORDS, {"first": 3}, viewer=STAFF, admin=True)
    after = first["data"]["auditRecords"]["pageInfo"]["endCursor"]
    assert [one["requestId"] for one in await records(shop, first=3, after=after)] == ["r-N0"]


async def test_a_whole_chain_is_whole(shop: RunningShop) -> None:
    assert await broken(shop) == []
    for number in range(3):
        await change(shop, f"N{number}")
    await link(shop)
    await change(shop, "N3")
    await link(shop)
    await link(shop)
    links = sorted(await shop.rows(audit_link), key=lambda one: one["number"])
    assert [one["number"] for one in links] == [1, 2, 3, 4]
    assert await broken(shop) == []
    async with shop.shop.context(viewer=STAFF) as ctx:
        assert await find_head(ctx) == (4, links[-1]["hash"])


async def chained(shop: RunningShop) -> list[UUID]:
    """Make five records with links; returns their ids in order."""
    for number in range(5):
        await change(shop, f"N{number}")
        shop.clock.advance(minutes=1)
    await link(shop)
    links = sorted(await shop.rows(audit_link), key=lambda one: one["number"])
    return [UUID(str(one["record_id"])) for one in links]


async def test_an_edited_record_breaks_the_chain(shop: RunningShop) -> None:
    keys = await chained(shop)
    for change_of_it in ({"actor_id": new_id()}, {"after": {"name": "x"}}, {"ip": "10.0.0.1"}):
        before = next(one for one in await shop.rows(audit_record) if _id(one) == keys[2])
        mine = audit_record.c.id == keys[2]
        await write(shop, update(audit_record).where(mine).values(change_of_it))
        (problem,) = await broken(shop)
        assert "the record of link 3 is another than was linked: setChannel at" in problem
        name = next(iter(change_of_it))
        await write(shop, update(audit_record).where(mine).values({name: _value(before[name])}))
        assert await broken(shop) == []


def _id(row: dict[str, Any]) -> UUID:
    return UUID(str(row["id"]))


def _value(stored: Any) -> Any:
    import json

    if isinstance(stored, str) and stored.startswith("{"):
        return json.loads(stored)
    try:
        return UUID(str(stored))
    except ValueError:
        return stored


async def test_a_record_that_is_gone_breaks_the_chain(shop: RunningShop) -> None:
    keys = await chained(shop)
    await write(shop, delete(audit_record).where(audit_record.c.id == keys[1]))
    assert await broken(shop) == ["its chain breaks: the record of link 2 is gone"]
    await write(shop, delete(audit_link).where(audit_link.c.number == 2))
    problems = await broken(shop)
    assert problems[0] == "its chain breaks: links 2 to 2 are gone"
    assert "the record of link 3 is another than was linked" not in problems[0]


async def test_a_record_that_is_slipped_into_the_past_is_named(shop: RunningShop) -> None:
    keys = await chained(shop)
    row = next(one for one in await shop.rows(audit_record) if _id(one) == keys[0])
    forged = {name: _value(value) for name, value in row.items()} | {
        "id": new_id(),
        "at": shop.clock.now() - timedelta(days=1),
    }
    forged |= {name: {"name": "x"} for name in ("before", "after")} | {"input": None}
    await write(shop, insert(audit_record).values(forged))
    await link(shop)
    (problem,) = await broken(shop)
    assert problem.startswith("1 records were slipped in, the oldest as of ")
    # With a link of its own, the next one is no longer of the one before it.
    last = max(await shop.rows(audit_link), key=lambda one: one["number"])
    its_link = {"record_id": forged["id"], "hash": last["hash"], "linked_at": shop.clock.now()}
    await write(shop, insert(audit_link).values(number=6, **its_link))
    assert "the record of link 6 is another" in (await broken(shop))[0]


async def test_records_wait_for_a_worker_that_is_gone(shop: RunningShop) -> None:
    await change(shop, "Moon")
    async with shop.shop.context(viewer=STAFF) as ctx:
        assert await find_waiting(ctx) == (0, None)
        since = shop.clock.now()
        shop.clock.advance(hours=1, seconds=1)
        assert await find_waiting(ctx) == (1, since)
        assert await broken(shop) == []
        await link(shop)
        assert await find_waiting(ctx) == (0, None)


async def test_a_long_chain_is_read_some_links_at_a_time(shop: RunningShop) -> None:
    @transaction
    async def much(ctx: Context) -> None:
        for number in range(1_203):
            ctx.audited(f"thing {number}", after={"number": number})

    async with shop.shop.context(viewer=STAFF) as ctx:
        ctx.act = Act("much")
        await much(ctx)
    await link(shop)
    with shop.count_statements() as sent:
        assert await broken(shop) == []
    # Three parts of at most 500 links, then what has none, and the head.
    assert len(sent) == 5
    third = audit_record.c.subject == "thing 700"
    await write(shop, update(audit_record).where(third).values(subject="thing 7"))
    assert len(await broken(shop)) == 1


async def test_the_doctor_tells_of_a_broken_chain(shop: RunningShop) -> None:
    keys = await chained(shop)
    await write(shop, delete(audit_record).where(audit_record.c.id == keys[1]))
    found = [one for one in await recount(shop.settings) if one.about == "audit"]
    assert found[0].found == "its chain breaks: the record of link 2 is gone"
    assert "Compare with a copy" in found[0].fix


def test_every_mutation_of_staff_is_one_that_leaves_a_record() -> None:
    """By `mutation(...)`, which opens the act; the test kit looks for the record of each call."""
    schema = core_schema(make_schemas(tuple(discover())).admin)
    assert schema.mutation_type is not None
    fields = schema.mutation_type.fields
    made = {name: declared_field(field) for name, field in fields.items()}
    assert len(made) > 60
    for name, field in made.items():
        assert field is not None, name
        assert field.metadata["root"] == "mutation", name
        # The doors, by which staff come and go, are for who is not known yet.
        is_door = name in {"changePassword", "logInStaff", "logOut", "refreshLogin"}
        assert is_door or field.metadata["access"].permission is not None, name
