"""Relay connections, with `nodes` beside the edges."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import strawberry

from koipond.kernel.pages import Key, Slice, cursor

N = TypeVar("N")
R = TypeVar("R")
Count = Callable[[], Awaitable[int]]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type(description="One row of a list and its place in it.")
class Edge(Generic[N]):
    cursor: str
    node: N


@strawberry.type(description="One page of a list.")
class Connection(Generic[N]):
    nodes: list[N]
    page_info: PageInfo
    keys: strawberry.Private[Sequence[Key]]
    count: strawberry.Private[Count | None] = None

    @strawberry.field
    def edges(self) -> list[Edge[N]]:
        # Made only for who asks: most ask for the nodes, and a cursor costs as much as its row.
        rows = zip(self.keys, self.nodes, strict=True)
        return [Edge(cursor=cursor(key), node=node) for key, node in rows]

    # In a generic class mypy does not see the types of this decorator.
    @strawberry.field(  # type: ignore[untyped-decorator]  # see above
        description="How many there are on all pages; null where that is not told."
    )
    async def total_count(self) -> int | None:
        return await self.count() if self.count is not None else None


def connect(
    found: Slice[R], wrap: Callable[[R], N], *, behind: bool, count: Count | None = None
) -> Connection[N]:
    """Wrap a page. behind: whether it was asked for behind a cursor, so that rows precede.

    count: counts the rows on all pages; called only if the caller selects `totalCount`.
    """
    keys = found.keys
    return Connection(
        nodes=[wrap(row) for row in found.rows],
        page_info=PageInfo(
            has_next_page=found.has_next,
            has_previous_page=behind,
            start_cursor=cursor(keys[0]) if keys else None,
            end_cursor=cursor(keys[-1]) if keys else None,
        ),
        keys=keys,
        count=count,
    )
