"""Named places where a process may die, so that tests can make it: a no-op everywhere else.

KOI_CRASH_AT=quota.batch.before_commit kills this process the first time it comes there, and
KOI_CRASH_AT=quota.batch.before_commit:20 the twentieth time.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Fault = Callable[[str], None]


def crash_point(name: str) -> None:
    """Do what a test wants to happen here: nothing, raise, or die. Names are `part.act.place`."""
    if _fault is not None:
        _fault(name)


@contextmanager
def planned(fault: Fault | None) -> Iterator[None]:
    """Call `fault` with the name of each crash point that is passed while the block runs."""
    global _fault  # noqa: PLW0603  # the one place; crash points must cost nothing
    before, _fault = _fault, fault
    try:
        yield
    finally:
        _fault = before


def deadly(place: str) -> Fault | None:
    """Return what kills this process at `place`, as KOI_CRASH_AT names it; None for no place."""
    name, _, wanted = place.partition(":")
    if not name:
        return None
    passed: Counter[str] = Counter()

    def kill(here: str) -> None:
        passed[here] += 1
        if here == name and passed[here] == int(wanted or 1):
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


_fault = deadly(os.environ.get("KOI_CRASH_AT", ""))
