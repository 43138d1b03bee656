"""The addresses of a shop: GraphQL for storefronts and for staff, files, notices and health."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any

import structlog
from litestar import Litestar, Response, asgi, get
from litestar.events import BaseEventEmitterBackend
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope
from msgspec import Struct

from koipond.exports.http import make_downloads
from koipond.files import serve_files
from koipond.graphql.crowd import Crowd
from koipond.graphql.execute import Executor
from koipond.graphql.http import Endpoint, Shortcut
from koipond.graphql.request import HttpRefused
from koipond.graphql.scope import Scopes
from koipond.graphql.trusted import read_trusted
from koipond.graphql.viewing import read_viewer
from koipond.imports.http import make_errors, make_uploads
from koipond.installing import warn_of_tables
from koipond.kernel.context import Shop
from koipond.kernel.logs import RequestLog
from koipond.kernel.readiness import NotReady, check_ready
from koipond.kernel.revisions import units
from koipond.kernel.viewer import TokenInvalid, Viewer
from koipond.kernel.worker import working
from koipond.payment.http import make_ingress

log = structlog.get_logger("koipond")

STOREFRONT_PATH = "/graphql"
ADMIN_PATH = "/admin/graphql"

# The README has the same.
FIRST_QUERY = """\
query FirstProducts {
  products(first: 3) {
    nodes {
      name
      variants {
        id
        sku
        price { amount currency }
        availability { state quantityAtMost }
      }
    }
  }
}
"""

# That of the storefront's schema, then that of the staff's.
Executors = tuple[Executor, Executor]


class Front(Struct, frozen=True):
    """What a web server is put in front of: a wired shop, and what answers for it by GraphQL."""

    shop: Shop
    # Who listens by a socket.
    crowd: Crowd
    executors: Executors
    # {path: who answers there}
    endpoints: Mapping[str, Endpoint]


def build_front(shop: Shop, executors: Executors) -> Front:
    """Make what answers for a shop. Raises SettingsInvalid."""
    crowd = Crowd(shop.settings)
    endpoints = _endpoints(shop, executors, crowd)
    return Front(shop=shop, crowd=crowd, executors=executors, endpoints=endpoints)


@asynccontextmanager
async def started(front: Front, *, work: bool = False) -> AsyncIterator[None]:
    """Let a shop answer, and close it in the end. work: run a worker in this process.

    Raises NotReady unless the database answers and is migrated.
    """
    shop = front.shop
    try:
        await check_ready(shop.database, units(shop.installation.plugins))
        await warn_of_tables(shop)
        async with working(shop) if work else nullcontext():
            yield
    finally:
        await shop.close()


def make_app(front: Front, *, work: bool = False) -> Litestar:
    """Return the ASGI application in which `front` answers; see `create_app`."""
    shop, crowd, endpoints = front.shop, front.crowd, front.endpoints
    wanted = units(shop.installation.plugins)

    @get("/", sync_to_thread=False)
    def index() -> dict[str, str]:
        """Tell whoever opens the bare address where to go."""
        return {"storefront": STOREFRONT_PATH, "admin": ADMIN_PATH}

    @get("/health")
    async def health() -> dict[str, str]:
        """Tell that the process answers."""
        return {"status": "ok"}

    @get("/ready")
    async def ready() -> Response[dict[str, str]]:
        """Tell whether requests can be served, and why not."""
        try:
            crowd.check_stays()
            await check_ready(shop.database, wanted)
        except NotReady as error:
            return Response({"status": "not ready", "reason": str(error)}, status_code=503)
        return Response({"status": "ok"})

    app = Litestar(
        route_handlers=[
            index,
            health,
            ready,
            *(asgi(path, copy_scope=False)(one.handle) for path, one in endpoints.items()),
            *_doors(shop),
            *serve_files(shop.settings),
            *([_metrics(front)] if shop.settings.metrics else []),
        ],
        lifespan=[lambda _: started(front, work=work)],
        after_exception=[_log_failure],
        event_emitter_backend=_NoEvents,
        openapi_config=None,
        logging_config=None,
    )
    app.asgi_handler = RequestLog(Shortcut(app.asgi_handler, endpoints))
    app.state.shop, app.state.crowd = shop, crowd
    return app


def _doors(shop: Shop) -> list[BaseRouteHandler]:
    """Return what takes notices of providers and files to be imported, and gives files away."""
    uploads = make_uploads(shop, partial(_find_staff, shop))
    return [make_ingress(shop), uploads, make_errors(shop), make_downloads(shop)]


async def _find_staff(shop: Shop, authorization: str | None) -> Viewer | None:
    """Return the staff member or service that a header speaks for, if it speaks for one."""
    try:
        return await read_viewer(shop, authorization, staff_only=True)
    except (HttpRefused, TokenInvalid):
        return None


def _metrics(front: Front) -> BaseRouteHandler:
    # Prometheus' client takes 1 MB of each process that it is loaded into.
    from koipond.kernel.metrics import make_metrics

    named = dict(zip(("storefront", "admin"), front.executors, strict=True))
    return make_metrics(
        front.shop.hooks.registry,
        operations=lambda: {key: (one.planned, one.fallen_back) for key, one in named.items()},
    )


async def _log_failure(error: Exception, scope: Scope) -> None:
    """Log what no handler expected; Litestar answers 500 and says no more."""
    if not isinstance(error, HTTPException):
        log.error("a request failed", path=scope["path"], exc_info=error)


class _NoEvents(BaseEventEmitterBackend):
    """Takes the place of Litestar's events: ours are in the outbox.

    The stock one ends in the task that began it, and wraps what keeps the app from starting.
    """

    def emit(self, event_id: str, *args: Any, **kwargs: Any) -> None:
        """Refuse: nobody listens."""
        raise AssertionError(f"{event_id}: emit events with ctx.emit")

    async def __aenter__(self) -> _NoEvents:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def _endpoints(shop: Shop, executors: Executors, crowd: Crowd) -> dict[str, Endpoint]:
    settings, scopes = shop.settings, Scopes(shop)
    for_storefront, for_admin = executors
    storefront = Endpoint(
        shop,
        for_storefront,
        scopes,
        trusted=read_trusted(settings.trusted_documents, setting="trusted_documents"),
        crowd=crowd,
        path=STOREFRONT_PATH,
        staff_only=False,
        first_query=FIRST_QUERY,
    )
    admin = Endpoint(
        shop,
        for_admin,
        scopes,
        trusted=read_trusted(settings.trusted_admin_documents, setting="trusted_admin_documents"),
        crowd=crowd,
        path=ADMIN_PATH,
        staff_only=True,
        first_query=FIRST_QUERY,
    )
    return {STOREFRONT_PATH: storefront, ADMIN_PATH: admin}
