"""A ledger entry as a small JSON object, and back without loss: the ledger's items and the log's lines hold it.

Members that say nothing (0, "", false, none, what follows from another member) are left out. Texts are cut at
`TEXT_LIMIT` bytes of UTF-8 and lists at `LIST_LIMIT` members, so that no request can make an entry that does not fit.
Members that this version does not know are passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.usage import Usage

TEXT_LIMIT = 256
LIST_LIMIT = 128

Record = dict[str, Any]

_TEXTS = {
    "key": "key_id",
    "op": "operation",
    "dialect": "dialect",
    "provider": "provider",
    "model": "model",
    "price": "price_version",
    "config": "config_version",
    "session": "session",
    "error": "error_code",
    "error_kind": "error_kind",
    "region": "region",
    "user": "user",
    "route": "route",
    "trace": "trace_id",
    "parent": "parent_span",
}
"""Member -> field; left out when empty."""
_NUMBERS = {
    "status": "status",
    "cost": "cost",
    "at": "started_ms",
    "ms": "duration_ms",
    "overhead_us": "overhead_us",
    "lease_misses": "lease_misses",
}
"""Member -> field; left out when 0."""
_WORDS = ("provider_cost_usd", "service_tier", "image_size", "image_quality", "inference_geo", "search_context")
_TOKENS = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "image_input",
    "search_requests",
    "image_output",
    "images",
    "images_sent",
    "audio_ms",
    "provider_ms",
    "cache_read_audio",
    "characters",
    "estimated",
    *_WORDS,
)


_last: tuple[LedgerEntry, Record] | None = None


def to_record(entry: LedgerEntry) -> Record:
    """Return the record of an entry: JSON values only, no floats. The caller may add or take away members."""
    global _last
    held = _last  # read once: another thread may replace it
    if held is None or held[0] is not entry:  # the log's line and the ledger's item follow each other
        held = _last = (entry, _written(entry))
    return dict(held[1])


def _written(entry: LedgerEntry) -> Record:
    record: Record = {"id": entry.request_id, "team": entry.team}
    for member, name in _TEXTS.items():
        text = getattr(entry, name)
        if text:
            record[member] = _cut(text)
    for member, name in _NUMBERS.items():
        number = getattr(entry, name)
        if number:
            record[member] = number
    if entry.session == "":
        record["session"] = ""
    if entry.deployment != _deployment(entry.provider, entry.model):
        record["deployment"] = _cut(entry.deployment)
    if entry.requested_model != entry.deployment:
        record["asked"] = _cut(entry.requested_model)
    if entry.outcome != "ok":
        record["outcome"] = entry.outcome
    if entry.cache != "off":
        record["cache"] = entry.cache
    if entry.stream:
        record["stream"] = True
    if entry.first_byte_ms is not None:
        record["first_ms"] = entry.first_byte_ms
    if entry.version != 1:
        record["version"] = entry.version
    if entry.list_cost is not None:
        record["list"] = entry.list_cost
    _add_lists(record, entry)
    return record


def from_record(record: Mapping[str, Any]) -> LedgerEntry:
    """Return the entry of a record. Raises KeyError when it has no id or team."""
    texts = {name: record.get(member, "") for member, name in _TEXTS.items()}
    texts["session"] = record.get("session")
    numbers = {name: record.get(member, 0) for member, name in _NUMBERS.items()}
    deployment = record.get("deployment", _deployment(texts["provider"], texts["model"]))
    return LedgerEntry(
        **texts,
        **numbers,
        request_id=record["id"],
        team=record["team"],
        deployment=deployment,
        requested_model=record.get("asked", deployment),
        outcome=record.get("outcome", "ok"),
        cache=record.get("cache", "off"),
        stream=record.get("stream", False),
        first_byte_ms=record.get("first_ms"),
        usage=_usage(record.get("usage") or {}),
        attempts=tuple(_attempt(each, deployment, numbers["started_ms"]) for each in record.get("attempts") or ()),
        tags=tuple((name, value) for name, value in record.get("tags") or ()),
        reasons=tuple(record.get("reasons") or ()),
        edits=tuple(record.get("edits") or ()),
        holds=tuple((name, nano) for name, nano in record.get("holds") or ()),
        version=record.get("version", 1),
        list_cost=record.get("list"),
        adjustments=tuple(record.get("adjusted") or ()),
        saved=tuple((kind, nano) for kind, nano in record.get("saved") or ()),
    )


def _add_lists(record: Record, entry: LedgerEntry) -> None:
    usage = {name: value for name in _TOKENS if (value := getattr(entry.usage, name))}
    for name in _WORDS:
        value = getattr(entry.usage, name)
        if value is not None:
            usage[name] = _cut(value)
    lists: dict[str, Any] = {
        "usage": usage,
        "attempts": [_attempt_record(each, entry) for each in entry.attempts[:LIST_LIMIT]],
        "tags": [[_cut(name), _cut(value)] for name, value in entry.tags[:LIST_LIMIT]],
        "reasons": _cut_all(entry.reasons),
        "edits": _cut_all(entry.edits),
        # All of them: what is not here would stay set aside for ever.
        "holds": [[name, nano] for name, nano in entry.holds],
        "saved": [[kind, nano] for kind, nano in entry.saved],
        "adjusted": _cut_all(entry.adjustments),
    }
    record.update({name: value for name, value in lists.items() if value})


def _attempt_record(attempt: Attempt, entry: LedgerEntry) -> list[Any]:
    """[deployment or null for the entry's own, status, outcome, ms after the start, ms, upstream id, message]"""
    members = [
        None if attempt.deployment == entry.deployment else _cut(attempt.deployment),
        attempt.status,
        _cut(attempt.outcome),
        attempt.started_ms - entry.started_ms,
        attempt.duration_ms,
        _cut(attempt.upstream_id),
        _cut(attempt.message),
    ]
    while members[-1] == "":
        members.pop()
    return members


def _attempt(members: list[Any], deployment: str, started_ms: int) -> Attempt:
    name, status, outcome, offset, duration, upstream_id, message = [*members, "", ""][:7]
    return Attempt(
        deployment=deployment if name is None else name,
        status=status,
        outcome=outcome,
        started_ms=started_ms + offset,
        duration_ms=duration,
        upstream_id=upstream_id,
        message=message,
    )


def _usage(members: Mapping[str, Any]) -> Usage:
    return Usage(**{name: members[name] for name in _TOKENS if name in members})


def _deployment(provider: str, model: str) -> str:
    return f"{provider}/{model}" if provider or model else ""


def _cut(text: str) -> str:
    if len(text) <= TEXT_LIMIT and text.isascii():
        return text
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= TEXT_LIMIT:
        return encoded.decode()
    return encoded[: TEXT_LIMIT - 3].decode("utf-8", "ignore") + "…"


def _cut_all(texts: Iterable[str]) -> list[str]:
    return [_cut(text) for text in list(texts)[:LIST_LIMIT]]
