"""Logging in by a password, a code and a provider."""

import pytest
from core.tests.login.gate import ERRORS, LIN, LOGIN, MEI, OTHER, PASSWORD, Gate, codes

from koipond.login.rules import CODE_ATTEMPTS_MAX

pytestmark = pytest.mark.story


async def test_who_registers_gets_a_code_and_then_has_an_account(gate: Gate) -> None:
    entered = await gate.register()
    assert (entered["isNew"], entered["member"]["email"]) == (True, LIN)
    assert entered["member"]["name"] == "Lin Wang"
    assert await gate.me(entered["accessToken"]) == (200, LIN)
    again = await gate.log_in()
    assert again["member"]["id"] == entered["member"]["id"]
    assert await gate.me(again["accessToken"]) == (200, LIN)


async def test_a_code_alone_does_not_set_the_password_that_somebody_else_registered(
    gate: Gate,
) -> None:
    await gate.do("registerMember", ERRORS, address=LIN, password=OTHER)
    entered = await gate.do("logInWithCode", LOGIN, address=LIN, code=await gate.code())
    assert entered["member"]["email"] == LIN
    assert codes(await gate.log_in(password=OTHER)) == ["LOGIN_REFUSED"]
    assert await gate.shop.rows("password") == []


async def test_the_owner_of_an_address_is_told_and_keeps_the_password(gate: Gate) -> None:
    mine = await gate.register()
    done = await gate.do("registerMember", f"registration {ERRORS}", address=LIN, password=OTHER)
    assert done["userErrors"] == []
    assert (await gate.mail()).kind == "login.registered"
    entered = await gate.do(
        "logInWithCode",
        f"isNew {LOGIN}",
        address=LIN,
        code=await gate.code(),
        registration=done["registration"],
    )
    assert (entered["isNew"], entered["member"]["id"]) == (False, mine["member"]["id"])
    assert codes(await gate.log_in(password=OTHER)) == ["LOGIN_REFUSED"]
    assert codes(await gate.log_in(password=PASSWORD)) == []


async def test_a_phone_number_logs_in_like_an_address(gate: Gate) -> None:
    done = await gate.do("requestLoginCode", f"done {ERRORS}", address="+86 138 0000 0000")
    assert done == {"done": True, "userErrors": []}
    given = {"address": "+8613800000000", "code": await gate.code()}
    entered = await gate.do("logInWithCode", f"isNew {LOGIN}", **given)
    assert (entered["isNew"], entered["member"]["email"]) == (True, None)
    ((number, verified),) = [
        (row["value"], row["verified_at"] is not None) for row in await gate.shop.rows("identity")
    ]
    assert (number, verified) == ("+8613800000000", True)


async def test_a_code_is_good_once(gate: Gate) -> None:
    await gate.do("requestLoginCode", ERRORS, address=LIN)
    code = await gate.code()
    assert codes(await gate.do("logInWithCode", LOGIN, address=LIN, code=code)) == []
    again = await gate.do("logInWithCode", LOGIN, address=LIN, code=code)
    assert (codes(again), again["accessToken"]) == (["LOGIN_REFUSED"], None)


async def test_a_new_code_takes_the_place_of_the_old_one(gate: Gate) -> None:
    await gate.do("requestLoginCode", ERRORS, address=LIN)
    old = await gate.code()
    await gate.do("requestLoginCode", ERRORS, address=LIN)
    new = await gate.code()
    assert codes(await gate.do("logInWithCode", LOGIN, address=LIN, code=old)) == ["LOGIN_REFUSED"]
    assert codes(await gate.do("logInWithCode", LOGIN, address=LIN, code=new)) == []


async def test_a_code_holds_ten_minutes(gate: Gate) -> None:
    await gate.do("requestLoginCode", ERRORS, address=LIN)
    code = await gate.code()
    gate.shop.clock.advance(minutes=10)
    refused = await gate.do("logInWithCode", LOGIN, address=LIN, code=code)
    assert codes(refused) == ["LOGIN_REFUSED"]
    assert await gate.shop.rows("member") == []


async def test_a_code_that_was_got_wrong_too_often_is_void(gate: Gate) -> None:
    await gate.do("requestLoginCode", ERRORS, address=LIN)
    code = await gate.code()
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    for _ in range(CODE_ATTEMPTS_MAX):
        refused = await gate.do("logInWithCode", LOGIN, address=LIN, code=wrong)
        assert codes(refused) == ["LOGIN_REFUSED"]
    assert codes(await gate.do("logInWithCode", LOGIN, address=LIN, code=code)) == ["LOGIN_REFUSED"]
    assert await gate.shop.rows("login_session") == []


async def test_a_code_is_for_its_address(gate: Gate) -> None:
    await gate.do("requestLoginCode", ERRORS, address=LIN)
    code = await gate.code()
    await gate.do("requestLoginCode", ERRORS, address=MEI)
    refused = await gate.do("logInWithCode", LOGIN, address=MEI, code=code)
    assert codes(refused) == ["LOGIN_REFUSED"]


async def test_what_is_kept_of_a_message_tells_no_code(gate: Gate) -> None:
    await gate.do("requestLoginCode", ERRORS, address=LIN)
    code = await gate.code()
    told = repr(await gate.shop.snapshot())
    assert code not in told
    ((body, state),) = [(row["body"], row["state"]) for row in await gate.shop.rows("message")]
    assert (state, "••••••" in body) == ("sent", True)


async def test_no_password_and_no_token_stands_in_the_database(gate: Gate) -> None:
    entered = await gate.register()
    told = repr(await gate.shop.snapshot())
    for secret in (PASSWORD, entered["refreshToken"], entered["accessToken"]):
        assert secret not in told
    ((hashed,),) = [(row["hash"],) for row in await gate.shop.rows("password")]
    assert hashed.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("carp", "it has 4 characters"),
        ("x" * 129, "it has 129 characters"),
        ("password123", "it is one of those that are tried first"),
        ("abababab", "it repeats a few characters"),
        (LIN, "it is the address itself"),
    ],
)
async def test_a_password_that_is_easily_guessed_is_refused(
    gate: Gate, password: str, reason: str
) -> None:
    before = await gate.shop.snapshot()
    done = await gate.do("registerMember", ERRORS, address=LIN, password=password)
    ((code, field, message),) = [
        (one["code"], one["field"], one["message"]) for one in done["userErrors"]
    ]
    assert (code, field) == ("PASSWORD_INVALID", "password")
    assert reason in message
    assert await gate.shop.snapshot() == before


async def test_a_provider_vouches_for_somebody(gate: Gate) -> None:
    answer = await gate.ask("{ loginProviders }")
    assert answer["data"] == {"loginProviders": ["heron"]}
    given = {"provider": "heron", "data": [{"key": "code", "value": "one"}]}
    first = await gate.do("logInWithProvider", f"isNew {LOGIN}", **given)
    again = await gate.do("logInWithProvider", f"isNew {LOGIN}", **given)
    assert (first["isNew"], again["isNew"]) == (True, False)
    assert first["member"] == again["member"]
    assert first["member"]["name"] == "Heron"


async def test_an_address_that_a_provider_has_checked_is_the_members(gate: Gate) -> None:
    mine = await gate.register()
    given = {"provider": "heron", "data": [{"key": "code", "value": "two"}]}
    entered = await gate.do("logInWithProvider", f"isNew {LOGIN}", **given)
    assert (entered["isNew"], entered["member"]["id"]) == (False, mine["member"]["id"])
    kinds = sorted(row["kind"] for row in await gate.shop.rows("identity"))
    assert kinds == ["email", "openid:app"]


@pytest.mark.parametrize(
    ("provider", "code", "refusal"),
    [
        ("stork", "one", "LOGIN_PROVIDER_UNKNOWN"),
        ("heron", "three", "PROOF_REFUSED"),
        ("heron", "none", "PROOF_REFUSED"),
    ],
)
async def test_what_nobody_vouches_for_logs_nobody_in(
    gate: Gate, provider: str, code: str, refusal: str
) -> None:
    before = await gate.shop.snapshot()
    given = {"provider": provider, "data": [{"key": "code", "value": code}]}
    assert codes(await gate.do("logInWithProvider", LOGIN, **given)) == [refusal]
    assert await gate.shop.snapshot() == before
