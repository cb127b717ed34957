"""The audit log: one record of each change of the control plane, chained by hashes so that tampering shows.

A record is a JSON object. Its hash is the SHA-256 of its canonical text, which holds the hash of the record before it;
records of one region and day are numbered from 1, and the first of a day follows the last of the day before. So who
changes, drops or inserts a record must rewrite all that follow it, and the last hash, which also stands in the
function's log, no longer fits.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass

from sluice.routing.configuration import canonical_json
from sluice.types.audit import Change

Record = Mapping[str, object]
FORMAT = 1
MASK = "***"
STATE_LIMIT = 65_536
"""Bytes of a state as it is kept; a larger one is named by its hash."""
DIFFERENCES_LIMIT = 200
_SECRET_MEMBER = re.compile(
    r"secret|token|passw|passphrase|pepper|digest|credential|private|api_?key|authori[sz]ation", re.I
)
_NOT_SECRET = re.compile(r"tokens$|token_limit$", re.I)
_SECRET_TEXT = re.compile(r"\b(sk-[A-Za-z0-9_-]{8,}|AKIA[A-Z0-9]{12,}|eyJ[\w-]+\.[\w-]+\.[\w-]*|Bearer\s+\S+)")
_CLOSED = ("headers",)
"""Members whose every value may be a secret."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a record stands in its chain; `previous` is the hash of the one before, "" for the very first."""

    region: str
    day: str
    number: int
    previous: str


def record(change: Change, link: Link, at_ms: int) -> dict[str, object]:
    """Return the record of a change at a moment (epoch milliseconds)."""
    actor = {name: value for name, value in asdict(change.actor).items() if value not in ("", False)}
    return {
        "format": FORMAT,
        "region": link.region,
        "day": link.day,
        "number": link.number,
        "previous": link.previous,
        "at_ms": at_ms,
        "action": change.action,
        "subject": change.subject[:512],
        "team": change.team,
        "actor": masked(actor),
        "before": _state(change.before),
        "after": _state(change.after),
    }


def hash_of(found: Record) -> str:
    """Return the hash of a record, 64 hex digits; a member `hash` does not count."""
    plain = {name: value for name, value in found.items() if name != "hash"}
    return hashlib.sha256(canonical_json(plain).encode("utf-8", "surrogatepass")).hexdigest()


def verify(records: Iterable[Record], *, whole: bool) -> Iterator[str]:
    """Yield what is wrong with one region's records, given from the oldest to the newest, each with its `hash`.

    They begin with a day's first; with the region's very first when they are the `whole` chain.
    """
    before: Record | None = None
    for found in records:
        place = f"{found.get('region')} {found.get('day')} number {found.get('number')}"
        if hash_of(found) != found.get("hash"):
            yield f"{place}: its content is not what was recorded"
        if before is not None:
            same_day = found.get("day") == before.get("day")
            expected = int(str(before.get("number"))) + 1 if same_day else 1
            if found.get("number") != expected:
                yield f"{place}: number {expected} should stand here; a record is missing"
            if found.get("previous") != before.get("hash"):
                yield f"{place}: it does not follow the record before it"
        elif found.get("number") != 1 or (whole and found.get("previous") != ""):
            yield f"{place}: it is not the first; records before it are missing"
        before = found


def masked(value: object, name: str = "") -> object:
    """Return a value with each secret in it as `***`: members named like one, headers, texts that look like one."""
    if isinstance(value, Mapping):
        if name in _CLOSED:
            return dict.fromkeys(value, MASK)
        return {str(key): masked(each, str(key)) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each, name) for each in value]
    if isinstance(value, str):
        if value and _SECRET_MEMBER.search(name) and not _NOT_SECRET.search(name):
            return MASK
        return _SECRET_TEXT.sub(MASK, value)
    # Other than numbers with a decimal point, everything has one canonical text.
    return repr(value) if isinstance(value, float) else value


def differences(old: object, new: object, path: str = "") -> Iterator[dict[str, object]]:
    """Yield what differs between two documents, masked: `path`, `before` and `after`, each None where it is missing."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in sorted({*old, *new}):
            yield from differences(old.get(name), new.get(name), f"{path}.{name}" if path else str(name))
    elif old != new:
        member = path.rpartition(".")[2]
        closed = any(f".{name}." in f".{path}" for name in _CLOSED)
        shown = [MASK if closed and each is not None else masked(each, member) for each in (old, new)]
        yield {"path": path, "before": shown[0], "after": shown[1]}


def _state(state: Mapping[str, object] | None) -> object:
    if state is None:
        return None
    shown = masked(state)
    text = canonical_json({"state": shown}).encode("utf-8", "surrogatepass")
    if len(text) <= STATE_LIMIT:
        return shown
    return {"too_large": len(text), "sha256": hashlib.sha256(text).hexdigest()}
