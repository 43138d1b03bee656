"""Lets programs of Node judge a shop: `make audits`, or python -m tests.http.judging."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from litestar import Litestar

from koipond.app import create_app, set_up
from koipond.front import STOREFRONT_PATH
from koipond.kernel.logs import configure
from koipond.settings import Settings

HERE = Path(__file__).parent
NODE_OLDEST = 20
# npm is asked for four packages; a registry that does not answer is not waited for.
INSTALL = ("npm", "ci", "--no-audit", "--no-fund", "--fetch-retries=0", "--fetch-timeout=20000")


def find_obstacle() -> str | None:
    """Return why no program of Node can be run here, or None; gets their packages if need be."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return f"there is no Node here: node and npm, version {NODE_OLDEST} or newer"
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.removeprefix("v").partition(".")[0]) < NODE_OLDEST:
        return f"Node is {said.strip()}, too old for graphql-ws: {NODE_OLDEST} or newer is wanted"
    with (HERE / "package.json").open(encoding="utf-8") as only_one_installs:
        fcntl.flock(only_one_installs, fcntl.LOCK_EX)
        return _install()


def _install() -> str | None:
    # npm writes this file last, and its time tells whether the lock file changed since.
    done = HERE / "node_modules" / ".package-lock.json"
    lock = HERE / "package-lock.json"
    if done.exists() and done.stat().st_mtime >= lock.stat().st_mtime:
        return None
    ran = subprocess.run(INSTALL, cwd=HERE, capture_output=True, text=True, check=False)
    problem = next((one for one in ran.stderr.splitlines() if "error" in one), "it says nothing")
    return None if ran.returncode == 0 else f"npm cannot install what judges: {problem}"


@asynccontextmanager
async def listening(app: Litestar) -> AsyncIterator[str]:
    """Serve an app whose lifespan has begun; yields where, as HOST:PORT."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await task


async def run(script: str, *arguments: str) -> tuple[int, str]:
    """Run one of the programs in this folder; returns its exit code and what it printed."""
    running = await asyncio.create_subprocess_exec(
        "node",
        script,
        *arguments,
        cwd=HERE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        printed, _ = await asyncio.wait_for(running.communicate(), 45)
    finally:
        if running.returncode is None:
            running.kill()
    assert running.returncode is not None
    return running.returncode, printed.decode()


async def audit() -> tuple[int, str]:
    """Run the audits on a new shop. Some ask for the schema, which production hides."""
    with tempfile.TemporaryDirectory(prefix="koi-audits-") as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/shop.db")
        await set_up(settings, ())
        app = create_app(settings, ())
        async with app.lifespan(), listening(app) as where:
            return await run("audits.mjs", f"http://{where}{STOREFRONT_PATH}")


def main() -> int:
    """Print what failed, then the count."""
    obstacle = find_obstacle()
    if obstacle:
        sys.stderr.write(f"{obstacle}\n")
        return 2
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        configure(production=True, stream=nowhere)
        code, printed = asyncio.run(audit())
    sys.stdout.write(printed)
    return code


if __name__ == "__main__":
    sys.exit(main())
