"""A plugin that implements one hook, and goes wrong in it for as long as a test wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from sqlalchemy import Column, MetaData, String, Table

from koipond import hooks as specs
from koipond.kernel.dispatch import Kind, Registry, implement
from koipond.kernel.extensions import PluginSettings
from koipond.kernel.ids import VariantId, encode
from koipond.kernel.plugins import Manifest, Plugin
from koipond.notify.types import Sent
from koipond_sdk.testing.shop import RunningShop, running_shop

SPECS = Registry(specs, {}).specs
PAYLOAD = "token order { id state } userErrors { code message }"
PLACE = f"mutation($input: PlaceOrderInput!) {{ done: placeOrder(input: $input) {{ {PAYLOAD} }} }}"
CANCEL = (
    f"mutation($input: CancelOrderInput!) {{ done: cancelOrder(input: $input) {{ {PAYLOAD} }} }}"
)
LIST = "{ products { nodes { variants { sku price { amount } offer { price { amount } } } } } }"
# What cuts an implementation, where a test waits for that.
DEADLINE_S = 0.2
KEY = "shells"

# A table of the plugin's own.
shell = Table("bad_shell", MetaData(), Column("name", String(20), primary_key=True))


class Wrong(StrEnum):
    """How an implementation goes wrong."""

    RAISES = "raises"
    ANSWERS_NONSENSE = "answers nonsense"
    NEVER_RETURNS = "never returns"


class Broke(Exception):
    """A plugin's own bug."""


class Fault:
    """What is wrong with a plugin. wrong: None while nothing is; calls: how often it was asked."""

    def __init__(self, wrong: Wrong | None) -> None:
        self.wrong = wrong
        self.calls = 0

    def answer(self, hook: str) -> Any:
        """Go wrong, or answer as one that has nothing to say."""
        self.calls += 1
        if self.wrong is Wrong.RAISES:
            raise Broke
        if self.wrong is Wrong.ANSWERS_NONSENSE:
            return object()
        if hook == "message_send":
            return Sent()
        returned = str(SPECS[hook].function.__annotations__["return"])
        if returned.startswith("type["):
            return PluginSettings
        return [] if returned.startswith("list[") else None


def going_wrong(hook: str, fault: Fault) -> Callable[..., Any]:
    """Return an implementation of a hook that goes wrong as `fault` says."""

    async def waiting() -> Any:
        if fault.wrong is Wrong.NEVER_RETURNS:
            fault.calls += 1
            await asyncio.Event().wait()
        return fault.answer(hook)

    def at_once() -> Any:
        if fault.wrong is Wrong.NEVER_RETURNS:
            time.sleep(3 * DEADLINE_S)
        return fault.answer(hook)

    return waiting if SPECS[hook].waits else at_once


def toy(hook: str, function: Callable[..., Any], name: str = "bad") -> Plugin:
    """Make a plugin that implements one hook by a function."""
    key = KEY if SPECS[hook].declared.kind is Kind.BY_KEY else ""
    module = ModuleType(f"toy_{name}.hooks")
    vars(module)[hook] = implement(key=key)(function)
    manifest = Manifest(name=name, version="1", api="0.1", table_prefix=name)
    return Plugin(
        manifest=manifest, package=f"toy_{name}", folder=Path(__file__).parent, hooks=module
    )


@asynccontextmanager
async def running(url: str, plugin: Plugin) -> AsyncIterator[RunningShop]:
    """Run a shop with one plugin and something to sell."""
    async with running_shop(url, plugins=[plugin]) as shop:
        await shop.make_product(sku="TEA-1", stock=100)
        yield shop


async def place(shop: RunningShop, **more: Any) -> dict[str, Any]:
    """Buy one unit as a guest; returns the payload, with no error at the top."""
    (variant,) = await shop.rows("variant")
    wish = {
        "lines": [{"variantId": encode(VariantId, _uuid(variant["id"])), "quantity": 1}],
        "contact": {"name": "Lin", "email": "lin@example.org"},
        "payment": {"provider": "sandbox"},
        "idempotencyKey": str(uuid4()),
        **more,
    }
    return await ask(shop, PLACE, wish)


async def ask(shop: RunningShop, document: str, given: dict[str, Any]) -> dict[str, Any]:
    """Send a mutation; returns its payload, with no error at the top."""
    answer = await shop.graphql(document, {"input": given})
    assert "errors" not in answer, answer
    payload: dict[str, Any] = answer["data"]["done"]
    return payload


def codes(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


def lent(shop: RunningShop) -> int:
    """Return how many connections are not where they belong."""
    return shop.shop.database.lent


def _uuid(stored: Any) -> UUID:
    return stored if isinstance(stored, UUID) else UUID(stored)


def hurry(monkeypatch: pytest.MonkeyPatch, hook: str, *, deadline_s: float = DEADLINE_S) -> None:
    """Let implementations of a hook take no more than a moment, or so many seconds."""
    spec = SPECS[hook]
    declared = msgspec.structs.replace(spec.declared, deadline_s=deadline_s)
    monkeypatch.setattr(spec.function, "koi_declared", declared)
