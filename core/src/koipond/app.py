"""Wires every part of a shop: the database, the plugins, the schemas, the app that answers."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

from litestar import Litestar

from koipond import hooks as specs
from koipond.approval.service import ask as ask_for_approval
from koipond.calling import Hooks
from koipond.channel.service import (
    check_channels,
    check_zones,
    ensure_channels,
    ensure_zones,
)
from koipond.duties import CONSUMERS, EVENTS, JOBS, MESSAGE_KINDS, REACTIONS, RECURRING
from koipond.extending import gather, gather_senders
from koipond.front import Front, build_front, make_app
from koipond.fulfilment.service import check_methods, ensure_methods
from koipond.graphql.assembly import (
    Schemas,
    adds_to_schema,
    build_schemas,
    find_input_types,
)
from koipond.graphql.execute import Executor
from koipond.installing import install
from koipond.kernel.clock import Clock, SystemClock
from koipond.kernel.context import Shop
from koipond.kernel.couriers import Courier
from koipond.kernel.db import Database
from koipond.kernel.dispatch import Registry
from koipond.kernel.extensions import Extensions
from koipond.kernel.inputs import InputTypes
from koipond.kernel.plugins import Plugin
from koipond.kernel.readiness import migrate_safely
from koipond.kernel.revisions import units
from koipond.kernel.viewer import GUEST
from koipond.notify.service import check_senders, make_senders
from koipond.notify.types import MessageKind, Sender
from koipond.payment.sandbox import KEY as SANDBOX
from koipond.payment.sandbox import Sandbox
from koipond.payment.types import PaymentProvider
from koipond.plugin.service import note_tables
from koipond.plugin.types import States
from koipond.relay.service import NATS, NatsRelay, check_relay
from koipond.settings import Settings, SettingsInvalid
from koipond.stock.rules import STRATEGIES
from koipond.webhooks.rules import read_networks
from koipond.webhooks.service import COURIER, Post, Webhooks


def make_shop(
    settings: Settings,
    plugins: Sequence[Plugin] | None = None,
    *,
    clock: Clock | None = None,
    database: Database | None = None,
    states: States | None = None,
) -> Shop:
    """Wire a shop; its database must be closed.

    plugins: None means all that are installed. With plugins, the database is asked which of them
    are disabled, unless `states` says it; else it is connected to when it is first used.
    database: one to use instead of that of the settings.
    Raises PluginBroken, HookMistake, NotReady, SettingsInvalid.
    """
    check_settings(settings)
    check_relay(settings)
    installation = install(settings, plugins, states=states)
    hooks = make_hooks(installation.running)
    clock = clock or SystemClock()
    extensions = gather(installation.running, hooks, core_jobs=JOBS, core_events=EVENTS)
    senders = gather_senders(make_senders(settings, clock), hooks)
    check_senders(settings, {**senders, **hooks.senders()})
    return Shop(
        settings=settings,
        database=database or _make_database(settings),
        clock=clock,
        hooks=hooks,
        input_types=_make_input_types(_extending(installation.running)),
        providers={
            PaymentProvider: _make_providers(settings, clock),
            # Core's own are not a plugin's to change.
            MessageKind: {**extensions.messages, **{one.key: one for one in MESSAGE_KINDS}},
            Sender: senders,
            Courier: _make_couriers(settings),
        },
        reactions=REACTIONS,
        jobs={**JOBS, **extensions.jobs},
        recurring=(*RECURRING, *extensions.recurring),
        consumers=[*CONSUMERS, *hooks.consumers()],
        extensions=extensions,
        installation=installation,
        withhold=ask_for_approval,
        permissions=lambda: _known_permissions(installation.running, extensions),
    )


def _known_permissions(plugins: tuple[Plugin, ...], extensions: Extensions) -> frozenset[str]:
    registered = {one.name for found in extensions.permissions.values() for one in found}
    return make_schemas(plugins).permissions | registered


def _make_database(settings: Settings) -> Database:
    return Database(
        settings.database_url,
        pool_size=settings.database_pool_size,
        wait_s=settings.database_wait_s,
        answer_s=settings.database_answer_s,
    )


def check_settings(settings: Settings) -> None:
    """Raise SettingsInvalid for what names something that this shop has none of.

    At the start, and not when the first order comes.
    """
    if settings.allocation_strategy not in STRATEGIES:
        known = ", ".join(sorted(STRATEGIES))
        raise SettingsInvalid(
            f"allocation_strategy: there is no {settings.allocation_strategy!r}. There are: {known}"
        )


def _make_providers(settings: Settings, clock: Clock) -> dict[str, PaymentProvider]:
    """Return the payment providers: the sandbox, which must not be paid with in production."""
    if settings.production:
        return {}
    return {SANDBOX: open_sandbox(settings, clock=clock)}


def _make_couriers(settings: Settings) -> dict[str, Courier]:
    """Return {name: who tells others of events}."""
    networks = read_networks(settings.webhook_networks)
    post = Post(timeout_s=settings.webhook_timeout_s, networks=networks)
    made: dict[str, Courier] = {COURIER: Webhooks(post)}
    if settings.nats_url:
        made[NATS] = NatsRelay(
            settings.nats_url, stream=settings.nats_stream, timeout_s=settings.nats_timeout_s
        )
    return made


def open_sandbox(settings: Settings, *, clock: Clock | None = None) -> Sandbox:
    """Open the sandbox's books. Raises SettingsInvalid."""
    file = settings.sandbox_file
    try:
        if file:
            Path(file).parent.mkdir(parents=True, exist_ok=True)
        return Sandbox(secret=settings.secret, file=file, clock=clock)
    except (OSError, sqlite3.Error) as error:
        raise SettingsInvalid(f"sandbox_file: {file} cannot be opened: {error}") from error


def make_hooks(plugins: Sequence[Plugin]) -> Hooks:
    """Register what the plugins implement. Raises HookMistake."""
    registry = Registry(specs, {one.name: one.hooks for one in plugins if one.hooks})
    return Hooks(registry, {one.name: one.manifest.table_prefix for one in plugins})


def make_schemas(plugins: Sequence[Plugin]) -> Schemas:
    """Build both schemas. Raises HookMistake, SchemaConflict.

    They hold nothing of a shop: apps of one process whose plugins add the same to them share them.
    """
    return _make_schemas(_extending(plugins))


def make_executors(plugins: Sequence[Plugin], *, production: bool) -> tuple[Executor, Executor]:
    """Make the executors of the storefront's and of the admin's schema.

    Shared like the schemas, so that what one app has read and checked no other has to.
    """
    return _make_executors(_extending(plugins), production=production)


def _extending(plugins: Sequence[Plugin]) -> tuple[Plugin, ...]:
    """Return the plugins that add, or say that they add, anything to a schema."""
    return tuple(one for one in plugins if adds_to_schema(one))


@lru_cache(8)
def _make_schemas(plugins: tuple[Plugin, ...]) -> Schemas:
    return build_schemas(plugins, make_hooks(plugins))


@lru_cache(8)
def _make_executors(plugins: tuple[Plugin, ...], *, production: bool) -> tuple[Executor, Executor]:
    schemas = _make_schemas(plugins)
    return (
        Executor(schemas.storefront, production=production),
        Executor(schemas.admin, production=production),
    )


@lru_cache(8)
def _make_input_types(plugins: tuple[Plugin, ...]) -> InputTypes:
    return find_input_types(plugins, make_hooks(plugins))


@asynccontextmanager
async def open_shop(
    settings: Settings, plugins: Sequence[Plugin] | None = None, *, clock: Clock | None = None
) -> AsyncIterator[Shop]:
    """Lend a wired shop without HTTP, for commands, scripts and tests.

    plugins: None means all that are installed. Raises PluginBroken, HookMistake, NotReady.
    """
    shop = make_shop(settings, plugins, clock=clock)
    try:
        yield shop
    finally:
        await shop.close()


async def set_up(settings: Settings, plugins: Sequence[Plugin] | None = None) -> list[str]:
    """Bring the tables up to date, and make the settings' channels and shipping methods.

    plugins: None means all that are installed. Returns a line for each thing that was done; again,
    there is nothing to do. Raises NotReady, ChannelInvalid and what is wrong with a price.
    """
    # Before there is a database that a refusal would leave half made.
    check_channels(settings.channels)
    check_zones(settings.zones)
    check_methods(settings.channels)
    async with open_shop(settings, plugins) as shop:
        wanted = units(shop.installation.plugins)
        ran = await migrate_safely(shop.database, wanted)
        async with shop.context(viewer=GUEST) as ctx:
            await note_tables(ctx, {unit.name: unit.prefix for unit in wanted if unit.prefix})
            channels = await ensure_channels(ctx)
            zones = await ensure_zones(ctx)
            methods = await ensure_methods(ctx)
    return [
        *(f"migrated {one}" for one in ran),
        *(f"made channel {one.code}" for one in channels),
        *(f"made zone {one.code}" for one in zones),
        *(f"made shipping method {one.code}" for one in methods),
    ]


def make_front(shop: Shop) -> Front:
    """Make what answers for a shop. Raises SchemaConflict, SettingsInvalid."""
    production = shop.settings.production
    return build_front(shop, make_executors(shop.installation.running, production=production))


def create_app(
    settings: Settings,
    plugins: Sequence[Plugin] | None = None,
    *,
    clock: Clock | None = None,
    work: bool = False,
) -> Litestar:
    """Return the ASGI application of a shop; its `state` has the `shop`, and its sockets' `crowd`.

    plugins: None means all that are installed. work: run a worker in this process.
    Starting it raises NotReady unless the database answers and is migrated.
    Raises PluginBroken, HookMistake, SchemaConflict, SettingsInvalid, NotReady.
    """
    return make_app(make_front(make_shop(settings, plugins, clock=clock)), work=work)
