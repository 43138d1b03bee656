"""What an issuer answers, held to what was recorded: the fake of these tests, and a real one.

The real one is asked where the environment says which: OIDC_CONTRACT_ISSUER and
OIDC_CONTRACT_CLIENT_ID (and OIDC_SECRET_…, as the plugin reads it).
"""

import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from plugins.oidc.tests.issuing import (
    CLIENT,
    KEYS,
    NONCE,
    REDIRECT,
    VERIFIER,
    FakeIssuer,
    fake_issuer,
    recorded,
    sign,
)
from tests.rig.provider import differences

from koipond_oidc import rules
from koipond_oidc.types import Discovery, Issuer, Wanted
from koipond_sdk.services.web import WebAnswer, ask

ISSUER, CLIENT_ID = (
    os.environ.get(f"OIDC_CONTRACT_{name}", "") for name in ("ISSUER", "CLIENT_ID")
)
NO_ISSUER = "no real issuer is asked: set OIDC_CONTRACT_ISSUER and OIDC_CONTRACT_CLIENT_ID"


@dataclass
class Side:
    """An issuer as it is asked. fake: None for a real one."""

    issuer: Issuer
    fake: FakeIssuer | None = None


@pytest.fixture(params=["fake", "real"])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    if request.param == "real":
        if not (ISSUER and CLIENT_ID):
            pytest.skip(NO_ISSUER)
        yield Side(Issuer(name="real", url=ISSUER, client_ids=(CLIENT_ID,)))
        return
    async with fake_issuer() as fake:
        yield Side(Issuer(name="fake", url=fake.url, client_ids=(CLIENT,)), fake)


def read(answer: WebAnswer) -> Any:
    return json.loads(answer.body)


async def discover(side: Side) -> dict[str, Any]:
    answer = await ask(f"{side.issuer.url.rstrip('/')}/.well-known/openid-configuration")
    assert answer.status == recorded("discovery")["status"]
    found: dict[str, Any] = read(answer)
    return found


async def redeem(side: Side, code: str) -> WebAnswer:
    told = await discover(side)
    methods = tuple(told.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]))
    discovery = Discovery(
        issuer=told["issuer"],
        jwks_uri=told["jwks_uri"],
        token_endpoint_auth_methods_supported=methods,
    )
    wanted = Wanted(
        client_id=side.issuer.client_ids[0],
        code=code,
        code_verifier=VERIFIER,
        redirect_uri=REDIRECT,
    )
    secret = os.environ.get(rules.secret_variable(side.issuer), "")
    form, _ = rules.token_request(wanted, discovery, "")
    return await ask(
        told["token_endpoint"], form=form | ({"client_secret": secret} if secret else {})
    )


class TestContract:
    async def test_the_discovery_is_as_recorded(self, side: Side) -> None:
        told = await discover(side)
        assert differences(recorded("discovery"), told) == []
        assert told["issuer"] == side.issuer.url
        assert set(told["id_token_signing_alg_values_supported"]) & {"RS256", "ES256", "EdDSA"}

    async def test_the_keys_are_as_recorded(self, side: Side) -> None:
        answer = await ask((await discover(side))["jwks_uri"])
        assert answer.status == recorded("keys")["status"]
        told = read(answer)
        assert differences(recorded("keys"), told) == []
        one = {"needs": ["kty", "kid"], "answer": recorded("keys")["answer"]["keys"][0]}
        assert [differences(one, key) for key in told["keys"]] == [[]] * len(told["keys"])
        assert len(told["keys"]) >= 1

    async def test_a_wrong_code_is_refused_as_recorded(self, side: Side) -> None:
        answer = await redeem(side, "4/never-given")
        told = recorded("token_refused")
        assert answer.status == told["status"]
        assert differences(told, read(answer)) == []
        assert read(answer)["error"] == told["answer"]["error"]


async def test_the_fake_redeems_a_code_as_recorded() -> None:
    async with fake_issuer() as fake:
        side = Side(Issuer(name="fake", url=fake.url, client_ids=(CLIENT,)), fake)
        code = fake.give_code(fake.claims(datetime.now(UTC)))
        answer = await redeem(side, code)
        assert answer.status == recorded("token")["status"]
        assert differences(recorded("token"), read(answer)) == []
        assert set(read(answer)) <= set(recorded("token")["answer"])


def test_the_recorded_token_is_believed_at_its_time_and_for_its_client() -> None:
    told = recorded("claims")["answer"]
    token = sign(told, KEYS["RS256"])
    claims = rules.read_token(token, [one.public() for one in KEYS.values()])
    issuer = Issuer(name="google", url=told["iss"], client_ids=(told["aud"],))
    wanted = Wanted(client_id=told["aud"], id_token=token, nonce=NONCE)
    now = datetime.fromtimestamp(told["iat"], UTC)
    rules.check_claims(claims, issuer, wanted, now)
    person = rules.person_of(claims, issuer)
    assert person.identities == (("oidc:https://accounts.google.com", told["sub"]),)
    assert (person.email, person.name) == (told["email"], told["name"])
