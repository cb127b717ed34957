"""Reads what an error body states, in whatever shape a vendor or a host before it gives."""

from __future__ import annotations

import json
from typing import Any


def error_of(body: bytes) -> dict[str, Any]:
    """Return the error object of a body with its `message` and `type` where they are stated; empty when it is none."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    found = found[0] if isinstance(found, list) and found else found
    if not isinstance(found, dict):
        return {}
    inner = found.get("error", found)
    if isinstance(inner, str):
        return {"message": inner}
    return inner if isinstance(inner, dict) else found


def words_of(body: bytes) -> str | None:
    """Return the message of an error body; None where no rule here finds one."""
    error = error_of(body)
    stated = (error.get(name) for name in ("message", "Message", "detail"))
    return next((words for words in stated if isinstance(words, str) and words), None)
