"""pytest's side of the test kit; a project's conftest.py names it in `pytest_plugins`."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.postgres import Postgres, PostgresUnavailable

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from koipond_sdk.testing.shop import RunningShop

SERVER = pytest.StashKey[Postgres]()
DATABASES = pytest.StashKey[Databases]()

# Options with which nothing is run, so that no server is wanted.
ONLY_LOOKING = ("collectonly", "showfixtures", "show_fixtures_per_test", "setupplan")

KINDS = [
    pytest.param(Kind.SQLITE, marks=pytest.mark.sqlite),
    pytest.param(Kind.POSTGRES, marks=pytest.mark.postgres),
]
# The fixtures that there are one of for each kind.
URLS = {"database_url", "own_database_url", "blank_database_url"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "sqlite: runs on SQLite")
    config.addinivalue_line("markers", "postgres: runs on PostgreSQL")
    config.addinivalue_line("markers", "one_database: decided above the database, so run on SQLite")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on one database what does not depend on which."""
    if metafunc.definition.get_closest_marker("one_database") is None:
        return
    for name in URLS & set(metafunc.fixturenames):
        # A mark, because pytest itself sees only marks: else it would add the other database.
        metafunc.definition.add_marker(pytest.mark.parametrize(name, KINDS[:1], indirect=True))


def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    handed = getattr(config, "workerinput", None)
    if handed is not None:
        config.stash[DATABASES] = Databases.from_controller(handed)
        return
    if any(config.getoption(option, default=False) for option in ONLY_LOOKING):
        return
    server = config.stash[SERVER] = Postgres()
    try:
        server.start()
        unavailable = ""
    except PostgresUnavailable as error:
        unavailable = str(error)
    config.stash[DATABASES] = Databases(home=server.home, worker="main", unavailable=unavailable)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: "WorkerController") -> None:
    """Hand the server to an xdist worker, which starts none of its own."""
    node.workerinput.update(node.config.stash[DATABASES].to_worker())


def pytest_unconfigure(config: pytest.Config) -> None:
    server = config.stash.get(SERVER, None)
    if server is not None:
        server.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def databases(request: pytest.FixtureRequest) -> AsyncIterator[Databases]:
    """This worker's databases."""
    found = request.config.stash[DATABASES]
    yield found
    await found.close()


@pytest_asyncio.fixture(params=KINDS)
async def database_url(request: pytest.FixtureRequest, databases: Databases) -> str:
    """A migrated database without any row, on SQLite and on PostgreSQL.

    What a test wrote stays until the next one asks, so that a failure can be looked into.
    """
    return await databases.emptied(request.param)


@pytest_asyncio.fixture(params=KINDS)
async def blank_database_url(
    request: pytest.FixtureRequest, databases: Databases
) -> AsyncIterator[str]:
    """A new database without any table, on SQLite and on PostgreSQL; dropped after the test."""
    async with databases.blank(request.param) as url:
        yield url


@pytest_asyncio.fixture(params=KINDS)
async def own_database_url(
    request: pytest.FixtureRequest, databases: Databases
) -> AsyncIterator[str]:
    """A migrated database to change the tables of, on both kinds; dropped after the test."""
    async with databases.own(request.param) as url:
        yield url


@pytest.fixture
def plugins() -> list[str]:
    """Names of the installed plugins that `shop` has; a plugin's conftest.py overrides it."""
    return []


@pytest_asyncio.fixture
async def shop(database_url: str, plugins: list[str]) -> "AsyncIterator[RunningShop]":
    """A running shop with the channel `main`, on SQLite and on PostgreSQL."""
    # Late, so that a core that cannot be imported fails the tests that want a shop, and no others.
    from koipond_sdk.testing.shop import running_shop

    async with running_shop(database_url, plugins=plugins) as running:
        yield running
