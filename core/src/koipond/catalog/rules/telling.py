"""What telling drafts changes: a product as it is stored, and as it is after it was told again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import nh3
from msgspec.structs import replace

from koipond.catalog.errors import SkuTaken
from koipond.catalog.rules.searching import search_texts
from koipond.catalog.rules.words import slugify
from koipond.catalog.types import (
    MediaDraft,
    Named,
    NameKind,
    Outcome,
    ProductDraft,
    Refused,
    Saved,
    Shelf,
    StoredMedia,
    StoredOption,
    StoredProduct,
    StoredVariant,
    Telling,
    VariantDraft,
)
from koipond.kernel.ids import MediaId, OptionId, PriceListId, ProductId, VariantId
from koipond.kernel.texts import Locale, Texts

NewId = Callable[[], UUID]


class NameBook:
    """The things of one kind that share names: found, translated, or made as drafts name them."""

    def __init__(self, known: Mapping[UUID, Named], locale: Locale, new_id: NewId) -> None:
        self.by_id = dict(known)
        self.changes = 0
        self._locale = locale
        self._new_id = new_id
        self._by_code = {(one.parent, one.code): one.id for one in known.values()}
        self._by_text = {
            (one.parent, one.name[locale]): one.id for one in known.values() if locale in one.name
        }

    def find(self, text: str, *, held: UUID | None, parent: UUID | None = None) -> UUID:
        """Return the id of what is called `text`; makes it if there is none.

        held: what stood in this place of the product before. If that has no name in this language
        yet and nothing else is called so, it is taken to be the same thing, and gets this name.
        """
        before = self.by_id.get(held) if held is not None else None
        if before is not None and before.parent != parent:
            before = None
        if before is not None and before.name.get(self._locale) == text:
            return before.id
        code = slugify(text)
        found = self._by_code.get((parent, code)) or self._by_text.get((parent, text))
        if found is None and before is not None and self._locale not in before.name:
            found = before.id
        if found is None:
            found = self._new_id()
            self._keep(Named(id=found, code=code, name={self._locale: text}, parent=parent))
        elif self._locale not in self.by_id[found].name:
            known = self.by_id[found]
            self._keep(replace(known, name={**known.name, self._locale: text}))
        return found

    def _keep(self, named: Named) -> None:
        self.changes += 1
        self.by_id[named.id] = named
        self._by_code[named.parent, named.code] = named.id
        self._by_text.setdefault((named.parent, named.name[self._locale]), named.id)


class Teller:
    """Tells drafts to a part of the catalogue, one after the other; `after` is what comes of it."""

    def __init__(self, shelf: Shelf, telling: Telling, *, now: datetime, new_id: NewId) -> None:
        """new_id: makes a new id at each call."""
        self._locale = telling.locale
        self._now = now
        self._new_id = new_id
        self._products = dict(shelf.products)
        self._owners = dict(shelf.owners)
        self._price_list_id = shelf.price_list_id
        self._books = {
            kind: NameBook(shelf.names.get(kind, {}), telling.locale, new_id) for kind in NameKind
        }

    @property
    def after(self) -> Shelf:
        """The shelf with all that was told."""
        return Shelf(
            products=self._products,
            owners=self._owners,
            names={kind: book.by_id for kind, book in self._books.items()},
            price_list_id=self._price_list_id,
        )

    def tell(self, draft: ProductDraft) -> Saved | Refused:
        """Tell one draft that `refusal_of` finds nothing in; a refused one changes nothing."""
        for variant in draft.variants:
            owner = self._owners.get(variant.sku, draft.slug)
            if owner != draft.slug:
                return Refused(slug=draft.slug, error=SkuTaken(sku=variant.sku, product=owner))
        known = self._products.get(draft.slug)
        changes = self._changes()
        told = self._told(draft, known or self._new_product(draft))
        if known is None:
            outcome = Outcome.CREATED
        elif told == known and changes == self._changes():
            outcome = Outcome.UNCHANGED
        else:
            outcome = Outcome.CHANGED
        if outcome is not Outcome.UNCHANGED:
            names = {kind: book.by_id for kind, book in self._books.items()}
            told = replace(told, updated_at=self._now, version=told.version + 1)
            self._keep(replace(told, search=search_texts(told, names)))
        return Saved(
            slug=draft.slug,
            product_id=told.id,
            outcome=outcome,
            variants={variant.sku: told.variants[variant.sku].id for variant in draft.variants},
            created=frozenset(told.variants) - frozenset(known.variants if known else ()),
        )

    def _changes(self) -> int:
        return sum(book.changes for book in self._books.values())

    def _keep(self, told: StoredProduct) -> None:
        self._products[told.slug] = told
        self._owners |= dict.fromkeys(told.variants, told.slug)
        priced = any(variant.price_minor is not None for variant in told.variants.values())
        if priced and self._price_list_id is None:
            self._price_list_id = PriceListId(self._new_id())

    def _new_product(self, draft: ProductDraft) -> StoredProduct:
        return StoredProduct(
            id=ProductId(self._new_id()),
            slug=draft.slug,
            name={},
            description={},
            created_at=self._now,
            updated_at=self._now,
            listed=False,
        )

    def _told(self, draft: ProductDraft, known: StoredProduct) -> StoredProduct:
        """Return `known` as it is after `draft`; what a draft leaves empty stays as it was."""
        options = self._options(draft.options, known.options)
        return replace(
            known,
            name=self._text(known.name, draft.name),
            description=self._text(known.description, nh3.clean(draft.description)),
            listed=draft.published,
            categories=self._shared(NameKind.CATEGORY, draft.categories, known.categories),
            collections=self._shared(NameKind.COLLECTION, draft.collections, known.collections),
            attributes=self._attributes(draft.attributes, known.attributes),
            options=options,
            media=self._media(draft.media, known.media),
            variants=self._variants(draft, known, options),
        )

    def _text(self, known: Texts, text: str) -> Texts:
        return {**known, self._locale: text} if text else known

    def _shared(
        self, kind: NameKind, names: Sequence[str], known: Mapping[int, UUID]
    ) -> Mapping[int, UUID]:
        if not names:
            return known
        book = self._books[kind]
        return _unique(book.find(name, held=known.get(n)) for n, name in enumerate(names))

    def _attributes(
        self, pairs: Sequence[tuple[str, str]], known: Mapping[int, UUID]
    ) -> Mapping[int, UUID]:
        if not pairs:
            return known
        return _unique(
            self._attribute(name, value, held=known.get(n)) for n, (name, value) in enumerate(pairs)
        )

    def _attribute(self, name: str, value: str, *, held: UUID | None) -> UUID:
        values = self._books[NameKind.ATTRIBUTE_VALUE]
        of = values.by_id[held].parent if held is not None else None
        attribute = self._books[NameKind.ATTRIBUTE].find(name, held=of)
        return values.find(value, held=held, parent=attribute)

    def _options(
        self, names: Sequence[str], known: tuple[StoredOption, ...]
    ) -> tuple[StoredOption, ...]:
        """Return the options in their order; more of them than before are added, fewer are cut."""
        if not names:
            return known
        kept = [replace(o, name=self._text(o.name, n)) for o, n in zip(known, names, strict=False)]
        added = [
            StoredOption(id=OptionId(self._new_id()), name={self._locale: name})
            for name in names[len(known) :]
        ]
        return (*kept, *added)

    def _media(
        self, media: Sequence[MediaDraft], known: tuple[StoredMedia, ...]
    ) -> tuple[StoredMedia, ...]:
        """Return the pictures of `media`, each address once; a known one keeps its id and texts."""
        if not media:
            return known
        by_url = {picture.url: picture for picture in known}
        told: dict[str, StoredMedia] = {}
        for draft in media:
            if draft.url not in told:
                picture = by_url.get(draft.url) or StoredMedia(
                    id=MediaId(self._new_id()), url=draft.url, alt={}
                )
                told[draft.url] = replace(picture, alt=self._text(picture.alt, draft.alt))
        return tuple(told.values())

    def _variants(
        self, draft: ProductDraft, known: StoredProduct, options: tuple[StoredOption, ...]
    ) -> Mapping[str, StoredVariant]:
        """Return all variants by sku: those told as they are told, the others left alone."""
        left = {option.id for option in options}
        variants = {
            sku: replace(variant, values={k: v for k, v in variant.values.items() if k in left})
            for sku, variant in known.variants.items()
        }
        for position, told in enumerate(draft.variants):
            before = variants.get(told.sku) or StoredVariant(
                id=VariantId(self._new_id()), sku=told.sku, position=position, track_stock=True
            )
            variants[told.sku] = self._variant(told, before, position, options)
        return variants

    def _variant(
        self,
        draft: VariantDraft,
        known: StoredVariant,
        position: int,
        options: tuple[StoredOption, ...],
    ) -> StoredVariant:
        values = {
            option.id: self._text(known.values.get(option.id, {}), value)
            for option, value in zip(options, draft.options, strict=False)
        }
        return replace(
            known,
            position=position,
            track_stock=known.track_stock if draft.track_stock is None else draft.track_stock,
            grams=known.grams if draft.grams is None else draft.grams,
            values={**known.values, **values},
            price_minor=draft.price_minor,
            media=self._media(draft.media, known.media),
        )


def _unique(keys: Iterable[UUID]) -> Mapping[int, UUID]:
    """Return {place: key}, each key at its first place only."""
    places: dict[UUID, int] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, place)
    return {place: key for key, place in places.items()}
