"""Ids of the gateway's own answers and of their items.

`resp_` and 32 hex digits; an item's id ends with those digits and its place, so that a caller who sends nothing but a
reference to the item leads back to the answer. This module imports no canonical type.
"""

from __future__ import annotations

import os
from zlib import crc32

ANSWER = "resp_"
_DIGITS = 32
_HEX = frozenset("0123456789abcdef")
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
LONGEST = 512


def new_id() -> str:
    """Return a fresh answer id."""
    return ANSWER + os.urandom(_DIGITS // 2).hex()


def is_id(text: object) -> bool:
    """Return whether some vendor's answer could have this id."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST and _ALLOWED.issuperset(text)


def is_own(identity: str) -> bool:
    """Return whether an answer's id has the form of those that the gateway makes."""
    rest = identity[len(ANSWER) :]
    return identity.startswith(ANSWER) and len(rest) == _DIGITS and _HEX.issuperset(rest)


def answer_of(item: object) -> str:
    """Return the id of the gateway's own answer that an item's id points to, "" where it points to none."""
    rest = item.rpartition("_")[2] if isinstance(item, str) else ""
    found = ANSWER + rest[:_DIGITS]
    return found if len(rest) == _DIGITS + 4 and is_own(found) else ""


def item_id(prefix: str, seed: str, place: int) -> str:
    """Return a stable id for an item of the answer whose id is `seed`."""
    if is_own(seed):
        return f"{prefix}_{seed[len(ANSWER) :]}{place:04x}"
    data = f"{seed}\n{place}".encode("utf-8", "surrogatepass")
    return f"{prefix}_{crc32(data):08x}{crc32(data, 0x5107):08x}"
