"""One event on its way through a function: who sent it waits for the answer, the Runtime API delivers it.

All of it runs in one event loop. The answer is either buffered (one piece of JSON) or streamed (pieces as the
function writes them); a reader that falls behind makes the function's connection wait.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable

HIGH_WATER = 1024 * 1024


class FunctionFailed(Exception):
    """The function gave no answer, or not all of it. `kind` is Lambda's error type, `message` its own words."""

    def __init__(self, kind: str, message: str, stack: tuple[str, ...] = ()) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.stack = stack


class Invocation:
    """An event, and the answer as it comes in. `streamed` is None until the answer's head has arrived."""

    def __init__(self, event: bytes) -> None:
        self.id = str(uuid.uuid4())
        self.event = event
        self.streamed: bool | None = None
        self.on_flow: Callable[[bool], None] | None = None
        """Called with False when the function must wait, with True when it may go on."""
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._waits = False
        self._ended = False
        self._failure: FunctionFailed | None = None
        self._waker: asyncio.Future[None] | None = None

    @property
    def settled(self) -> bool:
        """Whether the answer is complete or has failed."""
        return self._ended

    def begin(self, *, streamed: bool) -> None:
        """The answer's head has arrived."""
        self.streamed = streamed

    def feed(self, piece: bytes) -> None:
        """More of the answer."""
        if self._ended:
            return
        self._pieces.append(piece)
        self._held += len(piece)
        if self._held > HIGH_WATER and not self._waits and self.on_flow is not None:
            self._waits = True
            self.on_flow(False)
        self._wake()

    def finish(self) -> None:
        """The answer is complete."""
        self._ended = True
        self._wake()

    def fail(self, failure: FunctionFailed) -> None:
        """No more will come; what arrived before can still be read. The first ending counts."""
        if not self._ended:
            self._ended = True
            self._failure = failure
            self._wake()

    async def read(self) -> bytes:
        """Return all that has arrived and was not read, b"" at the end. Raises FunctionFailed."""
        while not self._pieces:
            if self._ended:
                if self._failure is not None:
                    raise self._failure
                return b""
            self._waker = asyncio.get_running_loop().create_future()
            await self._waker
        piece = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        if self._waits and self.on_flow is not None:
            self._waits = False
            self.on_flow(True)
        return piece

    async def whole(self) -> bytes:
        """Return the complete answer. Raises FunctionFailed."""
        parts = []
        while piece := await self.read():
            parts.append(piece)
        return b"".join(parts)

    def _wake(self) -> None:
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)
