"""Runs a canonical stream through a dialect's writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sluice.types.stream import StreamEvent, StreamFailed


def written(
    events: Iterable[StreamEvent], write: Callable[[StreamEvent], bytes], end: Callable[[], bytes] | None = None
) -> Iterator[bytes]:
    """Yield what `write` makes of the events, then what `end` adds; nothing follows an error."""
    for event in events:
        if piece := write(event):
            yield piece
        if isinstance(event, StreamFailed):
            return
    if end is not None and (rest := end()):
        yield rest
