"""A plugin that keeps to every rule, and what has to be changed in it to break one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from core.tests.plugin.workshop import Workshop
from msgspec import Struct

from koipond.kernel.db import Database
from koipond.kernel.migrate import upgrade
from koipond.kernel.revisions import unit_of
from koipond_sdk.testing.conformance.candidates import Candidate, find_candidate

NAME = "lakes"
MANIFEST = 'graphql_prefix = "Lake"\nfields = ["Product.lake"]\n'
HOOKS = """
import strawberry
from koipond_lakes import tables
from koipond_sdk import Context, Finding, Invariant, Job, PluginJob, implement
from koipond_sdk.db import insert
from koipond_sdk.hooks import Checkout, Erasure, OrderConfirmed, PersonalTable
from koipond_sdk.schema import PUBLIC, Api, Info, Product, batch
from sqlalchemy import func, select


@strawberry.type
class LakeOfProduct:
    @batch(PUBLIC)
    @staticmethod
    async def lake(parents: list[Product], info: Info) -> list[str | None]:
        "Where it was caught."
        async with info.context.reading() as db:
            await db.execute(select(func.count()).select_from(tables.order))
        return [None for _ in parents]


class FillLakes(Job, frozen=True, kw_only=True):
    pass


async def fill(ctx, job):
    pass


async def audit(ctx):
    async with ctx.reading() as db:
        found = await db.execute(select(tables.order.c.id).where(tables.order.c.fish < 1))
        return [
            Finding(invariant="lakes.fish", problem="an order has no fish", fix="Catch one")
            for row in found
        ]


@implement()
def register_graphql(api: Api) -> None:
    api.storefront(Product, LakeOfProduct)


@implement()
def register_jobs() -> list[PluginJob]:
    return [PluginJob(job=FillLakes, run=fill)]


@implement()
def register_invariants() -> list[Invariant]:
    return [Invariant(id="lakes.fish", words="An order has a fish", audit=audit)]


@implement()
def register_privacy() -> list[PersonalTable]:
    return [
        PersonalTable(
            table="lakes_order", member="member_id", exported=["fish"], erasure=Erasure.KEEP
        )
    ]


@implement()
async def order_creating(ctx: Context, checkout: Checkout) -> None:
    pass


@implement()
async def order_confirmed(ctx: Context, event: OrderConfirmed) -> None:
    row = {"id": event.order_id, "fish": 1}
    await ctx.db.execute(insert(ctx.db, tables.order).values(row).on_conflict_do_nothing())
"""
TABLES = """
from koipond_sdk.db import ref, tables
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table, Uuid

metadata = tables("lakes")

order = Table(
    "lakes_order",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_id", ref("member")),
    Column("fish", Integer, nullable=False),
)
"""
FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade():
    op.create_table(
        "lakes_order",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("member_id", sa.Uuid),
        sa.Column("fish", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_lakes_order"),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name="fk_lakes_order_member_id", ondelete="RESTRICT"
        ),
    )
"""


class Change(Struct, frozen=True):
    """In a file of the plugin one text takes the place of another; "" is its end."""

    file: str
    real: str
    broken: str


def changed(files: Mapping[str, str], changes: tuple[Change, ...]) -> dict[str, str]:
    """Return the files of the plugin as they are broken."""
    made = dict(files)
    for one in changes:
        if one.real:
            assert made[one.file].count(one.real) == 1, f"{one.real!r} in {one.file}"
            made[one.file] = made[one.file].replace(one.real, one.broken)
        else:
            made[one.file] += one.broken
    return made


@contextmanager
def broken_plugin(folder: Path, *changes: Change) -> Iterator[Candidate]:
    """Install the plugin, broken by changes, for as long as the block runs."""
    files = {"manifest": MANIFEST, "hooks": HOOKS, "tables": TABLES, "revision": FIRST}
    made = changed(files, changes)
    revisions = {"0001_first": made.pop("revision")}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setattr("sys.dont_write_bytecode", True)
        workshop = Workshop(folder)
        workshop.install(NAME, revisions=revisions if revisions["0001_first"] else {}, **made)
        try:
            yield find_candidate(NAME)
        finally:
            workshop.uninstall(NAME)


async def migrated(candidate: Candidate, url: str) -> None:
    """Make the plugin's tables in a database that has core's."""
    database = Database(url)
    try:
        await upgrade(database, [unit_of(candidate.plugin)])
    finally:
        await database.close()
