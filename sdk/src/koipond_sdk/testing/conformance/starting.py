"""Rules of how a plugin comes and goes: it starts, and where it is off it leaves no trace."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from koipond.kernel.context import Context
from koipond.kernel.dispatch import HookMistake, Kind
from koipond.kernel.plugins import Plugin, PluginBroken
from koipond.kernel.schema import SchemaConflict
from koipond.plugin import service as plugins
from koipond_sdk.testing.actors import STAFF
from koipond_sdk.testing.conformance.candidates import Candidate
from koipond_sdk.testing.shop import CHANNEL, RunningShop, running_shop

# What core's modules and their classes hold, before and after a plugin is imported.
_LOOK = """
import importlib, inspect, json, sys, threading
import koipond.app, koipond.cli

def seen():
    found = {}
    for module in [one for key, one in sys.modules.items() if key.split(".")[0] == "koipond"]:
        for name, value in vars(module).items():
            found[f"{module.__name__}.{name}"] = value
            if inspect.isclass(value) and value.__module__ == module.__name__:
                members = vars(value).items()
                found |= {f"{module.__name__}.{name}.{key}": one for key, one in members}
    return found

before, threads = seen(), threading.active_count()
importlib.import_module(sys.argv[1])
after = seen()
odd = sorted(name for name, value in before.items() if after.get(name) is not value)
print(json.dumps({"odd": odd, "threads": threading.active_count() - threads}))
"""
# Python, and libraries, fill these in by themselves.
_BY_ITSELF = ("__", "_abc_", "_sa_")


async def find_bad_starts(candidate: Candidate, url: str) -> list[str]:
    """It starts alone, with no more than it requires, and beside all others."""
    return [
        *await _start(url, candidate.alone, "alone"),
        *await _start(url, candidate.installed, "beside all others"),
    ]


async def _start(url: str, wanted: Sequence[Plugin], how: str) -> list[str]:
    try:
        async with running_shop(url, plugins=wanted) as shop:
            answer = await shop.http.get("/ready")
    except (HookMistake, PluginBroken, SchemaConflict) as error:
        return [f"it does not start {how}: {line}" for line in str(error).splitlines()]
    if answer.status_code != 200:
        return [f"it does not get ready {how}: {answer.text}. Mend what that names."]
    return []


async def find_import_changes(candidate: Candidate) -> list[str]:
    """Importing it changes nothing of core: what it does it does by hooks."""
    assert candidate.plugin.hooks is not None
    command = [sys.executable, "-c", _LOOK, candidate.plugin.hooks.__name__]
    environment = {"PYTHONPATH": ":".join(filter(None, sys.path))}
    ran = await asyncio.to_thread(
        subprocess.run, command, check=False, capture_output=True, text=True, env=environment
    )
    if ran.returncode:
        return [f"importing it by itself fails: {ran.stderr.strip().splitlines()[-1]}. Mend that."]
    seen = json.loads(ran.stdout.splitlines()[-1])
    broken = [
        f"importing it changes {name}, which stays so where the plugin is off. Take part by a "
        "hook; if there is none for it, ask for one."
        for name in seen["odd"]
        if not name.rpartition(".")[2].startswith(_BY_ITSELF)
    ]
    if seen["threads"]:
        broken.append(
            f"importing it starts {seen['threads']} threads. Do background work by register_jobs."
        )
    return broken


async def find_traces_when_off(candidate: Candidate, url: str) -> list[str]:
    """Where it is disabled, in a channel or everywhere, a shop sells as if it were not there."""
    broken = []
    for channel in (CHANNEL.code, ""):
        async with _staffed(url, candidate) as ctx:
            await plugins.disable(ctx, candidate.name, channel)
        async with running_shop(url, plugins=candidate.alone) as shop:
            broken += await _sell(candidate, shop, channel)
        async with _staffed(url, candidate) as ctx:
            await plugins.enable(ctx, candidate.name, channel)
    return broken


@asynccontextmanager
async def _staffed(url: str, candidate: Candidate) -> AsyncIterator[Context]:
    async with (
        running_shop(url, plugins=candidate.alone) as shop,
        shop.context(viewer=STAFF) as ctx,
    ):
        yield ctx


async def _sell(candidate: Candidate, shop: RunningShop, channel: str) -> list[str]:
    # Without the plugin's own story: what it is about is refused.
    plain = Candidate(plugin=candidate.plugin, installed=candidate.installed)
    before = _own_rows(candidate, await shop.snapshot())
    with shop.trace_hooks() as called:
        await plain.tell(shop)
    if channel:
        # Events are told in whatever channel they were: what it owes it may still settle.
        specs = shop.shop.hooks.registry.specs
        heard = {name for name, one in specs.items() if one.declared.kind is Kind.EVENT}
        asked = {one.hook for one in called if one.plugin == candidate.name} - heard
        return [
            f"disabled in the channel {channel}, its hook {name} is called. That is core's to "
            "mend: tell us."
            for name in sorted(asked)
        ]
    after = _own_rows(candidate, await shop.snapshot())
    return [
        f"disabled everywhere, rows of {name} change while others buy. Take out what writes them "
        "behind core's back: a trigger, a listener, something patched."
        for name, rows in after.items()
        if rows != before.get(name)
    ]


def _own_rows(candidate: Candidate, found: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    return {name: rows for name, rows in found.items() if candidate.owns(name)}
