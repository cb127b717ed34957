"""Takes what must not be kept out of requests and answers before they are archived.

Redaction works on the texts inside JSON, so an escape (`\\u0040`) hides nothing. Of a stream, the pieces of each text
are put together first: a name that is cut between two events is found as well. What is no text (sound, pictures) cannot
be redacted and is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

MASK = "[redacted]"
EMAILS = re.compile(r"[A-Za-z0-9._%+'\-]{1,64}@(?:[A-Za-z0-9\-]{1,63}\.){1,8}[A-Za-z]{2,24}")
LEAST_BINARY = 4096
BINARY = re.compile(r"(?:data:[\w/+.;=-]{1,100};base64,)?[A-Za-z0-9+/_-]{4000,}={0,2}")
"""A picture or sound in Base64: no word or key is that long, and masking would take pieces out of it."""
_CONSTANT = frozenset(
    ("id", "object", "model", "type", "role", "event", "item_id", "response_id", "call_id", "name", "finish_reason",
     "stop_reason", "system_fingerprint", "service_tier", "status", "obfuscation", "done_reason", "created_at")
)  # fmt: skip
"""Members that each event of a stream says again; the others say a piece of something longer."""

Redact = Callable[[str], str]


def redactor(patterns: Iterable[str], *, emails: bool, keys: Redact | None) -> Redact | None:
    """Return what redacts a text; None where there is nothing to redact. `keys` masks credentials."""
    found = [re.compile(pattern) for pattern in patterns]
    if not found and not emails and keys is None:
        return None

    def redact(text: str) -> str:
        if len(text) > LEAST_BINARY and BINARY.fullmatch(text):
            return text
        for pattern in found:
            text = pattern.sub(MASK, text)
        if emails and "@" in text:
            text = EMAILS.sub(MASK, text)
        return text if keys is None else keys(text)

    return redact


def redacted(value: Any, redact: Redact) -> Any:
    """Return a JSON value with every text redacted, names of members included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [redacted(each, redact) for each in value]
    if isinstance(value, dict):
        return {redact(name): redacted(each, redact) for name, each in value.items()}
    return value


def folded(events: Iterable[Any]) -> dict[str, Any]:
    """Return the events of a stream as one object: place -> what all events say there, pieces put together."""
    found: dict[str, Any] = {}
    for event in events:
        kind = event.get("type") if isinstance(event, dict) else None
        start = f"{kind}:" if isinstance(kind, str) else ""
        for place, name, value in _leaves(event, start, ""):
            before = found.get(place)
            joins = isinstance(value, str) and isinstance(before, str) and name not in _CONSTANT
            found[place] = before + value if joins and isinstance(before, str) else value
    return found


def events_of(stream: bytes) -> list[Any] | None:
    """Return the JSON of a stream's events (SSE, or a line each); None for what is none of these."""
    try:
        text = stream.decode()
    except UnicodeDecodeError:
        return None
    found: list[Any] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        said = line[5:].strip() if line.startswith("data:") else line.strip()
        if not said or said == "[DONE]" or said.startswith((":", "event:", "id:", "retry:")):
            continue
        try:
            found.append(json.loads(said))
        except ValueError:
            if found and number == len(lines):
                break  # cut off in the middle
            return None
    return found


def _leaves(value: Any, place: str, name: str) -> Iterator[tuple[str, str, Any]]:
    if isinstance(value, dict):
        index = value.get("index")
        here = f"{place}[{index}]" if isinstance(index, int) else place
        for member, each in value.items():
            if member != "index":
                yield from _leaves(each, f"{here}.{member}" if here else member, member)
    elif isinstance(value, list):
        for position, each in enumerate(value):
            own = isinstance(each, dict) and isinstance(each.get("index"), int)
            yield from _leaves(each, place if own else f"{place}[{position}]", name)
    else:
        yield place, name, value
