"""Reasoning text of messages, under its many names, and the signatures that must come back unchanged.

Text comes in `reasoning_content` or `reasoning`; `reasoning_details` (OpenRouter) hold it in entries with signatures
or in encrypted form. A signature in another vendor's format is sealed with its entry, so that a caller of another
dialect, who sends back nothing but the signature, returns the whole entry.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping

from sluice.dialects.openai_chat.names import CLAUDE_FORMAT, REASONING_FIELDS
from sluice.types.chat import Json, Thinking

SEAL = "sluice1."
DETAILS = "reasoning_details"


def read_reasoning(message: Mapping[str, Json]) -> tuple[Thinking, ...]:
    """Return the reasoning of one assistant message, one part for each entry of `reasoning_details`."""
    field, text = reasoning_text(message)
    details = detail_entries(message)
    if not details:
        return (Thinking(text, field=field),) if field is not None else ()
    pieces = [entry_text(entry) for entry in details]
    if field is not None and text != "".join(pieces):
        signatures = [signature for entry in details if (signature := entry_signature(entry)) is not None]
        return (Thinking(text, signature=signatures[0] if signatures else None, details=tuple(details), field=field),)
    return tuple(
        Thinking(
            piece,
            signature=entry_signature(entry),
            redacted=entry_secret(entry),
            details=(entry,),
            field=field or DETAILS,
        )
        for piece, entry in zip(pieces, details, strict=True)
    )


def reasoning_text(message: Mapping[str, Json]) -> tuple[str | None, str]:
    """Return the member that holds reasoning text, and the text; (None, "") when there is none."""
    for name in REASONING_FIELDS:
        text = message.get(name)
        if isinstance(text, str) and text:
            return name, text
    return None, ""


def detail_entries(message: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """Return the objects in `reasoning_details`."""
    details = message.get(DETAILS)
    return [dict(entry) for entry in details if isinstance(entry, Mapping)] if isinstance(details, list) else []


def entry_text(entry: Mapping[str, Json]) -> str:
    """Return an entry's readable text."""
    for name in ("text", "summary"):
        text = entry.get(name)
        if isinstance(text, str):
            return text
    return ""


def entry_signature(entry: Mapping[str, Json]) -> str | None:
    """Return an entry's signature, sealed unless it is Anthropic's."""
    signature = entry.get("signature")
    if not isinstance(signature, str) or not signature:
        return None
    return signature if entry.get("format") == CLAUDE_FORMAT else _sealed(entry)


def entry_secret(entry: Mapping[str, Json]) -> str | None:
    """Return an entry's encrypted reasoning, sealed unless it is Anthropic's."""
    data = entry.get("data")
    if not isinstance(data, str) or not data:
        return None
    return data if entry.get("format") == CLAUDE_FORMAT else _sealed(entry)


def write_details(parts: Iterable[Thinking]) -> list[Json]:
    """Return the `reasoning_details` of some parts: their own entries, or new ones for signatures of a caller."""
    entries: list[Json] = []
    for part in parts:
        if part.details:
            entries.extend(part.details)
            continue
        for secret in (part.signature, part.redacted):
            if secret is not None:
                entries.append(new_entry(part.text, secret, secret is part.redacted, len(entries)))
    return entries


def new_entry(text: str, secret: str, encrypted: bool, index: int) -> dict[str, Json]:
    """Return an entry for a signature or an encrypted text; a sealed one becomes what it was."""
    opened = _opened(secret)
    if opened is not None:
        return {**opened, "text": text} if text else opened
    shape: dict[str, Json] = {"format": CLAUDE_FORMAT, "index": index}
    if encrypted:
        return {"type": "reasoning.encrypted", "data": secret, **shape}
    return {"type": "reasoning.text", "text": text, "signature": secret, **shape}


def _sealed(entry: Mapping[str, Json]) -> str:
    kept = {name: value for name, value in entry.items() if name not in ("text", "summary")}
    return SEAL + b2a_base64(json.dumps(kept, separators=(",", ":")).encode(), newline=False).decode()


def _opened(secret: str) -> dict[str, Json] | None:
    if not secret.startswith(SEAL):
        return None
    try:
        entry = json.loads(a2b_base64(secret[len(SEAL) :]))
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
