"""Files that were exported: GET /admin/exports/{id}/file, by a link that the schema of staff gives.

404   the link is damaged, its time is over, or the file is not there any more
"""

from collections.abc import AsyncIterator
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from koipond.exports import service
from koipond.kernel import filing
from koipond.kernel.context import Shop
from koipond.kernel.ids import ExportRunId, IdInvalid, StoredFileId, decode
from koipond.kernel.links import is_open
from koipond.kernel.viewer import SYSTEM


def make_downloads(shop: Shop) -> HTTPRouteHandler:
    """Return what gives exported files."""

    @get("/admin/exports/{run:str}/file")
    async def download(run: FromPath[str], request: Request[Any, Any, Any]) -> Response[Any]:
        """Answer with the file of an export."""
        query = request.query_params
        missing = Response(b"", status_code=404, media_type="text/plain")
        path = f"/admin/exports/{run}/file"
        if not is_open(shop, path, query.get("until", ""), query.get("signature", "")):
            return missing
        try:
            key = decode(ExportRunId, run)
        except IdInvalid:
            return missing
        async with shop.context(viewer=SYSTEM) as ctx:
            found = await service.find_export(ctx, key)
            file = None
            if found is not None and found.file_id is not None:
                file = await filing.find(ctx, found.file_id)
        if file is None:
            return missing
        headers = {
            "Content-Disposition": f'attachment; filename="{file.name}"',
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "no-store",
        }
        told = _tell(shop, file.id)
        return Stream(told, media_type=f"{file.media_type}; charset=utf-8", headers=headers)

    return download


async def _tell(shop: Shop, key: StoredFileId) -> AsyncIterator[bytes]:
    async with shop.context(viewer=SYSTEM) as ctx:
        async for content in filing.read(ctx, key):
            yield content
