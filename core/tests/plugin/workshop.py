"""Makes plugin packages in a temporary folder: importable, with the metadata that pip writes."""

import importlib
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

NAME = "ponds"

# A plugin with a bit of everything; tests change what they are about.
HOOKS = """
from typing import Annotated, ClassVar

import msgspec
from koipond_ponds import tables
from koipond_sdk import (
    Context, Finding, Invariant, Job, Permission, PluginJob, PluginSettings, implement, transaction
)
from koipond_sdk.hooks import Erasure, PersonalTable
from sqlalchemy import func, select


class PondSettings(PluginSettings, frozen=True):
    fish_max: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    fish_min: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=20)] = "pond"
    stocked: bool = True

    def check(self):
        if self.fish_min > self.fish_max:
            return f"fish_min is {self.fish_min}, and fish_max {self.fish_max}: at most that"
        return None


class PondsFeed(Job, frozen=True, kw_only=True):
    portions: int = 1


async def feed(ctx, job):
    async def write(inside):
        await inside.db.execute(tables.pond.update().values(fish=tables.pond.c.fish + job.portions))
    await transaction(write)(ctx)


async def audit(ctx):
    async with ctx.reading() as db:
        rows = await db.execute(select(tables.pond.c.name).where(tables.pond.c.fish > 50))
        return [
            Finding(invariant="ponds.fish", problem=f"{row.name} is too full", fix="Fish in it")
            for row in rows
        ]


@implement()
def register_permissions() -> list[Permission]:
    return [Permission(name="ponds.manage", description="Dig and fill ponds")]


@implement()
def register_settings() -> type[PluginSettings]:
    return PondSettings


@implement()
def register_jobs() -> list[PluginJob]:
    return [PluginJob(job=PondsFeed, run=feed, every_s=60)]


@implement()
def register_invariants() -> list[Invariant]:
    return [Invariant(id="ponds.fish", words="A pond has at most 50 fish", audit=audit)]


@implement()
def register_privacy() -> list[PersonalTable]:
    return [PersonalTable(
        table="ponds_pond", member="member_id", exported=["name"], erasure=Erasure.DELETE
    )]


@implement()
async def disable_blockers(ctx: Context) -> list[str]:
    async with ctx.reading() as db:
        full = (await db.execute(select(func.count()).where(tables.pond.c.fish > 0))).scalar_one()
    return [f"{full} ponds have fish: let them out first"] if full else []
"""

# The same, with a prize that another plugin must give.
PRIZES = HOOKS.replace(
    "    def check(self):",
    """    prize: Annotated[str, msgspec.Meta(max_length=40)] = ""

    def rewards(self):
        return [self.prize] if self.prize else []

    def check(self):""",
)

TABLES = """
from koipond_sdk.db import ref, tables
from sqlalchemy import Column, Integer, String, Table, Uuid

metadata = tables("ponds")

pond = Table(
    "ponds_pond",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", String(40), nullable=False),
    Column("fish", Integer, nullable=False),
    Column("member_id", ref("member")),
)
"""

FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "0001_first"
down_revision = None


def upgrade():
    op.create_table(
        "ponds_pond",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("fish", sa.Integer, nullable=False),
        sa.Column("member_id", sa.Uuid),
        sa.PrimaryKeyConstraint("id", name="pk_ponds_pond"),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name="fk_ponds_pond_member_id", ondelete="RESTRICT"
        ),
    )


def downgrade():
    op.drop_table("ponds_pond")
"""

SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0002_depth"
down_revision = "0001_first"


def upgrade():
    with op.batch_alter_table("ponds_pond") as batch:
        batch.add_column(sa.Column("depth_cm", sa.Integer))


def downgrade():
    with op.batch_alter_table("ponds_pond") as batch:
        batch.drop_column("depth_cm")
"""

PERMISSIONS = 'permissions = ["ponds.manage"]\n'


class Workshop:
    """Installs and uninstalls plugins for this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        name: str = NAME,
        *,
        version: str = "0.1.0",
        api: str = "0.1",
        manifest: str = PERMISSIONS,
        hooks: str = HOOKS,
        tables: str = TABLES,
        revisions: Mapping[str, str] | None = None,
        prefix: str | None = None,
    ) -> None:
        """Write a package and its metadata, in the place of an older version of it."""
        self.uninstall(name)
        package = self.folder / f"koipond_{name}"
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "hooks.py").write_text(hooks)
        (package / "tables.py").write_text(tables)
        for file, text in ({"0001_first": FIRST} if revisions is None else revisions).items():
            versions = package / "migrations" / "versions"
            versions.mkdir(parents=True, exist_ok=True)
            (versions / f"{file}.py").write_text(text)
        (package / "plugin.toml").write_text(
            f'name = "{name}"\nversion = "{version}"\napi = "{api}"\n'
            f'table_prefix = "{prefix or name}"\n{manifest}'
        )
        metadata = self.folder / f"koipond_{name}-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: koipond-{name}\nVersion: {version}\n"
        )
        (metadata / "entry_points.txt").write_text(
            f"[koipond.plugins]\n{name} = koipond_{name}.hooks\n"
        )
        importlib.invalidate_caches()

    def install_small(self, name: str, *, manifest: str = "", hooks: str = "", **more: str) -> None:
        """Install a plugin without tables, and with no hooks but those that are given."""
        self.install(name, manifest=manifest, hooks=hooks, tables="", revisions={}, **more)

    def uninstall(self, name: str = NAME) -> None:
        """Remove a package as pip does; what was imported of it is forgotten."""
        for found in self.folder.glob(f"koipond_{name}*"):
            if found.name == f"koipond_{name}" or found.name.startswith(f"koipond_{name}-"):
                shutil.rmtree(found)
        package = f"koipond_{name}"
        for module in [one for one in sys.modules if one.partition(".")[0] == package]:
            del sys.modules[module]
        importlib.invalidate_caches()
