"""Tokens that somebody else made, or made for somebody else; and issuers that do harm."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from plugins.oidc.tests.entering import DOWN, enter_by_token, refused
from plugins.oidc.tests.issuing import CLIENT, KEYS, NONCE, FakeIssuer, Key, sign
from tests.rig.provider import Answer

from koipond_sdk.testing.shop import RunningShop

pytestmark = [pytest.mark.attack, pytest.mark.one_database]
RSA = KEYS["RS256"]
FORGED = "tokens are signed by RS256, ES256, EdDSA, this one is not"


def part(document: Any) -> str:
    raw = document if isinstance(document, bytes) else json.dumps(document).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def refuse_token(shop: RunningShop, token: str, nonce: str = NONCE) -> str:
    return await refused(shop, id_token=token, nonce=nonce)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
async def test_a_token_that_nobody_signed(shop: RunningShop, issuer: FakeIssuer, alg: str) -> None:
    head = part({"alg": alg, "kid": RSA.kid})
    claims = part(issuer.claims(shop.clock.now()))
    assert await refuse_token(shop, f"{head}.{claims}.") == FORGED


async def test_a_token_signed_by_the_public_key_as_a_secret(
    shop: RunningShop, issuer: FakeIssuer
) -> None:
    assert isinstance(RSA.key, RSAKey)
    secrets = (RSA.key.as_pem(private=False), json.dumps(RSA.public()).encode())
    for secret in secrets:
        head = part({"alg": "HS256", "kid": RSA.kid})
        signed = f"{head}.{part(issuer.claims(shop.clock.now()))}"
        seal = part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())
        assert await refuse_token(shop, f"{signed}.{seal}") == FORGED


async def test_a_token_signed_by_another_key_of_the_same_name(
    shop: RunningShop, issuer: FakeIssuer
) -> None:
    forged = sign(issuer.claims(shop.clock.now()), Key.make("RS256", RSA.kid))
    assert await refuse_token(shop, forged) == "the signature is not the issuer's"
    own = Key.make("ES256", "mine")
    brought = sign(issuer.claims(shop.clock.now()), own, jwk=own.public())
    assert await refuse_token(shop, brought) == "the issuer has no such key"
    told = sign(issuer.claims(shop.clock.now()), own, jku=f"{issuer.url}/own")
    assert await refuse_token(shop, told) == "the issuer has no such key"


async def test_a_token_whose_claims_were_changed(shop: RunningShop, issuer: FakeIssuer) -> None:
    head, _, seal = sign(issuer.claims(shop.clock.now()), RSA).split(".")
    claims = part(issuer.claims(shop.clock.now(), sub="another"))
    assert await refuse_token(shop, f"{head}.{claims}.{seal}") == (
        "the signature is not the issuer's"
    )


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"iss": "https://evil.example"}, "it is another issuer's token"),
        ({"aud": "another shop's"}, "it is a token for somebody else"),
        ({"aud": [CLIENT, "another shop's"]}, "it is a token for somebody else"),
        ({"aud": []}, "it is a token for somebody else"),
        ({"azp": "another shop's"}, "it was given to somebody else"),
        ({"aud": [CLIENT, CLIENT], "azp": None}, "it was given to somebody else"),
        ({"nonce": "another login's"}, "its nonce is that of another login"),
        ({"nonce": None}, "its nonce is that of another login"),
        ({"sub": ""}, "it names nobody"),
        ({"sub": "x" * 256}, "it names nobody"),
        ({"sub": None}, "it does not say what an ID token says"),
        ({"sub": 7}, "it does not say what an ID token says"),
        ({"exp": "4102444800"}, "it does not say what an ID token says"),
        ({"exp": None}, "it does not say what an ID token says"),
        ({"iat": None}, "it does not say what an ID token says"),
    ],
)
async def test_a_token_for_somebody_else(
    shop: RunningShop, issuer: FakeIssuer, changed: dict[str, Any], reason: str
) -> None:
    token = sign(issuer.claims(shop.clock.now(), **changed), RSA)
    assert await refuse_token(shop, token) == reason


@pytest.mark.parametrize(
    ("moved", "reason"),
    [
        ({"exp": -61, "iat": -300}, "its time is over"),
        ({"iat": 61}, "its time has not come; is a clock wrong?"),
        ({"nbf": 61}, "its time has not come; is a clock wrong?"),
        ({"iat": -661}, "it was made too long ago"),
    ],
)
async def test_a_token_of_another_time(
    shop: RunningShop, issuer: FakeIssuer, moved: dict[str, int], reason: str
) -> None:
    now = int(shop.clock.now().timestamp())
    changed = {name: now + seconds for name, seconds in moved.items()}
    token = sign(issuer.claims(shop.clock.now(), **changed), RSA)
    assert await refuse_token(shop, token) == reason
    inside = {name: at + (2 if moved[name] < 0 else -2) for name, at in changed.items()}
    token = sign(issuer.claims(shop.clock.now(), **inside), RSA)
    assert (await enter_by_token(shop, token))["userErrors"] == []


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b",
        "a.b.c",
        "....",
        "é.é.é",
        "e30.e30.e30",
        "W10.e30.e30",
        "MQ.e30.e30",
        "Ing.e30.e30",
    ],
)
async def test_what_is_no_token(shop: RunningShop, token: str) -> None:
    reason = await refuse_token(shop, token)
    expected = {"": "send `id_token` and `nonce`, or `code` and what belongs to it"}
    assert reason in {expected.get(token, "this is no token"), FORGED}


@pytest.mark.parametrize(
    "header",
    [{"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}, {"kid": ["RS256-1"]}, {"kid": {"a": 1}}],
)
async def test_a_header_that_asks_for_something_else(
    shop: RunningShop, issuer: FakeIssuer, header: dict[str, Any]
) -> None:
    _, claims, seal = sign(issuer.claims(shop.clock.now()), RSA).split(".")
    told = {"alg": "RS256", "kid": RSA.kid} | header
    assert await refuse_token(shop, f"{part(told)}.{claims}.{seal}") in {
        "this is no token",
        "the signature is not the issuer's",
        "the issuer has no such key",
    }


async def test_an_address_that_is_none_lets_nobody_in(
    shop: RunningShop, issuer: FakeIssuer
) -> None:
    before = await shop.snapshot()
    token = sign(issuer.claims(shop.clock.now(), email="no address"), RSA)
    done = await enter_by_token(shop, token)
    assert [one["code"] for one in done["userErrors"]] == ["CONTACT_INVALID"]
    assert await shop.snapshot() == before


async def test_a_token_that_is_too_long(shop: RunningShop) -> None:
    assert await refuse_token(shop, "a" * 16_385) == (
        "nothing of it may be longer than 16,384 characters"
    )


async def test_a_token_without_a_nonce_is_not_taken(shop: RunningShop, issuer: FakeIssuer) -> None:
    token = sign(issuer.claims(shop.clock.now()), RSA)
    assert await refuse_token(shop, token, "") == (
        "a token is sent with the `nonce` that it was asked for with"
    )


@pytest.mark.filterwarnings("ignore:Key size")
async def test_a_key_for_something_else_signs_nothing(
    shop: RunningShop, issuer: FakeIssuer
) -> None:
    pss = Key("RS256", "pss", RSAKey.generate_key(2_048), {"alg": "PS256"})
    short = Key("RS256", "short", RSAKey.generate_key(1_024))
    issuer.keys = [Key.make("RS256", "enc", use="enc"), pss, short]
    claims = issuer.claims(shop.clock.now())
    reasons = [await refuse_token(shop, sign(claims, one)) for one in issuer.keys]
    none = "the issuer has no such key"
    assert reasons == [none, none, "the issuer's key is too short, or too long"]


def moved(url: str) -> Answer:
    return Answer(b"", 302, {"Location": url})


@pytest.mark.parametrize(
    "path", ["/.well-known/openid-configuration", "/certs"], ids=["discovery", "keys"]
)
@pytest.mark.parametrize("harm", ["huge", "packed", "redirect", "nonsense", "error", "gone"])
async def test_an_issuer_that_does_harm(
    shop: RunningShop, issuer: FakeIssuer, path: str, harm: str
) -> None:
    good = issuer.routes[path]
    issuer.routes["/elsewhere"] = good
    huge = json.dumps({"keys": [RSA.public()], "more": "x" * 10_000_000}).encode()
    answers = {
        "huge": Answer(huge),
        "packed": Answer(b"\x1f\x8b", 200, {"Content-Encoding": "gzip"}),
        "redirect": moved(f"{issuer.url}/elsewhere"),
        "nonsense": Answer(b"[" * 100_000),
        "error": Answer.of({}, 500),
        "gone": Answer.of({}, 404),
    }
    issuer.routes[path] = lambda _: answers[harm]
    token = sign(issuer.claims(shop.clock.now()), RSA)
    assert await refuse_token(shop, token) == DOWN
    assert "/elsewhere" not in issuer.paths()
    issuer.routes[path] = good
    shop.clock.advance(seconds=6)
    assert (await enter_by_token(shop, token))["userErrors"] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://accounts.google.com"},
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"jwks_uri": "file:///etc/passwd"},
        {"token_endpoint": "http://10.0.0.1/token"},
    ],
)
async def test_an_issuer_that_names_what_is_not_its_own(
    shop: RunningShop, issuer: FakeIssuer, changed: dict[str, str]
) -> None:
    told = issuer.discovery() | changed
    issuer.routes["/.well-known/openid-configuration"] = lambda _: Answer.of(told)
    token = sign(issuer.claims(shop.clock.now()), RSA)
    assert await refuse_token(shop, token) == DOWN
    assert issuer.paths() == ["/.well-known/openid-configuration"]


@pytest.mark.slow
async def test_an_issuer_that_does_not_answer(shop: RunningShop, issuer: FakeIssuer) -> None:
    issuer.delay_s = 30.0
    token = sign(issuer.claims(shop.clock.now()), RSA)
    assert await refuse_token(shop, token) == DOWN
    # Whoever comes next is not made to wait for it again.
    assert await refuse_token(shop, token) == DOWN
    assert len(issuer.asked) == 1


async def test_data_that_is_not_for_an_issuer(shop: RunningShop) -> None:
    one = "send `id_token` and `nonce`, or `code` and what belongs to it"
    assert await refused(shop) == one
    assert await refused(shop, id_token="a", code="b") == one
    assert await refused(shop, issuer="evil") == "`issuer` must be one of this shop's: heron"
    assert await refused(shop, client_id="x") == "`client_id` is none of this shop's"
