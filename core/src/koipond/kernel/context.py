"""Context: one caller's request, what it stands on, and the transaction it may be in."""

from __future__ import annotations

import copy
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Mapping,
    Sequence,
    Set,
)
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import wraps
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar
from uuid import UUID

from msgspec import Struct

from koipond.kernel import audit, extensions, jobs, outbox
from koipond.kernel.audit import Act, Actor, Entry
from koipond.kernel.callers import NOBODY, Caller
from koipond.kernel.clock import Clock
from koipond.kernel.db import AsyncConnection, Database
from koipond.kernel.errors import ApprovalNeeded, DomainError
from koipond.kernel.events import Event
from koipond.kernel.extensions import Extensions
from koipond.kernel.ids import ChannelId
from koipond.kernel.inputs import InputTypes
from koipond.kernel.jobs import Jobs
from koipond.kernel.money import Currency, RoundingPolicy
from koipond.kernel.partaking import PluginConnection, PluginUnsent
from koipond.kernel.plugins import Installation
from koipond.kernel.reading import Reader
from koipond.kernel.schedules import Recurring
from koipond.kernel.texts import Locale
from koipond.kernel.unsent import Unsent
from koipond.kernel.viewer import Viewer

if TYPE_CHECKING:
    from koipond.calling import Hooks
    from koipond.kernel.deliveries import Consumer
    from koipond.quota.service import Desk
    from koipond.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")
Reaction = Callable[["Context", Any], Awaitable[object]]
# (request, the mutation's name, its input, why) -> what the caller is told.
Withhold = Callable[["Context", str, Any, ApprovalNeeded], Awaitable[DomainError]]


class Scope(Struct, frozen=True, kw_only=True):
    """Where the caller shops: one channel, one of its currencies, a chain of its languages.

    time_zone: the channel's, an IANA name, which `zoneinfo` knows. country, region: its home, ""
    if it has none. rounding: how amounts of the currency are rounded there.
    """

    channel_id: ChannelId
    channel: str
    currency: Currency
    locales: tuple[Locale, ...]
    time_zone: str
    country: str = ""
    region: str = ""
    prices_include_tax: bool = True
    rounding: RoundingPolicy = RoundingPolicy()


class Shop:
    """What one process holds of a shop, made once by `create_app`."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        clock: Clock,
        hooks: Hooks,
        providers: Mapping[type, Mapping[str, Any]],
        reactions: Mapping[type[Event], Sequence[Reaction]],
        jobs: Jobs = MappingProxyType({}),
        recurring: Sequence[Recurring] = (),
        consumers: Sequence[Consumer] = (),
        input_types: InputTypes | None = None,
        extensions: Extensions = Extensions(),  # noqa: B008  # frozen
        installation: Installation = Installation(),  # noqa: B008  # frozen
        permissions: Callable[[], Set[str]] = frozenset,
        withhold: Withhold | None = None,
    ) -> None:
        """providers: {contract: {key: implementation}}; reactions: {event: use-cases to run}.

        jobs, recurring, consumers: what a worker of this shop does; see kernel/worker.py.
        input_types: what its plugins read from the inputs that buyers give them.
        extensions: what its plugins add. installation: which they are.
        permissions: returns all that there are, core's and the plugins'. withhold: keeps a mutation
        until a second one of the staff agrees to it, and returns what the first one is told.
        """
        self.settings = settings
        self.database = database
        self.clock = clock
        self.hooks = hooks
        self.providers = providers
        self.reactions = reactions
        self.jobs = jobs
        self.recurring = recurring
        self.consumers = consumers
        self.input_types = input_types or InputTypes({})
        self.extensions = extensions
        self.installation = installation
        self.permissions = permissions
        self.withhold = withhold
        # What this process keeps of the database for a moment; see kernel/fresh.py.
        self.kept: dict[object, Any] = {}
        # Made by quota/ when the first units are asked for.
        self.desk: Desk | None = None
        # What else is to be closed: connections to others than the database.
        self.at_close: list[Callable[[], Awaitable[None]]] = []

    async def close(self) -> None:
        """Answer those who wait for units, then close every connection."""
        while self.at_close:
            await self.at_close.pop()()
        if self.desk is not None:
            await self.desk.close()
        await self.database.close()

    def context(
        self,
        *,
        viewer: Viewer,
        scope: Scope | None = None,
        caller: Caller = NOBODY,
    ) -> Context:
        """Begin a request of `viewer`: `async with shop.context(viewer=GUEST) as ctx`.

        caller: from where it comes, if it came from outside.
        """
        return Context(self, viewer=viewer, scope=scope, caller=caller)


class Context:
    """One request. Use-cases take it first; `db` is there inside a `@transaction` only."""

    def __init__(
        self,
        shop: Shop,
        *,
        viewer: Viewer,
        scope: Scope | None = None,
        connection: AsyncConnection | None = None,
        caller: Caller = NOBODY,
    ) -> None:
        self.shop = shop
        self.viewer = viewer
        # From where it is asked.
        self.caller = caller
        # What somebody who runs the shop is doing; None for everyone else. See kernel/audit.py.
        self.act: Act | None = None
        # Who does it, where the request is seen as whom it is done for.
        self._staff: Viewer | None = None
        # What this transaction changed, as its use-cases named it.
        self._entries: list[Entry] = []
        self._scope = scope
        self._connection = connection
        # Whether what is stored now is wanted, to decide by it, or what was a moment ago will do.
        self.is_exact = connection is not None
        # Whose transaction this is, where a plugin was lent it.
        self._lender: Context | None = None
        self._reader = Reader(shop.database)
        # What this transaction has to store, and is not stored yet.
        self.unsent = Unsent()
        self._untold: list[Event] = []
        self._unanswered: list[Event] = []
        # Which edition of what this transaction has read; see kernel/editions.py.
        self.editions: dict[str, int | None] = {}
        # What a use-case of this transaction hands to what follows it, under a class of its own.
        self.handed: dict[type, Any] = {}
        # Levels of batch resolvers that wait to be run; see kernel/schema/batch.py.
        self.batches: dict[Any, Any] = {}

    @property
    def clock(self) -> Clock:
        """The clock that this request goes by."""
        return self.shop.clock

    @property
    def hooks(self) -> Hooks:
        """The hooks of this shop's plugins."""
        return self.shop.hooks

    @property
    def settings(self) -> Settings:
        """The settings of this shop."""
        return self.shop.settings

    @property
    def scope(self) -> Scope:
        """The channel, currency and languages of this request; jobs and commands may have none."""
        assert self._scope is not None, "this context was opened without a channel"
        return self._scope

    @property
    def channel(self) -> str | None:
        """The code of this request's channel; None for jobs and commands that have none."""
        return None if self._scope is None else self._scope.channel

    @property
    def plugins_off(self) -> Set[str]:
        """The plugins that staff turned off in this request's channel."""
        return self.shop.installation.off_in(self.channel)

    @property
    def db(self) -> AsyncConnection:
        """The transaction's connection. Only inside a use-case that is a `@transaction`."""
        assert self._connection is not None, "this use-case lacks @transaction"
        return self._connection

    @property
    def in_transaction(self) -> bool:
        """Tell whether this context is inside a transaction."""
        return self._connection is not None

    @property
    def holds_connection(self) -> bool:
        """Tell whether others may be waiting for a connection that this request has."""
        return self.in_transaction or self._reader.is_open

    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection to read from: the transaction's if there is one, else the request's."""
        return self._reader if self._connection is None else nullcontext(self._connection)

    async def write_alone(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run `work`, one statement that is a transaction of its own, and tells no events."""
        assert not self.in_transaction, "it would be kept even if the transaction is not"
        return await self.shop.database.write_alone(work, by=self._reader)

    def emit(self, event: Event) -> None:
        """Tell that something happened; the transaction keeps it in the outbox."""
        assert self._connection is not None, "events belong to a transaction"
        self._untold.append(event)
        self._unanswered.append(event)

    def audited(self, subject: str, *, before: object = None, after: object = None) -> None:
        """Name what this transaction changed, for the audit: only what differs is kept of it.

        subject: its id as the API has it, or what it is called. before, after: structs or
        mappings; None: it was not there, or is not any more. Does nothing unless staff act.
        """
        assert self._connection is not None, "a record belongs to the transaction that it tells of"
        if self.act is not None:
            self._entries.append(Entry(subject=subject, before=before, after=after))

    @property
    def actor(self) -> Actor:
        """Who makes this request, and where from."""
        viewer = self._staff or self.viewer
        return Actor(viewer=viewer, caller=self.caller, channel=self.channel or "")

    async def record(self) -> None:
        """Store what this transaction did for the act that it belongs to, if it does to one."""
        if self.act is not None:
            now = self.clock.now()
            await audit.write(self.db, self.act, self.actor, self._entries, now=now)
            self._entries.clear()

    async def find_told(
        self, aggregates: Collection[UUID], names: Collection[str]
    ) -> dict[UUID, list[str]]:
        """Return {aggregate: those of its events that are called so, in their order}."""
        async with self.reading() as db:
            return await outbox.find_told(db, aggregates, names)

    async def close(self) -> None:
        """Give back what the request held."""
        await self._reader.close()

    async def rest(self) -> None:
        """Give back the connection that the request reads from, until it reads again."""
        await self._reader.rest()

    async def __aenter__(self) -> Context:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def at(self, scope: Scope) -> Context:
        """Return this very request, seen from another channel, currency or language."""
        elsewhere = copy.copy(self)
        elsewhere._scope = scope
        return elsewhere

    def on_behalf_of(self, buyer: Viewer) -> Context:
        """Return this very request of staff as the buyer sees it whom they act for.

        What may be bought, at which price and how often is the buyer's; who did it is the staff's.
        """
        assert self.viewer.is_staff or self._staff is not None, "nobody else acts for others"
        elsewhere = copy.copy(self)
        elsewhere.viewer, elsewhere._staff = buyer, self._staff or self.viewer
        return elsewhere

    def glancing(self) -> Context:
        """Return this very request as it reads what it only shows: a moment old, as out of one."""
        elsewhere = copy.copy(self)
        elsewhere.is_exact = False
        return elsewhere

    def lent_to(self, plugin: str) -> Context:
        """Return this very transaction as a plugin takes part in it; see kernel/partaking.py."""
        lent, prefix = copy.copy(self), self.hooks.prefix_of(plugin)
        # Before it reads or writes: its rows may point to those that wait here.
        lent._connection = PluginConnection(self.db, prefix=prefix, reach=self.store)
        lent.unsent = PluginUnsent(self.unsent, prefix=prefix)
        lent._lender = self
        return lent

    def inside(self, connection: AsyncConnection) -> Context:
        """Return this request inside a transaction."""
        inside = Context(
            self.shop,
            viewer=self.viewer,
            scope=self._scope,
            connection=connection,
            caller=self.caller,
        )
        inside.act = self.act
        inside._staff = self._staff
        return inside

    async def store(self, *, ends: bool = False) -> list[Any]:
        """Store what is unsent and the events until now, in one go; as `send` does."""
        outbox.put(self.unsent, self._untold, now=self.clock.now())
        self._untold.clear()
        return await self.unsent.send(self.db, ends=ends)

    async def settle(self, *, ends: bool = False) -> list[object]:
        """Run what core's own table says must follow each event, then store all of them.

        What a use-case left unsent, the first reaction cannot read; each reads what the one before
        it did. ends: nothing follows in this transaction. Returns what they return.
        """
        told = []
        is_first = True
        while self._unanswered:
            event = self._unanswered.pop(0)
            for react in self.shop.reactions.get(type(event), ()):
                if not is_first:
                    await self.store()
                is_first = False
                told.append(await react(self, event))
        await self.store(ends=ends)
        return told


def hand_rows(ctx: Context, to: Unsent) -> bool:
    """Let another store what a transaction only adds; False if there is more to settle."""
    return not ctx._untold and not ctx._unanswered and ctx.unsent.hand_to(to)


def serving(
    use_case: Callable[Concatenate[Context, P], Awaitable[T]],
) -> Callable[Concatenate[Context, P], Awaitable[T]]:
    """Run a use-case as `transaction` does, also where a plugin calls it that takes part in core's.

    The plugin itself may write to its own tables alone; what a service of core writes for it is
    core's doing. So only for use-cases that leave everything right whatever they are asked.
    """
    run = transaction(use_case)

    @wraps(use_case)
    async def serve(ctx: Context, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if ctx._lender is None:
            return await run(ctx, *args, **kwargs)
        await ctx._lender.store()
        return await run(ctx._lender, *args, **kwargs)

    return serve


def transaction(
    use_case: Callable[Concatenate[Context, P], Awaitable[T]],
) -> Callable[Concatenate[Context, P], Awaitable[T]]:
    """Run a use-case in one transaction with its events, or join the one that its caller is in.

    On a conflict the whole use-case is run again, so it may only do what a rollback undoes.
    """

    return _transacting(use_case, records=True)


def bookkeeping(
    use_case: Callable[Concatenate[Context, P], Awaitable[T]],
) -> Callable[Concatenate[Context, P], Awaitable[T]]:
    """Run a use-case as `transaction` does, of which the audit need not know: leases, last uses."""
    return _transacting(use_case, records=False)


def _transacting(
    use_case: Callable[Concatenate[Context, P], Awaitable[T]], *, records: bool
) -> Callable[Concatenate[Context, P], Awaitable[T]]:
    @wraps(use_case)
    async def run(ctx: Context, /, *args: P.args, **kwargs: P.kwargs) -> T:
        if ctx.in_transaction:
            return await use_case(ctx, *args, **kwargs)
        before = ctx.act.records if ctx.act else 0

        async def work(connection: AsyncConnection) -> T:
            if ctx.act:
                # This may be another attempt: what the one before wrote is not there.
                ctx.act.records = before
            inside = ctx.inside(connection)
            result = await use_case(inside, *args, **kwargs)
            is_recorded = records and inside.act is not None
            await inside.settle(ends=not is_recorded)
            if is_recorded:
                await inside.record()
            return result

        # Who kept one connection while waiting for another could wait for others who do the same.
        await ctx.rest()
        return await ctx.shop.database.transact(work)

    return run


# These are below, and name it in their types alone, which Python reads when `help` is asked for.
for _below in (extensions, jobs):
    vars(_below)["Context"] = Context
