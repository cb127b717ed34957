"""Reasoning items, and how they travel through dialects that know none.

A reasoning item becomes canonical thinking whose `details` are its summary, its text and its encrypted content as
entries (`FORMAT`), and whose signature is the encrypted entry, sealed: a caller that sends back either returns the
item. The other way round, another vendor's signature is sealed into `encrypted_content`, and opened when it comes back.
"""

from __future__ import annotations

import json
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Iterator, Mapping

from sluice.dialects.openai_chat.names import CLAUDE_FORMAT
from sluice.dialects.openai_responses.names import FORMAT, SEAL, UNSIGNED
from sluice.types.chat import Json, Thinking

Item = dict[str, Json]

_ENCRYPTED = "reasoning.encrypted"


def read_reasoning(item: Mapping[str, Json]) -> Thinking:
    """Return the thinking of one reasoning item."""
    text = readable(item)
    secret = item.get("encrypted_content")
    if isinstance(secret, str) and secret.startswith(SEAL):
        return _foreign(text, secret)
    entries = tuple(_entries(item))
    signature = seal(encrypted_entry(item.get("id"), secret)) if isinstance(secret, str) and secret else None
    return Thinking(text, signature=signature, details=entries)


def readable(item: Mapping[str, Json]) -> str:
    """Return the text of a reasoning item: what it thought, then its summary; parts stand apart."""
    return "\n\n".join(text for text in (*texts(item.get("content")), *texts(item.get("summary"))) if text)


def texts(parts: Json) -> list[str]:
    """Return the texts of a list of summary or content parts."""
    found = [part.get("text") for part in parts if isinstance(part, Mapping)] if isinstance(parts, list) else []
    return [text for text in found if isinstance(text, str)]


def encrypted_entry(identity: Json, secret: Json) -> Item:
    """Return the entry of encrypted reasoning."""
    named: Item = {"id": identity} if isinstance(identity, str) else {}
    return {"type": _ENCRYPTED, "data": secret, **named, "format": FORMAT}


def seal(entry: Mapping[str, Json]) -> str:
    """Return an entry as one opaque word."""
    text = json.dumps(dict(entry), separators=(",", ":"))
    return SEAL + b2a_base64(text.encode(), newline=False).decode()


def opened(secret: str | None) -> Item | None:
    """Return the entry inside a sealed word, None when it is no sealed one."""
    if secret is None or not secret.startswith(SEAL):
        return None
    try:
        entry = json.loads(a2b_base64(secret[len(SEAL) :]))
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def own_entries(part: Thinking) -> list[Item] | None:
    """Return the entries of thinking that came from this dialect's reasoning, None for any other thinking."""
    details = [dict(entry) for entry in part.details if isinstance(entry, Mapping)]
    if details and all(entry.get("format") == FORMAT for entry in details):
        return details
    entry = opened(part.signature) or opened(part.redacted)
    if entry is None or entry.get("format") != FORMAT:
        return None
    said: Item = {"type": "reasoning.summary", "summary": part.text, "id": entry.get("id"), "format": FORMAT}
    return [said, entry] if part.text else [entry]


def own_items(parts: Iterable[Thinking], native: bool) -> Iterator[Item]:
    """Yield the reasoning items that thinking in a row came from.

    A caller of another dialect may have cut an item into several parts: those with one id are one item.
    """
    group: list[Item] = []
    for part in parts:
        entries = own_entries(part) or []
        if group and entries and (native or entries[0].get("id") != group[0].get("id")):
            yield _item(group)
            group = []
        group.extend(entries)
    if group:
        yield _item(group)


def sealed_secret(part: Thinking) -> str:
    """Return the `encrypted_content` that stands for another vendor's thinking."""
    secret = part.signature if part.redacted is None else part.redacted
    if secret is None:
        return UNSIGNED
    if secret.startswith(SEAL):
        return secret
    # Canonical secrets that are not sealed are Anthropic's.
    if part.redacted is not None:
        return seal({"type": _ENCRYPTED, "data": secret, "format": CLAUDE_FORMAT})
    return seal({"type": "reasoning.text", "signature": secret, "format": CLAUDE_FORMAT})


def _entries(item: Mapping[str, Json]) -> Iterator[Item]:
    shared: Item = {name: item[name] for name in ("id", "status") if isinstance(item.get(name), str)}
    shared["format"] = FORMAT
    found = False
    for text in texts(item.get("content")):
        found = True
        yield {"type": "reasoning.text", "text": text, **shared}
    for text in texts(item.get("summary")):
        found = True
        yield {"type": "reasoning.summary", "summary": text, **shared}
    secret = item.get("encrypted_content")
    if isinstance(secret, str) and secret:
        yield {"type": _ENCRYPTED, "data": secret, **shared}
    elif not found:
        yield {"type": _ENCRYPTED, **shared}  # an item that is known by its id alone


def _item(entries: list[Item]) -> Item:
    item: Item = {"type": "reasoning"}
    summary: list[Json] = []
    content: list[Json] = []
    for entry in entries:
        for name in ("id", "status"):
            if isinstance(entry.get(name), str):
                item[name] = entry[name]
        if isinstance(entry.get("summary"), str):
            summary.append({"type": "summary_text", "text": entry["summary"]})
        if isinstance(entry.get("text"), str):
            content.append({"type": "reasoning_text", "text": entry["text"]})
        if isinstance(entry.get("data"), str):
            item["encrypted_content"] = entry["data"]
    item["summary"] = summary
    if content:
        item["content"] = content
    return item


def _foreign(text: str, secret: str) -> Thinking:
    entry = opened(secret)
    if entry is None:
        return Thinking(text)
    if entry.get("format") != CLAUDE_FORMAT:
        return Thinking(text, signature=secret)
    data, signature = entry.get("data"), entry.get("signature")
    if isinstance(data, str):
        return Thinking(redacted=data)
    return Thinking(text, signature=signature if isinstance(signature, str) else None)
