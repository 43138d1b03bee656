"""A PostgreSQL server whose plug can be pulled: on disk, each commit flushed, as in production."""

from __future__ import annotations

import subprocess
import time
from typing import Any

from koipond_sdk.testing.postgres import Postgres, _end_with_parent


class PluggedPostgres(Postgres):
    """Killed by `pull`, started again on the same data by `plug_in`."""

    def __init__(self) -> None:
        super().__init__(durable=True)

    def url(self, name: str) -> str:
        """Return the address of a database of it."""
        return f"postgresql+asyncpg://postgres@/{name}?host={self.home}"

    def pull(self) -> None:
        """Kill -9 the server. Its children find that out and end by themselves."""
        assert self._process is not None
        self._process.kill()
        # Waited for: the next one refuses to start while this one is a zombie.
        self._process.wait()

    def plug_in(self, within_s: float = 20.0) -> None:
        """Start it again; refused as long as children of the one before still live."""
        assert self._process is not None
        arguments: Any = self._process.args
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    arguments,
                    cwd=self.home,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    preexec_fn=_end_with_parent,  # noqa: PLW1509  it calls one C function
                    start_new_session=True,
                    **self._run_as,
                )
            try:
                self._process.wait(0.3)
            except subprocess.TimeoutExpired:
                return
        raise AssertionError(self._log.read_text(errors="replace"))
