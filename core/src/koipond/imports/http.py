"""Files to be imported, and what an import skipped.

POST /admin/uploads?name=…          the file is the body; answers {"id", "name", "size", "sha256"}
GET  /admin/imports/{id}/errors.csv by a link that the schema of staff gives

400   the name is missing                     401, 403   no token of staff, or without import.write
404   the link is damaged, or its time over   413        the file is too large
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from koipond.imports import service
from koipond.kernel import filing
from koipond.kernel.context import Shop
from koipond.kernel.filing import FileTooLarge
from koipond.kernel.ids import IdInvalid, ImportRunId, StoredFileId, decode, encode
from koipond.kernel.links import is_open
from koipond.kernel.viewer import SYSTEM, Viewer

PERMISSION = "import.write"
# Given a header Authorization.
FindStaff = Callable[[str | None], Awaitable[Viewer | None]]
UPLOADS = "/admin/uploads"
# What is downloaded is never shown as a page of ours, nor kept by anyone in between.
_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cache-Control": "no-store",
}


def make_uploads(shop: Shop, find_staff: FindStaff) -> HTTPRouteHandler:
    """Return what takes files.

    find_staff: whom a header Authorization speaks for, if that is staff or a service.
    """

    @post(UPLOADS, status_code=201, request_max_body_size=shop.settings.upload_max_bytes)
    async def upload(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Keep a file for a week, to be imported."""
        viewer = await find_staff(request.headers.get("authorization"))
        if viewer is None:
            told = {"error": "This is for staff. Send Authorization: Bearer …"}
            return Response(told, status_code=401, headers={"WWW-Authenticate": "Bearer"})
        if not viewer.may_in_all(PERMISSION):
            return Response(
                {"error": f"This needs the permission {PERMISSION} in all channels."},
                status_code=403,
            )
        name = request.query_params.get("name", "")
        if not name.strip():
            return Response({"error": "Say what the file is called: ?name=…"}, status_code=400)
        try:
            kept = await _keep(shop, viewer, name, request)
        except FileTooLarge as error:
            return Response({"error": str(error), "code": error.code}, status_code=413)
        return Response(
            {
                "id": encode(StoredFileId, kept.id),
                "name": kept.name,
                "size": kept.size,
                "sha256": kept.sha256,
            },
            status_code=201,
        )

    return upload


async def _keep(
    shop: Shop, viewer: Viewer, name: str, request: Request[Any, Any, Any]
) -> filing.StoredFile:
    async with shop.context(viewer=viewer) as ctx:
        return await filing.keep(
            ctx,
            name,
            request.stream(),
            media_type="application/octet-stream",
            owner_id=viewer.id,
            limit=shop.settings.upload_max_bytes,
        )


def make_errors(shop: Shop) -> HTTPRouteHandler:
    """Return what tells of skipped rows."""

    @get("/admin/imports/{run:str}/errors.csv")
    async def errors(run: FromPath[str], request: Request[Any, Any, Any]) -> Response[Any]:
        """Answer with all that an import skipped, as a CSV."""
        query = request.query_params
        try:
            key = decode(ImportRunId, run)
        except IdInvalid:
            return Response(b"", status_code=404, media_type="text/plain")
        path = errors_path(key)
        if not is_open(shop, path, query.get("until", ""), query.get("signature", "")):
            return Response(b"", status_code=404, media_type="text/plain")
        named = {"Content-Disposition": f'attachment; filename="{run}-errors.csv"'}
        told = _tell(shop, key)
        return Stream(told, media_type="text/csv; charset=utf-8", headers={**_SAFE, **named})

    return errors


async def _tell(shop: Shop, key: ImportRunId) -> AsyncIterator[str]:
    async with shop.context(viewer=SYSTEM) as ctx:
        async for part in service.write_errors(ctx, key):
            yield part


def errors_path(key: ImportRunId) -> str:
    """Return where what an import skipped can be had, for whom a link is signed."""
    return f"/admin/imports/{encode(ImportRunId, key)}/errors.csv"
