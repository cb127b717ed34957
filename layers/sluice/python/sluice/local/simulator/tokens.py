"""Cut text into the simulator's tokens: pieces of up to five letters with the white space before them."""

from __future__ import annotations

import re

_PIECE = re.compile(r"\s*\w{1,5}|\s*[^\w\s]|\s+")


def split(text: str) -> list[str]:
    """Return the tokens; joined they are the text again."""
    return _PIECE.findall(text)


def count(text: str) -> int:
    """Return the number of tokens."""
    return len(_PIECE.findall(text))


def cut(text: str, limit: int) -> str:
    """Return the first `limit` tokens of the text."""
    return "".join(split(text)[: max(limit, 0)])
