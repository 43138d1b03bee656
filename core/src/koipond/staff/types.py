"""Staff, seen from outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from koipond.kernel.ids import ServiceTokenId, StaffId
from koipond.kernel.viewer import EVERYTHING

# In a grant: in all channels, also those that are yet to be made.
EVERYWHERE = ""
# The role of who may do everything, made with the first of the staff.
OWNER = "owner"
MANAGES_STAFF = "staff.write"
READS_STAFF = "staff.read"
TOKEN_PREFIX = "koisvc_"  # noqa: S105  # what tells one from a signed token


class StaffState(StrEnum):
    """DISABLED: nothing that they hold is accepted any more."""

    ACTIVE = "active"
    DISABLED = "disabled"


class Grant(Struct, frozen=True, kw_only=True, order=True):
    """A role that somebody has. channel: a channel's code, or EVERYWHERE."""

    role: str
    channel: str = EVERYWHERE


class Staff(Struct, frozen=True, kw_only=True):
    """One of those who run the shop. grants: sorted."""

    id: StaffId
    email: str
    name: str
    state: StaffState
    version: int
    created_at: datetime
    grants: tuple[Grant, ...] = ()


class StaffDraft(Struct, frozen=True, kw_only=True):
    """What one of the staff is to be, in plain words."""

    email: str
    name: str = ""
    grants: Sequence[Grant] = ()


class StaffChange(Struct, frozen=True, kw_only=True):
    """What is to change of one of the staff; None stays."""

    email: str | None = None
    name: str | None = None
    grants: Sequence[Grant] | None = None


class Role(Struct, frozen=True, kw_only=True):
    """What people of one task may do. permissions: sorted; `*` is all of them."""

    key: str
    name: str
    permissions: tuple[str, ...]
    version: int = 1


class ServiceToken(Struct, frozen=True, kw_only=True):
    """What a program proves itself with; the shop has its hash alone.

    channels: codes; None: all. expires_at: None: never. created_by: of the staff, also by
    another token of theirs; None: at the console.
    """

    id: ServiceTokenId
    name: str
    permissions: tuple[str, ...]
    channels: tuple[str, ...] | None
    created_at: datetime
    created_by: StaffId | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class ServiceTokenDraft(Struct, frozen=True, kw_only=True):
    """What a program is to prove itself with. channels: codes; None: all."""

    name: str
    permissions: Sequence[str]
    channels: Sequence[str] | None = None
    expires_at: datetime | None = None


class PermissionName(Struct, frozen=True, kw_only=True):
    """A right that a role may have. plugin: whose; empty: core's."""

    name: str
    plugin: str = ""
    description: str = ""


class Standing(Struct, frozen=True, kw_only=True):
    """What somebody may do: see kernel/viewer.Viewer."""

    permissions: frozenset[str] = frozenset()
    limited: Mapping[str, frozenset[str]] = MappingProxyType({})

    def holds(self, permission: str) -> bool:
        """Tell whether it has a permission in all channels."""
        return any(
            one in self.permissions and one not in self.limited for one in (permission, EVERYTHING)
        )


class Program(Struct, frozen=True, kw_only=True):
    """A service token that is not revoked, as requests need it."""

    id: ServiceTokenId
    standing: Standing
    expires_at: datetime | None


class Directory(Struct, frozen=True, kw_only=True):
    """Who may do what, as one process keeps it: active staff, and programs by their tokens' hashes.

    emails: {the e-mail address of an active one of the staff: their id}.
    """

    staff: Mapping[StaffId, Standing] = MappingProxyType({})
    emails: Mapping[str, StaffId] = MappingProxyType({})
    programs: Mapping[str, Program] = MappingProxyType({})
