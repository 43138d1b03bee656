"""What code of a plugin must not do while core waits for it: reach out, commit, reserve."""

from __future__ import annotations

import sys
from contextvars import ContextVar
from types import FrameType

# What a pure calculation or a part of core's transaction would wait for a network with.
_REACHING_OUT = frozenset(
    {"socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg", "subprocess.Popen"}
)
# "plugin gifts: order_creating" while that runs, else "".
inside: ContextVar[str] = ContextVar("koi_inside_hook", default="")
_watching = False


class HookMisuse(Exception):
    """Code of a plugin that does what its hook must not; names plugin, hook, mistake and fix."""


def refuse_inside(act: str, fix: str) -> None:
    """Raise HookMisuse if this is called from a hook that core waits for."""
    who = inside.get()
    if who:
        raise HookMisuse(f"{who} {act}. {fix}.")


def refuse_reaching_out() -> None:
    """From now on let no calculation and no part of a transaction open a connection.

    For development and tests: each thing that Python tells of then costs a look, for ever.
    """
    global _watching  # noqa: PLW0603  # Python knows no way to take such a hook out again
    if not _watching:
        _watching = True
        sys.addaudithook(_look)


def _look(told: str, arguments: object) -> None:
    if told in _REACHING_OUT and inside.get() and not _is_cancelling():
        refuse_inside(
            f"reaches out ({told})",
            "Core waits for it, and may hold locks: read beforehand in a hook of kind load, or "
            "enqueue a job",
        )


def _is_cancelling() -> bool:
    """Tell whether it is PostgreSQL's driver, which cancels a statement by another connection.

    Refused, the statement of a hook that was cut would go on, with all its locks.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "_cancel" and module.startswith("asyncpg."):
            return True
        frame = frame.f_back
    return False
