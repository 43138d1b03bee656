"""What a category or a collection must be, where it stands, and which products are in it."""

from collections.abc import Collection as Sized
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace

from koipond.catalog.errors import (
    CategoryMoveInvalid,
    GroupingInvalid,
    GroupingSlugTaken,
)
from koipond.catalog.rules.drafts import NAME_MAX, SLUG_MAX
from koipond.catalog.rules.searching import search_texts
from koipond.catalog.rules.words import slugify
from koipond.catalog.types import (
    Category,
    GroupingDraft,
    GroupingKind,
    Named,
    Shelf,
    StoredProduct,
)
from koipond.catalog.types import Collection as Picked
from koipond.kernel.ids import CategoryId, encode
from koipond.kernel.texts import Locale, Texts

# A tree that is deeper is a mistake, and storefronts show it level by level.
DEPTH_MAX = 10


def name_grouping(
    kind: GroupingKind,
    draft: GroupingDraft,
    others: Sized[Category | Picked],
    *,
    known: Category | Picked | None,
    locale: Locale,
) -> tuple[str, Texts]:
    """Return slug and name of a category or a collection as a draft tells them in one language.

    others: all others of its kind. known: what it is now; what the draft leaves out stays so.
    Raises GroupingInvalid, GroupingSlugTaken.
    """
    name = None if draft.name is None else draft.name.strip()
    if (known is None and name is None) or name == "":
        raise GroupingInvalid(grouping=kind, reason="it has no name").located("name")
    if name is not None and len(name) > NAME_MAX:
        reason = f"its name has {len(name)} characters, at most {NAME_MAX} are possible"
        raise GroupingInvalid(grouping=kind, reason=reason).located("name")
    slug = draft.slug
    if slug is None:
        slug = slugify(name or "") if known is None else known.slug
    if not slug or slug != slugify(slug) or len(slug) > SLUG_MAX:
        reason = f"a slug is letters, digits and -, in lower case, 1 to {SLUG_MAX} of them"
        raise GroupingInvalid(grouping=kind, reason=reason).located("slug")
    if any(one.slug == slug for one in others):
        raise GroupingSlugTaken(grouping=kind, slug=slug).located("slug")
    names = {} if known is None else known.name
    return slug, dict(names) if name is None else {**names, locale: name}


def check_parent(
    tree: Mapping[CategoryId, Category], key: CategoryId, parent_id: CategoryId | None
) -> None:
    """Raise CategoryMoveInvalid if a category cannot stand below another one of the tree."""
    above = _path(tree, parent_id)
    if key in above:
        reason = "it would stand below itself"
        raise CategoryMoveInvalid(category_id=encode(CategoryId, key), reason=reason)
    levels = len(above) + _height(tree, key)
    if levels > DEPTH_MAX:
        reason = f"the tree would have {levels} levels, at most {DEPTH_MAX} are possible"
        raise CategoryMoveInvalid(category_id=encode(CategoryId, key), reason=reason)


def place_category(
    tree: Mapping[CategoryId, Category], moved: Category, position: int | None
) -> tuple[Category, Sequence[Category]]:
    """Return a category as it stands at a position among its siblings, and those that make room.

    moved: with its parent to be. position: from 0; None, or more than there are: the last.
    """
    siblings = [
        one for one in tree.values() if one.parent_id == moved.parent_id and one.id != moved.id
    ]
    place = len(siblings) if position is None else max(0, min(position, len(siblings)))
    order = [*siblings[:place], moved, *siblings[place:]]
    placed = [replace(one, position=number) for number, one in enumerate(order)]
    room = [
        one for one, before in zip(placed, order, strict=True) if one != before and one is not moved
    ]
    return placed[place], [one for one in room if one.id != moved.id]


def put_products(
    shelf: Shelf,
    kind: GroupingKind,
    named: Named,
    *,
    add: Sized[UUID],
    remove: Sized[UUID],
    now: datetime,
) -> Shelf:
    """Return a shelf whose products `add` are in a category or a collection, and `remove` are not.

    A product that is there already, or is not, stays as it is.
    """
    products = {
        slug: _put(one, kind, named.id, shelf, wanted=one.id in add, now=now)
        if one.id in add or one.id in remove
        else one
        for slug, one in shelf.products.items()
    }
    return replace(shelf, products=products)


def _put(
    product: StoredProduct,
    kind: GroupingKind,
    key: UUID,
    shelf: Shelf,
    *,
    wanted: bool,
    now: datetime,
) -> StoredProduct:
    links = product.categories if kind is GroupingKind.CATEGORY else product.collections
    if wanted == (key in links.values()):
        return product
    left = [one for one in links.values() if one != key]
    told = dict(enumerate([*left, key] if wanted else left))
    version = product.version + 1
    if kind is GroupingKind.CATEGORY:
        changed = replace(product, categories=told, updated_at=now, version=version)
    else:
        changed = replace(product, collections=told, updated_at=now, version=version)
    return replace(changed, search=search_texts(changed, shelf.names))


def _path(tree: Mapping[CategoryId, Category], key: CategoryId | None) -> Sequence[CategoryId]:
    """Return a category and all those above it."""
    path: list[CategoryId] = []
    while key is not None:
        path.append(key)
        key = tree[key].parent_id
    return path


def _height(tree: Mapping[CategoryId, Category], key: CategoryId) -> int:
    """Return how many levels a category and all below it take."""
    below = [one.id for one in tree.values() if one.parent_id == key]
    return 1 + max((_height(tree, one) for one in below), default=0)
