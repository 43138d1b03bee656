"""Rate limits: how often something may be done by one account, or from one address.

Counted in a window that slides; in the memory of each process, or in a Redis or Valkey that all
share (setting limits_url).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage, Storage
from limits.aio.storage.base import SlidingWindowCounterSupport
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from koipond.kernel.errors import DomainError, domain_error
from koipond.kernel.logs import log

if TYPE_CHECKING:
    from koipond.kernel.clock import Clock
    from koipond.kernel.context import Context
    from koipond.settings import RateSettings, Settings

# Who is counted, at most; the one who came longest ago is forgotten first.
_COUNTED_MAX = 100_000
ACCOUNT, ADDRESS = "account", "address"
# Redis and Valkey speak alike, and one client is enough: its own needs nothing else.
_SCHEMES = {"redis": "valkey", "rediss": "valkeys", "redis+unix": "valkey+unix"}
# Who waits to log in does not wait longer for being counted.
_PATIENCE: dict[str, float | str | bool] = {"socket_timeout": 1.0, "socket_connect_timeout": 1.0}


@domain_error
class RateLimited(DomainError):
    """Something that was done too often."""

    code: ClassVar[str] = "RATE_LIMITED"
    operation: str
    retry_after_s: int

    def __str__(self) -> str:
        return f"This was tried too often ({self.operation}). Wait {self.retry_after_s} s."


class Limiter(Protocol):
    """Counts what is done."""

    async def hit(self, rate: RateSettings, who: str) -> int:
        """Count one more; returns 0, or for how many seconds it may not be done."""
        ...

    async def close(self) -> None:
        """End what it is connected to."""
        ...


def make_limiter(settings: Settings, clock: Clock) -> Limiter:
    """Make what counts for a shop. Raises ValueError for a limits_url that says nothing."""
    if not settings.limits_url:
        return _Counting(_Memory(clock))
    scheme, *rest = settings.limits_url.partition("://")
    told = "".join(["async+", _SCHEMES.get(scheme, scheme), *rest])
    try:
        storage = storage_from_string(told, wrap_exceptions=True, **_PATIENCE)
    except (ConfigurationError, ImportError, ValueError) as error:
        raise ValueError(f"limits_url: {error}. It needs koipond[redis]") from error
    return _Counting(cast("Storage", storage))


async def limit(ctx: Context, operation: str, *, account: str | None = None) -> None:
    """Count that an operation is done, by whom and from where. Raises RateLimited.

    account: whom it is about, whether there is one or not; None counts the address alone. In no
    transaction: what is refused stays counted.
    """
    assert not ctx.in_transaction, "a rollback would forget it"
    limiter: Limiter = _limiter_of(ctx)
    for rate in ctx.settings.rate_limits:
        who = account if rate.per == ACCOUNT else ctx.caller.household
        if rate.operation == operation and who:
            wait_s = await limiter.hit(rate, who)
            if wait_s:
                raise refusal(ctx, operation, wait_s)


def refusal(ctx: Context, operation: str, wait_s: int) -> RateLimited:
    """Return the refusal of what is done too often; the answer to its request becomes a 429."""
    found = RateLimited(operation=operation, retry_after_s=max(1, wait_s))
    ctx.handed[RateLimited] = found
    return found


def _limiter_of(ctx: Context) -> Limiter:
    limiter: Limiter | None = ctx.shop.kept.get(Limiter)
    if limiter is None:
        limiter = ctx.shop.kept[Limiter] = make_limiter(ctx.settings, ctx.clock)
        ctx.shop.at_close.append(limiter.close)
    return limiter


class _Counting:
    """Counts by the library, which knows windows that slide."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._strategy = SlidingWindowCounterRateLimiter(storage)

    async def hit(self, rate: RateSettings, who: str) -> int:
        item = RateLimitItemPerSecond(rate.times, rate.seconds, namespace="koi")
        try:
            if await self._strategy.hit(item, rate.operation, rate.per, who):
                return 0
            return await self._wait_s(item, rate, who)
        # Who cannot count lets nobody be locked out; failed logins are counted in the database too.
        except (StorageError, OSError) as error:
            log.error("rate limits cannot be counted", problem=str(error))
            return 0

    async def _wait_s(self, item: RateLimitItemPerSecond, rate: RateSettings, who: str) -> int:
        """Return when there is room again: half a window ahead at most, once the last one fades."""
        storage = cast("SlidingWindowCounterSupport", self._storage)
        key = item.key_for(rate.operation, rate.per, who)
        before, before_s, current, current_s = await storage.get_sliding_window(key, rate.seconds)
        if current >= rate.times:
            # The window itself is full: what is in it begins to fade after its end, not at it.
            return math.floor(max(0.0, current_s - rate.seconds)) + 1
        room = rate.times - 1 - current
        fading = before_s - room * rate.seconds / max(1, before)
        return math.ceil(max(1.0, fading))

    async def close(self) -> None:
        if isinstance(self._storage, RedisStorage):
            # Its type is that of bridges to any client; ours has one to close.
            bridge: Any = self._storage.bridge
            await bridge.storage.aclose()


class _Memory(Storage, SlidingWindowCounterSupport):
    """Counts in this process. The library's own looks through all that it counts at each hit."""

    # It is made, never named by an address.
    STORAGE_SCHEME: list[str] | None = None

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        # {key: (number of its window, how many in it, how many in the one before)}
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    async def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        before, before_s, current, _ = await self.get_sliding_window(key, expiry)
        if math.floor(before * before_s / expiry + current) + amount > limit:
            return False
        window = int(self._now() / expiry)
        self._counts[key] = (window, current + amount, before)
        self._counts.move_to_end(key)
        if len(self._counts) > _COUNTED_MAX:
            self._counts.popitem(last=False)
        return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        now = self._now()
        window, left_s = int(now / expiry), expiry - now % expiry
        last, current, before = self._counts.get(key, (window, 0, 0))
        if last == window - 1:
            current, before = 0, current
        elif last != window:
            current, before = 0, 0
        return before, left_s if before else 0.0, current, left_s + expiry

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        await self.clear(key)

    async def clear(self, key: str) -> None:
        self._counts.pop(key, None)

    async def reset(self) -> int | None:
        counted = len(self._counts)
        self._counts.clear()
        return counted

    async def check(self) -> bool:
        return True

    @property
    def base_exceptions(self) -> type[Exception] | tuple[type[Exception], ...]:
        return ValueError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("only windows that slide are counted here")

    async def get(self, key: str) -> int:
        return self._counts.get(key, (0, 0, 0))[1]

    async def get_expiry(self, key: str) -> float:
        return self._now()
