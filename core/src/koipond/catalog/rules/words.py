"""Text as addresses and as names."""

import unicodedata
from collections.abc import Sequence

from koipond.catalog.types import OptionChoice, Product
from koipond.kernel.texts import Locale, pick

# Letters, marks and numbers. A mark is part of its letter: Devanagari and Thai write vowels so.
_KEPT = frozenset("LMN")


def slugify(text: str) -> str:
    """Return `text` as a part of an address: letters and digits of any script, `-` for the rest.

    Empty if there is neither letter nor digit.
    """
    folded = fold(text)
    kept = (c if unicodedata.category(c)[0] in _KEPT else " " for c in folded)
    return "-".join("".join(kept).split())


def fold(text: str) -> str:
    """Return `text` as it is compared: lower case, full-width and other forms made plain (NFKC)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def variant_name(
    options: Sequence[OptionChoice], product: Product | None, locales: Sequence[Locale]
) -> str:
    """Return what a variant is called: its option values, or the product's name if it has none."""
    values = [pick(option.value, locales) for option in options]
    return " / ".join(values) or (pick(product.name, locales) if product else "")
