"""From rows to products, in the file's order, a few at a time."""

from collections.abc import Iterable, Iterator, Sequence

from koipond.imports.errors import RowRefused
from koipond.imports.rules import cells
from koipond.imports.rules.refusals import skipped
from koipond.imports.rules.sheet import ProductReader, Sheet
from koipond.imports.types import RefusedRow, Row, ToldProduct

BATCH_PRODUCTS = 100
# Together with the largest possible product still few enough for one statement.
BATCH_VARIANTS = 5_000
# Variants and pictures of one product; one row more shows that there are too many.
ROWS_MAX = 5_000


def count_products(sheet: Sheet) -> int:
    """Read all rows; returns of how many products they are. Raises what `Sheet.rows` raises."""
    return sum(1 for _ in _grouped(sheet))


def read_products(sheet: Sheet) -> Iterator[ToldProduct | RefusedRow]:
    """Return every product of the file as it is told, or why it is skipped.

    Two products of one slug, or with one SKU, are a mistake of the file: the second is skipped,
    whatever became of the first.
    """
    slugs: dict[str, int] = {}
    skus: dict[str, int] = {}
    for rows in _grouped(sheet):
        slug = "" if rows[0].problem else sheet.reader.slug(rows)
        try:
            cells.sound(rows[0])
            _check_slug(slug, rows, slugs)
            told = _read(rows, sheet.reader, skus)
        except RowRefused as error:
            yield skipped(error, slug)
        else:
            yield told


def batches(
    products: Iterable[ToldProduct | RefusedRow],
) -> Iterator[list[ToldProduct | RefusedRow]]:
    """Return products in batches of 100, or fewer where they have very many variants."""
    batch: list[ToldProduct | RefusedRow] = []
    variants = 0
    for product in products:
        batch.append(product)
        variants += len(product.draft.variants) if isinstance(product, ToldProduct) else 0
        if len(batch) == BATCH_PRODUCTS or variants >= BATCH_VARIANTS:
            yield batch
            batch, variants = [], 0
    if batch:
        yield batch


def _grouped(sheet: Sheet) -> Iterator[list[Row]]:
    """Return the rows of each product; of one with too many only as many as show that."""
    rows: list[Row] = []
    for row in sheet.rows():
        if row.problem:
            yield from [rows] if rows else []
            yield [row]
            rows = []
            continue
        if rows and sheet.reader.begins_product(row, rows[0]):
            yield rows
            rows = []
        if len(rows) <= ROWS_MAX:
            rows.append(row)
    if rows:
        yield rows


def _check_slug(slug: str, rows: Sequence[Row], slugs: dict[str, int]) -> None:
    line = rows[0].line
    before = slugs.setdefault(slug, line) if slug else line
    if before != line:
        raise RowRefused(
            line=line,
            reason=f"{slug} is already the product in line {before}; keep its rows together",
        )


def _read(rows: Sequence[Row], reader: ProductReader, skus: dict[str, int]) -> ToldProduct:
    twice = list(_repeated(rows, reader, skus))
    if len(rows) > ROWS_MAX:
        raise RowRefused(line=rows[0].line, reason=f"it has more than {ROWS_MAX:,} rows")
    told = reader.read(rows)
    if twice:
        raise twice[0]
    return told


def _repeated(
    rows: Sequence[Row], reader: ProductReader, skus: dict[str, int]
) -> Iterator[RowRefused]:
    """Remember the SKUs of a product; returns a refusal for each that there was before."""
    for row in rows:
        sku = row.cell(reader.sku_column)
        before = skus.setdefault(sku, row.line) if sku else row.line
        if before != row.line:
            yield RowRefused(
                line=row.line, reason=f"SKU {sku} is already in line {before}; it names one variant"
            )
