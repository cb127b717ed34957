"""Ids for tool calls that came without one."""

from __future__ import annotations

from zlib import crc32


def synthetic_id(seed: str) -> str:
    """Return an id that the same answer always gets again and two answers hardly share.

    A caller sends it back with the tool's result, so it must not depend on how the stream was cut.
    """
    data = seed.encode("utf-8", "surrogatepass")
    return f"call_{crc32(data):08x}{crc32(data, 0x5107):08x}"
