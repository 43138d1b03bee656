"""What a shop serves beside its API: the query editor's files, and pictures."""

from pathlib import Path
from typing import Any

from litestar import Response, get
from litestar.handlers import BaseRouteHandler
from litestar.params import FromPath
from litestar.router import Router
from litestar.static_files import create_static_files_router

from koipond.graphql.assets import ASSETS, read_asset
from koipond.graphql.http import ASSETS_PATH
from koipond.settings import Settings, SettingsInvalid


def serve_files(settings: Settings) -> list[BaseRouteHandler | Router]:
    """Return what serves the query editor's files, and the pictures of the shop.

    Raises SettingsInvalid.
    """
    served: list[BaseRouteHandler | Router] = []
    if not settings.production:
        served.append(_asset)
    if settings.media_folder:
        if not Path(settings.media_folder).is_dir():
            raise SettingsInvalid(f"media_folder: there is no folder {settings.media_folder}")
        served.append(
            create_static_files_router("/media", [settings.media_folder], after_request=_harmless)
        )
    return served


@get(f"{ASSETS_PATH}/{{name:str}}")
async def _asset(name: FromPath[str]) -> Response[bytes]:
    """Answer with one of the query editor's files."""
    if name not in ASSETS:
        return Response(b"", status_code=404, media_type="text/plain")
    return Response(read_asset(name), headers={"Content-Type": ASSETS[name]})


async def _harmless(response: Response[Any]) -> Response[Any]:
    """A picture may hold scripts (SVG); opened by itself it must not run them on our address."""
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
