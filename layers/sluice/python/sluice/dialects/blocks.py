"""Writes the parts of a streamed answer as blocks that stand one after the other.

Clients of Anthropic Messages and of Bedrock take one block at a time, so of parts that arrive interleaved the later
ones wait until the earlier one is complete. How a block is opened, continued and closed is the dialect's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from sluice.types.stream import ArgumentsDelta, OpaqueDelta, PartStart, SignatureDelta, TextDelta

Delta = TextDelta | ArgumentsDelta | SignatureDelta | OpaqueDelta


@dataclass(slots=True)
class Block:
    """One part: its block's index once it is open, and what waits until then.

    `filled` is set by the pen, once what a block of this kind must hold was written.
    """

    start: PartStart
    index: int = -1
    filled: bool = False
    waiting: list[Delta] = field(default_factory=list)
    stopped: bool = False


class Pen(Protocol):
    """Writes the events of one block."""

    def open(self, block: Block) -> Iterator[bytes]:
        """Yield what begins the block."""

    def write(self, delta: Delta, block: Block) -> Iterator[bytes]:
        """Yield one piece of the open block."""

    def close(self, block: Block) -> Iterator[bytes]:
        """Yield what ends the block."""


class Row:
    """The blocks of one message; `calls` and `refused` say whether a tool call or a refusal was among them."""

    __slots__ = ("_count", "_open", "_pen", "_queue", "calls", "parts", "refused")

    def __init__(self, pen: Pen) -> None:
        self.parts: dict[int, Block] = {}
        self.calls = False
        self.refused = False
        self._pen = pen
        self._open: Block | None = None
        self._queue: list[Block] = []
        self._count = 0

    def start(self, event: PartStart) -> Iterator[bytes]:
        """Begin a part, at once or when those before it are complete."""
        if event.part in self.parts:
            return
        self.calls = self.calls or event.kind == "tool_call"
        self.refused = self.refused or event.kind == "refusal"
        block = self.parts[event.part] = Block(event)
        if self._open is None:
            yield from self._begin(block)
        else:
            self._queue.append(block)

    def add(self, delta: Delta, block: Block) -> Iterator[bytes]:
        """Continue a part that was started and not stopped."""
        if block is self._open:
            yield from self._pen.write(delta, block)
        else:
            block.waiting.append(delta)

    def stop(self, number: int) -> Iterator[bytes]:
        """Complete a part."""
        block = self.parts.get(number)
        if block is None or block.stopped:
            return
        block.stopped = True
        if block is self._open:
            yield from self._close()

    def stop_all(self) -> Iterator[bytes]:
        """Complete every part."""
        for block in self.parts.values():
            block.stopped = True
        yield from self._close()

    def _begin(self, block: Block) -> Iterator[bytes]:
        block.index, self._count, self._open = self._count, self._count + 1, block
        yield from self._pen.open(block)
        for delta in block.waiting:
            yield from self._pen.write(delta, block)
        block.waiting.clear()

    def _close(self) -> Iterator[bytes]:
        """Close the open block, then open those that wait, up to the first one that is still growing."""
        while self._open is not None:
            yield from self._pen.close(self._open)
            self._open = None
            if not self._queue:
                return
            following = self._queue.pop(0)
            yield from self._begin(following)
            if not following.stopped:
                return
