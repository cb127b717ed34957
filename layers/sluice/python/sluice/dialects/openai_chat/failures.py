"""Reads a provider's error, whatever the shape of its body, in a 200 answer too.

Seen shapes: {"error": {...}}, {"error": "text"}, {"error": "text", "message"}, {"detail": text | list | {...}},
{"object": "error", ...}, {"message", ...}, {"code", "error": "text"}, {"errors": [...]}, {"status_message"},
{"base_resp": {...}}, a list around any of them, plain text, HTML, and nothing. Codes may be numbers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sluice.dialects.base import JsonObject
from sluice.dialects.kinds import kind_of, status_of
from sluice.dialects.masking import masked
from sluice.dialects.openai_chat.chunks import chunks_of
from sluice.dialects.waits import wait_of
from sluice.errors import ProviderError, ProviderGarbled

MESSAGE_LIMIT = 2_000
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_MESSAGES = (
    "message",
    "msg",
    "detail",
    "status_message",
    "status_msg",
    "error_message",
    "error_msg",
    "Message",
    "title",
)
_TYPES = ("type", "status", "status_name", "__type")
_CODES = ("code", "error_code", "status_code")


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error body says, before it is classified."""

    message: str
    type: str | None = None
    code: str | None = None
    param: str | None = None
    status: int | None = None
    words: str = ""
    """Further words that tell the class: filter results, reasons."""


def decode_error(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Return the provider's error; `status` 200 means that the error came inside an answer."""
    text = body.decode("utf-8", "replace").strip()
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        events = [chunk for chunk in chunks_of(body + b"\n\n") if is_failure(chunk)] if b"data:" in body else []
        found = events[0] if events else _plain(text)
    failure = _from_json(found)
    return _classified(failure, status, headers, found)


def failure_in(chunk: JsonObject) -> ProviderError | None:
    """Return the error that one chunk or one whole answer of a 200 reports, None when it is no error."""
    return _classified(_from_json(chunk), 200, {}, chunk) if is_failure(chunk) else None


def choices_of(body: Mapping[str, object]) -> list[object]:
    """Return the choices of a whole answer.

    Raises:
        ProviderError: the body is an error in a 200 answer.
        ProviderGarbled: it holds no choices.
    """
    failure = failure_in(body)
    if failure is not None:
        raise failure
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise ProviderGarbled("The provider's answer holds no choices.")
    return choices


def is_failure(found: Mapping[str, object]) -> bool:
    """Return whether a JSON object in a 200 answer is an error rather than an answer."""
    if found.get("error") or found.get("object") == "error":
        return True
    choices = found.get("choices")
    if choices:
        first = choices[0] if isinstance(choices, list) else None
        return isinstance(first, Mapping) and isinstance(first.get("error"), Mapping) and bool(first["error"])
    base = found.get("base_resp")
    if isinstance(base, Mapping) and base.get("status_code"):
        return True
    if "choices" in found or "usage" in found:
        return False
    return any(isinstance(found.get(name), str) for name in ("message", "detail", "status_message"))


def _classified(failure: Failure, status: int, headers: Mapping[str, str], found: object) -> ProviderError:
    inside = status < 400
    known = (failure.status if inside else status) or 0
    amazon = headers.get("x-amzn-errortype", "").partition(":")[0]
    wait = wait_of(headers, failure.message, found)
    kind = kind_of(
        known,
        " ".join(filter(None, (failure.type, failure.code, failure.words, amazon))).lower(),
        failure.message.lower(),
        wait,
    )
    message = failure.message or f"The provider answered with status {status} and no message."
    return ProviderError(
        masked(message)[:MESSAGE_LIMIT],
        provider_status=known if 400 <= known <= 599 else status_of(kind),
        kind=kind,
        provider_type=failure.type or amazon or None,
        provider_code=failure.code,
        param=failure.param,
        retry_after=wait if kind in _WAITABLE else None,
    )


_WAITABLE = frozenset({"rate_limit", "overloaded", "server", "timeout", "quota"})


def _plain(text: str) -> str:
    if text[:1] != "<":
        return text
    title = _TITLE.search(text)
    return f"The provider answered with a web page: {title[1].strip()}" if title else ""


def _from_json(found: object) -> Failure:
    if isinstance(found, list):
        items = [item for item in found if isinstance(item, Mapping | str)]
        return _from_json(items[0]) if items else Failure("")
    if isinstance(found, str):
        return Failure(found)
    if not isinstance(found, Mapping):
        return Failure("")
    return _from_object(found)


def _from_object(found: Mapping[str, object]) -> Failure:
    choices = found.get("choices")
    if not found.get("error") and isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        found = choices[0]
    for name in ("error", "errors", "base_resp"):
        inner = found.get(name)
        if isinstance(inner, str) and inner:
            outer = _text(found.get("message"))
            return _filled(found, message=outer or inner, kind=inner if outer else None)
        if inner and isinstance(inner, Mapping | list):
            inside = inner[0] if isinstance(inner, list) else inner
            return _filled(inside) if isinstance(inside, Mapping) else _from_json(inside)
    return _filled(found)


def _filled(found: Mapping[str, object], message: str | None = None, kind: str | None = None) -> Failure:
    for name in _MESSAGES if message is None else ():
        value = found.get(name)
        if isinstance(value, Mapping):  # Mistral: {"message": {"detail": [...]}}
            return _filled(value)
        message = _listed(value) if isinstance(value, list) else _text(value)
        if message:
            break
    message = _with_upstream(message or "", found.get("metadata"))
    codes = [code for name in _CODES if (code := _text(found.get(name)))]
    return Failure(
        message,
        type=kind or next((word for name in _TYPES if (word := _text(found.get(name))) and not word.isdigit()), None),
        code=codes[0] if codes else None,
        param=_text(found.get("param")) or _place(found),
        status=_status(found),
        words=_words(found),
    )


def _with_upstream(message: str, metadata: object) -> str:
    """Add what the host behind a router said (OpenRouter: "Provider returned error", metadata.raw)."""
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None
    if not isinstance(raw, str) or not raw.strip():
        return message
    try:
        inner = _from_json(json.loads(raw)).message
    except (ValueError, RecursionError):
        inner = raw.strip()
    return f"{message}: {inner[:500]}" if inner and inner not in message else message


def _words(found: Mapping[str, object]) -> str:
    inner, metadata = found.get("innererror"), found.get("metadata")
    words = [_text(inner.get("code")) if isinstance(inner, Mapping) else None]
    if isinstance(metadata, Mapping):
        words.append(_text(metadata.get("error_type")))
        words.append("moderation flagged" if metadata.get("flagged_input") or metadata.get("reasons") else None)
    return " ".join(word for word in words if word)


def _listed(items: list[object]) -> str:
    """Join validation messages: [{"loc": ["body", "n"], "msg": "..."}]."""
    said = [
        _text(item.get("msg") or item.get("message")) if isinstance(item, Mapping) else _text(item) for item in items
    ]
    return "; ".join(word for word in said if word)


def _place(found: Mapping[str, object]) -> str | None:
    detail = found.get("detail")
    first = detail[0] if isinstance(detail, list) and detail else None
    place = first.get("loc") if isinstance(first, Mapping) else None
    if not isinstance(place, list):
        return None
    return ".".join(str(step) for step in place if step != "body") or None


def _status(found: Mapping[str, object]) -> int | None:
    for name in ("status", "status_code", "raw_status_code", "code", "http_code"):
        value = found.get(name)
        if isinstance(value, str) and value.isdigit() and len(value) == 3:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
            return value
    return None


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None
