"""What the plugins of a shop add to it: asked for once, at start, and checked."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import MetaData

from koipond.calling import Hooks
from koipond.kernel.dispatch import HookMistake
from koipond.kernel.events import Event
from koipond.kernel.extensions import (
    Declared,
    Extensions,
    Invariant,
    Permission,
    PluginJob,
    PluginSettings,
)
from koipond.kernel.jobs import Job, Jobs
from koipond.kernel.plugins import Manifest, Plugin
from koipond.kernel.revisions import find_metadata
from koipond.kernel.schedules import Cron, CronInvalid, Every, Recurring
from koipond.notify.rules import find_problem
from koipond.notify.service import RESERVED
from koipond.notify.types import MessageKind, Sender
from koipond.pricing.rules import find_personal
from koipond.pricing.types import TracedInputs


def gather(
    plugins: Sequence[Plugin],
    hooks: Hooks,
    *,
    core_jobs: Jobs,
    core_events: Sequence[type[Event]] = (),
) -> Extensions:
    """Return what plugins add. Raises HookMistake, naming the plugin, the mistake and the fix."""
    jobs: dict[str, list[PluginJob]] = {}
    permissions, settings, invariants, personal = {}, {}, {}, {}
    messages: dict[str, MessageKind] = {}
    traced: dict[tuple[str, int], type[msgspec.Struct]] = {}
    events = {one.name(): one for one in core_events}
    for plugin in plugins:
        name = plugin.name
        permissions[name] = _permissions(plugin.manifest, hooks)
        jobs[name] = _jobs(name, hooks)
        invariants[name] = _invariants(name, hooks)
        personal[name] = _personal(plugin, hooks)
        messages |= {one.key: one for one in _messages(name, hooks)}
        events |= _events(name, hooks, known=events)
        kind = _settings(name, hooks)
        if kind is not None:
            settings[name] = kind
        traced |= {(name, version): one for version, one in _traced(name, hooks).items()}
    return Extensions(
        permissions=permissions,
        settings=settings,
        invariants=invariants,
        personal=personal,
        messages=messages,
        jobs=_kinds(jobs, core_jobs),
        recurring=tuple(_recurring(jobs)),
        traced=traced,
        events=events,
    )


def _permissions(plugin: Manifest, hooks: Hooks) -> list[Permission]:
    found = hooks.register_permissions(plugin.name)
    names = [one.name for one in found]
    for name in names:
        if not name.startswith(f"{plugin.name}.") or names.count(name) > 1:
            raise _mistake(
                plugin.name,
                "register_permissions",
                f"returned a permission {name!r}",
                f"Each is named once and begins with {plugin.name}., as {plugin.name}.manage",
            )
    odd = sorted(set(names) ^ set(plugin.permissions))
    if odd:
        raise _mistake(
            plugin.name,
            "register_permissions",
            f"and plugin.toml do not name the same permissions: {', '.join(odd)}",
            f"Write permissions = {msgspec.json.encode(names).decode()} in plugin.toml",
        )
    return found


def _settings(plugin: str, hooks: Hooks) -> type[PluginSettings] | None:
    kind = hooks.register_settings(plugin)
    if kind is None:
        return None
    for field in msgspec.structs.fields(kind):
        if field.required:
            raise _mistake(
                plugin,
                "register_settings",
                f"returned {kind.__name__}, whose field {field.name} has no default",
                "Give it one: a shop runs before anybody has set anything",
            )
    reason = _unusable(kind)
    if reason:
        raise _mistake(
            plugin,
            "register_settings",
            f"returned {kind.__name__}, whose defaults cannot be: {reason}",
            "Change the defaults or the ranges",
        )
    return kind


def _unusable(kind: type[PluginSettings]) -> str | None:
    """Say why the defaults of a class are none, if so; msgspec itself does not check defaults."""
    try:
        made = msgspec.convert(msgspec.to_builtins(kind()), kind)
        return made.check()
    except Exception as error:
        return repr(error)


def _jobs(plugin: str, hooks: Hooks) -> list[PluginJob]:
    found = hooks.register_jobs(plugin)
    for one in found:
        problem = _job_problem(one)
        if problem:
            what, fix = problem
            raise _mistake(plugin, "register_jobs", f"returned {one.job.__name__}, {what}", fix)
    return found


def _job_problem(one: PluginJob) -> tuple[str, str] | None:
    """Say what is wrong with a job, and how to mend it."""
    kind: Any = one.job
    if not issubclass(kind, Job):
        return "which is no Job", "Derive it from koipond_sdk.Job"
    if not inspect.iscoroutinefunction(one.run):
        return "whose use-case is `def`", "Make it `async def`"
    return _recurring_problem(one) if one.every_s is not None or one.cron else None


def _recurring_problem(one: PluginJob) -> tuple[str, str] | None:
    if one.every_s is not None and one.cron:
        return "with both every_s and cron", "Give one of them"
    if one.every_s is not None and one.every_s < 1:
        return f"every {one.every_s} seconds", "Give a whole number of seconds, at least 1"
    needed = [field.name for field in msgspec.structs.fields(one.job) if field.required]
    if needed:
        words = f"which recurs, and has a field that must be given: {', '.join(needed)}"
        return words, "Give it a default, or let the job enqueue another one that has it"
    return _cron_problem(one)


def _cron_problem(one: PluginJob) -> tuple[str, str] | None:
    if one.ticks_max < 1:
        return f"with ticks_max {one.ticks_max}", "Give a whole number, at least 1"
    try:
        if one.cron:
            _schedule(one).next_after(datetime.now(UTC))
    except CronInvalid as error:
        return f"whose cron cannot be: {error}", "Write it as `0 3 * * *`, with a zone of IANA's"
    return None


def _messages(plugin: str, hooks: Hooks) -> list[MessageKind]:
    found = hooks.register_messages(plugin)
    keys = [one.key for one in found]
    for one in found:
        problem = find_problem(one)
        if not one.key.startswith(f"{plugin}."):
            problem = f"its key does not begin with {plugin}."
        if keys.count(one.key) > 1:
            problem = "there are two of that key"
        if problem:
            raise _mistake(
                plugin,
                "register_messages",
                f"returned the kind {one.key!r}: {problem.rstrip('.')}",
                "Mend it, koipond/notify/types.py says what a kind is",
            )
    return found


def _events(
    plugin: str, hooks: Hooks, *, known: Mapping[str, type[Event]]
) -> dict[str, type[Event]]:
    """Return {name: class} of a plugin's events that others are told of."""
    found: dict[str, type[Event]] = {}
    for one in hooks.register_events(plugin):
        if one.name() in known or one.name() in found:
            raise _mistake(
                plugin,
                "register_events",
                f"returned {one.name()}, and there is an event of that name",
                "Rename the class: it is kept in rows by its name, so let it carry the plugin's",
            )
        found[one.name()] = one
    return found


def gather_senders(own: Mapping[str, Sender], hooks: Hooks) -> dict[str, Sender]:
    """Return core's senders. Raises HookMistake for a plugin's that has the key of one."""
    for key, plugin in hooks.senders().items():
        if key in RESERVED:
            raise _mistake(
                plugin, "message_send", f"answers for {key!r}, which is core's", "Take another key"
            )
    return dict(own)


def _schedule(one: PluginJob) -> Recurring:
    if one.every_s is not None:
        return Every(seconds=one.every_s, job=one.job())
    return Cron(
        expression=one.cron,
        time_zone=one.time_zone,
        job=one.job(),
        misfire=one.misfire,
        ticks_max=one.ticks_max,
    )


def _kinds(found: Mapping[str, Sequence[PluginJob]], core_jobs: Jobs) -> Jobs:
    owners = {kind.name(): "core" for kind in core_jobs}
    kinds: dict[type[Job], Any] = {}
    for plugin, jobs in found.items():
        for one in jobs:
            owner = owners.setdefault(one.job.name(), plugin)
            if owner != plugin or one.job in kinds:
                raise _mistake(
                    plugin,
                    "register_jobs",
                    f"returned a job {one.job.name()}, and {owner} has one of that name",
                    "Rename the class: it is kept in rows by its name, so let it carry the "
                    "plugin's",
                )
            kinds[one.job] = one.run
    return kinds


def _recurring(found: Mapping[str, Sequence[PluginJob]]) -> Iterator[Recurring]:
    for jobs in found.values():
        for one in jobs:
            if one.every_s is not None or one.cron:
                yield _schedule(one)


def _invariants(plugin: str, hooks: Hooks) -> list[Invariant]:
    found = hooks.register_invariants(plugin)
    for one in found:
        if not inspect.iscoroutinefunction(one.audit):
            raise _mistake(
                plugin,
                "register_invariants",
                f"returned {one.id}, whose audit is `def`",
                "Make it `async def audit(ctx) -> list[Finding]`",
            )
    return found


def _personal(plugin: Plugin, hooks: Hooks) -> list[Declared]:
    """Return what a plugin's tables keep of members, with the tables themselves."""
    found = hooks.register_privacy(plugin.name)
    if not found:
        return []
    described = find_metadata(plugin)
    tables = {} if described is None else described.tables
    for one in found:
        named = {one.member, *one.exported, *one.blanked, *([one.order] if one.order else [])}
        columns = set(tables[one.table].columns.keys()) if one.table in tables else set()
        lacking = sorted(named - columns)
        if lacking:
            raise _mistake(
                plugin.name,
                "register_privacy",
                f"returned {one.table}, which has no column {lacking[0]}",
                "Name its tables and columns as tables.py does",
            )
        if one.member == "subject_id" and not one.order:
            raise _mistake(
                plugin.name,
                "register_privacy",
                f"returned {one.table}, whose rows are whom limits count, without `order`",
                "Name the column of the order too: of a guest nothing else leads to the row",
            )
    return [Declared(table=tables[one.table], said=one) for one in found]


def find_undeclared(plugins: Sequence[Plugin], extensions: Extensions) -> dict[str, list[str]]:
    """Return {plugin: its tables with a member's id that register_privacy does not name}."""
    found = {}
    for plugin in plugins:
        described = find_metadata(plugin)
        told = {one.table.name for one in extensions.personal.get(plugin.name, ())}
        names = [] if described is None else _with_members(described)
        missing = sorted(set(names) - told)
        if missing:
            found[plugin.name] = missing
    return found


def _with_members(described: MetaData) -> list[str]:
    """Return the tables that have a column for members, or for whom limits count."""
    return [
        table.name
        for table in described.tables.values()
        if {"member_id", "subject_id"} & set(table.columns.keys())
        or any(key.target_fullname == "member.id" for key in table.foreign_keys)
    ]


def _traced(plugin: str, hooks: Hooks) -> dict[int, type[TracedInputs]]:
    """Return {version: class} of the inputs that a plugin's calculations take."""
    found: dict[int, type[TracedInputs]] = {}
    for one in hooks.register_traced_inputs(plugin):
        personal = find_personal(one)
        if personal:
            raise _mistake(
                plugin,
                "register_traced_inputs",
                f"returned {one.__name__}, which keeps what is known of people: {personal[0]}",
                "Orders keep it for ever: let it say what follows from it instead",
            )
        if one.version in found:
            raise _mistake(
                plugin,
                "register_traced_inputs",
                f"returned {one.__name__} and {found[one.version].__name__}, both of version "
                f"{one.version}",
                "Count the classes through, whatever loads them",
            )
        found[one.version] = one
    return found


def _mistake(plugin: str, hook: str, what: str, fix: str) -> HookMistake:
    return HookMistake(f"plugin {plugin}: {hook} {what}. {fix}.")
