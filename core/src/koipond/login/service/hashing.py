"""Passwords are hashed by a few threads: however many log in, others find a core that is free."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from koipond.kernel.context import Context
from koipond.kernel.limiting import refusal

T = TypeVar("T")

# OWASP's parameters: 19 MiB, twice over, one lane; about 40 ms. More memory would let a flood of
# logins fill that of a small machine.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)
# One core is left to those who do not log in. The threads begin with the first login.
_THREADS = max(1, (os.cpu_count() or 1) - 1)
_NICENESS = 10


def _step_back() -> None:
    """Let a thread wait while those that answer others have work, where threads can (Linux)."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


_EXECUTOR = ThreadPoolExecutor(_THREADS, thread_name_prefix="koi-argon2", initializer=_step_back)
# Who comes while so many wait would wait for seconds: they are told to come back when those who
# wait are through.
_QUEUE_MAX = 64 * _THREADS
_BACK_S = 3
# What a password is compared with where there is none, so that it takes as long. Of no password:
# nobody knows a text with this hash.
_NOBODYS = _HASHER.hash(os.urandom(32).hex())
_waiting = 0


async def hash_password(ctx: Context, password: str) -> str:
    """Return the hash to keep of a password. Raises RateLimited when too many wait."""
    return await _run(ctx, _HASHER.hash, password)


async def verify_password(ctx: Context, hashed: str | None, password: str) -> bool:
    """Tell whether a password is the one of a hash. Without a hash it takes as long, and is not.

    Raises RateLimited when too many wait.
    """
    fits = await _run(ctx, _fits, hashed or _NOBODYS, password)
    return fits and hashed is not None


def check_room(ctx: Context) -> None:
    """Raise RateLimited when too many wait: before anything is done that would be for nothing."""
    if _waiting >= _QUEUE_MAX:
        raise refusal(ctx, "login", _BACK_S)


async def _run(ctx: Context, work: Callable[..., T], *arguments: str) -> T:
    global _waiting  # noqa: PLW0603  # one executor, one count
    assert not ctx.in_transaction, "nobody waits for a hash with locks in hand"
    check_room(ctx)
    _waiting += 1
    try:
        # Else a flood of logins would wait with every connection in hand.
        await ctx.rest()
        return await asyncio.get_running_loop().run_in_executor(_EXECUTOR, work, *arguments)
    finally:
        _waiting -= 1


def _fits(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
