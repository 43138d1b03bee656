"""What a product must be to be stored."""

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from koipond.catalog.errors import ProductInvalid, SkuTwice
from koipond.catalog.rules.words import slugify
from koipond.catalog.types import MediaDraft, ProductDraft, VariantDraft
from koipond.kernel.money import MAX_MINOR

# As many as Shopify lets a product have; a batch is never larger than what one statement can name.
VARIANTS_MAX = 2_048
SLUG_MAX = 200
NAME_MAX = 500
SKU_MAX = 120
URL_MAX = 2_000
# A thousand tons.
GRAMS_MAX = 1_000_000_000

_SLUG = re.compile(r"[^\s/?#%\\\x00-\x1f\x7f]+")
_SCHEMES = {"", "http", "https"}


def refusal_of(draft: ProductDraft) -> ProductInvalid | SkuTwice | None:
    """Return the first thing that keeps `draft` from being stored, None if nothing does."""
    for problem in _problems(draft):
        return ProductInvalid(product=draft.slug, reason=problem)
    times = Counter(variant.sku for variant in draft.variants)
    return next((SkuTwice(sku=sku) for sku, number in times.items() if number > 1), None)


def _problems(draft: ProductDraft) -> Iterator[str]:
    yield from _text_problems(draft)
    yield from _slug_problems(draft.slug)
    if not draft.name.strip():
        yield "its name is empty"
    yield from _too_long("its name", draft.name, NAME_MAX)
    for name in draft.options:
        if not name.strip():
            yield "an option has no name"
        yield from _too_long("the name of an option", name, NAME_MAX)
    for name in (*draft.categories, *draft.collections):
        yield from _name_problems("category or collection", name)
    for name, value in draft.attributes:
        yield from _name_problems("attribute", name)
        yield from _name_problems(f"value of the attribute {name}", value)
    yield from _media_problems(draft.media)
    if not draft.variants:
        yield "it has no variant; a product is sold as one"
    if len(draft.variants) > VARIANTS_MAX:
        yield f"it has {len(draft.variants)} variants, at most {VARIANTS_MAX} are possible"
    for variant in draft.variants:
        yield from _variant_problems(variant, options=len(draft.options))


def _slug_problems(slug: str) -> Iterator[str]:
    if not slug:
        yield "its slug is empty"
    yield from _too_long("its slug", slug, SLUG_MAX)
    if slug and not _SLUG.fullmatch(slug):
        yield "its slug is part of an address: no spaces and none of / ? # % \\"


def _variant_problems(variant: VariantDraft, *, options: int) -> Iterator[str]:
    if not variant.sku:
        yield "a variant has no SKU"
    yield from _too_long("a SKU", variant.sku, SKU_MAX)
    if variant.sku != variant.sku.strip():
        yield f"SKU {variant.sku!r} begins or ends with a space"
    if len(variant.options) != options:
        yield f"{variant.sku} has {len(variant.options)} option values for {options} options"
    for value in variant.options:
        if not value.strip():
            yield f"{variant.sku} has an empty option value"
        yield from _too_long(f"an option value of {variant.sku}", value, NAME_MAX)
    if variant.price_minor is not None and not 0 <= variant.price_minor <= MAX_MINOR:
        yield f"the price of {variant.sku} is out of range: {variant.price_minor} minor units"
    if variant.grams is not None and not 0 <= variant.grams <= GRAMS_MAX:
        yield f"{variant.sku} weighs {variant.grams} g; 0 to {GRAMS_MAX} are possible"
    yield from _media_problems(variant.media)


def _name_problems(kind: str, name: str) -> Iterator[str]:
    if not slugify(name):
        yield f"the {kind} {name!r} has no letter and no digit"
    yield from _too_long(f"the {kind} {name[:40]!r}", name, SLUG_MAX)
    yield from _too_long(f"the {kind} {name[:40]!r}", slugify(name), SLUG_MAX)


def _media_problems(media: tuple[MediaDraft, ...]) -> Iterator[str]:
    for picture in media:
        yield from _too_long("the address of a picture", picture.url, URL_MAX)
        try:
            scheme = urlsplit(picture.url).scheme
        except ValueError:
            scheme = "?"
        if not picture.url.strip() or scheme not in _SCHEMES:
            yield f"{picture.url[:60]!r} is no address of a picture: http, https, or a path"


def _too_long(what: str, text: str, limit: int) -> Iterator[str]:
    if len(text) > limit:
        yield f"{what} has {len(text)} characters, at most {limit} are possible"


def _text_problems(draft: ProductDraft) -> Iterator[str]:
    """No database text holds U+0000, and half a surrogate pair is no character."""
    try:
        written = msgspec.json.encode(draft)
    except UnicodeEncodeError:
        yield "a text has half a character (a lone surrogate)"
        return
    if b"\\u0000" in written:
        yield "a text has the character U+0000"
