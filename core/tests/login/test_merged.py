"""Members who log in and turn out to be one: by what they prove, and by what staff decide."""

from typing import Any

import pytest
from core.tests.login.gate import ERRORS, LIN, LOGIN, MEI, OTHER, PASSWORD, Gate, codes, open_gate
from core.tests.login.test_belonging import CART, cart
from core.tests.oneid.people import People
from core.tests.payment.till import Till

from koipond.kernel.ids import MemberId, decode

pytestmark = pytest.mark.story

SESSIONS = "{ me { id loginSessions { id } addresses { line1 isDefault } } }"
ADD = """mutation($i: AddAddressInput!) { done: addAddress(input: $i) {
  address { id } userErrors { code } } }"""


def key_of(entered: dict[str, Any]) -> MemberId:
    return decode(MemberId, entered["member"]["id"])


async def who(gate: Gate, entered: dict[str, Any]) -> str | None:
    """Return the id of the member for whom an access token speaks."""
    answer = await gate.ask("{ me { id } }", token=entered["accessToken"])
    me = (answer.get("data") or {}).get("me")
    return me and me["id"]


async def me(gate: Gate, entered: dict[str, Any]) -> dict[str, Any]:
    answer = await gate.ask(SESSIONS, token=entered["accessToken"])
    found: dict[str, Any] = answer["data"]["me"]
    return found


async def prove(gate: Gate, code: str) -> dict[str, Any]:
    """Log in by a provider."""
    data = [{"key": "code", "value": code}]
    entered: dict[str, Any] = await gate.do(
        "logInWithProvider", f"isNew {LOGIN}", provider="heron", data=data
    )
    assert codes(entered) == []
    return entered


async def enter(gate: Gate, address: str, token: str | None = None) -> dict[str, Any]:
    """Log in by a code, as somebody or as nobody."""
    await gate.do("requestLoginCode", ERRORS, address=address)
    given = {"address": address, "code": await gate.code()}
    entered: dict[str, Any] = await gate.do("logInWithCode", LOGIN, token=token, **given)
    assert codes(entered) == []
    return entered


async def merges(gate: Gate) -> list[tuple[str, str]]:
    """Return [(reason, kind)] of all merges."""
    return [(row["reason"], row["kind"]) for row in await gate.shop.rows("member_merge")]


def later(gate: Gate) -> None:
    gate.shop.clock.advance(seconds=2)


async def test_two_ways_to_log_in_that_one_proof_joins_are_one_member(gate: Gate) -> None:
    first = await prove(gate, "union")
    later(gate)
    second = await prove(gate, "app")
    assert first["member"]["id"] != second["member"]["id"]
    both = await prove(gate, "both")
    later(gate)
    assert await merges(gate) == [("policy", "unionid")]
    survivor = first["member"]["id"]
    assert [await who(gate, one) for one in (first, second, both)] == [survivor] * 3
    refreshed = await gate.refresh(second["refreshToken"])
    assert refreshed["member"]["id"] == survivor
    assert (await prove(gate, "app"))["member"]["id"] == survivor
    assert len(await merges(gate)) == 1


async def test_what_the_policy_leaves_to_staff_does_not_keep_anybody_out(gate: Gate) -> None:
    lin, other = await gate.register(), await prove(gate, "mail")
    assert other["member"]["id"] == lin["member"]["id"]
    await prove(gate, "app")
    again = await enter(gate, LIN, token=(await prove(gate, "app"))["accessToken"])
    assert again["member"]["id"] == lin["member"]["id"]
    assert await merges(gate) == []


async def test_a_code_for_anothers_address_joins_both_if_the_policy_says_so(
    database_url: str,
) -> None:
    async with open_gate(database_url, merge_on=("email",)) as gate:
        lin = await gate.register()
        later(gate)
        app = await prove(gate, "app")
        again = await enter(gate, LIN, token=app["accessToken"])
        later(gate)
        assert await merges(gate) == [("policy", "email")]
        assert [await who(gate, one) for one in (app, again)] == [lin["member"]["id"]] * 2


@pytest.mark.slow
async def test_an_address_that_is_anothers_joins_both_if_the_policy_says_so(
    database_url: str,
) -> None:
    async with open_gate(database_url, merge_on=("email",)) as gate:
        lin = await gate.register()
        later(gate)
        mei = await enter(gate, MEI)
        asked = await gate.do("requestEmailChange", ERRORS, token=mei["accessToken"], email=LIN)
        assert codes(asked) == []
        done = await confirm(gate, mei, await gate.token())
        assert (codes(done), done["member"]["id"]) == ([], lin["member"]["id"])
        assert await merges(gate) == [("policy", "email")]


async def confirm(gate: Gate, entered: dict[str, Any], token: str) -> Any:
    document = (
        "mutation($i: ConfirmEmailChangeInput!) { done: confirmEmailChange(input: $i) "
        "{ member { id email } userErrors { code message } } }"
    )
    answer = await gate.ask(document, token=entered["accessToken"], i={"token": token})
    return answer["data"]["done"]


async def test_an_address_that_somebody_proved_meanwhile_stays_theirs(gate: Gate) -> None:
    mei = await enter(gate, MEI)
    await gate.do("requestEmailChange", ERRORS, token=mei["accessToken"], email=LIN)
    token = await gate.token()
    await enter(gate, LIN)
    before = await gate.shop.snapshot()
    assert codes(await confirm(gate, mei, token)) == ["IDENTITY_DISPUTED"]
    assert await gate.shop.snapshot() == before


async def pair(gate: Gate) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the logins of two members with a password each, an address each, and a cart."""
    lin = await gate.register()
    later(gate)
    mei = await gate.register(MEI, OTHER)
    for one, line in ((lin, "1 Tea Road"), (mei, "2 Lotus Lane")):
        home = {"line1": line, "city": "Hangzhou", "country": "CN"}
        answer = await gate.ask(ADD, token=one["accessToken"], i={"address": home})
        assert answer["data"]["done"]["userErrors"] == []
    return lin, mei


async def test_a_merged_members_logins_are_the_survivors(gate: Gate) -> None:
    people = People(Till(gate.shop))
    lin, mei = await pair(gate)
    await people.merge(key_of(lin), key_of(mei))
    later(gate)
    assert [await who(gate, one) for one in (lin, mei)] == [lin["member"]["id"]] * 2
    assert len((await me(gate, mei))["loginSessions"]) == 2
    assert codes(await gate.log_in(MEI, OTHER)) == ["LOGIN_REFUSED"]
    assert codes(await gate.log_in(MEI, PASSWORD)) == []
    ended = await gate.ask("mutation { endAllLoginSessions { ended } }", token=lin["accessToken"])
    assert ended["data"]["endAllLoginSessions"]["ended"] == 3
    assert [(await gate.me(one["accessToken"]))[0] for one in (lin, mei)] == [401, 401]
    assert codes(await gate.refresh(mei["refreshToken"])) == ["REFRESH_REFUSED"]
    assert await people.till.audit() == []


@pytest.mark.slow
async def test_who_logs_out_with_a_merged_members_token_is_logged_out(gate: Gate) -> None:
    people = People(Till(gate.shop))
    lin, mei = await pair(gate)
    await people.merge(key_of(lin), key_of(mei))
    later(gate)
    await gate.do("logOut", "done", token=mei["accessToken"])
    assert [(await gate.me(one["accessToken"]))[0] for one in (lin, mei)] == [200, 401]


async def test_addresses_and_carts_of_both_are_the_survivors_and_one_is_the_default(
    gate: Gate,
) -> None:
    people = People(Till(gate.shop))
    lin, mei = await pair(gate)
    held = await cart(gate)
    mei = await gate.log_in(MEI, OTHER, cartToken=held)
    tables = ("member_address", "cart", "password", "login_session")
    before = {name: await gate.shop.rows(name) for name in tables}
    merge = await people.merge(key_of(lin), key_of(mei))
    later(gate)
    assert (await me(gate, lin))["addresses"] == [
        {"line1": "1 Tea Road", "isDefault": True},
        {"line1": "2 Lotus Lane", "isDefault": False},
    ]
    seen = await gate.ask(CART, token=lin["accessToken"], t=held)
    assert seen["data"]["cart"] == {"lines": [{"quantity": 1}]}
    await people.undo(merge)
    later(gate)
    assert {name: await gate.shop.rows(name) for name in tables} == before
    assert await who(gate, mei) == mei["member"]["id"]
    assert (await me(gate, mei))["addresses"] == [{"line1": "2 Lotus Lane", "isDefault": True}]


@pytest.mark.slow
async def test_of_who_logged_in_since_an_undone_merge_nobody_knows_who_they_are(
    gate: Gate,
) -> None:
    people = People(Till(gate.shop))
    lin, mei = await pair(gate)
    merge = await people.merge(key_of(lin), key_of(mei))
    later(gate)
    since = await gate.log_in(MEI, PASSWORD)
    assert codes(since) == []
    await gate.do("requestPasswordReset", ERRORS, address=MEI)
    token = await gate.token()
    await people.undo(merge)
    later(gate)
    statuses = [(await gate.me(one["accessToken"]))[0] for one in (lin, mei, since)]
    assert statuses == [200, 200, 401]
    assert codes(await gate.refresh(since["refreshToken"])) == ["REFRESH_REFUSED"]
    # What was sent to the one's address while it was the other's sets nobody's password.
    assert await reset_by(gate, token) == ["TOKEN_REFUSED"]
    assert codes(await gate.log_in(MEI, OTHER)) == []
    assert codes(await gate.log_in(LIN, PASSWORD)) == []


async def reset_by(gate: Gate, token: str) -> list[str]:
    document = """mutation($i: ResetPasswordInput!) { done: resetPassword(input: $i) {
      userErrors { code } } }"""
    answer = await gate.ask(document, i={"token": token, "newPassword": "a third password 3"})
    return codes(answer["data"]["done"])


async def test_who_had_no_password_has_that_of_whom_they_absorbed(gate: Gate) -> None:
    people = People(Till(gate.shop))
    lin = await enter(gate, LIN)
    later(gate)
    mei = await gate.register(MEI, OTHER)
    merge = await people.merge(key_of(lin), key_of(mei))
    assert codes(await gate.log_in(LIN, OTHER)) == []
    await people.undo(merge)
    assert codes(await gate.log_in(LIN, OTHER)) == ["LOGIN_REFUSED"]
    assert codes(await gate.log_in(MEI, OTHER)) == []
    assert len(await gate.shop.rows("password")) == 1
