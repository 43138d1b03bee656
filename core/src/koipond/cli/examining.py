"""What `koi doctor` looks at, one thing after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from koipond.app import check_settings, make_hooks, make_schemas, open_shop
from koipond.delivery import service as delivery
from koipond.duties import JOBS, audits_of
from koipond.extending import find_undeclared, gather
from koipond.graphql.assets import ASSETS, AssetsMissing, read_asset
from koipond.installing import check_prefixes, find_states
from koipond.kernel.chaining import find_waiting as find_waiting_records
from koipond.kernel.clock import Clock, SystemClock
from koipond.kernel.db import Database, metadata
from koipond.kernel.dispatch import HookMistake
from koipond.kernel.drafting import find_drift
from koipond.kernel.extensions import Extensions
from koipond.kernel.ids import WebhookEndpointId, encode
from koipond.kernel.invariants import run_audits
from koipond.kernel.pages import Page
from koipond.kernel.plugins import Plugin, PluginBroken, survey
from koipond.kernel.readiness import NotReady, check_there, find_version, find_waiting
from koipond.kernel.revisions import find_left, find_metadata, unit_of, units
from koipond.kernel.schema import SchemaConflict
from koipond.kernel.viewer import GUEST
from koipond.plugin.service import find_lost_rewards, find_misfits
from koipond.plugin.types import States
from koipond.settings import DEVELOPMENT_SECRET, SettingsInvalid
from koipond.webhooks import service as webhooks
from koipond.webhooks.types import DisabledBy

if TYPE_CHECKING:
    from koipond.settings import Settings

# The name of a database, and the oldest version that will do.
_POSTGRES = ("PostgreSQL", (15,))
_SQLITE = ("SQLite", (3, 40))
# What is held or expires is decided by the database's clock, what is shown by this machine's.
_DRIFT_MAX = timedelta(milliseconds=500)
# So many dead letters are named.
_NAMED = 5
# Why an endpoint is off that no staff have turned off.
_WHY_OFF = {DisabledBy.GONE: "it is gone", DisabledBy.FAILING: "it took nothing for days"}


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `fix` is empty if it is as it should be."""

    about: str
    found: str
    fix: str = ""


async def examine(
    settings: Settings, *, origin: str = "", clock: Clock | None = None
) -> list[Finding]:
    """Look at everything that can be looked at; what depends on something broken is left out.

    origin: where the settings were read.
    """
    states = _states(settings)
    plugins, broken = survey(disabled=states.everywhere)
    running = [one for one in plugins if one.name not in states.everywhere]
    findings = [_settings(settings, origin), *_plugins(plugins, states)]
    findings += [
        Finding(about=f"plugin {one.name}", found="it cannot run", fix=one.reason) for one in broken
    ]
    hooks, extensions = _hooks(running)
    findings += hooks
    if extensions is not None:
        findings += [_permissions(extensions), *_privacy(running, extensions), *_schema(running)]
    findings += _assets(settings)
    missing = _missing(settings)
    if missing is not None:
        return [*findings, missing]
    known = [one.name for one in (*plugins,)] + [one.name for one in broken]
    return [*findings, *await _database_findings(settings, plugins, known, clock, extensions)]


async def _database_findings(
    settings: Settings,
    plugins: Sequence[Plugin],
    known: Sequence[str],
    clock: Clock | None,
    extensions: Extensions | None,
) -> list[Finding]:
    database = Database(settings.database_url, pool_size=1, wait_s=settings.database_wait_s)
    try:
        version = await _version(database)
        if version.fix:
            return [version]
        try:
            waiting = await find_waiting(database, units(plugins))
        except NotReady as error:
            other = Finding(about="migrations", found="not by this version", fix=str(error))
            return [version, other]
        fix = "koi migrate" if waiting else ""
        found = [
            version,
            Finding(about="migrations", found=waiting or "nothing is pending", fix=fix),
            await _clock(database, clock or SystemClock()),
            *await _orphans(database, known),
        ]
        if not waiting:
            found += await _drift(database, plugins)
    finally:
        await database.close()
    if not waiting and extensions is not None:
        found += await _misfits(settings, plugins)
        found += await _unattended(settings, plugins)
    return found


async def recount(settings: Settings) -> list[Finding]:
    """Let every audit look at all rows."""
    async with open_shop(settings) as shop:
        audits = audits_of(shop)
        broken = await run_audits(shop, audits)
    if not broken:
        return [
            Finding(about="audit", found=f"{len(audits)} audits found everything as it must be")
        ]
    return [Finding(about=one.invariant, found=one.problem, fix=one.fix) for one in broken]


def _states(settings: Settings) -> States:
    try:
        return find_states(settings)
    except NotReady:
        return States()  # told of where the database is looked at


def _settings(settings: Settings, origin: str) -> Finding:
    try:
        check_settings(settings)
    except SettingsInvalid as error:
        return Finding(about="settings", found="one cannot be used", fix=str(error))
    mode = "production" if settings.production else "development"
    secret = (
        "the built-in secret" if settings.secret == DEVELOPMENT_SECRET else "a secret of its own"
    )
    return Finding(
        about="settings", found=f"{origin}; {mode}, {secret}, {len(settings.channels)} channels"
    )


def _plugins(plugins: Sequence[Plugin], states: States) -> Iterator[Finding]:
    """Say which plugins there are: their imports and their ranges of the API are well."""
    names = [
        f"{one.name} (disabled)" if one.name in states.everywhere else one.name for one in plugins
    ]
    yield Finding(about="plugins", found=", ".join(names) or "none")
    try:
        check_prefixes(plugins)
    except PluginBroken as error:
        yield Finding(about="table prefixes", found="one is taken", fix=str(error))


def _hooks(plugins: Sequence[Plugin]) -> tuple[list[Finding], Extensions | None]:
    """Look at each plugin by itself, so that each mistake is told, then at all together."""
    findings = []
    for group in (*([one] for one in plugins), plugins):
        try:
            hooks = make_hooks(group)
            extensions = gather(group, hooks, core_jobs=JOBS)
        except HookMistake as error:
            found = "a hook is not as it must be"
            findings.append(Finding(about="hooks", found=found, fix=str(error)))
            if group is plugins:
                break
    if findings:
        return list({one.fix: one for one in findings}.values()), None
    count = sum(1 for _ in hooks.registry.measures())
    return [Finding(about="hooks", found=f"{count} implementations, in order")], extensions


def _privacy(plugins: Sequence[Plugin], extensions: Extensions) -> list[Finding]:
    """Say which plugins keep members' ids and do not say what becomes of them."""
    return [
        Finding(
            about=f"privacy of {name}",
            found=f"keeps members' ids in {', '.join(tables)}, which it does not declare",
            fix="Name them in the plugin's register_privacy, see docs/privacy.md",
        )
        for name, tables in find_undeclared(plugins, extensions).items()
    ]


def _permissions(extensions: Extensions) -> Finding:
    names = [one.name for found in extensions.permissions.values() for one in found]
    return Finding(about="permissions", found=", ".join(names) or "only core's")


def _schema(plugins: Sequence[Plugin]) -> list[Finding]:
    try:
        make_schemas(tuple(plugins))
    except (HookMistake, SchemaConflict) as error:
        return [
            Finding(about="schema", found="it cannot be built", fix=line)
            for line in str(error).splitlines()
        ]
    return [Finding(about="schema", found="storefront and admin can be built")]


def _assets(settings: Settings) -> list[Finding]:
    if settings.production:
        return []
    try:
        size = sum(len(read_asset(name)) for name in ASSETS)
    except AssetsMissing as error:
        return [Finding(about="GraphiQL", found="its files are missing", fix=str(error))]
    return [Finding(about="GraphiQL", found=f"{size // 1000} kB of files")]


def _missing(settings: Settings) -> Finding | None:
    """Say that there is no database; looking for it with a connection would make one."""
    try:
        check_there(settings.database_url)
    except NotReady as error:
        return Finding(about="database", found="there is none", fix=str(error))
    return None


async def _version(database: Database) -> Finding:
    name, floor = _SQLITE if database.is_sqlite else _POSTGRES
    try:
        answer = await find_version(database)
    except NotReady as error:
        return Finding(about="database", found="it cannot be used", fix=str(error))
    version = tuple(int(part) for part in re.findall(r"[0-9]+", answer)[:2])
    wanted = ".".join(map(str, floor))
    fix = "" if version >= floor else f"upgrade {name} to {wanted} or newer"
    return Finding(about="database", found=f"{name} {answer}", fix=fix)


async def _clock(database: Database, clock: Clock) -> Finding:
    ahead = await clock.database_now(database) - clock.now()
    apart = abs(ahead)
    found = f"{apart / timedelta(milliseconds=1):,.0f} ms from the database's"
    fix = "" if apart <= _DRIFT_MAX else "let both machines keep time by one server (NTP)"
    return Finding(about="clock", found=found, fix=fix)


async def _orphans(database: Database, known: Sequence[str]) -> list[Finding]:
    return [
        Finding(
            about="orphan tables",
            found=f"those of the plugin {name}, which is not installed",
            fix=f"install koipond-{name} again, or run: koi plugin purge {name}",
        )
        for name in await find_left(database, known)
    ]


async def _drift(database: Database, plugins: Sequence[Plugin]) -> list[Finding]:
    """Compare the tables of core and of each plugin that can be imported with their code."""
    compared = [(units([])[0], metadata)]
    for one in plugins:
        described = find_metadata(one) if one.hooks is not None else None
        if described is not None:
            compared.append((unit_of(one), described))
    findings = []
    for unit, described in compared:
        for change in await find_drift(database, unit, described):
            fix = (
                f"koi plugin migration {unit.name} MESSAGE drafts what is missing, if the code is "
                "right; if a table was changed by hand, change it back"
                if unit.prefix
                else "change it back, or compare with a copy of the database"
            )
            found = f"{unit.name} is not as its code says: {change}"
            findings.append(Finding(about="tables", found=found, fix=fix))
    names = ", ".join(unit.name for unit, _ in compared)
    return findings or [Finding(about="tables", found=f"as the code says: {names}")]


async def _misfits(settings: Settings, plugins: Sequence[Plugin]) -> list[Finding]:
    async with open_shop(settings, plugins) as shop, shop.context(viewer=GUEST) as ctx:
        found = await find_misfits(ctx)
        lost = await find_lost_rewards(ctx)
    findings = [
        Finding(
            about=f"setting {one.plugin}.{one.setting}",
            found=f"{one.reason}; it counts as not set",
            fix=f"setPluginSettings for {one.plugin}"
            + (f" in channel {one.channel}" if one.channel else "")
            + ", without it or with a value that fits",
        )
        for one in found
    ]
    findings += [
        Finding(
            about=f"rewards of {one.plugin}",
            found=f"it promises {one.kind!r}, which no plugin gives"
            + (f" in channel {one.channel}" if one.channel else "")
            + "; what that is for is refused",
            fix=f"install or enable a plugin that gives {one.kind!r}, or set another kind: "
            f"setPluginSettings for {one.plugin}",
        )
        for one in lost
    ]
    return findings or [Finding(about="plugin settings", found="all fit")]


async def _unattended(settings: Settings, plugins: Sequence[Plugin]) -> list[Finding]:
    """Find what stands still until people look: endpoints that are off, and dead letters."""
    async with open_shop(settings, plugins) as shop, shop.context(viewer=GUEST) as ctx:
        endpoints = await webhooks.find_endpoints(ctx)
        dead = await delivery.find_dead(ctx, Page(first=_NAMED))
        count = await delivery.count_dead(ctx)
        unlinked, since = await find_waiting_records(ctx)
    findings = [
        Finding(
            about="webhooks",
            found=f"{one.url} is told nothing since {one.disabled_at:%Y-%m-%d %H:%M} UTC: "
            + _WHY_OFF[one.disabled_by],
            fix="mend what it points at, then: koi webhook enable "
            + encode(WebhookEndpointId, one.id),
        )
        for one in endpoints
        if one.disabled_by is not None and one.disabled_by is not DisabledBy.STAFF
    ]
    findings += [
        Finding(
            about="dead letters",
            found=f"{one.name}{f' for {one.consumer}' if one.consumer else ''}"
            + (f", and {one.waiting:,} wait behind it" if one.waiting else "")
            + f": {one.problem}",
            fix=f"mend that, then: koi dead retry {one.id}",
        )
        for one in dead.rows
    ]
    if count > len(dead.rows):
        more = f"{count - len(dead.rows):,} more"
        findings.append(Finding(about="dead letters", found=more, fix="koi dead list"))
    if unlinked:
        waits = (
            f"{unlinked:,} records of the audit wait for a link since {since:%Y-%m-%d %H:%M} UTC"
        )
        findings.append(Finding(about="audit", found=waits, fix="koi worker"))
    return findings or [Finding(about="background", found="nothing stands still")]
