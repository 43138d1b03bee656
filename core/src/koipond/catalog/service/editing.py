"""Use-cases of staff who make and change products."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from koipond.catalog import repository
from koipond.catalog.errors import ProductSlugTaken, ProductUnknown
from koipond.catalog.service.shelf import save_products
from koipond.catalog.types import ProductDraft, Refused, Saved, Telling
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import check_version
from koipond.kernel.ids import ProductId, encode


async def find_versions(ctx: Context, keys: Collection[ProductId]) -> Mapping[ProductId, int]:
    """Return {product: how often it was changed}, for `expected_version`."""
    async with ctx.reading() as db:
        found = await repository.find_slugs(db, keys)
    return {key: version for key, (_, version) in found.items()}


@transaction
async def create_product(ctx: Context, draft: ProductDraft) -> Saved:
    """Make a product, in the language, currency and channel of the request.

    Raises ProductSlugTaken, ProductInvalid, SkuTwice, SkuTaken.
    """
    await repository.take_turns(ctx.db)
    if await repository.find_by_slug(ctx.db, draft.slug) is not None:
        raise ProductSlugTaken(slug=draft.slug).located("slug")
    saved = await _save(ctx, draft)
    ctx.audited(encode(ProductId, saved.product_id), after=draft)
    return saved


@transaction
async def update_product(
    ctx: Context,
    key: ProductId,
    draft: ProductDraft,
    *,
    expected_version: int | None = None,
) -> Saved:
    """Tell a product again, as `save_products` says; its slug stays, whatever the draft says.

    Raises ProductUnknown, VersionConflict, ProductInvalid, SkuTwice, SkuTaken.
    """
    # First: whoever else changes products waits here, so what is read is what is changed.
    await repository.take_turns(ctx.db)
    found = (await repository.find_slugs(ctx.db, [key])).get(key)
    if found is None:
        raise ProductUnknown(product_id=encode(ProductId, key))
    slug, version = found
    check_version(encode(ProductId, key), expected=expected_version, current=version)
    told = msgspec.structs.replace(draft, slug=slug)
    saved = await _save(ctx, told)
    ctx.audited(encode(ProductId, key), before={"version": version}, after=told)
    return saved


async def _save(ctx: Context, draft: ProductDraft) -> Saved:
    scope = ctx.scope
    telling = Telling(locale=scope.locales[0], channel_id=scope.channel_id, currency=scope.currency)
    (saved,) = await save_products(ctx, [draft], telling)
    if isinstance(saved, Refused):
        raise saved.error
    return saved
