"""pytest's side of the test kit: its fixtures, marks and settings."""

from collections.abc import AsyncIterator, Generator
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from koipond_sdk.testing.conformance.options import add_options, add_suite
from koipond_sdk.testing.databases import Databases, Kind
from koipond_sdk.testing.postgres import Postgres, PostgresUnavailable

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

    from koipond_sdk.testing.conformance.candidates import Story
    from koipond_sdk.testing.making import Factory
    from koipond_sdk.testing.senders import FakeSender
    from koipond_sdk.testing.shop import RunningShop

SERVER = pytest.StashKey[Postgres]()
DATABASES = pytest.StashKey[Databases]()
# Whether a test itself has failed; what comes behind it then says nothing.
FAILED = pytest.StashKey[bool]()

# Options with which nothing is run, so that no server is wanted.
ONLY_LOOKING = ("collectonly", "showfixtures", "show_fixtures_per_test", "setupplan")

KINDS = [
    pytest.param(Kind.SQLITE, marks=pytest.mark.sqlite),
    pytest.param(Kind.POSTGRES, marks=pytest.mark.postgres),
]
# The fixtures that there are one of for each kind.
URLS = {"database_url", "own_database_url", "blank_database_url"}


# Without these a test and its shop would run in loops of their own, and connections belong to one.
SETTINGS = {
    "asyncio_mode": "auto",
    "asyncio_default_fixture_loop_scope": "session",
    "asyncio_default_test_loop_scope": "session",
}
AUDITED = "koipond_invariants"
ASKED = "koipond_databases"


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)
    parser.addini(
        AUDITED,
        "after each test that has the fixture `shop`, fail it by what any audit finds",
        type="bool",
        default=True,
    )
    parser.addini(
        ASKED, "the databases that tests run on: sqlite, postgres", type="args", default=[*Kind]
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "breaks_invariants: on purpose, so no audits are run after it"
    )
    config.addinivalue_line("markers", "slow: takes half a second or more")
    add_suite(config)
    config.addinivalue_line("markers", "sqlite: runs on SQLite")
    config.addinivalue_line("markers", "postgres: runs on PostgreSQL")
    config.addinivalue_line("markers", "one_database: decided above the database, so run on SQLite")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on one database what does not depend on which, and on none that is not wanted."""
    wanted = asked_kinds(metafunc.config)
    if metafunc.definition.get_closest_marker("one_database") is not None:
        wanted = wanted[:1]
    if len(wanted) == len(KINDS):
        return
    for name in URLS & set(metafunc.fixturenames):
        # A mark, because pytest itself sees only marks: else it would add the other database.
        metafunc.definition.add_marker(pytest.mark.parametrize(name, wanted, indirect=True))


def asked_kinds(config: pytest.Config) -> list[Any]:
    """Return the databases that tests are to run on, as parameters."""
    asked = config.getini(ASKED)
    odd = sorted(set(asked) - set(Kind))
    if odd or not asked:
        raise pytest.UsageError(f"{ASKED}: {asked}. Say one or both of: {', '.join(Kind)}")
    return [one for one in KINDS if one.values[0] in asked]


def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    handed = getattr(config, "workerinput", None)
    if handed is not None:
        config.stash[DATABASES] = Databases.from_controller(handed)
        return
    if any(config.getoption(option, default=False) for option in ONLY_LOOKING):
        return
    server = config.stash[SERVER] = Postgres()
    unavailable = ""
    try:
        if Kind.POSTGRES in config.getini(ASKED):
            server.start()
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember whether the test failed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


def check_settings(config: pytest.Config) -> None:
    """Fail, with what to write where, unless tests and their fixtures share a loop."""
    missing = [name for name, value in SETTINGS.items() if str(_told(config, name)) != value]
    if missing:
        lines = "\n".join(f'    {name} = "{SETTINGS[name]}"' for name in SETTINGS)
        pytest.fail(
            f"The fixtures of koipond_sdk.testing need, in pyproject.toml:\n\n"
            f"    [tool.pytest.ini_options]\n{lines}\n\nNot so now: {', '.join(missing)}.",
            pytrace=False,
        )


def _told(config: pytest.Config, name: str) -> object:
    # pytest-asyncio takes these by options too.
    return config.getoption(name, default=None) or config.getini(name)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def databases(request: pytest.FixtureRequest) -> AsyncIterator[Databases]:
    """This worker's databases."""
    check_settings(request.config)
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


@pytest.fixture
def story() -> "Story | None":
    """What the conformance suite lets happen beside purchases; a project's conftest.py says it."""
    return None


@pytest.fixture
def audited(request: pytest.FixtureRequest) -> bool:
    """Whether all that must hold is looked at after a test that has `shop`."""
    breaks = request.node.get_closest_marker("breaks_invariants")
    return bool(request.config.getini(AUDITED)) and breaks is None


@pytest_asyncio.fixture
async def shop(
    request: pytest.FixtureRequest, database_url: str, plugins: list[str], audited: bool
) -> "AsyncIterator[RunningShop]":
    """A running shop with the channel `main`, on SQLite and on PostgreSQL.

    After the test all audits are run, core's and its plugins', and fail it by what they find.
    """
    # Late, so that a core that cannot be imported fails the tests that want a shop, and no others.
    from koipond_sdk.testing.shop import running_shop

    async with running_shop(database_url, plugins=plugins) as running:
        yield running
        if audited and not request.node.stash.get(FAILED, False):
            found = [str(one) for one in await running.findings()]
            if found:
                pytest.fail("\n".join(["What must always hold does not:", *found]), pytrace=False)


@pytest.fixture
def make(shop: "RunningShop") -> "Factory":
    """Makes what a test begins with: `await make.paid_order({tea: 2}, by=lin)`."""
    from koipond_sdk.testing.making import Factory

    return Factory(shop)


@pytest.fixture
def sender(shop: "RunningShop") -> "FakeSender":
    """Takes the mail and text messages that `shop` sends; `sender.messages` are those it took."""
    from koipond_sdk.testing.senders import lend_sender

    return lend_sender(shop)
