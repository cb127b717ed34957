"""Meters of image and audio streams: they keep the events that report usage and read them at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from sluice.dialects.sse import events
from sluice.types.usage import Usage

TAIL = 16_384
"""The last bytes of a spoken answer that are kept: its closing event, where it is a stream of events."""


class EventMeter:
    """Reads the usage of the events called by one of `ends`; each stands for something of its own.

    `usage_of` makes a Usage of one event; `guess` of the text that went by, where no event reports any.
    """

    def __init__(
        self,
        ends: tuple[str, ...],
        usage_of: Callable[[Mapping[str, object]], Usage | None],
        guess: Callable[[str], Usage],
    ) -> None:
        self._ends = ends
        self._usage_of = usage_of
        self._guess = guess
        self._usage: Usage | None = None
        self._finished = False
        self._said: list[str] = []

    @property
    def usage(self) -> Usage | None:
        """The usage reported so far."""
        return self._usage

    @property
    def finished(self) -> bool:
        """Whether the answer was said to be complete."""
        return self._finished

    def feed(self, block: bytes) -> None:
        """Take whole events; those of pictures on their way are not parsed."""
        if b".partial_image" in block and not any(end.encode() in block for end in self._ends):
            return
        for event in _parsed(block):
            if event.get("type") in self._ends:
                self._finished = True
                found = self._usage_of(event)
                if found is not None:
                    from sluice.dialects.media.figures import summed

                    self._usage = summed(self._usage, found)
            elif isinstance(said := event.get("delta"), str):
                self._said.append(said)

    def estimate(self) -> Usage:
        """Return a guess from what went by."""
        return self._guess("".join(self._said))


class TailMeter:
    """Reads the usage of an answer whose bytes are no events, or whose last event alone counts.

    `guess` is what the request itself tells.
    """

    def __init__(
        self, end: str, usage_of: Callable[[Mapping[str, object]], Usage | None], guess: Callable[[], Usage]
    ) -> None:
        self._end = end
        self._usage_of = usage_of
        self._guess = guess
        self._tail = b""

    @property
    def usage(self) -> Usage | None:
        """What the closing event reports."""
        for event in self._closing():
            found = self._usage_of(event)
            if found is not None:
                return found
        return None

    @property
    def finished(self) -> bool:
        """Whether a closing event came; sound itself has no mark at its end."""
        return any(True for _ in self._closing())

    def feed(self, block: bytes) -> None:
        """Keep the end of what went by."""
        self._tail = block[-TAIL:] if len(block) >= TAIL else (self._tail + block)[-TAIL:]

    def estimate(self) -> Usage:
        """Return what the request tells."""
        return self._guess()

    def _closing(self) -> Iterator[Mapping[str, object]]:
        at = self._tail.rfind(b"data:")
        if at < 0 or self._end.encode() not in self._tail:
            return
        for event in _parsed(self._tail[self._tail.rfind(b"data:", 0, self._tail.rfind(self._end.encode())) :]):
            if event.get("type") == self._end:
                yield event


def _parsed(block: bytes) -> Iterator[Mapping[str, object]]:
    for _, text in events((block,)):
        if text.startswith("{"):
            try:
                found = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found
