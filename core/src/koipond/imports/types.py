"""Imports, seen from outside."""

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from koipond.catalog.types import ProductDraft, Telling
from koipond.kernel.ids import ImportRunId


class Dialect(StrEnum):
    """Whose product CSV a file is. AUTO: told by its header."""

    AUTO = "auto"
    SHOPIFY = "shopify"
    VENDURE = "vendure"


class ImportOptions(Struct, frozen=True, kw_only=True):
    """How a file is to be read. channel, currency, locale: None is the shop's or channel's first.

    asset_base: what is put before picture names that are no address by themselves.
    location: where the stock of new variants is booked; None is the shop's default.
    """

    channel: str | None = None
    currency: str | None = None
    locale: str | None = None
    asset_base: str = ""
    encoding: str = "utf-8"
    dialect: Dialect = Dialect.AUTO
    location: str | None = None


class Row(Struct, frozen=True, kw_only=True):
    """One row of a file. line: where it begins; cells: {column: text without outer spaces}."""

    line: int
    cells: Mapping[str, str]

    def cell(self, column: str) -> str:
        """Return what stands in a column; "" if the file has none of this name."""
        return self.cells.get(column, "")


class ToldProduct(Struct, frozen=True, kw_only=True):
    """A product as a file tells of it. stock: {sku: units}, of the variants it says that of."""

    line: int
    draft: ProductDraft
    stock: Mapping[str, int]


class RefusedProduct(Struct, frozen=True, kw_only=True):
    """A product that was skipped: the line at fault, and why."""

    line: int
    product: str
    reason: str


class Survey(Struct, frozen=True, kw_only=True):
    """What a first look through a whole file found. file_hash: SHA-256, in hexadecimal."""

    file_hash: str
    dialect: Dialect
    products: int


class ImportKey(Struct, frozen=True, kw_only=True):
    """What makes two imports the same: this very file, told in the same way."""

    file_hash: str
    telling: Telling
    asset_base: str
    encoding: str
    location: str


class Counts(Struct, frozen=True, kw_only=True):
    """What became of products, and of the quantities that the file has for their variants.

    stock_booked: new variants whose units were booked. stock_left_alone: known variants, whose
    stock an import never changes.
    """

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    stock_booked: int = 0
    stock_left_alone: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            created=self.created + other.created,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            refused=self.refused + other.refused,
            stock_booked=self.stock_booked + other.stock_booked,
            stock_left_alone=self.stock_left_alone + other.stock_left_alone,
        )


class RunState(StrEnum):
    """How far an import came."""

    RUNNING = "running"
    FINISHED = "finished"


class ImportRun(Struct, frozen=True, kw_only=True):
    """One import of one file. products_done: how many of the file's products are dealt with."""

    id: ImportRunId
    products_done: int
    counts: Counts


class Progress(Struct, frozen=True, kw_only=True):
    """How far an import is, in products of the file."""

    done: int
    total: int


class ImportReport(Struct, frozen=True, kw_only=True):
    """What an import did, those parts of it that were done before a stop included.

    resumed_at: how many products had been dealt with before this call.
    """

    counts: Counts
    resumed_at: int
    refusals: tuple[RefusedProduct, ...]
