"""Tables of messages. They hold members' ids without foreign keys: members are above."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    literal_column,
)

from koipond.kernel.db import Document, Instant, metadata

# What staff wrote in the place of what is built in.
message_template = Table(
    "message_template",
    metadata,
    Column("kind", String(80), primary_key=True),
    # A Medium.
    Column("medium", String(10), primary_key=True),
    Column("locale", String(35), primary_key=True),
    Column("subject", String(500), nullable=False),
    Column("body", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("changed_at", Instant, nullable=False),
    CheckConstraint("version >= 1", name="version"),
)

# Every message, also those that were not sent, with why.
message = Table(
    "message",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", String(80), nullable=False),
    # What was done, for which it is sent once.
    Column("act", String(200), nullable=False),
    Column("way", SmallInteger, nullable=False),
    Column("member_id", Uuid, nullable=False),
    # A Purpose, a word, an Urgency: of its kind, which may be gone later.
    Column("purpose", String(20), nullable=False),
    Column("category", String(40), nullable=False),
    Column("urgency", String(10), nullable=False),
    # A Medium: the one by which it went, or is about to.
    Column("medium", String(10), nullable=False),
    # Recipient
    Column("recipient", Document, nullable=False),
    # {variable: value}
    Column("told", Document, nullable=False),
    Column("about", Uuid, nullable=True),
    # A MessageState.
    Column("state", String(10), nullable=False),
    # A Suppression.
    Column("suppression", String(20), nullable=True),
    # Why it failed, for people.
    Column("problem", Text, nullable=False),
    # [Tried]
    Column("tried", Document, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("doubtful", Boolean, nullable=False),
    # As they went out.
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("sender", String(80), nullable=False),
    Column("reference", String(500), nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("admitted_at", Instant, nullable=True),
    Column("sent_at", Instant, nullable=True),
    # Its place in the message centre of its member, counted up.
    Column("place", Integer, nullable=True),
    Column("read_at", Instant, nullable=True),
    Column("created_at", Instant, nullable=False),
    # Sent once for each act, whoever asks how often.
    UniqueConstraint("kind", "act", "way"),
    CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="sent"),
    CheckConstraint("(state = 'suppressed') = (suppression IS NOT NULL)", name="suppressed"),
    CheckConstraint("(state = 'failed') = (problem <> '')", name="failed"),
    CheckConstraint("(place IS NOT NULL) = (medium = 'in_app' AND state = 'sent')", name="place"),
    CheckConstraint("read_at IS NULL OR place IS NOT NULL", name="read"),
    Index(None, "member_id", "id"),
)
# Written out and not as parameters: only then can a plan that is kept use the partial indexes.
admitted = message.c.state.in_([literal_column("'sending'"), literal_column("'sent'")])
in_centre = message.c.place.is_not(None)
unread = in_centre & message.c.read_at.is_(None)
# What the caps count.
Index(
    "ix_message_admitted",
    message.c.member_id,
    message.c.category,
    message.c.admitted_at,
    postgresql_where=admitted,
    sqlite_where=admitted,
)
Index(
    "uq_message_place",
    message.c.member_id,
    message.c.place,
    unique=True,
    postgresql_where=in_centre,
    sqlite_where=in_centre,
)
Index("ix_message_unread", message.c.member_id, postgresql_where=unread, sqlite_where=unread)

# A member's side of it. Whoever admits a message holds this row, so that the caps count right;
# `number` counts what came into the message centre or was read there, and gives places in it.
message_box = Table(
    "message_box",
    metadata,
    Column("member_id", Uuid, primary_key=True),
    Column("number", Integer, nullable=False),
)
