"""What the reliability page says of attacks on logins: rows 14, 15, 16, 19, 20, 21."""

import asyncio
import os
import sys
import threading
from collections import Counter
from typing import Any

import pytest
from argon2 import PasswordHasher
from core.tests.login.gate import ERRORS, LIN, LOGIN, MEI, OTHER, PASSWORD, Gate, codes, open_gate

from koipond.login.service import hashing
from koipond.settings import RateSettings

pytestmark = pytest.mark.story

PROXY = ("127.0.0.0/8",)
LOG_IN = f"mutation($i: LogInInput!) {{ done: logIn(input: $i) {{ {LOGIN} }} }}"


def rate(operation: str, per: str, times: int) -> RateSettings:
    return RateSettings(operation=operation, per=per, times=times, seconds=900)


def limited(answer: dict[str, Any]) -> bool:
    return codes(answer["data"]["done"]) == ["RATE_LIMITED"]


# Row 14


@pytest.mark.one_database
@pytest.mark.slow
async def test_row_14_one_account_from_a_thousand_addresses(database_url: str) -> None:
    rates = (rate("login", "account", 10), rate("login", "address", 100))
    async with open_gate(database_url, rate_limits=rates, trusted_proxies=PROXY) as gate:
        statuses = []
        for number in range(1_000):
            ip = f"198.51.{number // 250}.{number % 250}"
            given = {"address": LIN, "password": f"guess number {number}"}
            response = await gate.post(LOG_IN, ip=ip, i=given)
            statuses.append((response.status_code, codes(response.json()["data"]["done"])))
        waits = response.headers["Retry-After"]
    assert statuses == [(200, ["LOGIN_REFUSED"])] * 10 + [(429, ["RATE_LIMITED"])] * 990
    assert 0 < int(waits) <= 901


@pytest.mark.one_database
@pytest.mark.slow
async def test_row_14_a_thousand_accounts_from_one_address(database_url: str) -> None:
    rates = (rate("login", "account", 10), rate("login", "address", 50))
    async with open_gate(database_url, rate_limits=rates) as gate:
        with gate.shop.count_statements() as sent:
            answers = [
                await gate.ask(
                    LOG_IN, i={"address": f"member{number}@example.org", "password": PASSWORD}
                )
                for number in range(1_000)
            ]
    assert [limited(one) for one in answers] == [False] * 50 + [True] * 950
    # What is refused by its address costs the database nothing.
    assert len([one for one in sent if "login_attempts" in one]) == 50


async def test_row_14_by_aliases_of_one_document(database_url: str) -> None:
    rates = (rate("login", "account", 3),)
    async with open_gate(database_url, rate_limits=rates) as gate:
        tries = "\n".join(
            f'a{number}: logIn(input: {{address: "{LIN}", password: "guess {number}"}}) '
            "{ userErrors { code } }"
            for number in range(5)
        )
        response = await gate.post(f"mutation {{ {tries} }}")
        found = [codes(one)[0] for one in response.json()["data"].values()]
    assert found == ["LOGIN_REFUSED"] * 3 + ["RATE_LIMITED"] * 2
    assert response.status_code == 429


async def test_row_14_a_made_up_x_forwarded_for_is_not_believed(database_url: str) -> None:
    rates = (rate("login", "address", 5),)
    async with open_gate(database_url, rate_limits=rates) as gate:
        answers = [
            await gate.ask(LOG_IN, ip=f"203.0.113.{number}", i={"address": LIN, "password": "no"})
            for number in range(10)
        ]
    assert [limited(one) for one in answers] == [False] * 5 + [True] * 5


@pytest.mark.slow
async def test_row_14_what_stands_left_of_the_caller_is_not_believed(database_url: str) -> None:
    rates = (rate("login", "address", 5),)
    async with open_gate(database_url, rate_limits=rates, trusted_proxies=PROXY) as gate:
        answers = [
            await gate.ask(
                LOG_IN,
                ip=f"10.0.0.{number}, 203.0.113.7, 127.0.0.9",
                i={"address": LIN, "password": "no"},
            )
            for number in range(10)
        ]
    assert [limited(one) for one in answers] == [False] * 5 + [True] * 5


async def test_row_14_several_processes_count_the_tries_of_an_account_together(
    database_url: str,
) -> None:
    """Two apps that share nothing but the database: its count is what stops the second."""
    rates = (rate("login", "account", 4),)
    given = {"address": LIN, "password": "no"}
    async with open_gate(database_url, rate_limits=rates) as gate:
        first = [await gate.ask(LOG_IN, i=given) for _ in range(3)]
        gate.shop.shop.kept.clear()
        second = [await gate.ask(LOG_IN, i=given) for _ in range(3)]
    assert [limited(one) for one in first + second] == [False] * 4 + [True] * 2


async def test_row_14_of_tries_at_once_no_more_are_looked_at(database_url: str) -> None:
    """The count is taken before the password is looked at: counting after lets all of them in."""
    rates = (rate("login", "account", 5),)
    async with open_gate(database_url, rate_limits=rates) as gate:
        given = {"address": LIN, "password": "no"}
        answers = await asyncio.gather(*(gate.ask(LOG_IN, i=given) for _ in range(20)))
    assert sorted(limited(one) for one in answers) == [False] * 5 + [True] * 15


@pytest.mark.slow
async def test_who_waits_is_let_in_again(database_url: str) -> None:
    rates = (rate("login", "account", 4),)
    async with open_gate(database_url, rate_limits=rates) as gate:
        await gate.register()
        for _ in range(4):
            await gate.log_in(password="no")
        refused = await gate.log_in()
        assert codes(refused) == ["RATE_LIMITED"]
        gate.shop.clock.advance(minutes=30)
        assert codes(await gate.log_in()) == []


# Row 15


class Counting:
    """The hasher, and how often it was asked what."""

    def __init__(self, real: PasswordHasher, asked: list[str]) -> None:
        self.real = real
        self.asked = asked

    def hash(self, password: str) -> str:
        self.asked.append("hash")
        return self.real.hash(password)

    def verify(self, hashed: str, password: str) -> bool:
        self.asked.append("verify")
        return self.real.verify(hashed, password)


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["logIn", "requestPasswordReset", "registerMember"])
async def test_row_15_known_and_unknown_addresses_look_alike(
    gate: Gate, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gate.register()
    await gate.work()
    hashes: list[str] = []
    monkeypatch.setattr(hashing, "_HASHER", Counting(hashing._HASHER, hashes))
    more = {"logIn": {"password": OTHER}, "registerMember": {"password": OTHER}}.get(operation, {})
    fields = {"registerMember": ERRORS, "logIn": LOGIN}.get(operation, f"done {ERRORS}")
    seen = []
    for address in (LIN, MEI):
        hashes.clear()
        with gate.shop.count_statements() as sent:
            answer = await gate.do(operation, fields, address=address, **more)
        seen.append((answer, [one.split()[:3] for one in sent], list(hashes)))
    assert seen[0] == seen[1]
    assert len(seen[0][2]) == (0 if operation == "requestPasswordReset" else 1)
    messages = {"logIn": 0}.get(operation, 2)
    await gate.work()
    assert len(gate.sent) == 1 + messages


async def test_row_15_both_get_a_message_for_a_new_password(gate: Gate) -> None:
    await gate.register()
    for address in (LIN, MEI):
        await gate.do("requestPasswordReset", f"done {ERRORS}", address=address)
    await gate.work()
    assert sorted((one.kind, one.address) for one in gate.sent[1:]) == [
        ("login.no_account", MEI),
        ("login.reset", LIN),
    ]


# Row 16


@pytest.mark.slow
async def test_row_16_hashes_take_all_cores_but_one(gate: Gate) -> None:
    assert hashing._EXECUTOR._max_workers == hashing._THREADS
    await asyncio.gather(*(gate.log_in(password=f"guess {n}") for n in range(12)))
    threads = hashing._EXECUTOR._threads
    assert 0 < len(threads) <= hashing._THREADS
    if sys.platform == "linux":
        who = os.PRIO_PROCESS
        assert {os.getpriority(who, one.native_id) for one in threads} == {hashing._NICENESS}


class Held:
    """A hasher that waits until it is let go, and how many it was busy with at most."""

    def __init__(self, real: PasswordHasher) -> None:
        self.real = real
        self.let_go = threading.Event()
        self._busy = 0
        self.busy_max = 0
        self._lock = threading.Lock()

    def verify(self, hashed: str, password: str) -> bool:
        with self._lock:
            self._busy += 1
            self.busy_max = max(self.busy_max, self._busy)
        assert self.let_go.wait(60)
        with self._lock:
            self._busy -= 1
        return self.real.verify(hashed, password)


@pytest.mark.slow
async def test_row_16_of_a_flood_of_logins_those_past_the_queue_are_told_to_come_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Held(hashing._HASHER)
    monkeypatch.setattr(hashing, "_HASHER", held)
    monkeypatch.setattr(hashing, "_QUEUE_MAX", 5)
    given = {"address": LIN, "password": "a guess"}
    refused = []
    async with open_gate(database_url, rate_limits=(), database_pool_size=2) as gate:
        posts = [asyncio.create_task(gate.post(LOG_IN, i=given)) for _ in range(12)]
        try:
            for done in asyncio.as_completed(posts):
                refused.append(await done)
                if len(refused) == 7:
                    break
            # Who wants to know what there is, is told while more wait than there are connections.
            async with asyncio.timeout(30):
                shown = await gate.ask("{ products { nodes { id } } }")
            assert hashing._waiting == 5
        finally:
            held.let_go.set()
        answers = await asyncio.gather(*posts)
    assert shown == {"data": {"products": {"nodes": []}}}
    for one in refused:
        assert one.status_code == 429
        assert one.headers["Retry-After"] == "3"
        assert codes(one.json()["data"]["done"]) == ["RATE_LIMITED"]
    found = Counter(codes(one.json()["data"]["done"])[0] for one in answers)
    assert found == {"LOGIN_REFUSED": 5, "RATE_LIMITED": 7}
    assert 0 < held.busy_max <= hashing._THREADS
    assert hashing._waiting == 0


# Row 19


async def reset_token(gate: Gate, address: str = LIN) -> str:
    await gate.do("requestPasswordReset", f"done {ERRORS}", address=address)
    return await gate.token()


@pytest.mark.slow
async def test_row_19_a_new_password_is_set_once_by_a_token(gate: Gate) -> None:
    first = await gate.register()
    token = await reset_token(gate)
    assert codes(await reset_by(gate, token)) == []
    assert (await gate.me(first["accessToken"]))[0] == 401
    assert codes(await gate.refresh(first["refreshToken"])) == ["REFRESH_REFUSED"]
    assert codes(await gate.log_in(password=OTHER)) == []
    before = await gate.shop.rows("password")
    assert codes(await reset_by(gate, token, "some third password")) == ["TOKEN_REFUSED"]
    assert await gate.shop.rows("password") == before


async def test_row_19_a_later_token_voids_the_earlier_one(gate: Gate) -> None:
    await gate.register()
    old, new = await reset_token(gate), await reset_token(gate)
    assert codes(await reset_by(gate, old)) == ["TOKEN_REFUSED"]
    assert codes(await reset_by(gate, new)) == []


async def test_row_19_a_token_holds_an_hour(gate: Gate) -> None:
    await gate.register()
    token = await reset_token(gate)
    gate.shop.clock.advance(minutes=60)
    assert codes(await reset_by(gate, token)) == ["TOKEN_REFUSED"]


async def email_token(gate: Gate, member: dict[str, Any], email: str = "new@example.org") -> str:
    given = {"email": email, "password": PASSWORD}
    done = await gate.do("requestEmailChange", ERRORS, token=member["accessToken"], **given)
    assert codes(done) == []
    return await gate.token()


@pytest.mark.slow
async def test_row_19_a_new_address_is_proved_before_it_counts(gate: Gate) -> None:
    first = await gate.register()
    token = await email_token(gate, first)
    assert gate.sent[-1].address == "new@example.org"
    assert await gate.me(first["accessToken"]) == (200, LIN)
    done = await confirm(gate, first, token)
    assert done == {"member": {"email": "new@example.org"}, "userErrors": []}
    assert codes(await confirm(gate, first, token)) == ["TOKEN_REFUSED"]
    assert codes(await gate.log_in()) == ["LOGIN_REFUSED"]
    assert codes(await gate.log_in("new@example.org")) == []
    await gate.work()
    assert (gate.sent[-1].kind, gate.sent[-1].address) == ("login.changed", LIN)


async def confirm(gate: Gate, who: dict[str, Any], token: str) -> Any:
    document = (
        "mutation($i: ConfirmEmailChangeInput!) { done: confirmEmailChange(input: $i) "
        "{ member { email } userErrors { code message } } }"
    )
    answer = await gate.ask(document, token=who["accessToken"], i={"token": token})
    return answer["data"]["done"]


async def test_row_19_tokens_are_for_one_member_and_one_purpose(gate: Gate) -> None:
    lin, mei = await gate.register(), await gate.register(MEI)
    change = await email_token(gate, lin)
    reset = await reset_token(gate)
    before = [await gate.shop.rows(table) for table in ("identity", "password")]
    assert codes(await confirm(gate, mei, change)) == ["TOKEN_REFUSED"]
    assert codes(await confirm(gate, lin, reset)) == ["TOKEN_REFUSED"]
    assert codes(await reset_by(gate, change)) == ["TOKEN_REFUSED"]
    assert [await gate.shop.rows(table) for table in ("identity", "password")] == before
    assert codes(await confirm(gate, lin, change)) == []


async def reset_by(gate: Gate, token: str, password: str = OTHER) -> Any:
    document = (
        "mutation($i: ResetPasswordInput!) { done: resetPassword(input: $i) "
        "{ done userErrors { code message } } }"
    )
    answer = await gate.ask(document, i={"token": token, "newPassword": password})
    return answer["data"]["done"]


@pytest.mark.slow
@pytest.mark.parametrize("made_up", ["", "x", "A" * 64, "é" * 20, "=" * 64])
async def test_row_19_a_made_up_token_is_refused(gate: Gate, made_up: str) -> None:
    await gate.register()
    assert codes(await reset_by(gate, made_up)) == ["TOKEN_REFUSED"]


async def test_row_19_a_changed_token_is_refused(gate: Gate) -> None:
    await gate.register()
    token = await reset_token(gate)
    for place in range(0, len(token), 7):
        other = "A" if token[place] != "A" else "B"
        changed = token[:place] + other + token[place + 1 :]
        assert codes(await reset_by(gate, changed)) == ["TOKEN_REFUSED"]
    assert codes(await reset_by(gate, token)) == []


@pytest.mark.slow
async def test_an_address_that_is_somebody_elses_is_not_given(gate: Gate) -> None:
    lin, mei = await gate.register(), await gate.register(MEI)
    given = {"email": MEI, "password": PASSWORD}
    done = await gate.do("requestEmailChange", f"done {ERRORS}", token=lin["accessToken"], **given)
    assert done == {"done": True, "userErrors": []}
    assert ((await gate.mail()).kind, gate.sent[-1].address) == ("login.address_wanted", MEI)
    assert await gate.me(mei["accessToken"]) == (200, MEI)


async def test_an_address_is_asked_for_by_who_knows_the_password(gate: Gate) -> None:
    lin = await gate.register()
    given = {"email": "new@example.org", "password": OTHER}
    refused = await gate.do("requestEmailChange", ERRORS, token=lin["accessToken"], **given)
    assert codes(refused) == ["PASSWORD_WRONG"]
    await gate.work()
    assert len(gate.sent) == 1


# Rows 20 and 21: no cookie is set or read, and what a foreign page can send by itself is refused.

SIMPLE = [
    ("POST", {"Content-Type": "text/plain"}, b'{"query": "mutation { endAllLoginSessions }"}'),
    ("POST", {"Content-Type": "application/x-www-form-urlencoded"}, b"query=mutation"),
    ("POST", {"Content-Type": "multipart/form-data; boundary=x"}, b"--x--"),
    ("POST", {}, b'{"query": "{ __typename }"}'),
]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "headers", "body"), SIMPLE)
async def test_row_20_what_a_form_can_send_is_refused(
    gate: Gate, method: str, headers: dict[str, str], body: bytes
) -> None:
    first = await gate.register()
    before = await gate.shop.snapshot()
    given = {"Cookie": f"token={first['accessToken']}", "Origin": "https://evil.example"}
    response = await gate.shop.http.request(
        method, "/graphql", headers=headers | given, content=body
    )
    assert response.status_code == 415
    assert await gate.shop.snapshot() == before


async def test_row_20_a_link_changes_nothing(gate: Gate) -> None:
    first = await gate.register()
    before = await gate.shop.snapshot()
    response = await gate.shop.http.get(
        "/graphql",
        params={"query": "mutation { endAllLoginSessions { ended } }"},
        headers={"Authorization": f"Bearer {first['accessToken']}"},
    )
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert await gate.shop.snapshot() == before


async def test_row_20_a_token_in_a_cookie_is_nobodys(gate: Gate) -> None:
    first = await gate.register()
    response = await gate.shop.http.post(
        "/graphql",
        json={"query": "{ me { email } }"},
        headers={"Cookie": f"token={first['accessToken']}; Authorization={first['accessToken']}"},
    )
    assert response.json() == {"data": {"me": None}}
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "https://shop.evil.example", "https://shopx", "null"]
)
async def test_row_21_no_foreign_page_may_read_an_answer(gate: Gate, origin: str) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    asked = await gate.shop.http.request("OPTIONS", "/graphql", headers=headers)
    answered = await gate.shop.http.post(
        "/graphql", json={"query": "{ __typename }"}, headers={"Origin": origin}
    )
    assert asked.status_code == 405
    for response in (asked, answered):
        assert not [one for one in response.headers if one.startswith("access-control-")]
