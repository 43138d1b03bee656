"""What each kind of import does with a batch of what a file tells of."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar
from zoneinfo import ZoneInfo

from koipond.catalog import service as catalog
from koipond.catalog.types import Telling
from koipond.imports import rules
from koipond.imports.types import (
    Counts,
    ImportKind,
    ImportOptions,
    Landed,
    Origin,
    RefusedRow,
    ToldLine,
    ToldOrder,
    ToldPerson,
    ToldPrice,
    ToldStock,
)
from koipond.kernel.context import Context, Scope
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import ProductId, VariantId
from koipond.member import service as member
from koipond.order import service as order
from koipond.order.types import PastLine, PastOrder
from koipond.stock import service as stock
from koipond.stock.types import StockCount

T = TypeVar("T")
Told = TypeVar("Told", ToldOrder, ToldPerson, ToldPrice, ToldStock)


class Reading(Protocol):
    """A file whose header was read, of one kind of import."""

    @property
    def dialect(self) -> str:
        """Whose names of columns it has."""

    def count(self) -> int:
        """Read all of it; returns of how many things it tells."""

    def read(self) -> Iterator[Any]:
        """Return each thing as it is told, or why it is skipped: a RefusedRow."""


class Carrier(Protocol):
    """How one kind of thing goes from a file into the shop.

    once: what a file told once must not be told again, however often the file is imported.
    """

    once: bool

    def open(self, records: Iterator[rules.Record], file: str) -> Reading:
        """Read the header. Raises what is wrong with it."""

    def batches(self, told: Iterable[Any]) -> Iterator[list[Any]]:
        """Return what is stored together."""

    async def land(self, ctx: Context, told: Sequence[Any], *, origin: Origin) -> Landed:
        """Store a batch, in the transaction that `ctx` is in. origin: the file."""


class TableReading(Generic[T]):
    """A table of ours, and what reads its rows."""

    def __init__(
        self,
        table: rules.Table,
        read: Callable[[rules.Table], Iterator[T]],
        count: Callable[[rules.Table], int],
    ) -> None:
        self._table = table
        self._count = count
        self._read = read

    @property
    def dialect(self) -> str:
        """Whose names of columns it has."""
        return self._table.dialect

    def count(self) -> int:
        """Read all of it; returns of how many things it tells."""
        return self._count(self._table)

    def read(self) -> Iterator[T]:
        """Return each thing as it is told, or why it is skipped."""
        return self._read(self._table)


class _Tabled:
    """What the kinds that are read from a table of ours have in common."""

    once = False
    batch = 1_000
    count = staticmethod(rules.count_rows)

    def __init__(self, scope: Scope, options: ImportOptions) -> None:
        self._scope = scope
        self._options = options

    def batches(self, told: Iterable[T]) -> Iterator[list[T]]:
        """Return what is stored together."""
        return rules.in_batches(told, self.batch)

    def _open(
        self,
        records: Iterator[rules.Record],
        file: str,
        columns: rules.Columns,
        read: Callable[[rules.Table], Iterator[Any]],
    ) -> TableReading[Any]:
        table = rules.open_table(records, columns, file=file, mapping=self._options.columns)
        return TableReading(table, read, self.count)


class Orders(_Tabled):
    """Past purchases."""

    count = staticmethod(rules.count_orders)

    def __init__(self, scope: Scope, options: ImportOptions, ctx: Context) -> None:
        super().__init__(scope, options)
        self._reader = rules.OrderReader(
            currency=scope.currency,
            zone=ZoneInfo(scope.time_zone),
            source=options.source,
            now=ctx.clock.now(),
        )

    def open(self, records: Iterator[rules.Record], file: str) -> Reading:
        """Read the header."""
        return self._open(records, file, rules.ORDER_COLUMNS, self._reader.read)

    async def land(self, ctx: Context, told: Sequence[ToldOrder], *, origin: Origin) -> Landed:
        """Store the buyers, then the orders of a batch."""
        locale = self._scope.locales[0]
        buyers = await member.import_members(
            ctx, [one.member for one in told], locale=locale, only_new=True
        )
        variants = await _find_variants(ctx, [line.sku for one in told for line in one.lines])
        past = [
            PastOrder(
                imported_from=f"{origin.file_hash}:{one.row}",
                number=one.number,
                channel_id=self._scope.channel_id,
                currency=self._scope.currency,
                locale=locale,
                member_id=buyer.member_id,
                contact=rules.contact_of(one.member),
                state=one.state,
                placed_at=one.placed_at,
                lines=tuple(_past_line(line, variants) for line in one.lines),
                other_minor=one.other_minor,
            )
            for one, buyer in zip(told, buyers, strict=True)
        ]
        stored = await order.import_past_orders(ctx, past)
        refusals = [
            RefusedRow(
                line=one.line,
                item=one.number or "",
                reason=f"number: another order of this shop is called {one.number}",
                column="number",
                code="NUMBER_TAKEN",
            )
            for one, is_new in zip(told, stored, strict=True)
            if is_new is None
        ]
        counts = Counts(
            created=stored.count(True), unchanged=stored.count(False), refused=len(refusals)
        )
        return Landed(counts=counts, refusals=tuple(refusals))


class Members(_Tabled):
    """Members."""

    def open(self, records: Iterator[rules.Record], file: str) -> Reading:
        """Read the header."""
        source, now = self._options.source, self._now
        return self._open(
            records,
            file,
            rules.MEMBER_COLUMNS,
            lambda table: rules.read_people(table, source=source, now=now),
        )

    def __init__(self, scope: Scope, options: ImportOptions, ctx: Context) -> None:
        super().__init__(scope, options)
        self._now = ctx.clock.now()

    async def land(self, ctx: Context, told: Sequence[ToldPerson], *, origin: Origin) -> Landed:
        """Store the members of a batch."""
        groups = await member.find_groups(ctx)
        unknown = {
            one.line: next(code for code in one.draft.groups if code not in groups)
            for one in told
            if set(one.draft.groups) - groups.keys()
        }
        refusals = tuple(
            RefusedRow(
                line=line,
                item="",
                reason=f"groups: there is no member group {code[:40]!r}; see `setMemberGroup`",
                column="groups",
                code="MEMBER_GROUP_UNKNOWN",
            )
            for line, code in unknown.items()
        )
        found = await member.import_members(
            ctx,
            [one.draft for one in told if one.line not in unknown],
            locale=self._scope.locales[0],
        )
        created = sum(one.is_new for one in found)
        changed = sum(one.has_changed for one in found)
        counts = Counts(
            created=created,
            changed=changed,
            unchanged=len(found) - created - changed,
            refused=len(refusals),
        )
        return Landed(counts=counts, refusals=refusals)


class Prices(_Tabled):
    """Base prices, in the channel and currency of the import."""

    def __init__(self, scope: Scope, options: ImportOptions, ctx: Context) -> None:
        super().__init__(scope, options)

    def open(self, records: Iterator[rules.Record], file: str) -> Reading:
        """Read the header."""
        return self._open(
            records,
            file,
            rules.PRICE_COLUMNS,
            lambda table: rules.read_prices(table, self._scope.currency),
        )

    async def land(self, ctx: Context, told: Sequence[ToldPrice], *, origin: Origin) -> Landed:
        """Set the prices of a batch."""
        keys = await catalog.find_variant_ids(ctx, [one.sku for one in told])
        amounts = {keys[one.sku]: one.amount_minor for one in told if one.sku in keys}
        before = await catalog.set_prices(
            ctx, amounts, channel_id=self._scope.channel_id, currency=self._scope.currency
        )
        refusals = tuple(_unknown_sku(one.line, one.sku) for one in told if one.sku not in keys)
        unchanged = sum(before[key] == amount for key, amount in amounts.items())
        created = sum(found is None for found in before.values())
        counts = Counts(
            created=created,
            changed=len(amounts) - created - unchanged,
            unchanged=unchanged,
            refused=len(refusals),
        )
        return Landed(counts=counts, refusals=refusals)


class Stock(_Tabled):
    """Counts of stock, and corrections of it."""

    # The units that were sold since must not come back with the file.
    once = True
    # A savepoint each, of which PostgreSQL keeps 64 at hand.
    batch = 50

    def __init__(self, scope: Scope, options: ImportOptions, ctx: Context) -> None:
        super().__init__(scope, options)

    def open(self, records: Iterator[rules.Record], file: str) -> Reading:
        """Read the header."""
        location = self._options.location
        return self._open(
            records, file, rules.STOCK_COLUMNS, lambda table: rules.read_stock(table, location)
        )

    async def land(self, ctx: Context, told: Sequence[ToldStock], *, origin: Origin) -> Landed:
        """Book the units of a batch."""
        keys = await catalog.find_variant_ids(ctx, [one.sku for one in told])
        known = [one for one in told if one.sku in keys]
        counts = [
            StockCount(
                variant_id=keys[one.sku],
                location_code=one.location,
                counted=one.counted,
                delta=one.delta,
            )
            for one in known
        ]
        answers = await stock.import_stock(ctx, counts, reference=origin.reference)
        refusals = [_unknown_sku(one.line, one.sku) for one in told if one.sku not in keys]
        refusals += [
            RefusedRow(
                line=one.line,
                item=one.sku,
                reason=str(answer).removesuffix("."),
                column="location" if "LOCATION" in answer.code else "delta",
                code=answer.code,
            )
            for one, answer in zip(known, answers, strict=True)
            if isinstance(answer, DomainError)
        ]
        landed = Counts(
            changed=answers.count(True), unchanged=answers.count(False), refused=len(refusals)
        )
        return Landed(counts=landed, refusals=tuple(refusals))


def _unknown_sku(line: int, sku: str) -> RefusedRow:
    return RefusedRow(
        line=line,
        item=sku,
        reason=f"sku: no variant is called {sku[:60]!r}; import its product first",
        column="sku",
        code="SKU_UNKNOWN",
    )


async def _find_variants(
    ctx: Context, skus: Iterable[str]
) -> Mapping[str, tuple[VariantId, ProductId]]:
    wanted = sorted({sku for sku in skus if sku})
    if not wanted:
        return {}
    return await catalog.find_sold_as(ctx, wanted)


def _past_line(told: ToldLine, variants: Mapping[str, tuple[VariantId, ProductId]]) -> PastLine:
    variant_id, product_id = variants.get(told.sku, (None, None))
    return PastLine(
        sku=told.sku,
        name=told.name,
        quantity=told.quantity,
        total_minor=told.total_minor,
        variant_id=variant_id,
        product_id=product_id,
    )


_TABLED: Mapping[ImportKind, Callable[[Scope, ImportOptions, Context], Carrier]] = {
    ImportKind.ORDERS: Orders,
    ImportKind.MEMBERS: Members,
    ImportKind.PRICES: Prices,
    ImportKind.STOCK: Stock,
}


def carrier_of(ctx: Context, scope: Scope, options: ImportOptions, telling: Telling) -> Carrier:
    """Return what carries this kind of import."""
    from koipond.imports.service.products import Products

    if options.kind is ImportKind.PRODUCTS:
        return Products(options, telling)
    return _TABLED[options.kind](scope, options, ctx)
