"""Shops in processes of their own: python -m tests.rig.served, with a socket as standard input.

A new process takes two seconds to import a shop, a copy of one that has done so 0.1 s: so this one
imports, then waits for orders, and each makes a copy of itself that serves. They die with it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from typing import Any

import msgspec
import uvicorn
from msgspec import Struct
from sqlalchemy import Engine, Pool, event
from tests.rig.naive import built

from koipond.app import create_app, make_schemas
from koipond.kernel.faults import Fault, crash_point, planned
from koipond.kernel.logs import configure
from koipond.kernel.plugins import discover
from koipond.settings import Settings
from koipond_sdk.testing.shop import CHANNEL

MESSAGE_MAX = 65_536


class Order(Struct, frozen=True, kw_only=True):
    """What a copy is told.

    crash_at: NAME or NAME:20, the place where it dies. trace: a file that it writes the name of
    each such place into when it is passed. Beside those that the code names there are
    `database.before_commit` and `database.given_back`, when a connection has been. armed_by: a
    file; places count from when it is there. plugins: names of those that the shop has.
    """

    log: str
    settings: dict[str, Any]
    naive: str = ""
    crash_at: str = ""
    trace: str = ""
    armed_by: str = ""
    work: bool = False
    plugins: tuple[str, ...] = ()


def die_with_parent() -> None:
    """Be killed when the process that made this one ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def main() -> None:
    """Make a copy for each order, until the other side hangs up."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the copies
    make_schemas(())
    orders = socket.socket(fileno=0)
    while True:
        told, (*handed,), *_ = socket.recv_fds(orders, MESSAGE_MAX, 2)
        if not told:
            return
        copy = os.fork()
        if copy == 0:
            orders.close()
            _be(msgspec.json.decode(told, type=Order), listener=handed[0])
        for descriptor in handed:
            os.close(descriptor)
        orders.send(str(copy).encode())


def _be(order: Order, *, listener: int) -> None:
    """Serve until the end. The second thing that was handed over is open as long as this lives."""
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(order.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        with built(order.naive), planned(_fault(order)):
            event.listen(Engine, "commit", lambda _: crash_point("database.before_commit"))
            event.listen(Pool, "checkin", lambda *_: crash_point("database.given_back"))
            _serve(order, socket.socket(fileno=listener))
    finally:
        sys.stdout.flush()
        os._exit(0)


def _serve(order: Order, listener: socket.socket) -> None:
    settings = Settings(channels=(CHANNEL,), **order.settings)
    configure(production=True)
    plugins = [one for one in discover() if one.name in order.plugins] if order.plugins else []
    app = create_app(settings, plugins, work=order.work)
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2)
    uvicorn.Server(config).run(sockets=[listener])


def _fault(order: Order) -> Fault:
    name, _, wanted = order.crash_at.partition(":")
    left = [int(wanted or 1)]

    def pass_by(here: str) -> None:
        if order.armed_by and not os.path.exists(order.armed_by):
            return
        if order.trace:
            with open(order.trace, "a", encoding="utf-8") as trace:
                trace.write(f"{here}\n")
        left[0] -= here == name
        if here == name and left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return pass_by


if __name__ == "__main__":
    main()
