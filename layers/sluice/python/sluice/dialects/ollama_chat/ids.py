"""Ids for tool calls that came without one, and for answers, which have none in this format."""

from __future__ import annotations

from zlib import crc32

from sluice.dialects.ollama_chat.names import OWN_ID


def given_id(seed: str, place: int, name: str, arguments: str) -> str:
    """Return an id that the same call at the same place always gets again, however its stream was cut.

    `seed` tells one answer from another (when it was made), or one turn from another (its position).
    """
    return OWN_ID + _digest(f"{seed}\n{place}\n{name}\n{arguments}")


def answer_id(created_at: str, model: str) -> str:
    """Return the id of an answer, "" for one that does not say when it was made."""
    return "ollama-" + _digest(f"{created_at}\n{model}") if created_at else ""


def wire_id(identity: str) -> str | None:
    """Return the id to send to the host; None for one that it never gave."""
    return None if not identity or identity.startswith(OWN_ID) else identity


def _digest(text: str) -> str:
    held = text.encode("utf-8", "surrogatepass")
    return f"{crc32(held):08x}{crc32(held, 0x5107):08x}"
