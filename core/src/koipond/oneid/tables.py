"""Tables of merges."""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Uuid, text

from koipond.kernel.db import Document, Instant, metadata

member_merge = Table(
    "member_merge",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("survivor_id", ForeignKey("member.id"), nullable=False),
    Column("merged_id", ForeignKey("member.id"), nullable=False),
    # A MergeReason.
    Column("reason", String(10), nullable=False),
    Column("kind", String(80), nullable=False),
    Column("note", String(500), nullable=False),
    # Who: a kind of viewer and an id.
    Column("made_by", String(60), nullable=False),
    # The MemberState before.
    Column("was", String(20), nullable=False),
    Column("merged_at", Instant, nullable=False),
    Column("carried_at", Instant),
    Column("undone_at", Instant),
    Column("undone_by", String(60)),
    Index(None, "survivor_id"),
    # A member becomes one other at a time.
    Index(
        "uq_member_merge_standing",
        "merged_id",
        unique=True,
        postgresql_where=text("undone_at IS NULL"),
        sqlite_where=text("undone_at IS NULL"),
    ),
)

# What a merge changed, row by row, so that it can be undone: core's rows and plugins'.
member_merge_row = Table(
    "member_merge_row",
    metadata,
    Column("merge_id", ForeignKey("member_merge.id"), primary_key=True),
    # A table, or what was done to one.
    Column("place", String(80), primary_key=True),
    Column("row_key", String(120), primary_key=True),
    # What it was before, if that is not known anyway.
    Column("was", Document),
)
