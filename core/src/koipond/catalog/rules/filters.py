"""What may be asked of the catalogue, and by whom."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from koipond.catalog.errors import ProductFilterInvalid
from koipond.catalog.rules.searching import Closeness
from koipond.catalog.types import CatalogFilter, CatalogSort, ProductFilter, ProductSort
from koipond.kernel.viewer import Viewer, ViewerKind

TEXT_MAX = 200
ATTRIBUTES_MAX = 20
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def check_filter(wanted: ProductFilter) -> None:
    """Raise ProductFilterInvalid for a filter that would cost too much."""
    if wanted.text is not None and len(wanted.text) > TEXT_MAX:
        raise ProductFilterInvalid(
            reason=f"the text has {len(wanted.text)} characters, at most {TEXT_MAX} are possible"
        )
    if len(wanted.attributes) > ATTRIBUTES_MAX:
        raise ProductFilterInvalid(
            reason=f"{len(wanted.attributes)} attributes, at most {ATTRIBUTES_MAX} are possible"
        )


def query_conflicts(queries: Mapping[str, Sequence[CatalogFilter | CatalogSort]]) -> list[str]:
    """Say what is wrong with the filters and sorts of plugins. queries: {plugin: its own}."""
    found: list[str] = []
    holders: dict[tuple[type, str], str] = {
        (CatalogSort, one.value): "koipond" for one in ProductSort
    }
    for plugin, one in ((plugin, one) for plugin, own in queries.items() for one in own):
        where = f"{plugin}: the {'sort' if isinstance(one, CatalogSort) else 'filter'} {one.name}"
        holder = holders.setdefault((type(one), one.name), plugin)
        if not _NAME.fullmatch(one.name):
            found.append(f"{where} is named in another way than words_like_this: rename it")
        if holder != plugin:
            found.append(f"{where} is already declared by {holder}: rename yours")
        problem = _rows_problem(one)
        if problem:
            found.append(f"{where} {problem}")
    return found


def _rows_problem(one: CatalogFilter | CatalogSort) -> str | None:
    """Say what is wrong with the rows of a plugin's filter or sort."""
    columns = 2 if isinstance(one, CatalogSort) else 1
    try:
        selected = len(one.rows(datetime(2026, 1, 1, tzinfo=UTC)).selected_columns)
    except Exception as error:  # the plugin's code, run for the first time
        return f"cannot be asked for its rows: {error!r}"
    wanted = "the id" if columns == 1 else "the id, then the key"
    return None if selected == columns else f"selects {selected} columns: select {wanted}"


def key_shape(sort: ProductSort | CatalogSort) -> tuple[Any, ...]:
    """Return the types in the sort key of a list in this order; see kernel/pages.py."""
    if isinstance(sort, CatalogSort):
        return (sort.kind | None, UUID)
    match sort:
        case ProductSort.NAME:
            return (str | None, UUID)
        case ProductSort.RELEVANCE:
            return (Closeness, UUID)
        case ProductSort.PRICE_LOWEST_FIRST | ProductSort.PRICE_HIGHEST_FIRST:
            return (int | None, UUID)
        case ProductSort.NEWEST | ProductSort.OLDEST:
            return (UUID,)


def sees_unlisted(viewer: Viewer) -> bool:
    """Tell whether a viewer sees what no channel lists: those who work for the shop do."""
    return viewer.kind in {ViewerKind.STAFF, ViewerKind.SERVICE}
