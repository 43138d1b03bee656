"""Use-cases of staff who arrange the shelf: categories, collections and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from koipond.catalog import repository, rules
from koipond.catalog.errors import (
    CategoryUnknown,
    CollectionUnknown,
    GroupingBatchInvalid,
    GroupingUsed,
    ProductUnknown,
)
from koipond.catalog.service.searching import NOWHERE
from koipond.catalog.types import (
    Category,
    Collection,
    GroupingDraft,
    GroupingKind,
    Named,
    NameKind,
    ProductDraft,
)
from koipond.catalog.types.jobs import RefreshSearch
from koipond.kernel import jobs
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import check_version
from koipond.kernel.ids import CategoryId, CollectionId, ProductId, encode, new_id

# Of one mutation, those that are put in and those that are taken out.
PRODUCTS_MAX = 100
Tree = dict[CategoryId, Category]
Collections = dict[CollectionId, Collection]


@transaction
async def create_category(
    ctx: Context, draft: GroupingDraft, *, parent_id: CategoryId | None = None
) -> Category:
    """Make a category, the last below its parent, in the language of the request.

    Raises CategoryUnknown, CategoryMoveInvalid, GroupingInvalid, GroupingSlugTaken.
    """
    tree = await _lock_tree(ctx)
    if parent_id is not None:
        _known_category(tree, parent_id, "parentId")
    slug, name = rules.name_grouping(
        GroupingKind.CATEGORY, draft, tree.values(), known=None, locale=ctx.scope.locales[0]
    )
    new = Category(id=CategoryId(new_id()), slug=slug, name=name, parent_id=parent_id)
    rules.check_parent({**tree, new.id: new}, new.id, parent_id)
    placed = await _place(ctx, tree, new, None)
    await repository.add_category(ctx.db, placed)
    ctx.audited(encode(CategoryId, new.id), after=placed)
    return placed


@transaction
async def update_category(
    ctx: Context, key: CategoryId, draft: GroupingDraft, *, expected_version: int | None = None
) -> Category:
    """Call a category otherwise in the language of the request, or give it another slug.

    Raises CategoryUnknown, VersionConflict, GroupingInvalid, GroupingSlugTaken.
    """
    tree = await _lock_tree(ctx)
    known = _known_category(tree, key, "categoryId")
    check_version(encode(CategoryId, key), expected=expected_version, current=known.version)
    others = [one for one in tree.values() if one.id != key]
    slug, name = rules.name_grouping(
        GroupingKind.CATEGORY, draft, others, known=known, locale=ctx.scope.locales[0]
    )
    changed = msgspec.structs.replace(known, slug=slug, name=name, version=known.version + 1)
    await repository.save_category(ctx.db, changed)
    await _refresh_search(ctx, GroupingKind.CATEGORY, key)
    ctx.audited(encode(CategoryId, key), before=known, after=changed)
    return changed


@transaction
async def move_category(
    ctx: Context,
    key: CategoryId,
    *,
    parent_id: CategoryId | None,
    position: int | None = None,
    expected_version: int | None = None,
) -> Category:
    """Put a category, with all below it, below another one, or at the top.

    position: among its siblings, from 0; None: the last. Raises CategoryUnknown, VersionConflict,
    CategoryMoveInvalid.
    """
    tree = await _lock_tree(ctx)
    known = _known_category(tree, key, "categoryId")
    check_version(encode(CategoryId, key), expected=expected_version, current=known.version)
    if parent_id is not None:
        _known_category(tree, parent_id, "parentId")
    rules.check_parent(tree, key, parent_id)
    moved = msgspec.structs.replace(known, parent_id=parent_id, version=known.version + 1)
    placed = await _place(ctx, tree, moved, position)
    await repository.save_category(ctx.db, placed)
    ctx.audited(encode(CategoryId, key), before=known, after=placed)
    return placed


@transaction
async def remove_category(
    ctx: Context, key: CategoryId, *, expected_version: int | None = None
) -> Category:
    """Remove a category that nothing is in.

    Raises CategoryUnknown, VersionConflict, GroupingUsed.
    """
    tree = await _lock_tree(ctx)
    known = _known_category(tree, key, "categoryId")
    check_version(encode(CategoryId, key), expected=expected_version, current=known.version)
    below = sum(one.parent_id == key for one in tree.values())
    await _check_unused(ctx, GroupingKind.CATEGORY, key, below=below)
    await repository.remove_category(ctx.db, key)
    ctx.audited(encode(CategoryId, key), before=known)
    return known


@transaction
async def create_collection(ctx: Context, draft: GroupingDraft) -> Collection:
    """Make a collection, in the language of the request.

    Raises GroupingInvalid, GroupingSlugTaken.
    """
    known = await _lock_collections(ctx)
    slug, name = rules.name_grouping(
        GroupingKind.COLLECTION, draft, known.values(), known=None, locale=ctx.scope.locales[0]
    )
    new = Collection(id=CollectionId(new_id()), slug=slug, name=name)
    await repository.add_collection(ctx.db, new)
    ctx.audited(encode(CollectionId, new.id), after=new)
    return new


@transaction
async def update_collection(
    ctx: Context, key: CollectionId, draft: GroupingDraft, *, expected_version: int | None = None
) -> Collection:
    """Call a collection otherwise in the language of the request, or give it another slug.

    Raises CollectionUnknown, VersionConflict, GroupingInvalid, GroupingSlugTaken.
    """
    collections = await _lock_collections(ctx)
    known = _known_collection(collections, key)
    check_version(encode(CollectionId, key), expected=expected_version, current=known.version)
    others = [one for one in collections.values() if one.id != key]
    slug, name = rules.name_grouping(
        GroupingKind.COLLECTION, draft, others, known=known, locale=ctx.scope.locales[0]
    )
    changed = msgspec.structs.replace(known, slug=slug, name=name, version=known.version + 1)
    await repository.save_collection(ctx.db, changed)
    await _refresh_search(ctx, GroupingKind.COLLECTION, key)
    ctx.audited(encode(CollectionId, key), before=known, after=changed)
    return changed


@transaction
async def remove_collection(
    ctx: Context, key: CollectionId, *, expected_version: int | None = None
) -> Collection:
    """Remove a collection that nothing is in.

    Raises CollectionUnknown, VersionConflict, GroupingUsed.
    """
    known = _known_collection(await _lock_collections(ctx), key)
    check_version(encode(CollectionId, key), expected=expected_version, current=known.version)
    await _check_unused(ctx, GroupingKind.COLLECTION, key, below=0)
    await repository.remove_collection(ctx.db, key)
    ctx.audited(encode(CollectionId, key), before=known)
    return known


@transaction
async def change_category_products(
    ctx: Context, key: CategoryId, *, add: Sequence[ProductId], remove: Sequence[ProductId]
) -> Category:
    """Put products into a category, the last of their own, and take others out.

    Who is in it already, or is not, stays so. Raises CategoryUnknown, ProductUnknown,
    GroupingBatchInvalid.
    """
    known = _known_category(await _lock_tree(ctx), key, "categoryId")
    named = Named(id=known.id, code=known.slug, name=known.name)
    await _put(ctx, GroupingKind.CATEGORY, named, add, remove)
    ctx.audited(encode(CategoryId, key), after=_told(add, remove))
    return known


@transaction
async def change_collection_products(
    ctx: Context, key: CollectionId, *, add: Sequence[ProductId], remove: Sequence[ProductId]
) -> Collection:
    """Do for a collection what `change_category_products` does for a category.

    Raises CollectionUnknown, ProductUnknown, GroupingBatchInvalid.
    """
    known = _known_collection(await _lock_collections(ctx), key)
    named = Named(id=known.id, code=known.slug, name=known.name)
    await _put(ctx, GroupingKind.COLLECTION, named, add, remove)
    ctx.audited(encode(CollectionId, key), after=_told(add, remove))
    return known


async def _lock_tree(ctx: Context) -> Tree:
    # First: whoever else changes the shelf waits here, so what is read is what is changed.
    await repository.take_turns(ctx.db)
    return await repository.find_tree(ctx.db)


async def _lock_collections(ctx: Context) -> Collections:
    await repository.take_turns(ctx.db)
    return await repository.find_all_collections(ctx.db)


def _known_category(tree: Tree, key: CategoryId, at: str) -> Category:
    if key not in tree:
        raise CategoryUnknown(category_id=encode(CategoryId, key)).located(at)
    return tree[key]


def _known_collection(found: Collections, key: CollectionId) -> Collection:
    if key not in found:
        unknown = CollectionUnknown(collection_id=encode(CollectionId, key))
        raise unknown.located("collectionId")
    return found[key]


async def _place(ctx: Context, tree: Tree, moved: Category, position: int | None) -> Category:
    placed, room = rules.place_category(tree, moved, position)
    await repository.save_positions(ctx.db, room)
    return placed


async def _check_unused(ctx: Context, kind: GroupingKind, key: UUID, *, below: int) -> None:
    products = await repository.count_in(ctx.db, kind, key)
    if products or below:
        raise GroupingUsed(grouping=kind, products=products, categories=below)


async def _refresh_search(ctx: Context, kind: GroupingKind, key: UUID) -> None:
    """Let what is in it be found by its new name, soon: it may be every product of the shop."""
    await repository.outdate_search(ctx.db, kind, key)
    await jobs.enqueue(ctx, RefreshSearch())


async def _put(
    ctx: Context,
    kind: GroupingKind,
    named: Named,
    add: Sequence[ProductId],
    remove: Sequence[ProductId],
) -> None:
    keys = [*add, *remove]
    if len(keys) > PRODUCTS_MAX:
        reason = f"they are {len(keys)}, at most {PRODUCTS_MAX} are possible at once"
        raise GroupingBatchInvalid(reason=reason)
    if set(add) & set(remove):
        raise GroupingBatchInvalid(reason="one of them is to be put in and taken out")
    slugs = await repository.find_slugs(ctx.db, keys)
    for at, wanted in (("add", add), ("remove", remove)):
        for number, key in enumerate(wanted):
            if key not in slugs:
                unknown = ProductUnknown(product_id=encode(ProductId, key))
                raise unknown.located(f"{at}.{number}")
    # Drafts that tell nothing: the shelf is all that they are about.
    drafts = [ProductDraft(slug=slug, name="", variants=()) for slug, _ in slugs.values()]
    found = await repository.load_shelf(ctx.db, drafts, NOWHERE)
    of = NameKind(kind.value)
    names = {**found.names, of: {**found.names.get(of, {}), named.id: named}}
    before = msgspec.structs.replace(found, names=names)
    after = rules.put_products(
        before, kind, named, add=set(add), remove=set(remove), now=ctx.clock.now()
    )
    await repository.save_shelf(ctx.db, before, after, NOWHERE)


def _told(add: Sequence[ProductId], remove: Sequence[ProductId]) -> dict[str, list[str]]:
    told = {"added": add, "removed": remove}
    return {name: [encode(ProductId, key) for key in keys] for name, keys in told.items() if keys}
