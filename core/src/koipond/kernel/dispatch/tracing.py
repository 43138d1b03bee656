"""What was called for one request, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from msgspec import Struct


class Called(Struct, frozen=True, kw_only=True):
    """One call of one implementation. outcome: "ok", or what went wrong."""

    hook: str
    plugin: str
    seconds: float
    outcome: str


calls: ContextVar[list[Called] | None] = ContextVar("koi_hook_calls", default=None)


@contextmanager
def traced() -> Iterator[list[Called]]:
    """Collect what is called while the block runs, also by tasks that it starts."""
    made: list[Called] = []
    token = calls.set(made)
    try:
        yield made
    finally:
        calls.reset(token)


def draw(title: str, made: Sequence[Called]) -> str:
    """Draw calls as a tree: the request, its hooks in their order, and each one's plugins."""
    lines = [title]
    groups: list[list[Called]] = []
    for one in made:
        if groups and groups[-1][0].hook == one.hook:
            groups[-1].append(one)
        else:
            groups.append([one])
    for place, group in enumerate(groups):
        last = place == len(groups) - 1
        spent = sum(one.seconds for one in group) * 1_000
        lines.append(f"{'└─' if last else '├─'} {group[0].hook}  {spent:.2f} ms")
        for position, one in enumerate(group):
            stem = "   " if last else "│  "
            fork = "└─" if position == len(group) - 1 else "├─"
            said = "" if one.outcome == "ok" else f"  {one.outcome}"
            lines.append(f"{stem}{fork} {one.plugin}  {one.seconds * 1_000:.2f} ms{said}")
    return "\n".join(lines)
