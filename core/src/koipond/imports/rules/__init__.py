"""Rules of imports: from the bytes of a file to drafts of products. No file is opened here."""

from koipond.imports.rules.products import batches, count_products, read_products
from koipond.imports.rules.rows import LINE_MAX, find_codec, read_rows
from koipond.imports.rules.sheet import Sheet, open_sheet

__all__ = [
    "LINE_MAX",
    "Sheet",
    "batches",
    "count_products",
    "find_codec",
    "open_sheet",
    "read_products",
    "read_rows",
]
