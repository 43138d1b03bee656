"""Staff log in by the staff's schema, which tells guests nothing else."""

from typing import Any

import pytest
from core.tests.login.gate import ERRORS, OTHER, PASSWORD, Gate, codes

from koipond.app import make_schemas
from koipond.graphql.private import core_schema
from koipond.graphql.viewing import DOOR_WORDS
from koipond.kernel.ids import StaffId, encode
from koipond.kernel.viewer import SYSTEM, Viewer, ViewerKind
from koipond.login import service
from koipond.staff.service import create_admin, create_token, disable_staff
from koipond.staff.types import ServiceTokenDraft, Staff

pytestmark = pytest.mark.story

SCHEMAS = make_schemas(())
TEA = "wang@shop.example"
FIELDS = "staff { id email } accessToken refreshToken userErrors { code message }"
LOG_IN = f"mutation($i: LogInStaffInput!) {{ done: logInStaff(input: $i) {{ {FIELDS} }} }}"
REFRESH = (
    "mutation($i: RefreshLoginInput!) { done: refreshLogin(input: $i) "
    "{ accessToken refreshToken userErrors { code } } }"
)

CHANGE = (
    "mutation($i: ChangePasswordInput!) { done: changePassword(input: $i) "
    "{ accessToken refreshToken userErrors { code } } }"
)


async def admin(gate: Gate, email: str = TEA) -> Staff:
    """Make one of the staff who has a password, as `koi createadmin --password` does."""
    async with gate.shop.context(viewer=SYSTEM) as ctx:
        made = await create_admin(ctx, email)
        await service.set_staff_password(ctx, made.id, PASSWORD)
        return made


async def ask(gate: Gate, document: str, token: str | None = None, **given: Any) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    body = {"query": document, "variables": {"i": given} if given else {}}
    return await gate.shop.http.post("/admin/graphql", json=body, headers=headers)


async def log_in(gate: Gate, email: str = TEA, password: str = PASSWORD) -> dict[str, Any]:
    response = await ask(gate, LOG_IN, email=email, password=password)
    done: dict[str, Any] = response.json()["data"]["done"]
    return done


async def reads(gate: Gate, token: str) -> int:
    status: int = (await ask(gate, "{ memberGroups { code } }", token)).status_code
    return status


async def test_one_of_the_staff_logs_in_and_refreshes(gate: Gate) -> None:
    made = await admin(gate)
    done = await log_in(gate)
    assert done["staff"] == {"id": encode(StaffId, made.id), "email": TEA}
    assert await reads(gate, done["accessToken"]) == 200
    response = await ask(gate, REFRESH, refreshToken=done["refreshToken"])
    second = response.json()["data"]["done"]
    assert codes(second) == []
    assert await reads(gate, second["accessToken"]) == 200


async def test_row_18_who_is_disabled_is_out(gate: Gate) -> None:
    made = await admin(gate)
    # Somebody has to be left who manages staff.
    await admin(gate, "other@shop.example")
    done = await log_in(gate)
    async with gate.shop.context(viewer=SYSTEM) as ctx:
        await disable_staff(ctx, made.id)
    gate.shop.clock.advance(seconds=10)
    assert await reads(gate, done["accessToken"]) == 401
    response = await ask(gate, REFRESH, refreshToken=done["refreshToken"])
    assert codes(response.json()["data"]["done"]) == ["REFRESH_REFUSED"]
    assert codes(await log_in(gate)) == ["LOGIN_REFUSED"]


@pytest.mark.parametrize(
    ("email", "password"), [(TEA, OTHER), ("nobody@shop.example", PASSWORD), ("", "")]
)
async def test_who_is_not_of_the_staff_is_refused_alike(
    gate: Gate, email: str, password: str
) -> None:
    await admin(gate)
    done = await log_in(gate, email, password)
    assert (codes(done), done["accessToken"]) == (["LOGIN_REFUSED"], None)


async def test_a_members_refresh_token_gives_no_login_of_staff(gate: Gate) -> None:
    await admin(gate)
    member, one = await gate.register(), await log_in(gate)
    response = await ask(gate, REFRESH, refreshToken=member["refreshToken"])
    assert codes(response.json()["data"]["done"]) == ["REFRESH_REFUSED"]
    assert codes(await gate.refresh(one["refreshToken"])) == ["REFRESH_REFUSED"]
    assert await reads(gate, member["accessToken"]) == 403


@pytest.mark.parametrize(
    "document",
    [
        "{ memberGroups { code } }",
        "{ __typename }",
        "{ __schema { types { name } } }",
        "mutation { nothing }",
        "mutation { logOut(input: {}) { done } setMemberGroup { x } }",
        "mutation { ...F } fragment F on Mutation { logOut(input: {}) { done } }",
        "mutation A { logOut(input: {}) { done } } query B { memberGroups { code } }",
        "subscription { logOut }",
        "no graphql",
        "",
    ],
)
async def test_a_guest_hears_nothing_of_the_staffs_schema(gate: Gate, document: str) -> None:
    response = await ask(gate, document)
    assert response.status_code in {400, 401}
    assert "Cannot query" not in response.text
    if response.status_code == 401:
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


PROBE = "mutation($i: LogInStaffInput!) { logInStaff(input: $i) { %s } }"


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        (PROBE % "refreshToken memberGroups", PROBE % "refreshToken membersGroup"),
        (PROBE % "staff { email permissions }", PROBE % "staff { email permission }"),
        (PROBE % "staff { staff }", PROBE % "staff { stuff }"),
        (
            PROBE % "userErrors { ... on StaffUnmanaged { code } }",
            PROBE % "userErrors { ... on X }",
        ),
        (PROBE % "staff @skip(if: true) { id }", PROBE % "staff @slip(if: true) { id }"),
        (PROBE.replace("$i: LogIn", "$j: Role!, $i: LogIn") % "staff { id }", PROBE % "staff"),
        (PROBE.replace("input:", "email: 1, input:") % "staff { id }", PROBE % "x: y"),
        (PROBE % "staff { name(name: 1) }", PROBE % "staff { name(names: 1) }"),
    ],
)
async def test_a_guest_does_not_learn_which_words_there_are(
    gate: Gate, known: str, unknown: str
) -> None:
    await admin(gate)
    told = [await ask(gate, one, email=TEA, password=PASSWORD) for one in (known, unknown)]
    assert [one.status_code for one in told] == [401, 401]
    assert told[0].content == told[1].content
    assert told[0].json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


async def test_all_that_logging_in_answers_is_a_word_of_the_door(gate: Gate) -> None:
    await admin(gate)
    whole = """mutation LogIn($i: LogInStaffInput!) { own: logInStaff(input: $i) {
      staff { id email name state roles { role channel } version createdAt __typename }
      accessToken refreshToken expiresAt userErrors { code message field } } }"""
    answer = (await ask(gate, whole, email=TEA, password=PASSWORD)).json()
    assert answer["data"]["own"]["staff"]["roles"] == [{"role": "owner", "channel": None}]
    schema = core_schema(SCHEMAS.admin)
    for name in ("LogInStaffInput", "LogOutInput", "LogOutPayload", "LogInStaffPayload", "Staff"):
        kind: Any = schema.type_map[name]
        assert set(kind.fields) <= DOOR_WORDS, name


async def test_members_and_staff_of_one_address_are_two(gate: Gate) -> None:
    await admin(gate)
    member = await gate.register(TEA, OTHER)
    assert codes(await log_in(gate, password=OTHER)) == ["LOGIN_REFUSED"]
    done = await gate.do("logIn", f"accessToken {ERRORS}", address=TEA, password=PASSWORD)
    assert codes(done) == ["LOGIN_REFUSED"]
    assert await gate.me(member["accessToken"]) == (200, TEA)


async def test_one_of_the_staff_sets_another_password_and_every_login_before_is_over(
    gate: Gate,
) -> None:
    made = await admin(gate)
    first, second = await log_in(gate), await log_in(gate)
    wrong = await ask(gate, CHANGE, first["accessToken"], currentPassword="x", newPassword=OTHER)
    assert codes(wrong.json()["data"]["done"]) == ["PASSWORD_WRONG"]
    given = {"currentPassword": PASSWORD, "newPassword": OTHER}
    done = (await ask(gate, CHANGE, first["accessToken"], **given)).json()["data"]["done"]
    assert codes(done) == []
    tokens = [one["accessToken"] for one in (first, second, done)]
    assert [await reads(gate, one) for one in tokens] == [401, 401, 200]
    assert codes(await log_in(gate)) == ["LOGIN_REFUSED"]
    assert codes(await log_in(gate, password=OTHER)) == []
    (told,) = [
        one
        for one in await gate.shop.rows("audit_record")
        if one["operation"] == "changePassword" and one["after"]
    ]
    assert told["subject"] == encode(StaffId, made.id)
    assert PASSWORD not in str(told)
    assert OTHER not in str(told)


async def test_who_has_no_password_gets_the_first_at_the_console_alone(gate: Gate) -> None:
    given = {"currentPassword": "", "newPassword": OTHER}
    async with gate.shop.context(viewer=SYSTEM) as ctx:
        made = await create_admin(ctx, TEA)
        draft = ServiceTokenDraft(name="robot", permissions=["order.read"])
        _, robot = await create_token(ctx, draft)
    person = gate.shop.token(Viewer(kind=ViewerKind.STAFF, id=made.id))
    for token in (person, robot):
        done = (await ask(gate, CHANGE, token, **given)).json()["data"]["done"]
        assert (codes(done), done["accessToken"]) == (["PASSWORD_WRONG"], None)
    assert (await ask(gate, CHANGE, **given)).status_code == 401
    assert await gate.shop.rows("password") == []
