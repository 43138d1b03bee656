"""Serves one of the builds to the bench: python -m tests.bench.builds.serving BUILD URL SOCKET.

BUILD: `floor`, `none` (a shop without plugins) or `all` (with every plugin that is installed).
SOCKET: the descriptor that it listens on. A process of its own, so that its CPU is what serving
takes, and not what asking does.
"""

import socket
import sys

import uvicorn
from litestar import Litestar
from tests.bench.builds import floor

from koipond.app import create_app
from koipond.cli.collecting import collect_seldom
from koipond.kernel.logs import configure
from koipond.settings import ChannelSettings, Settings

CHANNEL = ChannelSettings(code="main", name="Main", currencies=("EUR",), locales=("en",))


def settings_of(url: str) -> Settings:
    """Return the settings of the shop at `url`: not production, whose sandbox is paid with."""
    return Settings(database_url=url, channels=(CHANNEL,))


def make_app(build: str, url: str) -> Litestar:
    """Return what serves the database at `url`."""
    if build == "floor":
        return floor.make_app(url)
    return create_app(settings_of(url), [] if build == "none" else None)


def main() -> None:
    """Serve until the bench ends this process."""
    build, url, descriptor = sys.argv[1:]
    # No shop has it, only our tools do, and Litestar loads all of it where it is: 8 MB.
    sys.modules["pydantic"] = None  # type: ignore[assignment]  # so that importing it fails
    configure(production=True)
    app = make_app(build, url)
    if build != "floor":
        # As `koi serve` does.
        app.on_startup.append(collect_seldom)
    config = uvicorn.Config(app, log_config=None, log_level="warning", access_log=False)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=int(descriptor))])


if __name__ == "__main__":
    main()
