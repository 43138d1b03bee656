"""An issuer on this machine, whose answers are those that were recorded, with keys of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey
from tests.rig.provider import Answer, Asked, Provider, serving

CLIENT = "1234987819200.apps.googleusercontent.com"
REDIRECT = "https://shop.example.org/login"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
NONCE = "0394852-3190485-2490358"
SECRET = "of the shop at the issuer"


def recorded(name: str) -> dict[str, Any]:
    text = (Path(__file__).parent / "recorded" / f"{name}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


@dataclass
class Key:
    """A key that signs. told: what the issuer publishes of it besides."""

    alg: str
    kid: str
    key: RSAKey | ECKey | OKPKey
    told: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def make(cls, alg: str, kid: str, **told: Any) -> Key:
        match alg:
            case "RS256":
                key: RSAKey | ECKey | OKPKey = RSAKey.generate_key(2_048)
            case "ES256":
                key = ECKey.generate_key("P-256")
            case _:
                key = OKPKey.generate_key("Ed25519")
        return cls(alg, kid, key, told)

    def public(self) -> dict[str, Any]:
        own = {"use": "sig", "alg": self.alg, "kid": self.kid}
        return {**self.key.as_dict(private=False), **own, **self.told}


# They take a while to make.
KEYS = {alg: Key.make(alg, f"{alg}-1") for alg in ("RS256", "ES256", "EdDSA")}


def sign(claims: dict[str, Any], key: Key, **header: Any) -> str:
    told = {"alg": key.alg, "kid": key.kid, "typ": "JWT", **header}
    given = {name: value for name, value in told.items() if value is not None}
    payload = json.dumps(claims).encode()
    with warnings.catch_warnings():
        # Of the old name of EdDSA, and of keys that are short on purpose.
        warnings.simplefilter("ignore", SecurityWarning)
        return jws.serialize_compact(given, payload, key.key, algorithms=[key.alg])


class FakeIssuer(Provider):
    """Gives ID tokens for codes, each once, to who has the verifier."""

    def __init__(self) -> None:
        super().__init__()
        self.keys = list(KEYS.values())
        # {code: (challenge, claims of the token)}.
        self.codes: dict[str, tuple[str, dict[str, Any]]] = {}
        self.secret = ""
        self.routes = {
            "/.well-known/openid-configuration": lambda _: Answer.of(self.discovery()),
            "/certs": lambda _: Answer.of({"keys": [one.public() for one in self.keys]}),
            "/token": self.redeem,
        }

    def discovery(self) -> dict[str, Any]:
        own = {
            "issuer": self.url,
            "jwks_uri": f"{self.url}/certs",
            "token_endpoint": f"{self.url}/token",
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
        }
        return {**recorded("discovery")["answer"], **own}

    def claims(self, now: datetime, **changed: Any) -> dict[str, Any]:
        """Return what a token says that is good at a time; None leaves a claim out."""
        seconds = int(now.timestamp())
        own = {"iss": self.url, "iat": seconds, "exp": seconds + 3_600}
        told = {**recorded("claims")["answer"], **own, **changed}
        return {name: value for name, value in told.items() if value is not None}

    def give_code(
        self, claims: dict[str, Any], code: str = "4/P7q7W91a-oMsCeLvIaQm6bTrgtp7"
    ) -> str:
        digest = hashlib.sha256(VERIFIER.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        self.codes[code] = (challenge, claims)
        return code

    def redeem(self, asked: Asked) -> Answer:
        form = asked.form
        if self.secret:
            word = base64.b64encode(f"{CLIENT}:{quote_plus(self.secret)}".encode()).decode()
            if asked.headers.get("authorization") != f"Basic {word}":
                return Answer.of({"error": "invalid_client"}, 401)
        challenge, claims = self.codes.pop(form.get("code", ""), ("", {}))
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if not challenge or proof != challenge or form.get("redirect_uri") != REDIRECT:
            return Answer.of(recorded("token_refused")["answer"], 400)
        token = sign(claims, self.keys[0])
        return Answer.of({**recorded("token")["answer"], "id_token": token})


@asynccontextmanager
async def fake_issuer() -> AsyncIterator[FakeIssuer]:
    issuer = FakeIssuer()
    async with serving(issuer):
        yield issuer
