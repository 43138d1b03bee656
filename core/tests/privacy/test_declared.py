"""Every table with a member's id says what becomes of it: core's own, and each plugin's."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from sqlalchemy import Column, MetaData, Table, Uuid

import koipond.app  # noqa: F401  # every table of core is described once it is imported
from koipond.cli.examining import _privacy
from koipond.kernel.db import metadata
from koipond.kernel.extensions import Extensions
from koipond.kernel.plugins import Manifest, Plugin
from koipond.privacy.rules import CORE_TABLES

# By what a row is a member's.
COLUMNS = {"member_id", "subject_id", "principal_id"}


def test_every_table_of_core_with_a_members_id_is_declared() -> None:
    told = {one.table for one in CORE_TABLES}
    keeping = {
        table.name
        for table in metadata.tables.values()
        if COLUMNS & set(table.columns.keys())
        or any(key.target_fullname == "member.id" for key in table.foreign_keys)
    }
    assert len(keeping) > 15
    assert keeping - told == set()


def test_what_is_declared_of_core_is_there() -> None:
    for one in CORE_TABLES:
        columns = set(metadata.tables[one.table].columns.keys())
        assert {one.column, *one.exported, *one.blanked} <= columns, one.table


def test_no_secret_is_exported() -> None:
    secret = {"hash", "password_hash", "seed", "token_hash", "generation"}
    assert not [one.table for one in CORE_TABLES if secret & set(one.exported)]


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Plugin:
    """A plugin with a table that has a member's id, and no word about it."""
    package, tables, hooks = (ModuleType(f"toy_wishes{part}") for part in ("", ".tables", ".hooks"))
    described = MetaData()
    Table("wish_item", described, Column("id", Uuid), Column("member_id", Uuid))
    Table("wish_kind", described, Column("id", Uuid))
    package.__path__ = []
    tables.__spec__ = package.__spec__ = sys.__spec__
    vars(tables)["metadata"] = described
    for module in (package, tables):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    manifest = Manifest(name="wishes", version="1", api="0.1", table_prefix="wish")
    return Plugin(
        manifest=manifest, package="toy_wishes", folder=Path(__file__).parent, hooks=hooks
    )


def test_the_doctor_names_a_plugins_table_that_is_not_declared(toy: Plugin) -> None:
    (found,) = _privacy([toy], Extensions())
    assert found.about == "privacy of wishes"
    assert found.found == "keeps members' ids in wish_item, which it does not declare"
    assert "register_privacy" in found.fix
