"""Who an issuer vouches for is let in, and is the same person the next time."""

import asyncio
import logging

import pytest
from plugins.oidc.tests.entering import DOWN, enter, enter_by_code, enter_by_token, refused
from plugins.oidc.tests.issuing import CLIENT, KEYS, NONCE, SECRET, FakeIssuer, Key, sign
from sqlalchemy import text

from koipond.plugin.errors import PluginSettingsRefused
from koipond.plugin.service import set_settings
from koipond_oidc.rules import secret_variable
from koipond_oidc.types import Issuer, OidcSettings
from koipond_sdk.testing.shop import STAFF, RunningShop

pytestmark = [pytest.mark.story, pytest.mark.one_database]


@pytest.mark.parametrize("alg", ["RS256", "ES256", "EdDSA"])
async def test_a_token_of_the_issuer_lets_in(
    shop: RunningShop, issuer: FakeIssuer, alg: str
) -> None:
    token = sign(issuer.claims(shop.clock.now()), KEYS[alg])
    first = await enter_by_token(shop, token)
    assert first["userErrors"] == []
    assert first["isNew"] is True
    assert first["member"] == {"name": "J. Smith", "email": "jsmith@example.com"}
    again = await enter_by_token(shop, token)
    assert (again["isNew"], again["member"]) == (False, first["member"])


async def test_the_member_is_known_by_issuer_and_subject(
    shop: RunningShop, issuer: FakeIssuer
) -> None:
    claims = issuer.claims(shop.clock.now(), email_verified=False)
    done = await enter_by_token(shop, sign(claims, KEYS["RS256"]))
    assert done["member"]["email"] is None
    async with shop.shop.database.reading() as db:
        rows = (await db.execute(text("SELECT kind, value FROM identity"))).all()
    assert rows == [(f"oidc:{issuer.url}", "10769150350006150715113082367")]


@pytest.mark.parametrize("told", [False, None, "false", "yes"])
async def test_an_address_that_the_issuer_has_not_checked_is_nobodys(
    shop: RunningShop, issuer: FakeIssuer, told: object
) -> None:
    owner = await enter_by_token(shop, sign(issuer.claims(shop.clock.now()), KEYS["RS256"]))
    claims = issuer.claims(shop.clock.now(), sub="another", email_verified=told, name="Other")
    other = await enter_by_token(shop, sign(claims, KEYS["RS256"]))
    assert owner["member"]["email"] == "jsmith@example.com"
    assert (other["isNew"], other["member"]) == (True, {"name": "Other", "email": None})


async def test_a_code_lets_in_once(shop: RunningShop, issuer: FakeIssuer) -> None:
    code = issuer.give_code(issuer.claims(shop.clock.now()))
    first = await enter_by_code(shop, code)
    assert (first["userErrors"], first["isNew"]) == ([], True)
    spent = "the code was used, is too old, or belongs to another login"
    data = {"code": code, "code_verifier": "v" * 43, "redirect_uri": "https://a.example"}
    assert await refused(shop, **data) == spent


async def test_a_code_without_its_verifier_is_no_use(shop: RunningShop, issuer: FakeIssuer) -> None:
    code = issuer.give_code(issuer.claims(shop.clock.now()))
    data = {"code": code, "code_verifier": "v" * 43, "redirect_uri": "https://a.example"}
    reason = "the code was used, is too old, or belongs to another login"
    assert await refused(shop, **data) == reason
    short = data | {"code_verifier": "v" * 42}
    assert await refused(shop, **short) == (
        "a code is sent with its `code_verifier` of 43 to 128 characters"
    )


async def test_the_secret_of_the_environment_is_sent_with_a_code(
    shop: RunningShop, issuer: FakeIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer.secret = SECRET
    issuer.give_code(issuer.claims(shop.clock.now()), "first")
    data = {"code": "first", "code_verifier": "v" * 43, "redirect_uri": "https://a.example"}
    reason = "the issuer does not know this shop by its client or secret; tell the shop"
    assert await refused(shop, **data) == reason
    name = secret_variable(Issuer(name="heron", url=issuer.url, client_ids=(CLIENT,)))
    monkeypatch.setenv(name, SECRET)
    issuer.give_code(issuer.claims(shop.clock.now()), "second")
    assert (await enter_by_code(shop, "second"))["userErrors"] == []


async def test_keys_are_read_once_and_again_for_one_that_is_new(
    shop: RunningShop, issuer: FakeIssuer
) -> None:
    claims = issuer.claims(shop.clock.now())
    for _ in range(3):
        await enter_by_token(shop, sign(claims, KEYS["RS256"]))
    read = ["/.well-known/openid-configuration", "/certs"]
    assert issuer.paths() == read
    rotated = Key.make("ES256", "ES256-2")
    issuer.keys = [rotated]
    told = {"id_token": sign(claims, rotated), "nonce": NONCE}
    assert await refused(shop, **told) == "the issuer has no such key"
    assert issuer.paths() == read
    shop.clock.advance(seconds=61)
    assert (await enter(shop, **told))["userErrors"] == []
    assert issuer.paths() == read * 2


async def test_many_with_unknown_keys_have_the_issuer_asked_once_a_minute(
    shop: RunningShop, issuer: FakeIssuer
) -> None:
    claims = issuer.claims(shop.clock.now())
    await enter_by_token(shop, sign(claims, KEYS["RS256"]))
    shop.clock.advance(seconds=61)
    forged = [sign(claims, KEYS["RS256"], kid=f"no-{number}") for number in range(10)]
    issuer.asked.clear()
    done = await asyncio.gather(*(enter_by_token(shop, one) for one in forged))
    assert [one["accessToken"] for one in done] == [None] * 10
    assert issuer.paths() == ["/.well-known/openid-configuration", "/certs"]


async def test_an_issuer_that_is_down_lets_in_by_keys_that_were_read(
    shop: RunningShop, issuer: FakeIssuer
) -> None:
    await enter_by_token(shop, sign(issuer.claims(shop.clock.now()), KEYS["RS256"]))
    issuer.routes.clear()
    shop.clock.advance(hours=2)
    token = sign(issuer.claims(shop.clock.now()), KEYS["RS256"])
    assert (await enter_by_token(shop, token))["userErrors"] == []
    shop.clock.advance(hours=23)
    token = sign(issuer.claims(shop.clock.now()), KEYS["RS256"])
    assert await refused(shop, id_token=token, nonce=NONCE) == DOWN


async def test_nothing_of_a_login_is_logged(
    shop: RunningShop, issuer: FakeIssuer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = sign(issuer.claims(shop.clock.now()), KEYS["RS256"])
    code = issuer.give_code(issuer.claims(shop.clock.now()))
    await enter_by_token(shop, token)
    await enter_by_code(shop, code)
    assert code not in caplog.text
    assert token.rpartition(".")[2] not in caplog.text


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://accounts.example.org", "it must begin with https://"),
        ("https://user@accounts.example.org", "it must name a host, and neither a user nor a part"),
        ("https://accounts.example.org?a=b", "it has a question mark"),
        ("file:///etc/passwd", "it must name a host"),
    ],
)
async def test_an_issuer_that_cannot_be_asked_is_not_set(
    shop: RunningShop, url: str, reason: str
) -> None:
    told = {"issuers": [{"name": "bad", "url": url, "client_ids": [CLIENT]}]}
    async with shop.context(viewer=STAFF) as ctx:
        with pytest.raises(PluginSettingsRefused, match=reason):
            await set_settings(ctx, "oidc", told, expected_version=1)


def test_no_two_hosts_have_a_variable_for_their_secret_in_common() -> None:
    hosts = ("a.b.example", "a-b.example", "a--b.example", "ab.example", "a.b-example")
    issuers = [Issuer(name="one", url=f"https://{host}/t", client_ids=("c",)) for host in hosts]
    assert len({secret_variable(one) for one in issuers}) == len(hosts)
    assert secret_variable(issuers[1]) == "OIDC_SECRET_A__B_EXAMPLE"
    twice = OidcSettings(issuers=(issuers[0], issuers[0]))
    assert twice.check() == "each issuer has a name and an address of its own"
