"""Turns a stream of events into one growing JSON array, which callers get that do not ask for `alt=sse`.

It works on wire bytes, so pass-through and translation share it: the objects themselves stay as they came. This module
imports no canonical chat type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sluice.dialects.sse import Events


def as_array(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes of the array, an item for each item of `stream` that ends an event; `[]` for a stream of none."""
    reader, begun = Events(), False
    for item in stream:
        if found := reader.feed(item):
            yield _joined(found, begun)
            begun = True
    if found := reader.finish():
        yield _joined(found, begun)
        begun = True
    yield b"\n]\n" if begun else b"[]"


def _joined(events: list[tuple[str, str]], begun: bool) -> bytes:
    told = b",".join(data.encode("utf-8", "surrogatepass") for _, data in events)
    return (b"," if begun else b"[") + told
