"""Tables of quotas. free = capacity - taken, and taken counts every reservation not released.

So placing, paying and cancelling change rows of `reservation` only; the hot rows of `quota` are
written by the desk's batches, by jobs, and by changes of capacity.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    literal_column,
)

from koipond.kernel.db import Instant, metadata

quota = Table(
    "quota",
    metadata,
    Column("id", Uuid, primary_key=True),
    # NULL: it has no end, and only carries a limit.
    Column("capacity", BigInteger),
    Column("taken", BigInteger, nullable=False),
    # Units per subject and period; NULL: no limit.
    Column("subject_limit", BigInteger),
    # A Period, and the IANA zone in which it begins.
    Column("period", String(5), nullable=False),
    Column("time_zone", String(64), nullable=False),
    Column("parent_id", ForeignKey("quota.id")),
    Column("closed", Boolean, nullable=False),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    CheckConstraint("taken >= 0 AND taken <= capacity", name="taken"),
    CheckConstraint("subject_limit > 0", name="subject_limit"),
    # A hot row is updated in place only while its page has room and no index covers the change.
    postgresql_with={"fillfactor": "50"},
)

reservation = Table(
    "reservation",
    metadata,
    # No foreign key: the order may not exist yet.
    Column("owner_id", Uuid, primary_key=True),
    Column("quota_id", ForeignKey("quota.id"), primary_key=True),
    # 0 the placement, each later ask the next; below 0 what was split off to be returned.
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("subject_id", Uuid, nullable=False),
    # "" for ever, "2026-11-22", "2026-W47", "2026-11": when it counts for the subject's limit.
    Column("period", String(10), nullable=False),
    Column("quantity", BigInteger, nullable=False),
    # A ReservationState.
    Column("state", String(9), nullable=False),
    Column("expires_at", Instant),
    # A ReleasePolicy.
    Column("release", String(13), nullable=False),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint(
        "(state IN ('held', 'returning')) = (expires_at IS NOT NULL)", name="expires_at"
    ),
)

IS_COUNTED = reservation.c.state != literal_column("'released'")
# Held, or on its way back. No index asks for the state itself: a paid order's rows change it, and
# PostgreSQL would write all their entries anew.
IS_DUE = reservation.c.expires_at.is_not(None)
Index(
    "ix_reservation_use",
    reservation.c.quota_id,
    reservation.c.subject_id,
    reservation.c.period,
)
Index(
    "ix_reservation_due",
    reservation.c.expires_at,
    postgresql_where=IS_DUE,
    sqlite_where=IS_DUE,
)

# Every change of a capacity, so that it can be added up again: units are moved, never made.
quota_change = Table(
    "quota_change",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("quota_id", ForeignKey("quota.id"), nullable=False),
    Column("delta", BigInteger, nullable=False),
    # A ChangeReason.
    Column("reason", String(10), nullable=False),
    # The changes of one move between quotas have one id, and sum to zero.
    Column("move_id", Uuid),
    Column("changed_at", Instant, nullable=False),
    Index(None, "quota_id"),
)

# Whose reservations were before a merge of two subjects, so that it can be undone.
quota_carried = Table(
    "quota_carried",
    metadata,
    # The merge.
    Column("merge_id", Uuid, primary_key=True),
    Column("owner_id", Uuid, primary_key=True),
    Column("quota_id", Uuid, primary_key=True),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("subject_id", Uuid, nullable=False),
)

# What a merge of two subjects left one with: more than the limit, and on purpose.
quota_excess = Table(
    "quota_excess",
    metadata,
    Column("quota_id", ForeignKey("quota.id"), primary_key=True),
    Column("subject_id", Uuid, primary_key=True),
    Column("period", String(10), primary_key=True),
    # Units it had after the merge.
    Column("units", BigInteger, nullable=False),
    Column("merged_at", Instant, nullable=False),
)
