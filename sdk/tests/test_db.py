import pytest
from sqlalchemy import CheckConstraint, Column, Integer, Table, UniqueConstraint, Uuid

from koipond.kernel.db import metadata as core
from koipond.kernel.outbox import subscription
from koipond_sdk import Context, transaction
from koipond_sdk.db import TableNameRefused, insert, ref, tables
from koipond_sdk.testing import RunningShop


def test_a_table_without_the_prefix_is_refused_and_leaves_no_trace() -> None:
    own = tables("checkin")
    with pytest.raises(TableNameRefused) as refused:
        Table("member", own, Column("id", Uuid, primary_key=True))
    assert str(refused.value) == (
        "table 'member': the tables of this plugin start with checkin_, "
        "so that no two plugins want one name. Call it checkin_member."
    )
    assert list(own.tables) == []


def test_a_prefix_ends_at_its_underscore() -> None:
    with pytest.raises(TableNameRefused):
        Table("checkins_day", tables("checkin"))


def test_constraints_get_names_of_cores_form() -> None:
    made = Table(
        "checkin_day",
        tables("checkin"),
        Column("id", Integer, primary_key=True),
        Column("member_id", ref("member"), nullable=False),
        UniqueConstraint("member_id", "id"),
        CheckConstraint("id > 0", name="id"),
    )
    assert {str(constraint.name) for constraint in made.constraints} == {
        "pk_checkin_day",
        "fk_checkin_day_member_id",
        "uq_checkin_day_member_id_id",
        "ck_checkin_day_id",
    }


def test_a_reference_has_the_type_of_what_it_points_at_and_shares_no_metadata() -> None:
    own = tables("checkin")
    before = set(core.tables)
    made = Table("checkin_day", own, Column("member_id", ref("member", ondelete="CASCADE")))
    (key,) = made.c.member_id.foreign_keys
    assert isinstance(made.c.member_id.type, Uuid)
    assert (key.target_fullname, key.ondelete) == ("member.id", "CASCADE")
    assert list(own.tables) == ["checkin_day"]
    assert set(core.tables) == before


def test_a_reference_to_any_other_table_is_refused_and_names_the_possible_ones() -> None:
    with pytest.raises(
        ValueError, match="Those are: channel, member, order, order_line, product, variant"
    ):
        ref("outbox_event")  # type: ignore[arg-type]  # what a plugin without mypy would write


@pytest.mark.parametrize(
    ("act", "said"),
    [
        ("commit", "a use-case commits. Take the call out: what it wrote is committed when the"),
        ("rollback", "a use-case rolls back. Raise a refusal instead: it undoes the transaction."),
    ],
)
async def test_a_use_case_cannot_end_its_transaction(
    shop: RunningShop, act: str, said: str
) -> None:
    @transaction
    async def add(ctx: Context) -> None:
        row = {"consumer": "wish", "event_name": "OrderPlaced", "since": ctx.clock.now()}
        await ctx.db.execute(insert(ctx.db, subscription).values(row))
        await getattr(ctx.db, act)()

    before = await shop.snapshot()
    async with shop.context() as ctx:
        with pytest.raises(TypeError, match=said):
            await add(ctx)
    assert await shop.snapshot() == before


async def test_a_part_of_a_use_case_can_be_undone(shop: RunningShop) -> None:
    @transaction
    async def add(ctx: Context) -> None:
        for name in ("OrderPlaced", "OrderExpired"):
            part = await ctx.db.begin_nested()
            row = {"consumer": "wish", "event_name": name, "since": ctx.clock.now()}
            await ctx.db.execute(insert(ctx.db, subscription).values(row))
            await (part.commit() if name == "OrderPlaced" else part.rollback())

    async with shop.context() as ctx:
        await add(ctx)
    assert [row["event_name"] for row in await shop.rows("subscription")] == ["OrderPlaced"]
