"""A shop that runs in the test's own process, on an emptied database, with a clock to set."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import timedelta
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

import httpx2
import msgspec
import structlog
from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy import Connection, Engine, Table, event, select, text

from koipond.app import make_front, make_shop
from koipond.catalog.service import save_products
from koipond.catalog.types import ProductDraft, Refused, Saved, Telling, VariantDraft
from koipond.channel import service as channels
from koipond.duties import audits_of
from koipond.front import ADMIN_PATH, STOREFRONT_PATH, Front, make_app, started
from koipond.kernel.audit import audit_record
from koipond.kernel.context import Context, Shop
from koipond.kernel.dispatch.tracing import Called, traced
from koipond.kernel.events import Event
from koipond.kernel.invariants import Finding, run_audits
from koipond.kernel.logs import RequestLog, redact
from koipond.kernel.money import currency as parse_currency
from koipond.kernel.money import parse_amount
from koipond.kernel.outbox import outbox_event
from koipond.kernel.plugins import Plugin, discover
from koipond.kernel.viewer import GUEST, Viewer, ViewerKind, sign
from koipond.kernel.worker import Drained, Worker
from koipond.payment.sandbox import KEY, Sandbox
from koipond.payment.types import PaymentProvider
from koipond.plugin.service import read_states
from koipond.settings import ChannelSettings, Settings
from koipond.stock.service import receive
from koipond.stock.types import StockReceipt
from koipond_sdk.testing.actors import STAFF
from koipond_sdk.testing.clock import START, FakeClock
from koipond_sdk.testing.employing import employ, is_of_kit, make_token
from koipond_sdk.testing.kept import lend
from koipond_sdk.testing.snapshots import read_all

CHANNEL = ChannelSettings(
    code="main", name="Main", currencies=("EUR", "CNY", "JPY"), locales=("en", "zh-Hans")
)
E = TypeVar("E", bound=Event)
# Of events of one moment their ids, which grow.
_AS_TOLD = (outbox_event.c.occurred_at, outbox_event.c.id)
_FOUND: dict[str, Plugin] = {}

__all__ = ["CHANNEL", "STAFF", "START", "FakeClock", "RunningShop", "connect", "running_shop"]


class RunningShop:
    """A shop with HTTP in the test's process. `http` asks it anything, `graphql` the usual."""

    def __init__(self, front: Front, clock: FakeClock) -> None:
        self.clock = clock
        self.shop: Shop = front.shop
        self.http = connect(self._answer)
        self._front = front
        self._endpoints = {path: RequestLog(one.handle) for path, one in front.endpoints.items()}
        self._staff: dict[UUID | None, Viewer] = {}
        # {program: its token}
        self._programs: dict[UUID | None, str] = {}
        # Whether statements count that are sent now.
        self._counts = True

    @cached_property
    def app(self) -> Litestar:
        """The whole application. Made when it is wanted, as few tests do: it takes 10 ms."""
        return make_app(self._front)

    @cached_property
    def worker(self) -> Worker:
        """Does what comes later, when it is told to."""
        return Worker(self.shop, chance=lambda: 0.0)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as `app` does, which hands these requests to the endpoints too."""
        endpoint = self._endpoints.get(scope["path"])
        await (endpoint or self.app)(scope, receive, send)

    @property
    def settings(self) -> Settings:
        """What the shop was told."""
        return self.shop.settings

    @property
    def provider(self) -> Sandbox:
        """The payment provider `sandbox`: its `charges` are what it took and gave back."""
        found = self.shop.providers[PaymentProvider][KEY]
        assert isinstance(found, Sandbox), "a test paid with another one"
        return found

    async def work(self) -> Drained:
        """Do what is due now and what follows from it, as a worker does."""
        return await self.worker.run_once()

    async def pass_time(self, **parts: float) -> None:
        """Let time pass, `pass_time(minutes=15)`, then do what is due."""
        self.clock.advance(**parts)
        await self.work()

    async def employ(self, viewer: Viewer) -> None:
        """Let one of the staff be known, and be allowed what `viewer` is; STAFF is from the start.

        A program gets a token that allows as much. `graphql` does so by itself.
        """
        if viewer.kind is ViewerKind.SERVICE and viewer.id not in self._programs:
            async with self.shop.context(viewer=STAFF) as ctx:
                self._programs[viewer.id] = await make_token(ctx, viewer)
        if viewer.kind is ViewerKind.STAFF and self._staff.get(viewer.id) != viewer:
            async with self.shop.context(viewer=STAFF) as ctx:
                await employ(ctx, viewer)
            self._staff[viewer.id] = viewer

    def token(self, viewer: Viewer) -> str:
        """Return a bearer token of `viewer`, valid for an hour.

        Staff and programs must be known: `employ`.
        """
        if viewer.kind is ViewerKind.SERVICE:
            return self._programs[viewer.id]
        now = self.clock.now()
        return sign(viewer, secret=self.settings.secret, now=now, lifetime=timedelta(hours=1))

    async def graphql(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        viewer: Viewer = GUEST,
        headers: Mapping[str, str] | None = None,
        admin: bool = False,
    ) -> dict[str, Any]:
        """Ask over HTTP; returns the answer's `data` and `errors` as they were sent."""
        given = dict(headers or {})
        if viewer is not GUEST:
            await self.employ(viewer)
            given["Authorization"] = f"Bearer {self.token(viewer)}"
        path = ADMIN_PATH if admin else STOREFRONT_PATH
        body = {"query": document, "variables": dict(variables or {})}
        response = await self.http.post(path, json=body, headers=given)
        answer: dict[str, Any] = response.json()
        if admin:
            await self._check_recorded(answer, document, response.headers["X-Request-Id"])
        return answer

    async def _check_recorded(
        self, answer: Mapping[str, Any], document: str, request_id: str
    ) -> None:
        """Assert that what staff did by a mutation has a record in the audit.

        Logging out does nothing where nobody is logged in; a refusal is seen by who asks for it.
        """
        if "errors" in answer or not document.lstrip().startswith("mutation"):
            return
        if "logOut(" in document or "userErrors" not in document:
            return
        if any(done and done.get("userErrors") for done in answer["data"].values()):
            return
        statement = select(audit_record.c.operation).where(audit_record.c.request_id == request_id)
        self._counts = False
        try:
            async with self.shop.database.reading() as db:
                recorded = (await db.execute(statement)).scalars().all()
        finally:
            self._counts = True
        assert recorded, f"{document}: no record of it is in the audit"

    @asynccontextmanager
    async def context(
        self,
        *,
        viewer: Viewer = GUEST,
        channel: str | None = None,
        currency: str | None = None,
        locale: str | None = None,
    ) -> AsyncIterator[Context]:
        """Open a request to call use-cases with, in a channel as its headers would choose it."""
        async with self.shop.context(viewer=viewer) as outside:
            scope = await channels.choose_scope(
                outside, code=channel, currency=currency, locale=locale
            )
            yield outside.at(scope)

    async def make_product(
        self,
        sku: str = "TEA-1",
        *,
        price: str | None = "10.00",
        stock: int = 10,
        slug: str | None = None,
        name: str = "Green tea",
        currency: str = "EUR",
        locale: str = "en",
        track_stock: bool = True,
    ) -> Saved:
        """Put a product of one variant on the shelf; returns its ids: `made.variants[sku]`.

        price: major units of `currency`, None for no price. stock: units that come in now.
        """
        draft = ProductDraft(
            slug=slug or sku.lower(),
            name=name,
            variants=(
                VariantDraft(
                    sku=sku,
                    price_minor=None if price is None else _minor(price, currency),
                    track_stock=track_stock,
                ),
            ),
        )
        async with self.context(viewer=STAFF, currency=currency, locale=locale) as ctx:
            telling = Telling(
                locale=ctx.scope.locales[0],
                channel_id=ctx.scope.channel_id,
                currency=ctx.scope.currency,
            )
            (made,) = await save_products(ctx, [draft], telling)
            if isinstance(made, Refused):
                raise made.error
            if stock:
                receipt = StockReceipt(variant_id=made.variants[sku], quantity=stock)
                await receive(ctx, [receipt])
        return made

    @contextmanager
    def count_statements(self) -> Iterator[list[str]]:
        """Collect the SQL that the process sends while the block runs: `len(sent)` is the count.

        What opens and ends transactions does not count: it differs between the databases.
        """
        sent: list[str] = []

        def note(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
            if self._counts and not statement.startswith(("BEGIN", "PRAGMA")):
                sent.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            yield sent
        finally:
            event.remove(Engine, "before_cursor_execute", note)

    @contextmanager
    def trace_hooks(self) -> Iterator[list[Called]]:
        """Collect which hooks are called while the block runs, in the order in which they ended.

        Each has `hook`, `plugin`, `seconds` and `outcome`: "ok", a refusal's code, or what failed.
        """
        with traced() as called:
            yield called

    async def events(self, kind: type[E]) -> list[E]:
        """Return the events of a class that were told and committed, in their order."""
        wanted = select(outbox_event.c.payload).where(outbox_event.c.name == kind.name())
        async with self.shop.database.reading() as db:
            found = (await db.execute(wanted.order_by(*_AS_TOLD))).scalars()
            return [msgspec.convert(one, kind, str_keys=True) for one in found]

    async def event_names(self) -> list[str]:
        """Return the names of all events that were told and committed, in their order."""
        async with self.shop.database.reading() as db:
            return [*(await db.execute(select(outbox_event.c.name).order_by(*_AS_TOLD))).scalars()]

    async def findings(self) -> list[Finding]:
        """Return what of all that must hold does not, by core's audits and its plugins'."""
        return await run_audits(self.shop, audits_of(self.shop))

    async def rows(self, table: Table | str) -> list[dict[str, Any]]:
        """Return every row of a table, in no particular order."""
        name = table if isinstance(table, str) else table.name
        async with self.shop.database.reading() as db:
            return [dict(row) for row in (await db.execute(_select_all(name))).mappings()]

    async def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """Return {table: rows} of all tables; equal snapshots mean that nothing changed.

        Values are as the database says them: an id is a text. Left out are the audit, which also
        has what was refused and what changed nothing, and those whom `employ` made.
        """
        found = await read_all(self.shop.database)
        return {
            name: [row for row in rows if not is_of_kit(name, row)]
            for name, rows in found.items()
            if not name.startswith("audit_")
        }


def connect(app: ASGIApp) -> httpx2.AsyncClient:
    """Return a client that talks to `app` in this process."""
    transport = httpx2.ASGITransport(app)  # type: ignore[arg-type]  # Litestar types it closer
    return httpx2.AsyncClient(transport=transport, base_url="http://shop")


@asynccontextmanager
async def running_shop(
    url: str,
    *,
    plugins: Sequence[str | Plugin] = (),
    **settings: Any,
) -> AsyncIterator[RunningShop]:
    """Run a shop on the migrated database at `url`, with its channel `main` in EUR, CNY and JPY.

    plugins: those that it has, by name if they are installed. settings: what else it is told.
    Its connections are those that earlier tests opened, unless the settings say of which kind they
    are, or another shop has them.
    """
    _log_to_pytest()
    given: dict[str, Any] = {"database_url": url, "channels": (CHANNEL,), **settings}
    clock = FakeClock()
    told = any(name.startswith("database_") for name in settings)
    with nullcontext() if told else lend(url) as database:
        # Asked by a connection that is open already: an app opens one for it.
        states = await read_states(database) if database and plugins else None
        shop = make_shop(
            Settings(**given), _installed(plugins), clock=clock, database=database, states=states
        )
        front = make_front(shop)
        running = RunningShop(front, clock)
        # One that is kept was migrated by the kit, for all plugins: not looked at for each test.
        async with started(front) if database is None else _closing(shop), running.http:
            await _add_channels(running.shop)
            await running.employ(STAFF)
            yield running


@asynccontextmanager
async def _closing(shop: Shop) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await shop.close()


def _log_to_pytest() -> None:
    """Hand logs to the standard library, where pytest collects them for what fails."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            redact,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


async def _add_channels(shop: Shop) -> None:
    async with shop.context(viewer=STAFF) as ctx:
        await channels.ensure_channels(ctx)


def _installed(wanted: Sequence[str | Plugin]) -> list[Plugin]:
    return [_find(one) if isinstance(one, str) else one for one in wanted]


def _find(name: str) -> Plugin:
    """Return an installed plugin. Looking for them reads every package's metadata: 6 ms."""
    found = _FOUND.get(name)
    # One that a test installed anew is another.
    if found is None or not found.hooks or sys.modules.get(found.hooks.__name__) != found.hooks:
        _FOUND.clear()
        _FOUND.update((one.name, one) for one in discover())
    if name not in _FOUND:
        raise LookupError(f"no plugin {name!r} is installed, only: {sorted(_FOUND)}")
    return _FOUND[name]


def _minor(price: str, code: str) -> int:
    return parse_amount(price, parse_currency(code)).amount_minor


def _select_all(table: str) -> Any:
    quoted = table.replace('"', '""')
    return text(f'SELECT * FROM "{quoted}"')  # noqa: S608  names come from the schema itself
