"""The tests of `pytest --koipond-conformance`, for each plugin that it is asked to look at.

`pytest --koipond-plugin NAME` looks at one; without it, at all that are installed. A project's
fixture `story`, in the conftest.py beside its pyproject.toml, lets happen what the plugin is about.
"""

import pytest

from koipond.kernel.plugins import discover
from koipond_sdk.testing.conformance import living, migrating, shape, starting
from koipond_sdk.testing.conformance.candidates import Candidate, Story, find_candidate
from koipond_sdk.testing.conformance.options import PLUGIN


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let each test be run for each plugin."""
    if "plugin_name" in metafunc.fixturenames:
        asked = metafunc.config.getoption(PLUGIN) or [one.name for one in discover()]
        metafunc.parametrize("plugin_name", asked, scope="module")


@pytest.fixture
def candidate(plugin_name: str, story: Story | None) -> Candidate:
    return find_candidate(plugin_name, story)


def hold(broken: list[str]) -> None:
    """Fail by what is broken, and by nothing else: whoever reads it has written the plugin."""
    if broken:
        pytest.fail("\n".join(broken), pytrace=False)


def test_its_tables_and_jobs_carry_its_name(candidate: Candidate) -> None:
    hold(shape.find_bad_prefixes(candidate))


def test_its_keys_say_what_follows_from_a_deletion(candidate: Candidate) -> None:
    hold(shape.find_bad_keys(candidate))


def test_its_fields_are_nullable(candidate: Candidate) -> None:
    hold(shape.find_bad_fields(candidate))


def test_what_must_hold_of_its_rows_is_registered(candidate: Candidate) -> None:
    hold(shape.find_missing_invariants(candidate))


def test_what_it_keeps_of_members_is_told(candidate: Candidate) -> None:
    hold(shape.find_untold_members(candidate))


@pytest.mark.one_database
async def test_it_starts_alone_and_beside_all_others(
    candidate: Candidate, database_url: str
) -> None:
    hold(await starting.find_bad_starts(candidate, database_url))


@pytest.mark.slow
async def test_importing_it_changes_nothing(candidate: Candidate) -> None:
    hold(await starting.find_import_changes(candidate))


@pytest.mark.slow
async def test_where_it_is_off_it_leaves_no_trace(candidate: Candidate, database_url: str) -> None:
    hold(await starting.find_traces_when_off(candidate, database_url))


@pytest.mark.slow
async def test_it_is_installed_upgraded_and_purged(
    candidate: Candidate, blank_database_url: str
) -> None:
    hold(await migrating.find_bad_migrations(candidate, blank_database_url))


@pytest.mark.slow
async def test_a_shop_with_it_sells_and_events_may_come_twice(
    candidate: Candidate, database_url: str
) -> None:
    hold(await living.find_bad_life(candidate, database_url))


@pytest.mark.slow
async def test_its_fields_cost_no_more_for_more_rows(
    candidate: Candidate, database_url: str
) -> None:
    hold(await living.find_growing_costs(candidate, database_url))
