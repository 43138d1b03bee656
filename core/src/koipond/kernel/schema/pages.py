"""Relay connections, with `nodes` beside the edges."""

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import strawberry

from koipond.kernel.pages import Slice, cursor

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
    edges: list[Edge[N]]
    nodes: list[N]
    page_info: PageInfo
    count: strawberry.Private[Count | None] = None

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
    nodes = [wrap(row) for row in found.rows]
    cursors = [cursor(key) for key in found.keys]
    return Connection(
        edges=[Edge(cursor=at, node=node) for at, node in zip(cursors, nodes, strict=True)],
        nodes=nodes,
        page_info=PageInfo(
            has_next_page=found.has_next,
            has_previous_page=behind,
            start_cursor=cursors[0] if cursors else None,
            end_cursor=cursors[-1] if cursors else None,
        ),
        count=count,
    )
