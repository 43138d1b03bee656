"""What a product is found by in one language, and what a search asks for."""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from importlib.metadata import version
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from koipond.catalog.rules.drafts import NAME_MAX
from koipond.catalog.rules.words import fold
from koipond.catalog.types import Named, NameKind, SearchText, Shelf, StoredProduct
from koipond.kernel.texts import Locale

# Characters of each text that is searched: PostgreSQL keeps no more places of words than 16,383.
_KEPT_MAX = 20_000
# Words of a search; those behind them are not asked for.
_ASKED_MAX = 20
# Letters, marks and numbers. A mark is part of its letter: Devanagari and Thai write vowels so.
_KEPT = frozenset("LMN")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_IS_HAN = re.compile(f"[{_HAN}]")
# Scripts that put no spaces between words (Han, kana, Thai, Lao, Tibetan, Burmese, Khmer), and
# Hangul, which puts other words behind a word.
_UNSPACED = re.compile(
    f"[{_HAN}\u0e00-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u30ff\u31f0-\u31ff\ua960-\ua97f\uac00-\ud7ff]"
)


class AskedTerm(Struct, frozen=True, kw_only=True):
    """A part of a search that was written without a gap: all its words, or its parts in a row.

    parts: none of one character is a part, but the beginning of one.
    """

    words: tuple[str, ...]
    parts: tuple[str, ...]


class Closeness(IntEnum):
    """How a product fits a search, the best first; each takes in those before it."""

    # All that is asked are words of its name,
    NAME = 0
    # or words of its name begin so,
    NAME_BEGINS = 1
    # or words of its other texts do,
    WORDS = 2
    # or it is somewhere inside.
    PARTS = 3


@functools.cache
def edition() -> str:
    """Return by which rules and which dictionary texts are taken apart; others are out of date."""
    return f"1 rjieba {version('rjieba')}"


def search_texts(
    product: StoredProduct, names: Mapping[NameKind, Mapping[UUID, Named]]
) -> Mapping[Locale, SearchText]:
    """Return what `product` is found by in each language that it has a name in.

    names: what it may have in common with others, by id.
    """
    return {
        locale: _search_text(name, list(_beside(product, names, locale)))
        for locale, name in product.name.items()
    }


def search_anew(shelf: Shelf) -> Shelf:
    """Return a shelf with the search texts of its products made again."""
    products = {
        slug: replace(one, search=search_texts(one, shelf.names))
        for slug, one in shelf.products.items()
    }
    return replace(shelf, products=products)


def asked_terms(text: str) -> tuple[AskedTerm, ...]:
    """Return what a search asks for; each of them must fit. Nothing if there is no letter."""
    terms: list[AskedTerm] = []
    for run in dict.fromkeys(_runs(text)):
        words = tuple(dict.fromkeys(_cut(run, for_search=False)))
        room = _ASKED_MAX - sum(len(term.words) for term in terms)
        if len(words) > room:
            break
        everywhere = len(run) <= 2 or _UNSPACED.search(run) is not None
        terms.append(AskedTerm(words=words, parts=_asked_parts(run) if everywhere else ()))
    return tuple(terms)


def _search_text(name: str, texts: Sequence[str]) -> SearchText:
    own, others = list(_runs(name)), [run for text in texts for run in _runs(text)]
    # Any pair of characters of a name is found; of other texts, where nobody could tell the words.
    parted = [*own, *(run for run in others if _UNSPACED.search(run))]
    beside = dict.fromkeys([word for run in others for word in _cut(run, for_search=True)])
    return SearchText(
        name=fold(name)[:NAME_MAX],
        words=_joined(word for run in own for word in _cut(run, for_search=True)),
        beside=_joined(beside),
        parts=_joined(part for run in dict.fromkeys(parted) for part in _parts(run)),
        edition=edition(),
    )


def _beside(
    product: StoredProduct, names: Mapping[NameKind, Mapping[UUID, Named]], locale: Locale
) -> Iterator[str]:
    """Yield the texts beside its name that it is found by."""
    variants = sorted(product.variants.values(), key=lambda variant: variant.sku)
    for variant in variants:
        yield variant.sku
    for variant in variants:
        for option in product.options:
            yield variant.values.get(option.id, {}).get(locale, "")
    shared = (
        (NameKind.CATEGORY, product.categories),
        (NameKind.COLLECTION, product.collections),
        (NameKind.ATTRIBUTE_VALUE, product.attributes),
    )
    for kind, held in shared:
        for key in held.values():
            yield names[kind][key].name.get(locale, "")


def _runs(text: str) -> Iterator[str]:
    """Yield the runs of letters and digits in a text, folded."""
    kept = (c if unicodedata.category(c)[0] in _KEPT else " " for c in fold(text))
    yield from "".join(kept).split()


def _cut(run: str, *, for_search: bool) -> list[str]:
    """Return the words of a run. for_search: also those that are parts of others."""
    if not _IS_HAN.search(run):
        return [run]
    # 33 MB of dictionary: for those shops only that have Chinese texts, or are asked in Chinese.
    import rjieba

    words = rjieba.cut_for_search(run) if for_search else rjieba.cut(run)
    return [word for word in words if word.strip()]


def _parts(run: str) -> list[str]:
    """Return each character of a run with the one behind it, and the last by itself."""
    return [run[at : at + 2] for at in range(len(run))]


def _asked_parts(run: str) -> tuple[str, ...]:
    """Return what stands in a row in `_parts` of all runs in which `run` occurs."""
    return tuple(_parts(run)[:-1]) or (run,)


def _joined(words: Iterable[str]) -> str:
    text = " ".join(words)
    return text if len(text) <= _KEPT_MAX else text[:_KEPT_MAX].rpartition(" ")[0]
