"""The relay to NATS JetStream, through FastStream: at least once, in each thing's order."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from koipond.kernel.context import Context
from koipond.kernel.couriers import Health, Outcome, Parcel, Report
from koipond.kernel.ids import EventId, encode
from koipond.kernel.publishing import envelope, write
from koipond.kernel.retries import describe
from koipond.settings import Settings, SettingsInvalid

if TYPE_CHECKING:
    from faststream.nats import NatsBroker

# The courier's name, and its one consumer's.
NATS = "nats"
# So long JetStream knows an event that it is told of twice: a worker that died is outlived by far.
_KNOWN_S = 3_600.0


def check_relay(settings: Settings) -> None:
    """Raise SettingsInvalid if there is a broker to tell and nothing that could."""
    if settings.nats_url and importlib.util.find_spec("faststream") is None:
        raise SettingsInvalid("nats_url: this needs the extra. Run: pip install koipond[nats]")


class NatsRelay:
    """The courier to a stream. A broker that is away is waited for, however long."""

    standing: Sequence[str] = (NATS,)
    waits: Sequence[timedelta] = tuple(timedelta(seconds=one) for one in (5, 15, 60, 300))
    is_patient = True
    at_once = 200

    def __init__(self, url: str, *, stream: str, timeout_s: float) -> None:
        self._url = url
        self._stream = stream
        self._timeout_s = timeout_s
        self._broker: NatsBroker | None = None
        self._turn = asyncio.Lock()

    async def carry(
        self, ctx: Context, consumer: str, parcels: Sequence[Parcel]
    ) -> Sequence[Report]:
        """Publish each event, and wait until the stream says that it has it."""
        try:
            async with self._turn:
                broker = await self._connected(ctx)
        # Whatever a broker's client raises, it is that the broker is not there.
        except Exception as error:
            return [Report(problem=describe(error)) for _ in parcels]
        return await asyncio.gather(*(self._publish(broker, one) for one in parcels))

    async def settled(
        self, ctx: Context, consumer: str, outcomes: Sequence[Outcome], health: Health
    ) -> None:
        """Nothing: what became of parcels is in their deliveries."""

    async def close(self) -> None:
        """Hang up."""
        broker, self._broker = self._broker, None
        if broker is not None:
            await broker.stop()

    async def _connected(self, ctx: Context) -> NatsBroker:
        from faststream.nats import NatsBroker
        from nats.js.api import StreamConfig
        from nats.js.errors import NotFoundError

        if self._broker is not None:
            return self._broker
        broker = NatsBroker(self._url, logger=None, graceful_timeout=self._timeout_s)
        try:
            async with asyncio.timeout(self._timeout_s):
                await broker.start()
                stream = broker.connection.jetstream()
                try:
                    await stream.stream_info(self._stream)
                except NotFoundError:
                    wanted = StreamConfig(
                        name=self._stream,
                        subjects=[f"{self._stream}.>"],
                        duplicate_window=_KNOWN_S,
                    )
                    await stream.add_stream(wanted)
        except BaseException:
            await broker.stop()
            raise
        self._broker = broker
        ctx.shop.at_close.append(self.close)
        return broker

    async def _publish(self, broker: NatsBroker, parcel: Parcel) -> Report:
        told = envelope(parcel.event, occurred_at=parcel.occurred_at, seq=parcel.seq)
        headers = {
            "Nats-Msg-Id": encode(EventId, EventId(parcel.event_id)),
            "content-type": "application/json",
        }
        subject = f"{self._stream}.{parcel.event.name()}"
        try:
            await broker.publish(
                write(told),
                subject,
                headers=headers,
                stream=self._stream,
                timeout=self._timeout_s,
            )
        except Exception as error:
            return Report(problem=describe(error))
        return Report()
