"""Use-cases of who reads the audit."""

from __future__ import annotations

from koipond.audit import repository
from koipond.audit.types import AuditFilter, AuditRecord
from koipond.kernel.context import Context
from koipond.kernel.pages import Page, Slice


async def find_records(ctx: Context, wanted: AuditFilter, page: Page) -> Slice[AuditRecord]:
    """Return a page of what those who run the shop did, the latest first."""
    async with ctx.reading() as db:
        return await repository.find_page(db, wanted, page)
