"""What `make test` leaves out: `make slow`, and the batteries of `make faults`, `attacks`, `fuzz`.

The batteries end with a line of what came out. Figures are told, never asserted: machines are
noisy.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from tests.attacks.rows import read_rows, rows_of

if TYPE_CHECKING:
    from tests.rig.servers import Servers

LONG = "faults"
SLOW = "slow"
# Many requests, one after the other; the statements under them have tests of their own.
STORY = "story"
# Given to what tests/attacks/rows.toml names; run by `make attacks`.
ATTACK = "attack"
# Takes minutes, which no other run waits for.
LONG_ATTACK = "long_attack"
# Given by Hypothesis to its own; run by `make fuzz` with more examples.
PROPERTIES = "hypothesis"
# Random too, by seeds of their own: more of them in `make fuzz`.
SEEDED = "fuzz"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{LONG}: takes long; run by `make faults` alone")
    config.addinivalue_line(
        "markers",
        f"{SLOW}: takes half a second: processes, crowds, long tales; run by `make slow`",
    )
    config.addinivalue_line(
        "markers",
        f"{STORY}: told on one database by `make test`, on the other by `make slow`; "
        "one that takes long by `make slow` and `make faults`",
    )
    config.addinivalue_line("markers", f"{ATTACK}: what an attacker tries; run by `make attacks`")
    config.addinivalue_line("markers", f"{LONG_ATTACK}: takes long; run by `make attacks` alone")
    config.addinivalue_line("markers", f"{SEEDED}: tries seeds; `make fuzz` tries more of them")
    # Unless a test says otherwise no example fails because it was slow.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless it is asked for by one of its marks.

    Not with a `-m` in pytest's settings: one on the command line would take its place.
    """
    for item in items:
        if rows_of(item.nodeid):
            item.add_marker(ATTACK)
    for item in told_by_their_twin(items):
        item.add_marker(LONG if item.get_closest_marker(SLOW) else SLOW)
    asked = config.getoption("markexpr")
    if config.getoption("koipond_conformance", default=False):
        # Asked for by name, all of it.
        return
    left_out = {item for item in items if not is_asked_for(item, asked)}
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]


def told_by_their_twin(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Return one of the two databases' runs of each story: of every file some of each database.

    Which one depends on nothing but its name. Who asks for one of the two by name gets it.
    """
    twins: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    # Sorted: they come in any order.
    for item in sorted(items, key=lambda item: item.nodeid):
        if item.get_closest_marker(STORY):
            twins[item.nodeid.replace("postgres", "sqlite")].append(item)
    for name, pair in twins.items():
        if len(pair) == 2:
            yield pair[zlib.crc32(name.encode()) % 2]


def is_asked_for(item: pytest.Item, asked: str) -> bool:
    """Tell whether a test is run at all by a run that was given `-m asked`."""
    if item.get_closest_marker(LONG):
        return LONG in asked
    if item.get_closest_marker(LONG_ATTACK):
        return ATTACK in asked
    if item.get_closest_marker(SLOW):
        marks = {mark.name for mark in item.iter_markers()}
        return any(mark in asked for mark in marks & {SLOW, SEEDED, PROPERTIES, ATTACK})
    return True


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Servers]":
    """Makes servers; all of them end with the run."""
    # Late: importing koipond takes 2 s, and the process that hands out the tests needs none of it.
    from tests.rig.servers import Servers

    made = Servers(tmp_path_factory.mktemp("servers"))
    yield made
    made.close()


@pytest.fixture
def tell(record_property: Callable[[str, Any], None]) -> Callable[[str], None]:
    """Tell a figure; `make faults` prints all of them at its end."""

    def note(text: str) -> None:
        print(text)
        record_property("figure", text)

    return note


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the figures, test by test."""
    reports = [*terminalreporter.stats.get("passed", ()), *terminalreporter.stats.get("failed", ())]
    told = [
        f"{report.nodeid.rpartition('::')[2]}: {text}"
        for report in sorted(reports, key=lambda report: report.nodeid)
        for name, text in report.user_properties
        if name == "figure"
    ]
    if ATTACK in config.getoption("markexpr"):
        terminalreporter.section("attacks that were answered as they should be")
        for line in tell_rows(reports):
            terminalreporter.line(line)
    if told and any(one in config.getoption("markexpr") for one in (LONG, ATTACK)):
        terminalreporter.section("figures")
        for line in told:
            terminalreporter.line(line)


def tell_rows(reports: list[Any]) -> list[str]:
    """Return how often each attack was tried, and how often it was answered as it should be."""
    passed = [report.nodeid for report in reports if report.passed]
    told = []
    for row in read_rows():
        tried = sum(row.number in rows_of(report.nodeid) for report in reports)
        held = sum(row.number in rows_of(one) for one in passed)
        told.append(f"{row.number}: {row.tried}: {row.missing or f'{held} of {tried}'}")
    return told


def pytest_unconfigure(config: pytest.Config) -> None:
    """End with one line that a program can read."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    asked = any(one in config.getoption("markexpr") for one in (LONG, PROPERTIES, ATTACK))
    if hasattr(config, "workerinput") or not asked:
        return
    if reporter is not None:
        count = {name: len(reporter.stats.get(name, ())) for name in ("passed", "failed", "error")}
        print(f"{count['passed']} passed, {count['failed'] + count['error']} failed")
