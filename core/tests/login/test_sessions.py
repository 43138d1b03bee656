"""Logins that stand: refreshed, listed, ended; and attacks 17 and 18 of the reliability page."""

import asyncio
import base64
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from core.tests.login.gate import (
    ERRORS,
    LIN,
    LOGIN,
    MEI,
    OTHER,
    PASSWORD,
    Gate,
    codes,
    gate_plugin,
    open_gate,
)
from joserfc import jwt
from joserfc.jwk import OctKey

from koipond.app import create_app
from koipond.kernel.ids import LoginSessionId, decode
from koipond.kernel.viewer import Viewer, ViewerKind, sign
from koipond_sdk.testing.shop import START, connect

pytestmark = pytest.mark.story

SESSIONS = "{ me { loginSessions { id device ip isCurrent } } }"


async def test_each_refresh_gives_another_pair(gate: Gate) -> None:
    first = await gate.register()
    second = await gate.refresh(first["refreshToken"])
    third = await gate.refresh(second["refreshToken"])
    assert len({one["refreshToken"] for one in (first, second, third)}) == 3
    assert await gate.me(third["accessToken"]) == (200, LIN)


async def test_who_lost_the_answer_gets_the_same_tokens_again(gate: Gate) -> None:
    first = await gate.register()
    second = await gate.refresh(first["refreshToken"])
    gate.shop.clock.advance(seconds=10)
    again = await gate.refresh(first["refreshToken"])
    assert again["refreshToken"] == second["refreshToken"]
    assert codes(await gate.refresh(second["refreshToken"])) == []


async def test_tabs_that_refresh_at_once_share_one_family(gate: Gate) -> None:
    first = await gate.register()
    answers = await asyncio.gather(*(gate.refresh(first["refreshToken"]) for _ in range(8)))
    assert len({one["refreshToken"] for one in answers}) == 1
    ((generation,),) = [(row["generation"],) for row in await gate.shop.rows("login_session")]
    assert generation == 1


async def test_row_18_a_spent_token_that_comes_late_ends_the_login(gate: Gate) -> None:
    first = await gate.register()
    second = await gate.refresh(first["refreshToken"])
    gate.shop.clock.advance(seconds=11)
    assert codes(await gate.refresh(first["refreshToken"])) == ["REFRESH_REFUSED"]
    assert codes(await gate.refresh(second["refreshToken"])) == ["REFRESH_REFUSED"]
    assert (await gate.me(second["accessToken"]))[0] == 401
    ((reason,),) = [(row["end_reason"],) for row in await gate.shop.rows("login_session")]
    assert reason == "reused"


async def test_row_18_one_older_than_the_last_ends_it_at_once(gate: Gate) -> None:
    first = await gate.register()
    second = await gate.refresh(first["refreshToken"])
    third = await gate.refresh(second["refreshToken"])
    assert codes(await gate.refresh(first["refreshToken"])) == ["REFRESH_REFUSED"]
    assert codes(await gate.refresh(third["refreshToken"])) == ["REFRESH_REFUSED"]


async def test_a_made_up_refresh_token_ends_nobodys_login(gate: Gate) -> None:
    first = await gate.register()
    raw = bytearray(base64.urlsafe_b64decode(first["refreshToken"] + "=="))
    raw[-1] ^= 1
    forged = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    raw[-1] ^= 1
    raw[19] += 1
    ahead = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    for made_up in (forged, ahead, "", "nonsense", "é", first["accessToken"]):
        assert codes(await gate.refresh(made_up)) == ["REFRESH_REFUSED"]
    assert codes(await gate.refresh(first["refreshToken"])) == []


async def test_a_login_that_is_not_used_is_over(gate: Gate) -> None:
    first = await gate.register()
    gate.shop.clock.advance(days=59)
    second = await gate.refresh(first["refreshToken"])
    gate.shop.clock.advance(days=60)
    assert codes(await gate.refresh(second["refreshToken"])) == ["REFRESH_REFUSED"]


async def test_logins_are_listed_and_one_of_them_is_ended(gate: Gate) -> None:
    phone = await gate.register()
    laptop = await gate.log_in()
    answer = await gate.ask(SESSIONS, token=laptop["accessToken"])
    found = answer["data"]["me"]["loginSessions"]
    assert [(one["device"], one["isCurrent"]) for one in found] == [
        ("Pond/1.0", key == str(session_of(gate, laptop))) for key, one in keyed(found)
    ]
    other = next(one["id"] for one in found if not one["isCurrent"])
    ended = {"loginSessionId": other}
    done = await gate.do("endLoginSession", f"done {ERRORS}", token=laptop["accessToken"], **ended)
    assert done == {"done": True, "userErrors": []}
    assert (await gate.me(phone["accessToken"]))[0] == 401
    assert await gate.me(laptop["accessToken"]) == (200, LIN)
    again = await gate.do("endLoginSession", ERRORS, token=laptop["accessToken"], **ended)
    assert codes(again) == ["LOGIN_SESSION_UNKNOWN"]


def keyed(found: list[dict[str, object]]) -> list[tuple[str, dict[str, object]]]:
    return [(str(decode(LoginSessionId, str(one["id"]))), one) for one in found]


def session_of(gate: Gate, tokens: dict[str, str]) -> str:
    claims = jwt.decode(tokens["accessToken"], OctKey.import_key(gate.shop.settings.secret)).claims
    return str(claims["sid"])


async def test_a_foreign_login_is_as_if_there_were_none(gate: Gate) -> None:
    lin, mei = await gate.register(), await gate.register(MEI)
    answer = await gate.ask(SESSIONS, token=lin["accessToken"])
    (own,) = answer["data"]["me"]["loginSessions"]
    given = {"loginSessionId": own["id"]}
    refused = await gate.do("endLoginSession", ERRORS, token=mei["accessToken"], **given)
    assert codes(refused) == ["LOGIN_SESSION_UNKNOWN"]
    assert await gate.me(lin["accessToken"]) == (200, LIN)


async def test_all_logins_are_ended_at_once(gate: Gate) -> None:
    logins = [await gate.register(), await gate.log_in(), await gate.log_in()]
    others = await gate.register(MEI)
    document = "mutation { done: endAllLoginSessions { ended userErrors { code } } }"
    answer = await gate.ask(document, token=logins[0]["accessToken"])
    assert answer["data"]["done"] == {"ended": 3, "userErrors": []}
    for one in logins:
        assert (await gate.me(one["accessToken"]))[0] == 401
        assert codes(await gate.refresh(one["refreshToken"])) == ["REFRESH_REFUSED"]
    assert await gate.me(others["accessToken"]) == (200, MEI)


@pytest.mark.parametrize("by_token", [True, False])
async def test_who_logs_out_is_out(gate: Gate, by_token: bool) -> None:
    first = await gate.register()
    given = {"refreshToken": first["refreshToken"]} if by_token else {}
    access = None if by_token else first["accessToken"]
    for _ in range(2):
        response = await gate.do("logOut", f"done {ERRORS}", token=access, **given)
        assert response == {"done": True, "userErrors": []}
        if not by_token:
            break
    assert (await gate.me(first["accessToken"]))[0] == 401
    assert codes(await gate.refresh(first["refreshToken"])) == ["REFRESH_REFUSED"]


async def test_row_18_another_process_knows_within_ten_seconds(gate: Gate) -> None:
    """A second app on the same database: it has asked before, and asks again when that is old."""
    first = await gate.register()
    other = create_app(gate.shop.settings, [gate_plugin([], {})], clock=gate.shop.clock)
    async with other.lifespan(), connect(other) as http:
        headers = {"Authorization": f"Bearer {first['accessToken']}"}
        body = {"query": "{ me { email } }"}
        assert (await http.post("/graphql", json=body, headers=headers)).status_code == 200
        await gate.do("logOut", ERRORS, token=first["accessToken"])
        gate.shop.clock.advance(seconds=10)
        assert (await http.post("/graphql", json=body, headers=headers)).status_code == 401


async def test_a_request_of_a_member_costs_no_more_statements_for_that(gate: Gate) -> None:
    first = await gate.register()
    await gate.me(first["accessToken"])
    with gate.shop.count_statements() as sent:
        for _ in range(5):
            await gate.ask("{ loginProviders }", token=first["accessToken"])
    assert sent == []


async def test_row_18_a_changed_password_ends_every_login(gate: Gate) -> None:
    first, second = await gate.register(), await gate.log_in()
    given = {"currentPassword": PASSWORD, "newPassword": OTHER}
    changed = await gate.do("changePassword", LOGIN, token=second["accessToken"], **given)
    assert codes(changed) == []
    for one in (first, second):
        assert (await gate.me(one["accessToken"]))[0] == 401
        assert codes(await gate.refresh(one["refreshToken"])) == ["REFRESH_REFUSED"]
    assert await gate.me(changed["accessToken"]) == (200, LIN)
    assert codes(await gate.log_in()) == ["LOGIN_REFUSED"]
    assert codes(await gate.log_in(password=OTHER)) == []
    assert (await gate.mail()).kind == "login.changed"


async def test_a_password_is_changed_by_who_knows_it(gate: Gate) -> None:
    first = await gate.register()
    before = await gate.shop.snapshot()
    for current in (OTHER, "", None):
        given = {"currentPassword": current, "newPassword": OTHER}
        refused = await gate.do("changePassword", LOGIN, token=first["accessToken"], **given)
        assert codes(refused) == ["PASSWORD_WRONG"]
    assert await gate.shop.snapshot() == before


async def enter_by_code(gate: Gate) -> dict[str, Any]:
    """Log a member in who has no password."""
    await gate.do("requestLoginCode", ERRORS, address=LIN)
    given = {"address": LIN, "code": await gate.code()}
    entered: dict[str, Any] = await gate.do("logInWithCode", LOGIN, **given)
    assert codes(entered) == []
    return entered


@pytest.mark.parametrize(
    ("act", "fields", "wish"),
    [
        ("changePassword", LOGIN, {"newPassword": OTHER}),
        ("requestEmailChange", ERRORS, {"email": "new@example.org"}),
    ],
)
async def test_who_has_no_password_shows_otherwise_that_it_is_they(
    gate: Gate, act: str, fields: str, wish: dict[str, str]
) -> None:
    token = (await enter_by_code(gate))["accessToken"]
    gate.shop.clock.advance(minutes=10, seconds=1)
    before = await gate.shop.snapshot()
    assert codes(await gate.do(act, fields, token=token, **wish)) == ["LOGIN_TOO_OLD"]
    wrong = await gate.do(act, fields, token=token, **wish, code="000000")
    assert codes(wrong) == ["LOGIN_REFUSED"]
    assert await gate.shop.snapshot() == before
    await gate.do("requestLoginCode", ERRORS, address=LIN)
    code = await gate.code()
    assert codes(await gate.do(act, fields, token=token, **wish, code=code)) == []


async def test_who_has_just_logged_in_sets_a_first_password(gate: Gate) -> None:
    token = (await enter_by_code(gate))["accessToken"]
    gate.shop.clock.advance(minutes=10)
    done = await gate.do("changePassword", LOGIN, token=token, newPassword=OTHER)
    assert codes(done) == []
    assert codes(await gate.log_in(password=OTHER)) == []


# Row 17: tokens that this shop did not sign, or not for this.


def forged(secret: str, **changed: object) -> dict[str, str]:
    """Return {what is wrong: a token}; everything else is as it should be."""
    claims = {
        "iss": "koipond",
        "aud": "koipond",
        "sub": "01950000-0000-7000-8000-000000000001",
        "kind": "member",
        "permissions": [],
        "exp": 4_000_000_000,
    }
    good = sign_parts(secret)
    key, other = OctKey.import_key(secret), OctKey.import_key("another secret of 32 characters!")
    plain = ".".join([text({"alg": "none", "kid": good}), text(claims), ""])
    signed = jwt.encode({"alg": "HS256", "kid": good}, claims, key)
    head, body, mark = signed.split(".")
    return {
        "alg none": plain,
        "alg none, signed": ".".join([text({"alg": "none", "kid": good}), body, mark]),
        "alg NONE": ".".join([text({"alg": "NoNe", "kid": good}), body, ""]),
        "HS512": jwt.encode({"alg": "HS512", "kid": good}, claims, key, algorithms=["HS512"]),
        "RS256 over the same": ".".join([text({"alg": "RS256", "kid": good}), body, mark]),
        "no kid": jwt.encode({"alg": "HS256"}, claims, key),
        "another kid": jwt.encode({"alg": "HS256", "kid": "0" * 16}, claims, key),
        "a kid that is a path": jwt.encode({"alg": "HS256", "kid": "../../dev/null"}, claims, key),
        "another key": jwt.encode({"alg": "HS256", "kid": good}, claims, other),
        "a key in the header": jwt.encode(
            {"alg": "HS256", "kid": good, "jwk": other.as_dict()}, claims, other
        ),
        "another audience": jwt.encode({"alg": "HS256", "kid": good}, claims | {"aud": "x"}, key),
        "another issuer": jwt.encode({"alg": "HS256", "kid": good}, claims | {"iss": "x"}, key),
        "no issuer": jwt.encode(
            {"alg": "HS256", "kid": good}, {k: v for k, v in claims.items() if k != "iss"}, key
        ),
        "expired": jwt.encode({"alg": "HS256", "kid": good}, claims | {"exp": 1}, key),
        "no end": jwt.encode(
            {"alg": "HS256", "kid": good}, {k: v for k, v in claims.items() if k != "exp"}, key
        ),
        "a guest's": jwt.encode({"alg": "HS256", "kid": good}, claims | {"kind": "guest"}, key),
        "another body": ".".join([head, text(claims | {"kind": "staff"}), mark]),
        "a sid that is none": jwt.encode({"alg": "HS256", "kid": good}, claims | {"sid": 7}, key),
    }


def sign_parts(secret: str) -> str:
    """Return the kid that this shop writes."""
    viewer = Viewer(kind=ViewerKind.MEMBER, id=uuid4())
    told = sign(viewer, secret=secret, now=START, lifetime=timedelta(hours=1)).split(".")[0]
    kid: str = json.loads(base64.urlsafe_b64decode(told + "=="))["kid"]
    return kid


def text(part: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


async def test_row_17_no_forged_token_is_believed(gate: Gate) -> None:
    for path in ("/graphql", "/admin/graphql"):
        for wrong, token in forged(gate.shop.settings.secret).items():
            response = await gate.shop.http.post(
                path,
                json={"query": "{ __typename }"},
                headers={"Authorization": f"Bearer {token}"},
            )
            assert (response.status_code, wrong) == (401, wrong)
            assert response.json()["errors"][0]["extensions"]["code"] == "TOKEN_INVALID"


@pytest.mark.slow
async def test_the_secret_is_changed_without_logging_anybody_out(database_url: str) -> None:
    old, new = "o" * 32, "n" * 32
    async with open_gate(database_url, secret=old) as gate:
        first = await gate.register()
        await gate.do("requestLoginCode", ERRORS, address=LIN)
        code = await gate.code()
    async with open_gate(database_url, secret=new, previous_secret=old) as gate:
        assert await gate.me(first["accessToken"]) == (200, LIN)
        second = await gate.refresh(first["refreshToken"])
        assert codes(second) == []
        assert codes(await gate.do("logInWithCode", LOGIN, address=LIN, code=code)) == []
    async with open_gate(database_url, secret=new) as gate:
        assert (await gate.me(first["accessToken"]))[0] == 401
        assert await gate.me(second["accessToken"]) == (200, LIN)
