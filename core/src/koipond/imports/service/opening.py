"""Files of this machine, opened to be read twice."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from koipond.imports.errors import FileUnreadable


def written(path: str) -> str:
    """Return a path as it can be stored and shown: one may hold bytes that are no text."""
    return path.encode(errors="replace").decode()


@contextmanager
def opened(file: Path) -> Iterator[BufferedReader]:
    """Open a file, once for both looks, so that both see the same one. Raises FileUnreadable."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            reason = "it is a folder" if file.is_dir() else "it is no file that can be read twice"
            raise FileUnreadable(file=written(str(file)), reason=reason)
        stream = file.open("rb")
    except OSError as error:
        reason = (error.strerror or "the system refuses").lower()
        raise FileUnreadable(file=written(str(file)), reason=reason) from error
    with stream:
        yield stream
