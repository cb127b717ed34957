"""Play a reply at the speed of a model, and break it where a directive says so."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.local.simulator.conversation import Event
from sluice.local.simulator.directives import Directive
from sluice.local.simulator.models import Model

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_FOREVER = 900.0
"""Seconds after which even a hanging request is let go."""


@dataclass(slots=True)
class Reply:
    """One answer: either a `body` (JSON value or bytes) or stream `events`; `output` tokens set its duration."""

    status: int
    headers: dict[str, str]
    body: Any
    events: Iterator[Event] | None = None
    model: Model | None = None
    directive: Directive = field(default_factory=Directive)
    output: int = 0
    pace: float = 1.0
    media_type: str = "application/json"
    stream_type: str = "text/event-stream; charset=utf-8"
    broken: Callable[[str], Event] | None = None
    """Makes the dialect's error event from a message."""

    def slowed(self, pace: float) -> Reply:
        """Return the reply at another pace."""
        return replace(self, pace=pace)

    def with_body(self, body: bytes, media_type: str) -> Reply:
        """Return the reply with other bytes."""
        return replace(self, body=body, media_type=media_type)

    @property
    def payload(self) -> bytes:
        """The body's bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body, ensure_ascii=False).encode()

    @property
    def first_token(self) -> float:
        """Seconds until the first token."""
        return self.model.first_token * self.pace if self.model else 0.0

    @property
    def per_token(self) -> float:
        """Seconds for each token."""
        if self.directive.slow is not None:
            return self.directive.slow / 1000
        return self.pace / self.model.rate if self.model else 0.0


class Gone(Exception):
    """The caller is no longer there."""


class Playback:
    """Sends one reply."""

    def __init__(self, reply: Reply, receive: Receive, send: Send) -> None:
        self._reply = reply
        self._receive = receive
        self._send = send
        self._gone: asyncio.Future[Any] | None = None

    async def play(self) -> str:
        """Send the reply, or what of it the caller waits for.

        Returns how it ended: "whole", "broken", "left" (the caller hung up) or the error status that was sent.
        """
        self._gone = asyncio.ensure_future(self._receive())
        try:
            await self._wait(self._reply.directive.delay)
            if self._reply.directive.hang:
                await self._wait(_FOREVER)
                return "left"
            if self._reply.events is not None and self._reply.status == 200:
                whole = await self._stream(self._reply.events)
            else:
                whole = await self._whole()
            if self._reply.status != 200:
                return str(self._reply.status)
            return "whole" if whole else "broken"
        except Gone:
            return "left"
        finally:
            self._gone.cancel()

    async def _wait(self, seconds: float) -> None:
        """Wait, or find out that the caller has left.

        Raises:
            Gone: it has.
        """
        gone = self._gone
        if seconds > 0:
            await (asyncio.wait({gone}, timeout=seconds) if gone else asyncio.sleep(seconds))
        if gone and gone.done():
            raise Gone

    async def _start(self, media_type: str, length: int | None) -> None:
        headers = {"content-type": media_type, **self._reply.headers}
        if length is not None:
            headers["content-length"] = str(length)
        if length is None:
            headers["cache-control"] = "no-cache"
        raw = [(k.encode(), v.encode()) for k, v in headers.items()]
        await self._send({"type": "http.response.start", "status": self._reply.status, "headers": raw})

    async def _body(self, payload: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": payload, "more_body": more})

    async def _whole(self) -> bool:
        reply, directive, payload = self._reply, self._reply.directive, self._reply.payload
        if directive.error_event_at is not None and reply.broken:
            payload = reply.broken("Overloaded").payload.split(b"data: ", 1)[1].strip()
        if directive.malformed is not None:
            payload = payload[: len(payload) // 2]
        await self._wait(reply.first_token + reply.per_token * reply.output)
        await self._start(reply.media_type, len(payload))
        if directive.stall:
            await self._body(b"", more=True)
            await self._wait(directive.stall)
        if directive.hang_after is not None:
            await self._hang()
        if directive.cut_after is not None or directive.close_after is not None:
            await self._break(payload[: len(payload) // 2])
            return False
        await self._body(payload, more=False)
        return directive.error_event_at is None and directive.malformed is None

    async def _stream(self, events: Iterator[Event]) -> bool:
        reply, directive = self._reply, self._reply.directive
        await self._start(reply.stream_type, None)
        await self._body(b"", more=True)
        await self._wait(directive.stall)
        await self._wait(reply.first_token)
        now = asyncio.get_running_loop().time
        due = now()
        for number, event in enumerate(events):
            if number == directive.hang_after:
                await self._hang()
            if number in (directive.cut_after, directive.close_after):
                await self._break(b"")
                return False
            if number == directive.error_event_at and reply.broken:
                await self._body(reply.broken("Overloaded").payload, more=False)
                return False
            payload = _garbled(event.payload) if number == directive.malformed else event.payload
            await self._body(payload, more=True)
            # Against the clock, not from event to event: waits that end late must not add up to a slower model.
            due += reply.per_token * event.tokens
            await self._wait(due - now())
        await self._body(b"", more=False)
        return directive.malformed is None

    async def _hang(self) -> None:
        await self._wait(_FOREVER)
        raise Gone

    async def _break(self, payload: bytes) -> None:
        """Close the connection in the middle of the body: by a reset, or politely."""
        if payload:
            await self._body(payload, more=True)
        transport: asyncio.Transport = self._send.__self__.transport  # type: ignore[attr-defined]
        if self._reply.directive.close_after is None:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        else:
            transport.close()
        if self._gone is not None:
            await self._gone


def _garbled(payload: bytes) -> bytes:
    """Break an event's JSON and keep its frame."""
    line = payload.rstrip(b"\n")
    return line[: max(len(line) * 2 // 3, len(line) - 40)] + b"\n\n"
