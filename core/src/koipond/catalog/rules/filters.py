"""What may be asked of the catalogue, and by whom."""

from uuid import UUID

from koipond.catalog.errors import ProductFilterInvalid
from koipond.catalog.types import ProductFilter, ProductSort
from koipond.kernel.viewer import Viewer, ViewerKind

TEXT_MAX = 200
ATTRIBUTES_MAX = 20


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


def key_shape(sort: ProductSort) -> tuple[type, ...]:
    """Return the types in the sort key of a list in this order; see kernel/pages.py."""
    return (str, UUID) if sort is ProductSort.NAME else (UUID,)


def sees_unlisted(viewer: Viewer) -> bool:
    """Tell whether a viewer sees what no channel lists: those who work for the shop do."""
    return viewer.kind in {ViewerKind.STAFF, ViewerKind.SERVICE}
