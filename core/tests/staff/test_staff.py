"""Who runs the shop, what they may do, and who may change that."""

from datetime import timedelta
from typing import Any

import pytest

from koipond.kernel.ids import StaffId, encode, new_id
from koipond.kernel.viewer import SYSTEM, Viewer, ViewerKind
from koipond.staff import service
from koipond.staff.types import StaffDraft
from koipond_sdk.testing import STAFF, RunningShop
from koipond_sdk.testing.shop import running_shop

pytestmark = pytest.mark.story

CREATE = """mutation($input: CreateStaffInput!) { done: createStaff(input: $input) {
  staff { id email name state version roles { role channel } }
  userErrors { code message field } } }"""
UPDATE = CREATE.replace("CreateStaff", "UpdateStaff").replace("createStaff", "updateStaff")
DISABLE = CREATE.replace("CreateStaffInput", "StaffInput").replace("createStaff", "disableStaff")
ENABLE = DISABLE.replace("disableStaff", "enableStaff")
SET_ROLE = """mutation($input: SetRoleInput!) { done: setRole(input: $input) {
  role { key name permissions version } userErrors { code message field } } }"""
REMOVE_ROLE = """mutation($input: RemoveRoleInput!) { done: removeRole(input: $input) {
  userErrors { code message field } } }"""
CREATE_TOKEN = """mutation($input: CreateServiceTokenInput!) {
  done: createServiceToken(input: $input) { token
    serviceToken { id name permissions channels expiresAt lastUsedAt revokedAt }
    userErrors { code message field } } }"""
REVOKE = """mutation($input: RevokeServiceTokenInput!) { done: revokeServiceToken(input: $input) {
  serviceToken { id revokedAt } userErrors { code message field } } }"""
WHO = "{ currentStaff { email roles { role channel } } channels { code } }"


async def act(
    shop: RunningShop, document: str, viewer: Viewer = STAFF, **given: Any
) -> dict[str, Any]:
    """Call the mutation of a document; returns its payload, which refuses nothing."""
    answer = await shop.graphql(document, {"input": given}, viewer=viewer, admin=True)
    done: dict[str, Any] = answer["data"]["done"]
    assert done["userErrors"] == [], done
    return done


async def refused(
    shop: RunningShop, document: str, viewer: Viewer = STAFF, **given: Any
) -> tuple[str, str]:
    """Call a mutation that is refused and changes nothing; returns the code and the message."""
    before = await shop.snapshot()
    answer = await shop.graphql(document, {"input": given}, viewer=viewer, admin=True)
    (error,) = answer["data"]["done"]["userErrors"]
    assert await shop.snapshot() == before
    return error["code"], error["message"]


async def hire(shop: RunningShop, email: str, *roles: dict[str, Any]) -> tuple[str, Viewer]:
    """Make somebody one of the staff; returns their id, and them as who asks."""
    made = await act(shop, CREATE, email=email, roles=list(roles))
    async with shop.context(viewer=STAFF) as ctx:
        found = await service.find_by_email(ctx, email)
    assert found is not None
    return made["staff"]["id"], Viewer(kind=ViewerKind.STAFF, id=found.id)


async def ask(shop: RunningShop, viewer: Viewer, document: str = WHO) -> dict[str, Any]:
    """Ask as somebody whom the shop knows, and not the test kit."""
    return await send(shop, shop.token(viewer), document)


async def send(shop: RunningShop, token: str, document: str = WHO) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    response = await shop.http.post("/admin/graphql", json={"query": document}, headers=headers)
    answer: dict[str, Any] = response.json()
    return answer


def code(answer: dict[str, Any]) -> str:
    found: str = answer["errors"][0]["extensions"]["code"]
    return found


async def test_what_staff_may_do_comes_from_their_roles(shop: RunningShop) -> None:
    role = await act(shop, SET_ROLE, key="clerk", permissions=["catalog.read", "order.read"])
    assert role["role"] == {
        "key": "clerk",
        "name": "clerk",
        "permissions": ["catalog.read", "order.read"],
        "version": 1,
    }
    _, lin = await hire(shop, "Lin@Example.org ", {"role": "clerk"})
    answer = await ask(shop, lin, WHO.replace("channels", "products { totalCount } channels"))
    assert answer["data"] == {
        "currentStaff": {"email": "lin@example.org", "roles": [{"role": "clerk", "channel": None}]},
        "products": {"totalCount": 0},
        "channels": [{"code": "main"}],
    }
    assert code(await ask(shop, lin, "{ roles { key } }")) == "PERMISSION_MISSING"
    await act(shop, SET_ROLE, key="clerk", permissions=["staff.read"], expectedVersion=1)
    answer = await ask(shop, lin, "{ roles { key permissions version } }")
    assert {"key": "clerk", "permissions": ["staff.read"], "version": 2} in answer["data"]["roles"]
    assert code(await ask(shop, lin, "{ products { totalCount } }")) == "PERMISSION_MISSING"


async def test_a_disabled_one_is_out_at_once_and_back_when_enabled(shop: RunningShop) -> None:
    await act(shop, SET_ROLE, key="clerk", permissions=["catalog.read"])
    key, lin = await hire(shop, "lin@example.org", {"role": "clerk"})
    assert "errors" not in await ask(shop, lin)
    done = await act(shop, DISABLE, staffId=key)
    assert (done["staff"]["state"], done["staff"]["version"]) == ("DISABLED", 2)
    assert code(await ask(shop, lin)) == "TOKEN_INVALID"
    assert (await act(shop, DISABLE, staffId=key))["staff"]["version"] == 2
    assert (await act(shop, ENABLE, staffId=key))["staff"]["state"] == "ACTIVE"
    assert "errors" not in await ask(shop, lin)


async def test_another_process_feels_it_within_a_second(database_url: str) -> None:
    async with running_shop(database_url, database_pool_size=2) as here:
        await act(here, SET_ROLE, key="clerk", permissions=["catalog.read"])
        key, lin = await hire(here, "lin@example.org", {"role": "clerk"})
        async with running_shop(database_url, database_pool_size=2) as there:
            assert "errors" not in await ask(there, lin)
            await act(here, DISABLE, staffId=key)
            there.clock.advance(seconds=1)
            assert code(await ask(there, lin)) == "TOKEN_INVALID"


async def test_no_request_of_staff_asks_the_database_who_they_are(shop: RunningShop) -> None:
    await act(shop, SET_ROLE, key="clerk", permissions=["catalog.read"])
    _, lin = await hire(shop, "lin@example.org", {"role": "clerk"})
    await ask(shop, lin, "{ __typename }")
    with shop.count_statements() as sent:
        for _ in range(10):
            assert await ask(shop, lin, "{ __typename }") == {"data": {"__typename": "Query"}}
    assert sent == []


async def test_a_role_has_only_permissions_that_there_are(shop: RunningShop) -> None:
    assert (await refused(shop, SET_ROLE, key="clerk", permissions=["stock.rite"]))[0] == (
        "PERMISSION_UNKNOWN"
    )
    for key in ("", "Clerk", "-a", "a" * 41):
        told = await refused(shop, SET_ROLE, key=key, permissions=["stock.write"])
        assert told[0] == "ROLE_INVALID"
    assert (await refused(shop, CREATE, email="lin@example.org", roles=[{"role": "boss"}]))[0] == (
        "ROLE_UNKNOWN"
    )
    given = {"email": "lin@example.org", "roles": [{"role": "kit-000000000001-all"}]}
    given["roles"][0]["channels"] = ["moon"]
    assert (await refused(shop, CREATE, **given))[0] == "STAFF_INVALID"
    for email in ("", "lin", "lin@", "a@b c", f"{'x' * 60}@{'y' * 300}"):
        assert (await refused(shop, CREATE, email=email))[0] == "STAFF_INVALID"


async def test_an_address_is_of_one_of_the_staff(shop: RunningShop) -> None:
    await hire(shop, "lin@example.org")
    wu, _ = await hire(shop, "wu@example.org")
    assert (await refused(shop, CREATE, email="LIN@example.org"))[0] == "STAFF_EMAIL_TAKEN"
    taken = await refused(shop, UPDATE, staffId=wu, email="lin@example.org")
    assert taken[0] == "STAFF_EMAIL_TAKEN"


async def test_nobody_gives_what_they_do_not_hold(shop: RunningShop) -> None:
    await act(shop, SET_ROLE, key="stock", permissions=["stock.write"])
    await act(shop, SET_ROLE, key="owner", permissions=["*"])
    boss, _ = await hire(shop, "boss@example.org", {"role": "owner"})
    lead = Viewer(
        kind=ViewerKind.STAFF, id=new_id(), permissions=frozenset({"staff.write", "order.read"})
    )
    for document, given in [
        (SET_ROLE, {"key": "mine", "permissions": ["order.read", "stock.write"]}),
        (SET_ROLE, {"key": "mine", "permissions": ["*"]}),
        # What it takes away they do not hold either.
        (SET_ROLE, {"key": "stock", "permissions": ["order.read"]}),
        (REMOVE_ROLE, {"key": "stock"}),
        (CREATE, {"email": "lin@example.org", "roles": [{"role": "stock"}]}),
        (UPDATE, {"staffId": encode(StaffId, StaffId(lead.id)), "roles": [{"role": "owner"}]}),
        # By another address they would come in as the owner.
        (UPDATE, {"staffId": boss, "email": "lead@example.org"}),
        (DISABLE, {"staffId": boss}),
        (CREATE_TOKEN, {"name": "x", "permissions": ["stock.write"]}),
        (CREATE_TOKEN, {"name": "x", "permissions": ["*"]}),
    ]:
        told = await refused(shop, document, lead, **given)
        assert told[0] == "PERMISSION_NOT_HELD", (document, given)
    await act(shop, SET_ROLE, lead, key="reader", permissions=["order.read"])
    done = await act(shop, CREATE, lead, email="lin@example.org", roles=[{"role": "reader"}])
    assert done["staff"]["roles"] == [{"role": "reader", "channel": None}]


async def test_who_manages_a_channel_gives_what_is_of_it(shop: RunningShop) -> None:
    await act(shop, SET_ROLE, key="seller", permissions=["order.read"])
    async with shop.context(viewer=STAFF) as ctx:
        from koipond.channel.service import add_channel

        await add_channel(ctx, code="cn", name="CN", currencies=["CNY"], locales=["zh-Hans"])
    held = frozenset({"staff.write", "order.read"})
    lead = Viewer(
        kind=ViewerKind.STAFF,
        id=new_id(),
        permissions=held,
        limited=dict.fromkeys(held, frozenset({"cn"})),
    )
    mine = [{"role": "seller", "channels": ["cn"]}]
    done = await act(shop, CREATE, lead, email="lin@example.org", roles=mine)
    assert done["staff"]["roles"] == [{"role": "seller", "channel": "cn"}]
    for roles in ([{"role": "seller"}], [{"role": "seller", "channels": ["cn", "main"]}]):
        told = await refused(shop, CREATE, lead, email="wu@example.org", roles=roles)
        assert told[0] == "PERMISSION_NOT_HELD"
    token = {"name": "x", "permissions": ["order.read"]}
    assert (await refused(shop, CREATE_TOKEN, lead, **token))[0] == "PERMISSION_NOT_HELD"
    made = await act(shop, CREATE_TOKEN, lead, **token, channels=["cn"])
    assert made["serviceToken"]["channels"] == ["cn"]


async def test_who_manages_staff_in_a_channel_gives_nothing_beyond_it(shop: RunningShop) -> None:
    await act(shop, SET_ROLE, key="seller", permissions=["order.read"])
    async with shop.context(viewer=STAFF) as ctx:
        from koipond.channel.service import add_channel

        await add_channel(ctx, code="cn", name="CN", currencies=["CNY"], locales=["zh-Hans"])
    everywhere, wu = await hire(shop, "wu@example.org", {"role": "seller"})
    lead = Viewer(
        kind=ViewerKind.STAFF,
        id=new_id(),
        permissions=frozenset({"staff.write", "order.read"}),
        limited={"staff.write": frozenset({"cn"})},
    )
    for document, given in [
        (CREATE, {"email": "lin@example.org", "roles": [{"role": "seller"}]}),
        (CREATE, {"email": "lin@example.org", "roles": [{"role": "seller", "channels": ["main"]}]}),
        (CREATE_TOKEN, {"name": "x", "permissions": ["order.read"]}),
        (UPDATE, {"staffId": everywhere, "roles": []}),
        (DISABLE, {"staffId": everywhere}),
    ]:
        told = await refused(shop, document, lead, **given)
        assert told[0] == "PERMISSION_NOT_HELD", (document, given)
    for document, given in [
        (SET_ROLE, {"key": "seller", "permissions": []}),
        (SET_ROLE, {"key": "mine", "permissions": ["order.read"]}),
        (REMOVE_ROLE, {"key": "seller"}),
    ]:
        answer = await shop.graphql(document, {"input": given}, viewer=lead, admin=True)
        assert code(answer) == "PERMISSION_LIMITED", (document, given)
    assert (await ask(shop, wu))["data"]["currentStaff"]["roles"][0]["role"] == "seller"
    mine = [{"role": "seller", "channels": ["cn"]}]
    await act(shop, CREATE, lead, email="lin@example.org", roles=mine)


async def test_a_field_that_knows_no_channels_is_for_who_holds_it_in_all(shop: RunningShop) -> None:
    clerk = Viewer(
        kind=ViewerKind.STAFF,
        id=new_id(),
        permissions=frozenset({"staff.read", "tax.write"}),
        limited={"tax.write": frozenset({"main"})},
    )
    assert "errors" not in await shop.graphql("{ roles { key } }", viewer=clerk, admin=True)
    tax = 'mutation { setTaxCategory(input: {code: "a", name: "A"}) { userErrors { code } } }'
    answer = await shop.graphql(tax, viewer=clerk, admin=True)
    assert code(answer) == "PERMISSION_LIMITED"
    assert "You hold tax.write in main" in answer["errors"][0]["message"]


async def test_the_last_who_manages_staff_stays(shop: RunningShop) -> None:
    await act(shop, SET_ROLE, key="people", permissions=["staff.write"])
    lin, viewer = await hire(shop, "lin@example.org", {"role": "people"})
    kit = encode(StaffId, StaffId(STAFF.id))
    # Two manage staff; one may go.
    await act(shop, DISABLE, staffId=kit)
    async with shop.context(viewer=SYSTEM) as ctx:
        for act_of_last in (
            service.disable_staff(ctx, viewer.id),
            service.set_role(ctx, "people", name="", permissions=["staff.read"]),
        ):
            with pytest.raises(service_error("STAFF_UNMANAGED")):
                await act_of_last
    assert "errors" not in await ask(shop, viewer)
    assert code(await ask(shop, STAFF)) == "TOKEN_INVALID"
    assert lin == encode(StaffId, StaffId(viewer.id))


def service_error(wanted: str) -> type[Exception]:
    from koipond.staff import errors

    return next(one for one in vars(errors).values() if getattr(one, "code", None) == wanted)


async def test_an_edit_of_what_was_changed_since_is_refused(shop: RunningShop) -> None:
    key, _ = await hire(shop, "lin@example.org")
    await act(shop, UPDATE, staffId=key, name="Lin", expectedVersion=1)
    told = await refused(shop, UPDATE, staffId=key, name="Wu", expectedVersion=1)
    assert told == (
        "VERSION_CONFLICT",
        f"{key} was read as version 1 and is version 2 now. Read it again, then edit that.",
    )
    await act(shop, SET_ROLE, key="clerk", permissions=[], expectedVersion=0)
    told = await refused(shop, SET_ROLE, key="clerk", permissions=[], expectedVersion=0)
    assert told[0] == "VERSION_CONFLICT"


async def test_a_role_that_somebody_has_cannot_be_removed(shop: RunningShop) -> None:
    await act(shop, SET_ROLE, key="clerk", permissions=["order.read"])
    key, _ = await hire(shop, "lin@example.org", {"role": "clerk"})
    assert (await refused(shop, REMOVE_ROLE, key="clerk"))[0] == "ROLE_IN_USE"
    await act(shop, UPDATE, staffId=key, roles=[])
    await act(shop, REMOVE_ROLE, key="clerk")
    assert (await refused(shop, REMOVE_ROLE, key="clerk"))[0] == "ROLE_UNKNOWN"


async def test_a_program_is_known_by_its_token_until_it_is_revoked(shop: RunningShop) -> None:
    made = await act(shop, CREATE_TOKEN, name="warehouse", permissions=["staff.read"])
    token = made["token"]
    assert token not in str(await shop.snapshot())
    read = "{ currentStaff { id } serviceTokens { name createdBy lastUsedAt } }"
    answer = await send(shop, token, read)
    assert answer["data"]["currentStaff"] is None
    (listed,) = answer["data"]["serviceTokens"]
    assert listed["lastUsedAt"] is not None
    assert listed["createdBy"] == encode(StaffId, STAFF.id)
    with shop.count_statements() as sent:
        await send(shop, token, "{ __typename }")
    assert sent == []
    assert code(await send(shop, token, "{ products { totalCount } }")) == "PERMISSION_MISSING"
    key = made["serviceToken"]["id"]
    done = await act(shop, REVOKE, serviceTokenId=key)
    assert done["serviceToken"]["revokedAt"] is not None
    assert await act(shop, REVOKE, serviceTokenId=key) == done
    assert code(await send(shop, token)) == "TOKEN_INVALID"
    assert code(await send(shop, "koisvc_x")) == "TOKEN_INVALID"


async def test_a_token_of_a_program_ends_with_its_time(shop: RunningShop) -> None:
    until = shop.clock.now() + timedelta(hours=1)
    made = await act(
        shop, CREATE_TOKEN, name="x", permissions=["staff.read"], expiresAt=until.isoformat()
    )
    shop.clock.advance(minutes=59)
    assert "errors" not in await send(shop, made["token"])
    shop.clock.advance(minutes=1)
    assert code(await send(shop, made["token"])) == "TOKEN_INVALID"
    for given in (
        {"name": "", "permissions": ["staff.read"]},
        {"name": "x", "permissions": []},
        {"name": "x", "permissions": ["staff.read"], "channels": []},
        {"name": "x", "permissions": ["staff.read"], "channels": ["moon"]},
        {"name": "x", "permissions": ["staff.read"], "expiresAt": until.isoformat()},
    ):
        assert (await refused(shop, CREATE_TOKEN, **given))[0] == "SERVICE_TOKEN_INVALID"


async def test_the_first_admin_is_made_once(shop: RunningShop) -> None:
    async with shop.context(viewer=STAFF) as ctx:
        made = await service.create_admin(ctx, "lin@example.org", name="Lin")
        assert await service.create_admin(ctx, "LIN@example.org") == made
        await service.create_staff(ctx, StaffDraft(email="wu@example.org"))
        raised = await service.create_admin(ctx, "wu@example.org")
        assert raised.grants == made.grants
        await service.disable_staff(ctx, made.id)
        back = await service.create_admin(ctx, "lin@example.org")
        assert (back.state, back.grants) == (made.state, made.grants)
