"""Products, as Shopify and Vendure write them."""

from collections.abc import Iterable, Iterator, Sequence

from koipond.catalog import service as catalog
from koipond.catalog.types import Outcome, Refused, Saved, Telling
from koipond.imports import rules
from koipond.imports.types import (
    Counts,
    ImportOptions,
    Landed,
    Origin,
    RefusedRow,
    ToldProduct,
)
from koipond.kernel.context import Context
from koipond.stock import service as stock
from koipond.stock.types import MovementReason, StockReceipt


class ProductReading:
    """A file of products whose header was read."""

    def __init__(self, sheet: rules.Sheet) -> None:
        self._sheet = sheet

    @property
    def dialect(self) -> str:
        """Whose CSV it is."""
        return self._sheet.dialect

    def count(self) -> int:
        """Read all of it; returns of how many products it tells."""
        return rules.count_products(self._sheet)

    def read(self) -> Iterator[ToldProduct | RefusedRow]:
        """Return each product as it is told, or why it is skipped."""
        return rules.read_products(self._sheet)


class Products:
    """Products: new ones are made, known ones become what the file tells.

    Quantities are booked for variants that are new, never for known ones: a shop that has sold
    since the file was written must not get those units back.
    """

    once = False

    def __init__(self, options: ImportOptions, telling: Telling) -> None:
        self._options = options
        self._telling = telling

    def open(self, records: Iterator[rules.Record], file: str) -> ProductReading:
        """Read the header."""
        sheet = rules.open_sheet(
            records,
            file=file,
            dialect=self._options.dialect,
            locale=self._telling.locale,
            currency=self._telling.currency,
            asset_base=self._options.asset_base,
        )
        return ProductReading(sheet)

    def batches(
        self, told: Iterable[ToldProduct | RefusedRow]
    ) -> Iterator[list[ToldProduct | RefusedRow]]:
        """Return what is stored together: up to 100 products."""
        return rules.batches(told)

    async def land(self, ctx: Context, told: Sequence[ToldProduct], *, origin: Origin) -> Landed:
        """Store the products of a batch, and book the units of new variants."""
        results = await catalog.save_products(ctx, [one.draft for one in told], self._telling)
        pairs = list(zip(told, results, strict=True))
        saved = [(product, result) for product, result in pairs if isinstance(result, Saved)]
        receipts = _receipts(saved)
        if receipts:
            await stock.receive(
                ctx,
                receipts,
                location_code=self._options.location,
                reason=MovementReason.IMPORT,
                reference=origin.reference,
            )
        refusals = tuple(
            RefusedRow(
                line=product.line,
                item=result.slug,
                reason=str(result.error),
                code=result.error.code,
            )
            for product, result in pairs
            if isinstance(result, Refused)
        )
        return Landed(counts=_count(saved, receipts, refusals), refusals=refusals)


def _receipts(saved: Sequence[tuple[ToldProduct, Saved]]) -> list[StockReceipt]:
    """Return what is booked: units of variants that are new."""
    return [
        StockReceipt(variant_id=result.variants[sku], quantity=units)
        for product, result in saved
        for sku, units in product.stock.items()
        if sku in result.created and units > 0
    ]


def _count(
    saved: Sequence[tuple[ToldProduct, Saved]],
    receipts: Sequence[StockReceipt],
    refusals: Sequence[RefusedRow],
) -> Counts:
    outcomes = [result.outcome for _, result in saved]
    return Counts(
        created=outcomes.count(Outcome.CREATED),
        changed=outcomes.count(Outcome.CHANGED),
        unchanged=outcomes.count(Outcome.UNCHANGED),
        refused=len(refusals),
        stock_booked=len(receipts),
        stock_left_alone=sum(len(one.stock.keys() - two.created) for one, two in saved),
    )
