"""graphql-transport-ws, the server's side: one conversation per socket.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from koipond.graphql.asking import Answer, GraphQLRequest, RequestRefused
from koipond.graphql.execute import mask
from koipond.graphql.request import HttpRefused, read_json, read_request

SUBPROTOCOL = "graphql-transport-ws"
GOING_AWAY, POLICY, TOO_LARGE, TRY_LATER = 1001, 1008, 1009, 1013
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, WRONG_SUBPROTOCOL = 4400, 4401, 4403, 4406
INIT_TIMEOUT, ID_TAKEN, SILENT, INIT_TWICE = 4408, 4409, 4410, 4429
OPERATIONS_LIMIT = "OPERATIONS_LIMIT"
_INIT_WITHIN_S = 10.0
# How long a caller who reads nothing may keep us from closing.
_CLOSE_WITHIN_S = 2.0
# How often it is looked whether the login was ended.
_LOGIN_LOOK_S = 20.0
_SOONEST_S = 0.01


class Gone(Exception):
    """The other side is not there any more."""


class Ending(Exception):
    """Why a socket is closed from this side."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Socket(Protocol):
    """A connection that was accepted."""

    def texts(self) -> AsyncIterator[str]:
        """Yield each message until the other side goes. Raises Ending."""

    async def send(self, text: str) -> None:
        """Send a message, once there is room for it. Raises Gone."""

    async def close(self, code: int, reason: str) -> None:
        """End the connection."""


class Operation(Protocol):
    """What a caller asked for."""

    @property
    def is_subscription(self) -> bool:
        """Tell whether it has many answers."""

    def answers(self) -> AsyncGenerator[Answer, None]:
        """Yield one after the other. Raises RequestRefused."""


class Caller(Protocol):
    """Who is connected."""

    async def greet(self, payload: Mapping[str, Any]) -> None:
        """Learn who it is. Raises Ending for whoever may not connect."""

    def begin(self, request: GraphQLRequest) -> Operation:
        """Begin an operation. Raises RequestRefused, HttpRefused."""

    async def check_login(self) -> None:
        """Raise Ending once the login is over that the token was given in."""

    def time_left(self) -> timedelta | None:
        """Return how long the caller's token still holds; None: for ever."""


class _Init(Struct, tag="connection_init"):
    payload: dict[str, Any] | None = None


class _Ping(Struct, tag="ping"):
    payload: dict[str, Any] | None = None


class _Pong(Struct, tag="pong"):
    payload: dict[str, Any] | None = None


class _Subscribe(Struct, tag="subscribe"):
    id: str
    payload: dict[str, Any]


class _Complete(Struct, tag="complete"):
    id: str


_Message = _Init | _Ping | _Pong | _Subscribe | _Complete


class Conversation:
    """What is said on one socket.

    An operation is asked for its next answer when the one before is on its way, so that a caller
    who reads slowly is answered slowly, and nothing piles up here.
    """

    def __init__(
        self, socket: Socket, caller: Caller, *, operations_max: int, ping_s: float
    ) -> None:
        """ping_s: how often the other side is asked whether it is there, and has to answer."""
        self._socket = socket
        self._caller = caller
        self._operations_max = operations_max
        self._ping_s = ping_s
        self._asked_to_begin = False
        self._begun = asyncio.Event()
        # {id: what runs under it}, and with them those that were ended and are not yet over.
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._subscriptions: set[asyncio.Task[None]] = set()
        self._was_heard = False
        self._is_leaving = False
        self._is_closed = False

    async def hold(self) -> None:
        """Talk until either side ends it."""
        tasks = {asyncio.create_task(self._listen()), asyncio.create_task(self._watch())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (*tasks, *self._running):
                one.cancel()
            await asyncio.gather(*tasks, *self._running, return_exceptions=True)

    async def leave(self, *, within_s: float) -> None:
        """Answer the queries and mutations that were asked, begin no others, then go away.

        Subscriptions are not told that they are complete: the other side then asks for them again,
        of a process that stays.
        """
        self._is_leaving = True
        answering = self._running - self._subscriptions
        if answering:
            await asyncio.wait(answering, timeout=within_s)
        await self.close(GOING_AWAY, "This server goes away. Connect again.")

    async def close(self, code: int, reason: str) -> None:
        """End it, and wait for nobody who reads nothing."""
        if self._is_closed:
            return
        self._is_closed = True
        with suppress(TimeoutError, Gone):
            async with asyncio.timeout(_CLOSE_WITHIN_S):
                await self._socket.close(code, reason)

    async def _listen(self) -> None:
        try:
            async for text in self._socket.texts():
                self._was_heard = True
                await self._take(_read(text))
        except Ending as ending:
            await self.close(ending.code, str(ending))
        except Gone:
            return
        except Exception as error:  # nobody waits for this task's end to see it
            mask(error)

    async def _take(self, message: _Message) -> None:
        match message:
            case _Init(payload=payload):
                if self._asked_to_begin:
                    raise Ending(INIT_TWICE, "Too many initialisation requests")
                self._asked_to_begin = True
                await self._caller.greet(payload or {})
                await self._send({"type": "connection_ack"})
                self._begun.set()
            case _Ping():
                await self._send({"type": "pong"})
            case _Pong():
                pass
            case _Subscribe(id=key, payload=payload):
                await self._subscribe(key, payload)
            case _Complete(id=key):
                operation = self._operations.pop(key, None)
                if operation is not None:
                    operation.cancel()

    async def _subscribe(self, key: str, payload: Mapping[str, Any]) -> None:
        if not self._begun.is_set():
            raise Ending(UNAUTHORIZED, "Unauthorized")
        if key in self._operations:
            raise Ending(ID_TAKEN, f"Subscriber for {key} already exists")
        self._check_token()
        if self._is_leaving:
            return
        # Those that were ended count until they are over: who asks and ends in turn gains nothing.
        if len(self._running) >= self._operations_max:
            problem = f"At most {self._operations_max} operations run on one socket. End some."
            told = {"message": problem, "extensions": {"code": OPERATIONS_LIMIT}}
            await self._send({"type": "error", "id": key, "payload": [told]})
            return
        task = asyncio.create_task(self._run(key, payload))
        self._operations[key] = task
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        task.add_done_callback(self._subscriptions.discard)

    async def _run(self, key: str, payload: Mapping[str, Any]) -> None:
        try:
            last = await self._answer(key, payload)
        except Gone:
            return
        except RequestRefused as error:
            last = {"type": "error", "payload": error.answer.errors}
        except HttpRefused as error:
            told = {"message": str(error), "extensions": {"code": error.code}}
            last = {"type": "error", "payload": [told]}
        except Exception as error:  # the edge: nobody above could say it in GraphQL's form
            last = {"type": "error", "payload": [mask(error)]}
        # Before the last message: when it is read, the id may be used again.
        if self._operations.get(key) is asyncio.current_task():
            del self._operations[key]
        with suppress(Gone):
            await self._send({"id": key, **last})

    async def _answer(self, key: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Send every answer; returns the last message. Raises Gone, RequestRefused, HttpRefused."""
        operation = self._caller.begin(read_request(payload))
        if operation.is_subscription:
            task = asyncio.current_task()
            assert task is not None, "it runs in a task of its own"
            self._subscriptions.add(task)
        async with aclosing(operation.answers()) as answers:
            async for answer in answers:
                if not answer.began:
                    return {"type": "error", "payload": answer.errors}
                await self._send({"type": "next", "id": key, "payload": answer.told()})
        return {"type": "complete"}

    async def _watch(self) -> None:
        """End it when nobody introduces themselves, nobody is there, or the token is over."""
        try:
            await self._wait_for_beginning()
            while True:
                await self._nap(self._ping_s)
                if not self._was_heard:
                    raise Ending(SILENT, f"No word within {self._ping_s:g} s of a ping.")
                self._was_heard = False
                await self._ping()
        except Ending as ending:
            await self.close(ending.code, str(ending))
        except Gone:
            return

    async def _wait_for_beginning(self) -> None:
        try:
            async with asyncio.timeout(_INIT_WITHIN_S):
                await self._begun.wait()
        except TimeoutError as error:
            raise Ending(INIT_TIMEOUT, "Connection initialisation timeout") from error

    async def _ping(self) -> None:
        try:
            async with asyncio.timeout(self._ping_s):
                await self._send({"type": "ping"})
        except TimeoutError as error:
            raise Ending(SILENT, "Nothing that was sent is read.") from error

    async def _nap(self, seconds: float) -> None:
        """Sleep, but no longer than the token holds. Raises Ending when it does not any more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left_s := until - loop.time()) > 0:
            token = self._check_token()
            await self._caller.check_login()
            await asyncio.sleep(max(min(left_s, token, _LOGIN_LOOK_S), _SOONEST_S))
        self._check_token()

    def _check_token(self) -> float:
        """Return for how many seconds the token still holds. Raises Ending."""
        left = self._caller.time_left()
        if left is None:
            return float("inf")
        if left <= timedelta():
            raise Ending(FORBIDDEN, "The token has expired. Connect again with a new one.")
        return left.total_seconds()

    async def _send(self, message: Mapping[str, Any]) -> None:
        if self._is_closed:
            raise Gone
        await self._socket.send(msgspec.json.encode(message).decode())


def _read(text: str) -> _Message:
    """Read a message of the protocol. Raises Ending."""
    try:
        given = read_json(text.encode(), "The message")
        message: _Message = msgspec.convert(given, type=_Message)
    except (HttpRefused, msgspec.ValidationError, UnicodeEncodeError) as error:
        raise Ending(BAD_REQUEST, str(error)) from error
    return message
