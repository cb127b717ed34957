"""Parts of contents, read into canonical parts.

Rules: a part's signature becomes a part of its own beside it (`signatures`). What only this dialect has (code
execution, server-side tool calls, video) becomes an `Opaque` part.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping

from sluice.dialects.gemini.casing import camel
from sluice.dialects.gemini.ids import given_id
from sluice.dialects.gemini.media import read_media
from sluice.dialects.gemini.names import NAME, PLACEHOLDER
from sluice.dialects.gemini.signatures import seal_part, seal_text, unpack
from sluice.types.chat import Json, Opaque, Part, Text, Thinking, ToolCall, ToolResult

Block = Mapping[str, Json]
NewId = Callable[[str, str], str]
"""Gives an id to the call of a function (name, JSON text of the arguments)."""

_KINDS = ("text", "functionCall", "functionResponse", "inlineData", "fileData")
_ANSWERS = ("output", "result")


class CallNames:
    """Gives ids to the calls of one conversation or answer, and finds the call that a result without id answers."""

    __slots__ = ("_place", "_seed", "_waiting", "answering")

    def __init__(self, seed: str, answering: bool = False) -> None:
        self._seed = seed
        self.answering = answering
        """Whether the parts are an answer's, where a function's result is only the vendor's own account."""
        self._place = 0
        self._waiting: list[tuple[str, str]] = []

    def call(self, identity: Json, name: str, arguments: str) -> str:
        """Return the id of the next call."""
        own = identity if isinstance(identity, str) and identity else None
        call_id = own or given_id(self._seed, self._place, name, arguments)
        self._place += 1
        self._waiting.append((name, call_id))
        return call_id

    def result(self, identity: Json, name: str) -> str:
        """Return the id of the call that the next result answers: results without ids come in the calls' order."""
        if isinstance(identity, str) and identity:
            self._waiting = [(waiting, call_id) for waiting, call_id in self._waiting if call_id != identity]
            return identity
        for place, (waiting, call_id) in enumerate(self._waiting):
            if waiting == name:
                del self._waiting[place]
                return call_id
        return given_id(self._seed, -1, name, "")


def read_parts(parts: Json, names: CallNames) -> Iterator[Part]:
    """Yield the canonical parts of a `parts` member: a list, or one part alone."""
    for raw in parts if isinstance(parts, list) else [parts]:
        part = camel(raw)
        if part:
            yield from read_part(part, names)


def read_part(part: Block, names: CallNames) -> Iterator[Part]:
    """Yield a part, and the signature that it carries: before a call, after text."""
    signature = part.get("thoughtSignature")
    signature = signature if isinstance(signature, str) and signature else None
    if part.get("thought") is True and not any(name in part for name in _KINDS[1:]):
        yield _thinking(part, signature)
        return
    call = part.get("functionCall")
    if isinstance(call, Mapping):
        yield from read_call(camel(call), signature, names)
        return
    text = part.get("text")
    if isinstance(text, str) or (signature is not None and part.keys() <= {"thoughtSignature", "thought"}):
        if text or signature is None:
            yield Text(str(text))
        if signature is not None:
            yield Thinking(redacted=seal_part(signature, "text" if text else "empty"))
        return
    result = part.get("functionResponse")
    if isinstance(result, Mapping):
        yield Opaque(NAME, part) if names.answering else read_result(camel(result), names)
        return
    media = read_media({name: value for name, value in part.items() if name != "thought" or value is True})
    yield Opaque(NAME, part) if media is None else media


def read_call(call: Block, signature: str | None, names: CallNames) -> Iterator[Part]:
    """Yield a function call, after its signature."""
    name = str(call.get("name") or "")
    arguments = json_text(call.get("args") or {})
    call_id = names.call(call.get("id"), name, arguments)
    if signature is not None and signature != PLACEHOLDER:
        yield Thinking(redacted=seal_part(signature, "call", call_id))
    extras = {key: value for key, value in call.items() if key not in ("name", "args", "id")}
    if signature == PLACEHOLDER:
        extras["thoughtSignature"] = signature
    yield ToolCall(call_id, name, arguments, extras=extras)


def read_result(result: Block, names: CallNames) -> ToolResult:
    """Return a function's result; its object is kept, since other dialects only have text."""
    name, response = str(result.get("name") or ""), result.get("response")
    parts: list[Part] = []
    is_error = False
    if isinstance(response, Mapping):
        is_error = response.keys() == {"error"}
        parts.append(Text(_result_text(response)))
    elif isinstance(response, str):
        parts.append(Text(response))
    files = result.get("parts")
    parts += read_parts(files, names) if isinstance(files, list) else ()
    extras = {key: value for key, value in result.items() if key not in ("id", "parts")}
    return ToolResult(names.result(result.get("id"), name), tuple(parts), is_error, extras=extras)


def _result_text(response: Mapping[str, Json]) -> str:
    if len(response) == 1:
        (name, value), *_ = response.items()
        if name in (*_ANSWERS, "error") and isinstance(value, str):
            return value
    return json_text(response)


def _thinking(part: Block, signature: str | None) -> Thinking:
    text = part.get("text")
    said = text if isinstance(text, str) else ""
    if signature is None:
        return Thinking(said)
    foreign = unpack(signature)
    if foreign is not None:
        return Thinking(said, signature=foreign[0], redacted=foreign[1])
    return Thinking(said, signature=seal_text(signature))


def json_text(value: Json) -> str:
    """Return the JSON text of arguments or of a result."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
