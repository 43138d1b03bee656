"""Each rule catches a plugin that breaks it, and says what is broken and how to mend it."""

import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from sdk.tests.breaking import Change, broken_plugin, migrated
from sdk.tests.outside import run_outside

import koipond_sdk
from koipond_sdk.testing.conformance import living, migrating, shape, starting
from koipond_sdk.testing.conformance.candidates import Candidate

SHAPES = [
    shape.find_bad_prefixes,
    shape.find_bad_keys,
    shape.find_bad_fields,
    shape.find_missing_invariants,
    shape.find_untold_members,
]
Rule = Callable[[Candidate, str], Awaitable[list[str]]]
PLAIN = Change("tables", 'metadata = tables("lakes")', "metadata = MetaData()")
FIELD = "list[str | None]:"
LOOP = """
        async with info.context.reading() as db:
            for _ in parents:
                await db.execute(select(func.count()).select_from(tables.order))
        return [None for _ in parents]
"""
TRIGGER = """
    op.execute('''CREATE TRIGGER lakes_spy AFTER INSERT ON "order" BEGIN
        INSERT INTO lakes_order (id, fish) VALUES (new.id, 1); END''')
"""
ASK = """
    import socket
    socket.create_connection(("127.0.0.1", 9), 0.1)
"""


@pytest.fixture
def sound(tmp_path: Path) -> Iterator[Candidate]:
    with broken_plugin(tmp_path) as candidate:
        yield candidate


def test_a_plugin_that_keeps_to_all_shapes_is_well(sound: Candidate) -> None:
    assert [rule(sound) for rule in SHAPES] == [[], [], [], [], []]


@pytest.mark.parametrize(
    ("rule", "changes", "said"),
    [
        pytest.param(
            shape.find_bad_prefixes,
            (PLAIN, Change("tables", '"lakes_order"', '"fish"')),
            "table fish does not begin with lakes_, so that purging would miss it. Call it "
            "lakes_fish, and make its MetaData with koipond_sdk.db.tables('lakes').",
            id="a table without the prefix",
        ),
        pytest.param(
            shape.find_bad_prefixes,
            (
                Change("hooks", "class FillLakes(", "class FillUp("),
                Change("hooks", "job=FillLakes", "job=FillUp"),
            ),
            "job FillUp does not carry the plugin's name, and jobs of all plugins are kept in rows "
            "by the names of their classes. Put lakes into it.",
            id="a job of no name",
        ),
        pytest.param(
            shape.find_bad_keys,
            (PLAIN, Change("tables", 'ref("member")', 'ForeignKey("lakes_order.id")')),
            "the key lakes_order.member_id does not say what happens when the row it points at is "
            'deleted. Use koipond_sdk.db.ref("…"), or name a rule: ondelete="RESTRICT".',
            id="a key without a rule",
        ),
        pytest.param(
            shape.find_bad_keys,
            (
                Change("tables", 'ref("member")', 'ref("member", ondelete="CASCADE")'),
                Change("tables", '"fish"', '"worth_minor"'),
            ),
            "the key lakes_order.member_id says CASCADE, and the rows of lakes_order hold "
            "worth_minor: they would vanish with the row it points at. Say RESTRICT, or SET NULL "
            "and store a name.",
            id="money that vanishes",
        ),
        pytest.param(
            shape.find_bad_fields,
            (Change("hooks", FIELD, "list[str]:"),),
            "lakes: Product.lake must be nullable: a shop may run without this plugin",
            id="a field that cannot be null",
        ),
        pytest.param(
            shape.find_missing_invariants,
            (Change("hooks", "audit=audit)]", "audit=audit)][:0]"),),
            "it has tables (lakes_order) and nothing that must always hold of them. Return an "
            "Invariant in register_invariants: what would be wrong if two requests, or half of "
            "one, had written the rows?",
            id="no invariant",
        ),
        pytest.param(
            shape.find_missing_invariants,
            (Change("hooks", 'Invariant(id="lakes.fish"', 'Invariant(id="fish"'),),
            "the invariant 'fish' does not begin with lakes., so that its findings name nobody. "
            "Call it lakes.fish.",
            id="an invariant of no name",
        ),
        pytest.param(
            shape.find_untold_members,
            (Change("hooks", "        )\n    ]\n", "        )\n    ][:0]\n"),),
            "it keeps members' ids in lakes_order, which register_privacy does not name. Return a "
            "PersonalTable for it, with what becomes of its rows when a member is erased.",
            id="members that are not told of",
        ),
        pytest.param(
            shape.find_untold_members,
            (
                Change("tables", '"member_id", ref("member")', '"subject_id", Uuid'),
                Change("hooks", 'member="member_id"', 'member="subject_id"'),
            ),
            "plugin lakes: register_privacy returned lakes_order, whose rows are whom limits "
            "count, without `order`. Name the column of the order too: of a guest nothing else "
            "leads to the row.",
            id="guests that nothing leads to",
        ),
    ],
)
def test_a_shape_that_must_not_be_is_found(
    tmp_path: Path, rule: Callable[[Candidate], list[str]], changes: tuple[Change, ...], said: str
) -> None:
    with broken_plugin(tmp_path, *changes) as candidate:
        assert rule(candidate) == [said]


@pytest.mark.slow
@pytest.mark.one_database
async def test_a_name_that_another_has_is_found_beside_it(
    tmp_path: Path, own_database_url: str
) -> None:
    taken = (
        Change("manifest", "", 'mutations = ["checkIn"]\n'),
        Change("hooks", "PUBLIC, Api, Info,", "PUBLIC, Api, Info, Mutation, mutation,"),
        Change(
            "hooks",
            "\n\n@implement()\ndef register_graphql(api: Api) -> None:\n",
            "\n\n@strawberry.type\nclass LakeMutations:\n    @mutation(PUBLIC)\n"
            "    async def check_in(self, info: Info) -> str:\n        'Twice.'\n"
            "        return ''\n"
            "\n\n@implement()\ndef register_graphql(api: Api) -> None:\n"
            "    api.storefront(Mutation, LakeMutations)\n",
        ),
    )
    with broken_plugin(tmp_path, *taken) as candidate:
        await migrated(candidate, own_database_url)
        broken = await starting.find_bad_starts(candidate, own_database_url)
    assert len(broken) == 1
    assert broken[0].startswith("it does not start beside all others: ")
    assert "checkIn" in broken[0]


@pytest.mark.slow
async def test_what_is_done_to_core_behind_its_back_is_found(tmp_path: Path) -> None:
    patches = Change(
        "hooks",
        "",
        "\nimport threading, time\nfrom koipond.pricing import rules\n"
        "rules.price_order = lambda *_: None\n"
        "threading.Thread(target=time.sleep, args=(1,), daemon=True).start()\n",
    )
    with broken_plugin(tmp_path, patches) as candidate:
        broken = await starting.find_import_changes(candidate)
    assert broken == [
        "importing it changes koipond.pricing.rules.price_order, which stays so where the plugin "
        "is off. Take part by a hook; if there is none for it, ask for one.",
        "importing it starts 1 threads. Do background work by register_jobs.",
    ]


@pytest.mark.slow
@pytest.mark.one_database
async def test_what_goes_on_where_it_is_off_is_found(tmp_path: Path, own_database_url: str) -> None:
    with broken_plugin(tmp_path, Change("revision", "", TRIGGER)) as candidate:
        await migrated(candidate, own_database_url)
        broken = await starting.find_traces_when_off(candidate, own_database_url)
    assert broken == [
        "disabled everywhere, rows of lakes_order change while others buy. Take out what writes "
        "them behind core's back: a trigger, a listener, something patched."
    ]


@pytest.mark.slow
@pytest.mark.one_database
@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            Change("revision", "", TRIGGER),
            "its revision 0001_first changes or leaves trigger order.lakes_spy, which is not the "
            "plugin's. Keep to tables that begin with lakes_; what core should have, ask for.",
            id="a trigger on a table of core",
        ),
        pytest.param(
            Change("revision", "", "    op.execute(\"UPDATE member SET name = 'fish'\")\n"),
            "its revision 0001_first changes rows of core. Fill its own tables only.",
            id="rows of core",
        ),
        pytest.param(
            Change("tables", '"fish", Integer,', '"fish", Integer, unique=True,'),
            "its tables are not as tables.py says: ",
            id="tables that are not migrated",
        ),
        pytest.param(
            Change("revision", '        "lakes_order",', '        "fish",'),
            "plugin lakes: its migration makes the table fish, which does not begin with lakes_",
            id="a table that is not its own",
        ),
    ],
)
async def test_a_migration_that_must_not_be_is_found(
    tmp_path: Path, blank_database_url: str, change: Change, said: str
) -> None:
    with broken_plugin(tmp_path, change) as candidate:
        broken = await migrating.find_bad_migrations(candidate, blank_database_url)
    assert broken
    assert broken[0].startswith(said)


@pytest.mark.one_database
async def test_tables_without_migrations_are_found(tmp_path: Path, blank_database_url: str) -> None:
    with broken_plugin(tmp_path) as candidate:
        versions = candidate.plugin.folder / "migrations"
        (versions / "versions" / "0001_first.py").unlink()
        (versions / "versions").rmdir()
        versions.rmdir()
        broken = await migrating.find_bad_migrations(candidate, blank_database_url)
    assert broken == [
        "it has tables and no migrations, so that nobody has its tables. Draft the first: "
        'koi plugin migration lakes "first"'
    ]


@pytest.mark.slow
@pytest.mark.one_database
@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            Change(
                "hooks",
                "checkout: Checkout) -> None:\n    pass",
                "checkout: Checkout) -> None:" + ASK,
            ),
            "its hook order_creating failed: HookMisuse('plugin lakes: order_creating reaches out "
            "(socket.getaddrinfo). Core waits for it, and may hold locks: read beforehand in a "
            "hook of kind load, or enqueue a job.'). Ask other servers in a hook of kind load, or "
            "in a job.",
            id="a socket in the transaction of an order",
        ),
        pytest.param(
            Change(
                "hooks", '"id": event.order_id, "fish"', '"id": __import__("uuid").uuid4(), "fish"'
            ),
            "hearing OrderConfirmed a second time changes lakes_order. Events come at least once: "
            "write by a key that the event names, such as its order_id, and do nothing if it is "
            "there.",
            id="an event that counts twice",
        ),
        pytest.param(
            Change("hooks", '"fish": 1}', '"fish": 0}'),
            "after a few purchases lakes.fish: an order has no fish. Catch one",
            id="an invariant that does not hold",
        ),
        pytest.param(
            Change(
                "hooks",
                "checkout: Checkout) -> None:\n    pass",
                "checkout: Checkout) -> None:\n    1 / 0",
            ),
            "its hook order_creating failed: ZeroDivisionError('division by zero'). Mend it, or "
            "leave to others what is none of its own: return None or [].",
            id="a hook that raises",
        ),
    ],
)
async def test_what_goes_wrong_while_a_shop_sells_is_found(
    tmp_path: Path, own_database_url: str, change: Change, said: str
) -> None:
    with broken_plugin(tmp_path, change) as candidate:
        await migrated(candidate, own_database_url)
        broken = await living.find_bad_life(candidate, own_database_url)
    assert said in broken


@pytest.mark.slow
@pytest.mark.one_database
async def test_a_statement_for_each_row_is_found(tmp_path: Path, own_database_url: str) -> None:
    batched = """
        async with info.context.reading() as db:
            await db.execute(select(func.count()).select_from(tables.order))
        return [None for _ in parents]
"""
    with broken_plugin(tmp_path, Change("hooks", batched, LOOP)) as candidate:
        await migrated(candidate, own_database_url)
        broken = await living.find_growing_costs(candidate, own_database_url)
    (said,) = broken
    assert said.startswith("Product.lake takes ")
    assert said.endswith("Read for all parents at once: @batch, and one statement with IN.")


@pytest.mark.slow
@pytest.mark.one_database
@pytest.mark.parametrize(
    "rule",
    [
        starting.find_bad_starts,
        starting.find_traces_when_off,
        living.find_bad_life,
        living.find_growing_costs,
    ],
)
async def test_a_plugin_that_keeps_to_it_is_well(
    sound: Candidate, own_database_url: str, rule: Rule
) -> None:
    await migrated(sound, own_database_url)
    assert await rule(sound, own_database_url) == []


@pytest.mark.slow
async def test_it_comes_and_goes_and_is_imported_well(
    sound: Candidate, blank_database_url: str
) -> None:
    assert await migrating.find_bad_migrations(sound, blank_database_url) == []
    assert await starting.find_import_changes(sound) == []


@pytest.mark.slow
def test_it_is_asked_for_by_an_option(tmp_path: Path) -> None:
    settings = """
[tool.pytest.ini_options]
asyncio_mode = "auto"
asyncio_default_fixture_loop_scope = "session"
asyncio_default_test_loop_scope = "session"
koipond_databases = "sqlite"
"""
    # As pip puts it: a folder with none of this repository's above it.
    shutil.copytree(Path(koipond_sdk.__file__).parent, tmp_path / "site" / "koipond_sdk")
    said = run_outside(
        tmp_path,
        {"pyproject.toml": settings, "test_own.py": "def test_own():\n    assert False\n"},
        "--koipond-conformance",
        "--koipond-plugin=checkin",
    )
    assert "11 passed" in said, said
