"""Plugins that cannot run are refused at start: each message names the plugin and the way out."""

import re

import pytest
from core.tests.plugin.workshop import HOOKS, TABLES, Workshop

from koipond.app import make_hooks, make_schemas
from koipond.extending import gather
from koipond.installing import check_prefixes
from koipond.kernel.dispatch import HookMistake
from koipond.kernel.plugins import PluginBroken, discover, survey
from koipond.kernel.schema.build import SchemaConflict
from koipond.kernel.versions import RangeInvalid, within

pytestmark = pytest.mark.story

WANTS = """
import strawberry
from koipond_sdk import implement
from koipond_sdk.schema import Api, Info, Query, needs, query


@strawberry.type
class HeronQueries:
    @query(needs("{permission}"))
    async def herons(self, info: Info) -> list[str]:
        "Who fishes."
        return []


@implement()
def register_graphql(api: Api) -> None:
    api.admin(Query, HeronQueries)
"""


ADDS = 'queries = ["herons"]\n'


def broken(words: str) -> None:
    with pytest.raises(PluginBroken, match=re.escape(words)):
        discover()


def mistaken(words: str) -> None:
    with pytest.raises(HookMistake, match=re.escape(words)):
        start()


def start() -> None:
    """Do what starting a shop does with its plugins."""
    plugins = [one for one in discover() if one.name != "checkin"]
    gather(plugins, make_hooks(plugins), core_jobs={})
    make_schemas(tuple(plugins))


@pytest.mark.parametrize("api", ["0.2", ">=0.2", ">=0.05,<0.1", "0.1.1"])
def test_one_made_for_another_api_is_refused(workshop: Workshop, api: str) -> None:
    workshop.install_small("herons", api=api)
    broken(
        f"plugin herons: is made for koipond API {api}, and this is 0.1. Install a version of "
        "koipond_herons for 0.1, uninstall it, or run: koi plugin disable herons."
    )


@pytest.mark.parametrize("api", ["0.1", ">=0.1,<0.3", ">=0.1", "<1", "==0.1.0"])
def test_one_made_for_a_range_with_this_api_is_loaded(workshop: Workshop, api: str) -> None:
    workshop.install_small("herons", api=api)
    assert "herons" in {one.name for one in discover()}


def test_an_odd_range_is_named(workshop: Workshop) -> None:
    workshop.install_small("herons", api="~0.1")
    broken("plugin herons: has an odd api in plugin.toml: '~0.1' is no range of versions")
    with pytest.raises(RangeInvalid):
        within("0.1", "")


def test_one_that_raises_when_it_is_imported_is_refused(workshop: Workshop) -> None:
    workshop.install_small("herons", hooks="raise RuntimeError('no water')")
    broken("plugin herons: importing koipond_herons.hooks raised RuntimeError: no water. Mend or")


def test_one_that_need_not_run_is_left_out(workshop: Workshop) -> None:
    workshop.install_small("herons", hooks="1 / 0", manifest="required = false\n")
    assert "herons" not in {one.name for one in discover()}
    _, left_out = survey()
    assert [(one.name, one.required) for one in left_out] == [("herons", False)]


def test_all_that_are_broken_are_named_at_once(workshop: Workshop) -> None:
    workshop.install_small("herons", hooks="1 / 0")
    workshop.install_small("otters", api="9")
    with pytest.raises(PluginBroken, match=r"(?s)plugin herons: .*plugin otters: "):
        discover()


def test_what_plugin_toml_lacks_or_should_not_have_is_named(workshop: Workshop) -> None:
    workshop.install_small("herons", manifest="requried = false\n")
    broken("plugin herons: has a plugin.toml that cannot be read: Object contains unknown field")


def test_a_plugin_has_one_name(workshop: Workshop) -> None:
    workshop.install_small("herons")
    file = workshop.folder / "koipond_herons" / "plugin.toml"
    file.write_text(file.read_text().replace('name = "herons"', 'name = "storks"'))
    broken("plugin herons: is called 'storks' by its plugin.toml. Give both one name.")


def test_one_that_requires_what_is_not_there_is_refused(workshop: Workshop) -> None:
    workshop.install_small("herons", manifest='requires = ["ponds"]\n')
    broken(
        "plugin herons: requires ponds, which does not run. Install or enable ponds, or run: "
        "koi plugin disable herons."
    )


def test_one_that_requires_a_newer_one_is_refused(workshop: Workshop) -> None:
    workshop.install_small("otters")
    workshop.install_small("herons", manifest='requires = ["otters>=0.2,<0.3"]\n')
    broken("plugin herons: requires otters>=0.2,<0.3, and otters is at 0.1.0.")


def test_plugins_that_cannot_run_side_by_side_are_refused(workshop: Workshop) -> None:
    workshop.install_small("otters")
    workshop.install_small("herons", manifest='conflicts = ["otters"]\n')
    broken("plugin herons: cannot run beside otters. Run: koi plugin disable herons, or: koi")


def test_plugins_that_require_each_other_are_refused(workshop: Workshop) -> None:
    workshop.install_small("otters", manifest='requires = ["herons"]\n')
    workshop.install_small("herons", manifest='requires = ["otters"]\n')
    broken("requires itself by way of others (")


def test_two_prefixes_that_overlap_are_refused(workshop: Workshop) -> None:
    workshop.install_small("herons")
    workshop.install_small("night", prefix="herons_night")
    broken("plugin night: has the table_prefix herons_night, which overlaps with herons of herons")


def test_a_prefix_of_cores_tables_is_refused(workshop: Workshop) -> None:
    workshop.install_small("herons", prefix="order")
    with pytest.raises(PluginBroken, match="has the table_prefix order, which core's table order_"):
        check_prefixes(discover())


def test_a_table_without_the_prefix_is_refused(workshop: Workshop) -> None:
    workshop.install(tables=TABLES.replace('"ponds_pond"', '"pond"'))
    broken(
        "table 'pond': the tables of this plugin start with ponds_, so that no two plugins want "
        "one name. Call it ponds_pond."
    )


def test_a_key_that_says_nothing_about_deletion_is_refused(workshop: Workshop) -> None:
    loose = TABLES.replace('ref("member")', 'ForeignKey("ponds_pond.id")')
    workshop.install(tables=loose.replace("import Column", "import Column, ForeignKey"))
    broken("table 'ponds_pond': the key member_id does not say what is to happen when the row it")


def test_a_field_that_asks_for_an_unknown_permission_is_refused(workshop: Workshop) -> None:
    workshop.install_small("herons", manifest=ADDS, hooks=WANTS.format(permission="herons.feed"))
    with pytest.raises(SchemaConflict) as caught:
        start()
    told, _, known = str(caught.value).partition(" that there is: ")
    assert told == (
        "herons: Query.herons asks for the permission herons.feed, which nobody registers: name it "
        "in register_permissions, or ask for one"
    )
    assert "catalog.read" in known.split(", ")


@pytest.mark.slow
@pytest.mark.parametrize("permission", ["catalog.read", "stock.write"])
def test_a_field_may_ask_for_a_permission_of_cores(workshop: Workshop, permission: str) -> None:
    workshop.install_small("herons", manifest=ADDS, hooks=WANTS.format(permission=permission))
    start()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            '"ponds.manage"',
            '"fish.manage"',
            "plugin ponds: register_permissions returned a permission 'fish.manage'. Each is named "
            "once and begins with ponds., as ponds.manage.",
        ),
        (
            '"ponds.manage"',
            '"ponds.dig"',
            "plugin ponds: register_permissions and plugin.toml do not name the same permissions: "
            'ponds.dig, ponds.manage. Write permissions = ["ponds.dig"] in plugin.toml.',
        ),
        (
            "fish_max: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10",
            "fish_max: int",
            "plugin ponds: register_settings returned PondSettings, whose field fish_max has no "
            "default. Give it one: a shop runs before anybody has set anything.",
        ),
        (
            "stocked: bool = True",
            "stocked: bool = True\n    depth: Annotated[int, msgspec.Meta(ge=5)] = 3",
            "plugin ponds: register_settings returned PondSettings, whose defaults cannot be",
        ),
        (
            "    portions: int = 1",
            "    portions: int",
            "plugin ponds: register_jobs returned PondsFeed, which recurs, and has a field that "
            "must be given: portions.",
        ),
        (
            "run=feed",
            "run=print",
            "plugin ponds: register_jobs returned PondsFeed, whose use-case is `def`. Make it",
        ),
        (
            "every_s=60",
            "every_s=0",
            "plugin ponds: register_jobs returned PondsFeed, every 0 seconds. Give a whole number",
        ),
        (
            "audit=audit",
            "audit=print",
            "plugin ponds: register_invariants returned ponds.fish, whose audit is `def`.",
        ),
        (
            '    return [Permission(name="ponds.manage", description="Dig and fill ponds")]',
            "    1 / 0",
            "plugin ponds: register_permissions raised ZeroDivisionError",
        ),
        (
            "    return [PluginJob(job=PondsFeed, run=feed, every_s=60)]",
            "    return PondsFeed",
            "plugin ponds: register_jobs returned StructMeta where list[PluginJob] is due",
        ),
        (
            "def register_jobs()",
            "def register_job()",
            "plugin ponds: register_job is no hook. register_jobs may be meant.",
        ),
        (
            "def register_jobs()",
            "def register_jobs(shop)",
            "plugin ponds: register_jobs takes an argument shop, which there is not.",
        ),
    ],
)
def test_what_it_adds_wrongly_is_named_with_the_fix(
    workshop: Workshop, old: str, new: str, words: str
) -> None:
    assert old in HOOKS
    workshop.install(hooks=HOOKS.replace(old, new, 1))
    mistaken(words)


def test_a_hook_that_must_wait_and_does_not_is_named(workshop: Workshop) -> None:
    hooks = "@implement()\ndef disable_blockers(ctx):\n    return []\n"
    workshop.install_small("herons", hooks=f"from koipond_sdk import implement\n{hooks}")
    mistaken("plugin herons: disable_blockers is `def`, and must be `async def`.")


def test_two_jobs_of_one_name_are_refused(workshop: Workshop) -> None:
    workshop.install()
    hooks = HOOKS.replace("koipond_ponds", "koipond_lakes").replace("ponds_pond", "lakes_pond")
    workshop.install(
        "lakes",
        manifest='permissions = ["lakes.manage"]\n',
        hooks=hooks.replace("ponds.manage", "lakes.manage"),
        tables=TABLES.replace("ponds", "lakes"),
    )
    mistaken(
        "plugin ponds: register_jobs returned a job PondsFeed, and lakes has one of that name. "
        "Rename the class"
    )
