"""Acts on what belongs to an order: in the order's transaction, with the order locked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar
from uuid import UUID

from koipond.fulfilment.types import Fulfilment, Return
from koipond.kernel import idempotency
from koipond.kernel.context import Context, transaction
from koipond.kernel.errors import DomainError
from koipond.kernel.ids import FulfilmentId, OrderId, ReturnId, encode
from koipond.order import repository
from koipond.order.service.reading import check_in_reach, get_any_order
from koipond.order.types import Order
from koipond.payment import service as payment

K = TypeVar("K", FulfilmentId, ReturnId)
T = TypeVar("T", Fulfilment, Return)
Act = Callable[[Context, Order, T], Awaitable[None]]


class Acting(Generic[K, T]):
    """Acts on one kind of thing: fulfilments or returns."""

    def __init__(
        self,
        find: Callable[[Context, K], Awaitable[T]],
        *,
        kind: Callable[[UUID], K],
        told: Callable[[T], Mapping[str, object]],
        missing: type[DomainError],
        may_owe: bool = False,
    ) -> None:
        """find: reads one. kind: of its id. told: what the audit keeps of it.

        missing: what is said of one that there is none of. may_owe: what follows may owe money, so
        payments are locked too.
        """
        self._kind: Callable[[UUID], K] = kind
        self._told: Callable[[T], Mapping[str, object]] = told
        self._find: Callable[[Context, K], Awaitable[T]] = find
        self._missing = missing
        self._may_owe = may_owe

    async def get(self, ctx: Context, key: K) -> T:
        """Return one of an order that who asks may act on; others are as if there were none."""
        known = await self._find(ctx, key)
        await check_in_reach(ctx, known.order_id, self._missing())
        return known

    async def once(
        self, ctx: Context, key: K, act: Act[T], *, operation: str, name: str, request: object
    ) -> Order:
        """Do `act`, once for an idempotency key."""
        known = await self.get(ctx, key)

        async def carry_out(inside: Context, _: UUID) -> None:
            await self.act(inside, known.order_id, key, act)

        await idempotency.once(
            ctx, carry_out, operation=operation, key=name, request=request, subject_id=key
        )
        return await get_any_order(ctx, known.order_id)

    async def alone(self, ctx: Context, key: K, act: Act[T]) -> Order:
        """Do `act`; the thing's own state lets it happen once."""
        known = await self.get(ctx, key)
        await self.act(ctx, known.order_id, key, act)
        return await get_any_order(ctx, known.order_id)

    async def act(self, ctx: Context, order_id: OrderId, key: K, act: Act[T]) -> None:
        """Do `act` to something of this order."""

        @transaction
        async def locked(ctx: Context) -> None:
            if self._may_owe:
                # Before the order, as everywhere.
                await payment.lock_payments(ctx, order_id)
            order = await repository.lock_whole(ctx.db, order_id)
            # Read again under the order's lock: somebody may have moved it since.
            known = await self._find(ctx, key)
            await act(ctx, order, known)
            if ctx.act is not None:
                await ctx.store()
                after = self._told(await self._find(ctx, key))
                ctx.audited(encode(self._kind, key), before=self._told(known), after=after)

        await locked(ctx)
