"""Tables of members, their identities and their groups."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Uuid,
    text,
)

from koipond.kernel.db import Document, Instant, metadata
from koipond.kernel.editing import version

member = Table(
    "member",
    metadata,
    Column("id", Uuid, primary_key=True),
    # A MemberState.
    Column("state", String(20), nullable=False),
    Column("name", String(200), nullable=False),
    Column("locale", String(35), nullable=False),
    # An IANA name; None: they have not said where they live.
    Column("time_zone", String(64), nullable=True),
    Column("created_at", Instant, nullable=False),
    # From where: a SourceClass, the entry, the campaign; when the shop first saw them.
    Column("source_class", String(20), nullable=True),
    Column("source_entry", String(60), nullable=True),
    Column("source_campaign", String(120), nullable=True),
    # Who they turned out to be: somebody who was not merged. Whoever writes something for a member
    # locks this row first, and writes it for that one.
    Column("merged_into", ForeignKey("member.id"), nullable=True),
    version(),
    CheckConstraint("(state = 'merged') = (merged_into IS NOT NULL)", name="merged_into"),
)
_IS_MERGED = member.c.merged_into.is_not(None)
Index(
    "ix_member_merged_into",
    member.c.merged_into,
    postgresql_where=_IS_MERGED,
    sqlite_where=_IS_MERGED,
)

# What a member agreed to, and agrees to no more: every yes has a row, which shows it later.
member_consent = Table(
    "member_consent",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_id", ForeignKey("member.id"), nullable=False),
    # A Purpose.
    Column("purpose", String(20), nullable=False),
    Column("given_at", Instant, nullable=False),
    # Where they said it: a page of the storefront, staff.
    Column("source", String(80), nullable=False),
    Column("withdrawn_at", Instant, nullable=True),
    Index(
        "uq_member_consent_given",
        "member_id",
        "purpose",
        unique=True,
        postgresql_where=text("withdrawn_at IS NULL"),
        sqlite_where=text("withdrawn_at IS NULL"),
    ),
)

identity = Table(
    "identity",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_id", ForeignKey("member.id"), nullable=False),
    # An IdentityKind: `email`, `phone`, or what a login provider proves.
    Column("kind", String(300), nullable=False),
    # Normalised: an e-mail in lower case, a phone number as digits with its plus.
    Column("value", String(320), nullable=False),
    # None: the member said so, nobody has checked.
    Column("verified_at", Instant, nullable=True),
    Index(None, "member_id"),
    # One guest and at most one proven owner per address. Two guests who order with one address at
    # the same instant meet here, and the later one is given the earlier one's member.
    Index(
        "uq_identity_unverified",
        "kind",
        "value",
        unique=True,
        postgresql_where=text("verified_at IS NULL"),
        sqlite_where=text("verified_at IS NULL"),
    ),
    Index(
        "uq_identity_verified",
        "kind",
        "value",
        unique=True,
        postgresql_where=text("verified_at IS NOT NULL"),
        sqlite_where=text("verified_at IS NOT NULL"),
    ),
)

# Where a member has things sent; they give it by its id at checkout.
member_address = Table(
    "member_address",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("member_id", ForeignKey("member.id"), nullable=False),
    # Address
    Column("address", Document, nullable=False),
    Column("phone", String(20), nullable=False),
    Column("is_default", Boolean, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index(None, "member_id"),
)

member_group = Table(
    "member_group",
    metadata,
    Column("code", String(40), primary_key=True),
    Column("name", String(120), nullable=False),
    version(),
)

# Who is in which group: a row means in it.
membership = Table(
    "membership",
    metadata,
    Column("member_id", ForeignKey("member.id"), primary_key=True),
    Column("group_code", ForeignKey("member_group.code"), primary_key=True),
    Index(None, "group_code", "member_id"),
)
