"""`koi doctor`: what is wrong with this shop, and how to mend it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import rich_click as click
from msgspec import Struct

from koipond.cli.options import settings_origin, with_settings

if TYPE_CHECKING:
    from koipond.kernel.db import Database
    from koipond.kernel.plugins import Plugin
    from koipond.settings import Settings

# The name of a database, and the oldest version that will do.
_POSTGRES = ("PostgreSQL", (15,))
_SQLITE = ("SQLite", (3, 40))


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `fix` is empty if it is as it should be."""

    about: str
    found: str
    fix: str = ""


@click.command
@click.option(
    "--audit", is_flag=True, help="Also recount all stock, units, orders, money, events and jobs."
)
@with_settings
@click.pass_context
def doctor(ctx: click.Context, settings: Settings, *, audit: bool) -> None:
    """Look for what is wrong: each finding with what to do. Exits with 1 if there is one."""
    findings = asyncio.run(examine(settings))
    if audit and not any(one.fix for one in findings):
        findings += asyncio.run(_recount(settings))
    for one in findings:
        click.echo(f"{'✗' if one.fix else '✓'} {one.about}: {one.found}")
        if one.fix:
            click.echo(f"  fix: {one.fix}")
    ctx.exit(1 if any(one.fix for one in findings) else 0)


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything that can be looked at; what depends on something broken is left out."""
    plugins, found = _plugins()
    findings = [_settings(settings), *found, *_schema(plugins), *_assets(settings)]
    missing = _missing(settings)
    if missing is not None:
        return [*findings, missing]
    async with _database(settings) as database:
        version = await _version(database)
        findings.append(version)
        if not version.fix and plugins is not None:
            findings.append(await _migrations(database, plugins))
    return findings


async def _recount(settings: Settings) -> list[Finding]:
    from koipond.app import AUDITS, open_shop
    from koipond.kernel.invariants import run_audits

    async with open_shop(settings) as shop:
        broken = await run_audits(shop, AUDITS)
    if not broken:
        return [
            Finding(about="audit", found=f"{len(AUDITS)} audits found everything as it must be")
        ]
    return [Finding(about=one.invariant, found=one.problem, fix=one.fix) for one in broken]


def _settings(settings: Settings) -> Finding:
    from koipond.app import check_settings
    from koipond.settings import DEVELOPMENT_SECRET, SettingsInvalid

    try:
        check_settings(settings)
    except SettingsInvalid as error:
        return Finding(about="settings", found="one cannot be used", fix=str(error))
    mode = "production" if settings.production else "development"
    secret = (
        "the built-in secret" if settings.secret == DEVELOPMENT_SECRET else "a secret of its own"
    )
    file = settings_origin().removeprefix("Settings: ").rstrip(".")
    return Finding(
        about="settings", found=f"{file}; {mode}, {secret}, {len(settings.channels)} channels"
    )


def _plugins() -> tuple[list[Plugin] | None, list[Finding]]:
    from koipond.kernel.plugins import PluginBroken, discover

    try:
        plugins = discover()
    except PluginBroken as error:
        return None, [Finding(about="plugins", found="one cannot be loaded", fix=str(error))]
    names = ", ".join(plugin.name for plugin in plugins) or "none"
    return plugins, [Finding(about="plugins", found=names)]


def _schema(plugins: list[Plugin] | None) -> list[Finding]:
    from koipond.app import make_schemas
    from koipond.kernel.dispatch import HookMistake
    from koipond.kernel.schema.build import SchemaConflict

    if plugins is None:
        return []
    try:
        make_schemas(tuple(plugins))
    except (HookMistake, SchemaConflict) as error:
        return [Finding(about="schema", found="it cannot be built", fix=str(error))]
    return [Finding(about="schema", found="storefront and admin can be built")]


def _assets(settings: Settings) -> list[Finding]:
    from koipond.graphql.assets import ASSETS, AssetsMissing, read_asset

    if settings.production:
        return []
    try:
        size = sum(len(read_asset(name)) for name in ASSETS)
    except AssetsMissing as error:
        return [Finding(about="GraphiQL", found="its files are missing", fix=str(error))]
    return [Finding(about="GraphiQL", found=f"{size // 1000} kB of files")]


def _missing(settings: Settings) -> Finding | None:
    """Say that there is no database; looking for it with a connection would make one."""
    from koipond.kernel.readiness import NotReady, check_there

    try:
        check_there(settings.database_url)
    except NotReady as error:
        return Finding(about="database", found="there is none", fix=str(error))
    return None


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    from koipond.kernel.db import Database

    database = Database(settings.database_url, pool_size=1, wait_s=settings.database_wait_s)
    try:
        yield database
    finally:
        await database.close()


async def _version(database: Database) -> Finding:
    from koipond.kernel.readiness import NotReady, find_version

    name, floor = _SQLITE if database.is_sqlite else _POSTGRES
    try:
        answer = await find_version(database)
    except NotReady as error:
        return Finding(about="database", found="it cannot be used", fix=str(error))
    version = tuple(int(part) for part in re.findall(r"[0-9]+", answer)[:2])
    wanted = ".".join(map(str, floor))
    fix = "" if version >= floor else f"upgrade {name} to {wanted} or newer"
    return Finding(about="database", found=f"{name} {answer}", fix=fix)


async def _migrations(database: Database, plugins: list[Plugin]) -> Finding:
    from koipond.kernel.migrate import units
    from koipond.kernel.readiness import NotReady, find_waiting

    try:
        waiting = await find_waiting(database, units(plugins))
    except NotReady as error:
        return Finding(about="migrations", found="not by this version", fix=str(error))
    fix = "koi migrate" if waiting else ""
    return Finding(about="migrations", found=waiting or "nothing is pending", fix=fix)
