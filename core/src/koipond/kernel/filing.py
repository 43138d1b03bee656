"""Files that a shop keeps for a while, in its database, so that every process finds them.

A file is written in pieces, each in a transaction of its own, and counts once it is whole. It has a
number and no path: what it was called is only ever shown.
"""

from __future__ import annotations

import hashlib
import tempfile
import unicodedata
from collections.abc import AsyncIterable, AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, ClassVar
from uuid import UUID

from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Uuid,
    select,
)

from koipond.kernel.db import AsyncConnection, Instant, metadata
from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.ids import StoredFileId, encode, new_id

if TYPE_CHECKING:
    from koipond.kernel.context import Context

# So much of a file is in memory at a time.
PIECE = 256 * 1024
NAME_MAX = 200
KEPT = timedelta(days=7)

stored_file = Table(
    "stored_file",
    metadata,
    Column("id", Uuid, primary_key=True),
    # What its sender calls it, only to be shown.
    Column("name", String(NAME_MAX), nullable=False),
    Column("media_type", String(80), nullable=False),
    Column("size", BigInteger, nullable=False),
    # SHA-256 in hexadecimal; empty until it is whole.
    Column("sha256", String(64), nullable=False),
    Column("whole", Boolean, nullable=False),
    # Who sent it or had it made; NULL: who has the machine.
    Column("owner_id", Uuid, nullable=True),
    Column("created_at", Instant, nullable=False),
    Index(None, "created_at"),
)

stored_piece = Table(
    "stored_piece",
    metadata,
    Column("file_id", ForeignKey("stored_file.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("content", LargeBinary, nullable=False),
)


class StoredFile(Struct, frozen=True, kw_only=True):
    """A file that is whole. size: bytes; sha256: in hexadecimal."""

    id: StoredFileId
    name: str
    media_type: str
    size: int
    sha256: str
    owner_id: UUID | None
    created_at: datetime


@domain_error
class FileTooLarge(DomainError):
    """A file of more bytes than the shop takes."""

    code: ClassVar[str] = "FILE_TOO_LARGE"
    limit: int

    def __str__(self) -> str:
        return (
            f"The file has more than {self.limit:,} bytes, which is the setting `upload_max_bytes`."
            " Split it, or import it on the shop's machine with `koi import`. Nothing was kept."
        )


@domain_error
class FileUnknown(DomainError):
    """A file that there is none of, or none any more."""

    code: ClassVar[str] = "FILE_UNKNOWN"
    file: str

    def __str__(self) -> str:
        return (
            f"There is no file {self.file[:60]!r}. Files are kept for {KEPT.days} days; send it "
            "again."
        )


def shown_name(name: str) -> str:
    """Return what somebody calls a file as it can be shown: no folders, nothing that is no text."""
    last = name.replace("\\", "/").rpartition("/")[2]
    clean = "".join(
        one for one in last.encode(errors="replace").decode() if unicodedata.category(one)[0] != "C"
    )
    return clean.strip(" .")[:NAME_MAX] or "file"


class Filing:
    """A file that is being written: `await add(bytes)` as often as it takes, then `close`."""

    def __init__(self, ctx: Context, key: StoredFileId, *, limit: int | None) -> None:
        self.key = key
        self._ctx = ctx
        self._limit = limit
        self._digest = hashlib.sha256()
        self._size = 0
        self._position = 0
        self._waiting = bytearray()

    async def add(self, content: bytes) -> None:
        """Write what follows. Raises FileTooLarge, and keeps nothing then."""
        self._size += len(content)
        if self._limit is not None and self._size > self._limit:
            await drop(self._ctx, self.key)
            raise FileTooLarge(limit=self._limit)
        self._digest.update(content)
        self._waiting += content
        while len(self._waiting) >= PIECE:
            await self._store(bytes(self._waiting[:PIECE]))
            del self._waiting[:PIECE]

    async def close(self) -> StoredFileId:
        """Let it count."""
        if self._waiting:
            await self._store(bytes(self._waiting))
        changes = {"whole": True, "size": self._size, "sha256": self._digest.hexdigest()}

        async def end(db: AsyncConnection) -> None:
            await db.execute(
                stored_file.update().where(stored_file.c.id == self.key).values(**changes)
            )

        await self._ctx.shop.database.transact(end)
        return self.key

    async def _store(self, content: bytes) -> None:
        row = {"file_id": self.key, "position": self._position, "content": content}
        self._position += 1

        async def write(db: AsyncConnection) -> None:
            await db.execute(stored_piece.insert().values(**row))

        await self._ctx.shop.database.transact(write)


async def begin(
    ctx: Context, name: str, *, media_type: str, owner_id: UUID | None, limit: int | None = None
) -> Filing:
    """Begin a file; in no transaction. limit: bytes."""
    assert not ctx.in_transaction, "a file is many transactions"
    key = StoredFileId(new_id())
    row = {
        "id": key,
        "name": shown_name(name),
        "media_type": media_type,
        "size": 0,
        "sha256": "",
        "whole": False,
        "owner_id": owner_id,
        "created_at": ctx.clock.now(),
    }

    async def write(db: AsyncConnection) -> None:
        await db.execute(stored_file.insert().values(**row))

    await ctx.rest()
    await ctx.shop.database.transact(write)
    return Filing(ctx, key, limit=limit)


async def keep(
    ctx: Context,
    name: str,
    content: AsyncIterable[bytes],
    *,
    media_type: str,
    owner_id: UUID | None,
    limit: int,
) -> StoredFile:
    """Keep what is sent; in no transaction. Raises FileTooLarge, and keeps nothing then."""
    filing = await begin(ctx, name, media_type=media_type, owner_id=owner_id, limit=limit)
    try:
        async for part in content:
            await filing.add(part)
    except FileTooLarge:
        raise
    except BaseException:
        # Who sends it has gone.
        await drop(ctx, filing.key)
        raise
    return await get(ctx, await filing.close())


async def find(ctx: Context, key: StoredFileId) -> StoredFile | None:
    """Return a file that is whole, or None."""
    columns = [stored_file.c[name] for name in StoredFile.__struct_fields__]
    async with ctx.reading() as db:
        rows = await db.execute(
            select(*columns).where(stored_file.c.id == key, stored_file.c.whole)
        )
    row = rows.one_or_none()
    return None if row is None else StoredFile(**row._mapping)


async def get(ctx: Context, key: StoredFileId) -> StoredFile:
    """Return a file that is whole. Raises FileUnknown."""
    found = await find(ctx, key)
    if found is None:
        raise FileUnknown(file=encode(StoredFileId, key))
    return found


async def read(ctx: Context, key: StoredFileId) -> AsyncIterator[bytes]:
    """Return what is in a file, piece by piece; no connection is held between them."""
    position = 0
    while True:
        async with ctx.reading() as db:
            rows = await db.execute(
                select(stored_piece.c.content).where(
                    stored_piece.c.file_id == key, stored_piece.c.position == position
                )
            )
            content = rows.scalar_one_or_none()
        await ctx.rest()
        if content is None:
            return
        yield content
        position += 1


async def copy_out(ctx: Context, key: StoredFileId) -> BinaryIO:
    """Return a file as one of this machine, to be read twice; it is gone when it is closed."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115  # its reader closes it
    try:
        async for content in read(ctx, key):
            copy.write(content)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy


async def drop(ctx: Context, key: StoredFileId) -> None:
    """Remove a file; in no transaction."""

    async def remove(db: AsyncConnection) -> None:
        await db.execute(stored_piece.delete().where(stored_piece.c.file_id == key))
        await db.execute(stored_file.delete().where(stored_file.c.id == key))

    await ctx.rest()
    await ctx.shop.database.transact(remove)


async def forget(ctx: Context) -> int:
    """Remove what was kept long enough; returns how many files."""
    async with ctx.reading() as db:
        rows = await db.execute(
            select(stored_file.c.id)
            .where(stored_file.c.created_at < ctx.clock.now() - KEPT)
            .order_by(stored_file.c.created_at)
            .limit(100)
        )
        keys = [StoredFileId(key) for key in rows.scalars()]
    for key in keys:
        await drop(ctx, key)
    return len(keys)
