"""What processes have used of the processor, as the kernel counts it."""

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PARENT, _USED = 1, slice(11, 13)
_USED_BY_DEAD_CHILDREN = slice(13, 15)


def used_by_family(parent: int) -> float:
    """Return the CPU seconds of a process and its children, the dead ones too."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(entry.name) == parent:
            ticks += sum(map(int, fields[_USED] + fields[_USED_BY_DEAD_CHILDREN]))
        elif int(fields[_PARENT]) == parent:
            ticks += sum(map(int, fields[_USED]))
    return ticks / _TICKS_PER_S
