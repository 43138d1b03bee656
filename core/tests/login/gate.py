"""A shop that people log in to: what is sent to them is caught, and its codes are read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from koipond.kernel.context import Context
from koipond.kernel.dispatch import implement
from koipond.kernel.plugins import Manifest, Plugin
from koipond.kernel.worker import Worker
from koipond.login.errors import ProofRefused
from koipond.login.types import LoginProof, ProvenPerson
from koipond.member.types import IdentityKind
from koipond.notify.types import OutgoingMessage, Sent
from koipond.settings import RateSettings
from koipond_sdk.testing.shop import STAFF, RunningShop, running_shop

LIN, MEI = "lin@example.org", "mei@example.org"
PASSWORD, OTHER = "carp and lotus 7", "a heron in the reeds"
LOGIN = "member { id name email } accessToken refreshToken expiresAt userErrors { code message }"
ERRORS = "userErrors { code message field }"
# So that only tests of limits meet them.
AMPLE = tuple(
    RateSettings(operation=operation, per=per, times=100_000, seconds=900)
    for operation in ("login", "code", "register", "password", "refresh")
    for per in ("account", "address")
)


class Gate:
    """A shop, and who stands before it."""

    def __init__(self, shop: RunningShop, sent: list[OutgoingMessage]) -> None:
        self.shop = shop
        self.sent = sent
        self.worker = Worker(shop.shop, chance=lambda: 0.0)

    async def ask(
        self, document: str, /, token: str | None = None, ip: str | None = None, **given: Any
    ) -> dict[str, Any]:
        """Ask the storefront; returns the whole answer."""
        response = await self.post(document, token=token, ip=ip, **given)
        answer: dict[str, Any] = response.json()
        return answer

    async def post(
        self, document: str, /, token: str | None = None, ip: str | None = None, **given: Any
    ) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        headers["User-Agent"] = "Pond/1.0"
        if ip is not None:
            headers["X-Forwarded-For"] = ip
        body = {"query": document, "variables": given}
        return await self.shop.http.post("/graphql", json=body, headers=headers)

    async def do(
        self, mutation: str, fields: str, /, token: str | None = None, **given: Any
    ) -> Any:
        """Run one mutation with its input; returns its payload."""
        name = mutation[0].upper() + mutation[1:]
        document = f"mutation($i: {name}Input!) {{ done: {mutation}(input: $i) {{ {fields} }} }}"
        answer = await self.ask(document, token=token, i=given)
        assert "errors" not in answer, answer
        return answer["data"]["done"]

    async def work(self) -> None:
        await self.worker.run_once()

    async def mail(self) -> OutgoingMessage:
        """Return the last message that was sent."""
        await self.work()
        return self.sent[-1]

    async def code(self) -> str:
        return await self._told(r"\b[0-9]{6}\b")

    async def token(self) -> str:
        return await self._told(r"[\w-]{60,}")

    async def _told(self, pattern: str) -> str:
        """Return what the last message has that has such a thing; others may go out beside it."""
        await self.work()
        found = [match[0] for one in self.sent if (match := re.search(pattern, one.body))]
        return found[-1]

    async def register(self, address: str = LIN, password: str = PASSWORD) -> dict[str, Any]:
        """Make an account; returns its first login."""
        done = await self.do(
            "registerMember",
            f"registration {ERRORS}",
            address=address,
            password=password,
            name="Lin Wang",
        )
        assert done["userErrors"] == []
        given = {"address": address, "code": await self.code()}
        entered: dict[str, Any] = await self.do(
            "logInWithCode", f"isNew {LOGIN}", registration=done["registration"], **given
        )
        assert entered["userErrors"] == []
        return entered

    async def log_in(self, address: str = LIN, password: str = PASSWORD, **more: Any) -> Any:
        return await self.do("logIn", LOGIN, address=address, password=password, **more)

    async def refresh(self, token: str) -> Any:
        return await self.do("refreshLogin", LOGIN, refreshToken=token)

    async def me(self, token: str) -> tuple[int, Any]:
        """Return the status and the e-mail address that a token reads of its own."""
        response = await self.post("{ me { email } }", token=token)
        answer = response.json()
        me = (answer.get("data") or {}).get("me")
        return response.status_code, me and me["email"]


def codes(payload: dict[str, Any]) -> list[str]:
    return [one["code"] for one in payload["userErrors"]]


def gate_plugin(sent: list[OutgoingMessage], known: dict[str, ProvenPerson]) -> Plugin:
    """Make a plugin that carries mail and vouches for people. known: {code: who}."""

    async def message_send(ctx: Context, message: OutgoingMessage) -> Sent:
        sent.append(message)
        return Sent(once=True)

    async def login_prove(ctx: Context, proof: LoginProof) -> ProvenPerson:
        assert not ctx.in_transaction
        person = known.get(proof.data.get("code", ""))
        if person is None:
            raise ProofRefused(provider="heron", reason="the code is unknown")
        return person

    module = ModuleType("toy_gate.hooks")
    vars(module)["message_send"] = implement(key="catch")(message_send)
    vars(module)["login_prove"] = implement(key="heron")(login_prove)
    manifest = Manifest(name="gate", version="1", api="0.1", table_prefix="gate")
    return Plugin(manifest=manifest, package="toy_gate", folder=Path(__file__).parent, hooks=module)


PEOPLE = {
    "one": ProvenPerson(identities=((IdentityKind("openid:app"), "o-1"),), name="Heron"),
    "two": ProvenPerson(identities=((IdentityKind("openid:app"), "o-2"),), email=LIN),
    "none": ProvenPerson(identities=()),
    "union": ProvenPerson(identities=((IdentityKind("unionid"), "u-1"),)),
    "app": ProvenPerson(identities=((IdentityKind("openid:app"), "o-3"),)),
    "both": ProvenPerson(
        identities=((IdentityKind("openid:app"), "o-3"), (IdentityKind("unionid"), "u-1"))
    ),
    "mail": ProvenPerson(identities=((IdentityKind("openid:app"), "o-4"),), email=LIN),
}


@asynccontextmanager
async def open_gate(url: str, **settings: Any) -> AsyncIterator[Gate]:
    """Open a shop that people log in to; limits are wide unless they are told."""
    sent: list[OutgoingMessage] = []
    given = {"mail_sender": "catch", "sms_sender": "catch", "rate_limits": AMPLE, **settings}
    async with running_shop(url, plugins=[gate_plugin(sent, PEOPLE)], **given) as shop:
        yield Gate(shop, sent)


__all__ = ["LIN", "LOGIN", "MEI", "OTHER", "PASSWORD", "STAFF", "Gate", "codes", "open_gate"]
