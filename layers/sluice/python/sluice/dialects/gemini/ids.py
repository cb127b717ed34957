"""Ids for function calls that came without one."""

from __future__ import annotations

from zlib import crc32

from sluice.dialects.gemini.names import OWN_ID


def given_id(seed: str, place: int, name: str, arguments: str) -> str:
    """Return an id that the same call at the same place always gets again, however its stream was cut.

    `seed` is what tells one answer from another (its id), or one turn from another (its position); `place` counts the
    calls of the answer.
    """
    data = f"{seed}\n{place}\n{name}\n{arguments}".encode("utf-8", "surrogatepass")
    return f"{OWN_ID}{crc32(data):08x}{crc32(data, 0x5107):08x}"


def wire_id(identity: str) -> str | None:
    """Return the id to send to the vendor; None for one that it never gave."""
    return None if not identity or identity.startswith(OWN_ID) else identity
