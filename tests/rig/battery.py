"""The long batteries: `make faults` and `make fuzz` end with a line of what came out.

Figures are told, never asserted: machines are noisy.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings
from tests.rig.servers import Servers

LONG = "faults"
# Given by Hypothesis to its own; run by `make fuzz` with more examples.
PROPERTIES = "hypothesis"
# Random too, by seeds of their own: more of them in `make fuzz`.
SEEDED = "fuzz"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"{LONG}: takes long; run by `make faults` alone")
    config.addinivalue_line("markers", f"{SEEDED}: tries seeds; `make fuzz` tries more of them")
    # Unless a test says otherwise no example fails because it was slow.
    settings.register_profile("untimed", deadline=None)
    settings.load_profile("untimed")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes long, unless it is asked for by its mark."""
    if LONG in config.getoption("markexpr"):
        return
    long = [item for item in items if item.get_closest_marker(LONG)]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item not in long]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Makes servers; all of them end with the run."""
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
    if told and LONG in config.getoption("markexpr"):
        terminalreporter.section("figures")
        for line in told:
            terminalreporter.line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End with one line that a program can read."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    asked = any(one in config.getoption("markexpr") for one in (LONG, PROPERTIES))
    if hasattr(config, "workerinput") or not asked:
        return
    if reporter is not None:
        count = {name: len(reporter.stats.get(name, ())) for name in ("passed", "failed", "error")}
        print(f"{count['passed']} passed, {count['failed'] + count['error']} failed")
