"""Rules of what a plugin is made of; nothing is run for them but its hooks of the start."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from graphql import GraphQLNonNull, GraphQLObjectType, GraphQLSchema
from sqlalchemy import ForeignKeyConstraint, Table

from koipond.app import make_hooks, make_schemas
from koipond.calling import Hooks
from koipond.duties import JOBS
from koipond.extending import find_undeclared, gather
from koipond.kernel.db import metadata as core_metadata
from koipond.kernel.dispatch import HookMistake
from koipond.kernel.extensions import Extensions
from koipond.kernel.revisions import find_metadata
from koipond.kernel.schema import SchemaConflict
from koipond_sdk.db import _KEYS
from koipond_sdk.testing.conformance.candidates import Candidate

# What stands for money or points, by the endings that DESIGN gives their columns.
_VALUABLE = re.compile(r"(_minor|points|growth|units|balance)$")
_CORE_INVARIANT = re.compile(r"I\d+")
_KEPT = {"RESTRICT", "SET NULL"}


def find_bad_prefixes(candidate: Candidate) -> list[str]:
    """Tables carry the plugin's prefix, and kinds of jobs its name."""
    prefix = candidate.plugin.manifest.table_prefix
    broken = [
        f"table {one.name} does not begin with {prefix}_, so that purging would miss it. Call it "
        f"{prefix}_{one.name}, and make its MetaData with koipond_sdk.db.tables({prefix!r})."
        for one in _tables(candidate)
        if not candidate.owns(one.name)
    ]
    words = {_plain(candidate.name), _plain(candidate.plugin.manifest.graphql_prefix)} - {""}
    for one in _hooks(candidate).register_jobs(candidate.name):
        if not any(word in _plain(one.job.name()) for word in words):
            broken.append(
                f"job {one.job.name()} does not carry the plugin's name, and jobs of all plugins "
                f"are kept in rows by the names of their classes. Put {candidate.name} into it."
            )
    return broken


def find_bad_keys(candidate: Candidate) -> list[str]:
    """Each key says what follows from a deletion; what is worth something outlives its owner."""
    return [
        problem
        for table in _tables(candidate)
        for key in table.foreign_key_constraints
        for problem in _judge(candidate, table, key)
    ]


def _judge(candidate: Candidate, table: Table, key: ForeignKeyConstraint) -> Iterator[str]:
    where = f"{table.name}.{', '.join(key.column_keys)}"
    target = key.elements[0].target_fullname.partition(".")[0]
    rule = (key.ondelete or "").upper()
    if not rule:
        yield (
            f"the key {where} does not say what happens when the row it points at is deleted. "
            'Use koipond_sdk.db.ref("…"), or name a rule: ondelete="RESTRICT".'
        )
    if target in core_metadata.tables and target not in _KEYS:
        known = ", ".join(sorted(_KEYS))
        yield (
            f"the key {where} points at {target}, which core may change at any time. Point at one "
            f"of {known} with koipond_sdk.db.ref, or keep the id without a key."
        )
    valuable = [one.name for one in table.columns if _VALUABLE.search(one.name)]
    if rule and rule not in _KEPT and valuable and target in core_metadata.tables:
        yield (
            f"the key {where} says {rule}, and the rows of {table.name} hold {valuable[0]}: they "
            "would vanish with the row it points at. Say RESTRICT, or SET NULL and store a name."
        )


def find_bad_fields(candidate: Candidate) -> list[str]:
    """What it adds to types of core is nullable: a shop may run without it."""
    try:
        schemas = make_schemas(candidate.alone)
    except (HookMistake, SchemaConflict) as error:
        return str(error).splitlines()
    built = [one._schema for one in (schemas.storefront, schemas.admin)]
    return [
        f"the field {place} is {kind}, and cannot be null where the plugin is off. Let its "
        "resolver return `… | None`."
        for place in candidate.plugin.manifest.fields
        for kind in {_type_of(schema, place) for schema in built}
        if kind.endswith("!")
    ]


def _type_of(schema: GraphQLSchema, place: str) -> str:
    owner, _, name = place.partition(".")
    found = schema.type_map.get(owner)
    if not isinstance(found, GraphQLObjectType) or name not in found.fields:
        return ""
    kind = found.fields[name].type
    return str(kind) if isinstance(kind, GraphQLNonNull) else ""


def find_missing_invariants(candidate: Candidate) -> list[str]:
    """Who has tables says what must always hold of them, under a name of its own."""
    found = _hooks(candidate).register_invariants(candidate.name)
    tables = _tables(candidate)
    if tables and not found:
        return [
            f"it has tables ({', '.join(one.name for one in tables)}) and nothing that must always "
            "hold of them. Return an Invariant in register_invariants: what would be wrong if two "
            "requests, or half of one, had written the rows?"
        ]
    return [
        f"the invariant {one.id!r} does not begin with {candidate.name}., so that its findings "
        f"name nobody. Call it {candidate.name}.{one.id}."
        for one in found
        if not one.id.startswith(f"{candidate.name}.") and not _CORE_INVARIANT.fullmatch(one.id)
    ]


def find_untold_members(candidate: Candidate) -> list[str]:
    """Whatever it keeps of members is named in register_privacy."""
    try:
        extensions = _extensions(candidate)
    except HookMistake as error:
        return [str(error)]
    found = find_undeclared([candidate.plugin], extensions)
    return [
        f"it keeps members' ids in {table}, which register_privacy does not name. Return a "
        "PersonalTable for it, with what becomes of its rows when a member is erased."
        for table in found.get(candidate.name, ())
    ]


def _tables(candidate: Candidate) -> Sequence[Table]:
    described = find_metadata(candidate.plugin)
    return () if described is None else described.sorted_tables


def _hooks(candidate: Candidate) -> Hooks:
    return make_hooks(candidate.alone)


def _extensions(candidate: Candidate) -> Extensions:
    return gather(candidate.alone, _hooks(candidate), core_jobs=JOBS)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
