"""`koi replay`."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import rich_click as click

from koipond.cli.options import with_settings
from koipond.cli.problems import Problem

if TYPE_CHECKING:
    from koipond.order.service import Replayed
    from koipond.settings import Settings


@click.command
@click.argument("order")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@with_settings
def replay(settings: Settings, *, order: str, as_json: bool) -> None:
    """Work out again why ORDER costs what it costs; ORDER is its number or its id.

    Sums what is kept with it, works its price out again from its own trace, and runs the
    calculations of the plugins that still take what they were given then. Changes nothing. Exits
    with 1 if anything comes to something else.
    """

    async def run() -> Replayed | None:
        from koipond.cli.opening import opened
        from koipond.order import service

        async with opened(settings) as ctx:
            return await service.replay(ctx, order)

    found = asyncio.run(run())
    if found is None:
        raise Problem(f"There is no order {order[:60]!r}. Give its number, or an id like ord_…")
    click.echo(json.dumps(_told(found)) if as_json else _said(found))
    raise SystemExit(0 if found.is_same else 1)


def _told(found: Replayed) -> dict[str, Any]:
    from koipond.kernel.ids import OrderId, encode

    return {
        "order": encode(OrderId, found.order_id),
        "number": found.number,
        "currency": found.total.currency,
        "total": str(found.total.amount),
        "summed": str(found.summed.amount),
        "edits": found.edits,
        "differences": list(found.differences),
        "calculations": [
            {
                "plugin": one.plugin,
                "hook": one.hook,
                "version": one.version,
                "outcome": one.outcome,
            }
            for one in found.calculations
        ],
        "same": found.is_same,
    }


def _said(found: Replayed) -> str:
    sums = "its adjustments sum to that" if found.total == found.summed else "they do not sum to it"
    lines = [f"order {found.number}: {found.total}; {sums}: {found.summed}"]
    if found.edits:
        often = "once" if found.edits == 1 else f"{found.edits} times"
        lines += [f"edited {often} since it was placed, so nothing more can be compared"]
        return "\n".join(lines)
    if found.differences:
        lines += ["worked out again it is not the same:"]
        lines += [f"  {one}" for one in found.differences]
    else:
        lines += ["worked out again from its trace: the same"]
    for one in found.calculations:
        version = "" if one.version is None else f" version {one.version}"
        words = one.outcome.replace("_", " ")
        lines.append(f"{one.plugin} ({one.hook}{version}): {words}")
    if not found.calculations:
        lines.append("no plugin was asked")
    return "\n".join(lines)
