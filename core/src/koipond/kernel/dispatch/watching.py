"""Who runs now, and for how long: cuts what is late, and names what cannot be cut."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from threading import get_ident
from time import perf_counter
from typing import Any, Protocol

from msgspec import Struct

from koipond.kernel.logs import log

_LOOK_S = 0.05
_STACK = 12


class Watched(Protocol):
    """Whose call is watched; an Implementation is one."""

    @property
    def plugin(self) -> str: ...
    @property
    def hook(self) -> str: ...
    @property
    def deadline_s(self) -> float: ...


class Running(Struct, eq=False):
    """One call of one implementation, while it lasts.

    task: what waits for it, and is cut; None: it cannot wait, and is only named. late: it was cut
    for being over its time.
    """

    of: Watched
    task: asyncio.Task[Any] | None
    thread: int
    began: float
    late: bool = False

    def cut(self) -> None:
        """End the task at what it waits for; runs on its loop.

        Once: a loop that was busy may be asked twice before it comes to either, and to be cancelled
        twice is to be cancelled by somebody else.
        """
        if self in _running and self.task is not None and not self.late:
            self.late = True
            self.task.cancel()


# A thread of its own looks, because a hook that never waits keeps the event loop from looking: one
# timer for each call would cost more than most calls.
_running: dict[Running, None] = {}
_watch: threading.Thread | None = None
# Watch a call no more. Not a function of ours: that would cost as much as watching does.
end = _running.__delitem__


def begin(of: Watched, task: asyncio.Task[Any] | None = None) -> Running:
    """Watch a call from now on, until `end`."""
    running = Running(of, task, get_ident(), perf_counter())
    _running[running] = None
    if _watch is None:
        _start()
    return running


def _start() -> None:
    global _watch  # noqa: PLW0603  # one for the process, begun when the first hook is called
    _watch = threading.Thread(target=_look, name="koi-hooks", daemon=True)
    _watch.start()


def _forget() -> None:
    """A copy of a process has none of its threads, and runs nothing of what it ran."""
    global _watch  # noqa: PLW0603  # see _start
    _watch = None
    _running.clear()


os.register_at_fork(after_in_child=_forget)


def _look() -> None:
    named: set[Running] = set()
    while True:
        time.sleep(_LOOK_S)
        now = perf_counter()
        late = [one for one in list(_running) if one.began + one.of.deadline_s < now]
        for one in late:
            if one.task is not None and not one.late:
                one.task.get_loop().call_soon_threadsafe(one.cut)
            # A cut that does nothing, or a hook that keeps everything else from running.
            if one not in named and (one.task is None or one.began + 2 * one.of.deadline_s < now):
                _name(one)
                named.add(one)
        named.intersection_update(late)


def _name(one: Running) -> None:
    frame = sys._current_frames().get(one.thread)
    stack = traceback.format_stack(frame)[-_STACK:] if frame is not None else []
    log.warning(
        "a hook does not end",
        plugin=one.of.plugin,
        hook=one.of.hook,
        deadline_s=one.of.deadline_s,
        stack="".join(stack),
    )
