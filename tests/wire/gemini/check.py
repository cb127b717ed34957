"""Holds the Gemini dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.gemini.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each recording
is up to two cases: its request, and its answer (whole or streamed) or error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.dialects import gemini as wire
from sluice.dialects.sse import Blocks
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest, ChatResponse, ToolCall
from sluice.types.stream import PartStart, StreamFailed
from tests.wire.gemini import said
from tests.wire.recordings import Recording
from tests.wire.tally import Case, cut, main, same

BAR = 0.99
ENDPOINTS = ("gemini.generate", "gemini.stream")
ASKED = ChatRequest(model="m", messages=())


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    if isinstance(recording.request_body, dict):
        yield "request", partial(check_request, recording)
    if recording.status >= 400:
        yield "error", partial(check_error, recording)
    elif recording.endpoint == "gemini.stream":
        yield "stream", partial(check_stream, recording)
    else:
        yield "answer", partial(check_answer, recording)


def check_request(recording: Recording) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    body = recording.request_body
    added = {**body, "model": "models/m", "stream": recording.stream}
    try:
        outline = wire.outline(added, 100)
        request = wire.decode_request(added)
    except BadRequest:
        if recording.status >= 400:
            return  # the provider refused it as well
        raise
    config = said.either(body, "generationConfig") or {}
    same("model and stream", (outline.model, outline.stream), ("m", recording.stream))
    bound = said.either(config, "maxOutputTokens")
    same("bound", outline.max_output, None if bound is None else int(bound))
    found = [said.canonically(message.parts) for message in request.messages if message.role != "system"]
    turns = body["contents"] if isinstance(body["contents"], list) else [body["contents"]]
    same("contents", found, [said.plainly(content.get("parts")) for content in turns])
    system = [said.canonically(message.parts) for message in request.messages if message.role == "system"]
    spoken = said.either(body, "systemInstruction") or {}
    instruction = said.plainly({"text": spoken} if isinstance(spoken, str) else spoken.get("parts"))
    same("instruction", system, [instruction] if instruction else [])
    calls = {part.id for message in request.messages for part in message.parts if isinstance(part, ToolCall)}
    made = sum(isinstance(part, ToolCall) for message in request.messages for part in message.parts)
    same("distinct ids", len(calls), made)
    same("passing", wire.pass_edits(added, {}).keys(), {"model", "stream"})
    encoded = wire.encode_request(request, "m", {}, True)
    again = wire.decode_request({**json.loads(json.dumps(encoded.body)), "model": "m", "stream": recording.stream})
    same("second reading", again, request)
    if recording.status == 200:
        same("written members", _meaning(encoded.body), _meaning({**body, "model": None, "stream": None}))


_SCHEMAS = ("responseSchema", "responseJsonSchema")
_SAME_SOUND = {"audio/mpeg": "audio/mp3", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav"}


def _meaning(value: Any, inside: bool = False) -> Any:
    """Return a body without what may be written in two ways: case, nulls, defaults, which member holds a schema."""
    if isinstance(value, list):
        return [_meaning(item, inside) for item in value]
    if not isinstance(value, dict):
        return int(value) if isinstance(value, float) and value.is_integer() else value
    kept: dict[str, Any] = {}
    for key, item in value.items():
        name = key if inside else _camel(key)
        if item is None or (not inside and (name, item) in _DEFAULTS):
            continue
        if not inside and name in _SCHEMAS:
            kept["schema"] = True
        else:
            kept[name] = _meaning(item, inside or name in ("args", "response", "parameters", "parametersJsonSchema"))
    if not inside and kept.get("mimeType") in _SAME_SOUND:
        kept["mimeType"] = _SAME_SOUND[kept["mimeType"]]
    if not inside and "parts" in kept and isinstance(kept["parts"], list):
        kept["parts"] = [part for part in kept["parts"] if part]
        kept.setdefault("role", "user")
    return kept if inside else _unempty(kept)


_DEFAULTS: tuple[tuple[str, Any], ...] = (
    ("thought", False), ("responseModalities", ["TEXT"]), ("responseMimeType", "text/plain"), ("stream", False),
    ("tools", []), ("safetySettings", []), ("stopSequences", []), ("thinkingConfig", {}), ("functionCallingConfig", {}),
)  # fmt: skip


def _unempty(kept: dict[str, Any]) -> dict[str, Any]:
    if "functionCall" in kept:
        kept["functionCall"].setdefault("args", {})
    if isinstance(config := kept.get("functionCallingConfig"), dict) and isinstance(config.get("mode"), str):
        config["mode"] = config["mode"].upper()
    if isinstance(config := kept.get("thinkingConfig"), dict) and isinstance(config.get("thinkingLevel"), str):
        config["thinkingLevel"] = config["thinkingLevel"].lower()
    for name in ("generationConfig", "systemInstruction", "toolConfig"):
        if name in kept and not (kept[name].get("parts", kept[name]) if name == "systemInstruction" else kept[name]):
            del kept[name]
    if "thoughtSignature" in kept and set(kept) <= {"thoughtSignature", "thought"}:
        kept["text"] = ""
    if isinstance(kept.get("tools"), list):
        kept["tools"] = [item for group in kept["tools"] for name, tool in group.items() for item in _tool(name, tool)]
    return kept


def _tool(name: str, tool: Any) -> list[Any]:
    """Each function on its own: how they are grouped means nothing."""
    return list(tool) if name == "functionDeclarations" else [{name: tool}]


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.title() for word in rest)


def check_answer(recording: Recording) -> None:
    """A whole answer is read in full, with the provider's usage, and says the same after another round."""
    body = json.loads(recording.body)
    response = wire.decode_response(body)
    candidates = body.get("candidates") or []
    plain = [said.plainly((candidate.get("content") or {}).get("parts") or []) for candidate in candidates]
    if candidates:
        same("content", said.response_canonically(response), plain)
        same("stop", [choice.stop for choice in response.choices], _stops(candidates, plain))
    expected = said.usage_plainly(said.either(body, "usageMetadata"))
    same("usage", said.usage_canonically(response.usage), expected)
    same("usage read in passing", wire.read_usage(recording.body), response.usage)
    same("error in passing", wire.stream_error(recording.body), None)
    again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, ASKED))))
    same("second reading", again.choices, response.choices)
    same("second usage", again.usage, response.usage)
    streamed = list(wire.decode_stream([recording.body]))
    if candidates and candidates[0].get("finishReason"):
        same("ids in a stream", _stream_ids(streamed), _ids(response))


def _stops(candidates: list[Any], plain: list[list[Any]]) -> list[Any]:
    return [
        said.stop_plainly(reason, any(item[0] == "call" for item in items)) if reason is not None else None
        for reason, items in zip(
            (said.either(candidate, "finishReason") for candidate in candidates), plain, strict=True
        )
    ]


def _ids(response: ChatResponse) -> list[str]:
    return [part.id for choice in response.choices for part in choice.parts if isinstance(part, ToolCall)]


def _stream_ids(events: list[Any]) -> list[str]:
    return [event.id for event in events if isinstance(event, PartStart) and event.kind == "tool_call"]


def check_stream(recording: Recording) -> None:
    """A stream is read in full however it is cut, with the provider's usage, and says the same after another round."""
    decoded = list(wire.decode_stream([recording.body]))
    if any(isinstance(event, StreamFailed) for event in decoded):
        if "stream_error" not in recording.kinds:
            raise AssertionError("an error was read where none was sent")
        return
    plain, raw_reasons, raw = said.stream_plainly(recording.body)
    found, reasons, usage = said.stream_canonically(decoded)
    same("content", found, plain)
    expected = {
        number: said.stop_plainly(reason, any(item[0] == "call" for item in plain[number]))
        for number, reason in raw_reasons.items()
    }
    same("stop", reasons, expected)
    same("usage", said.usage_canonically(usage), said.usage_plainly(raw))
    for seed in range(3):
        same("events of the cut stream", list(wire.decode_stream(cut(recording.body, seed))), decoded)
    meter = _metered(recording.body)
    same("metered usage and end", (meter.usage, meter.finished), (usage, True))
    written = b"".join(wire.encode_stream(decoded, ASKED))
    again = list(wire.decode_stream(cut(written, 3)))
    same("second reading", said.stream_canonically(again), (found, reasons, usage))
    same("second ids", _stream_ids(again), _stream_ids(decoded))


def _metered(body: bytes) -> Any:
    meter, blocks = wire.meter(), Blocks()
    for chunk in cut(body, 7):
        if whole := blocks.feed(chunk):
            meter.feed(whole)
    meter.feed(blocks.rest())
    return meter


def check_error(recording: Recording) -> None:
    """An error keeps its status and words and has a kind; written for a caller it says the same."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError:
        raise AssertionError(f"not a provider error: {error!r}")
    same("status", error.provider_status, recording.status)
    if not error.message or not error.kind:
        raise AssertionError("an error without words or kind")
    reported = _reported(recording.body)
    written: Any = wire.encode_error(error, "req_1")
    if reported is not None:
        same("message", error.message[:40], reported["message"][:40])
        same("type", error.provider_type, reported["status"])
        same("envelope", (written["error"]["status"], written["error"]["code"]), (reported["status"], recording.status))
    again = wire.decode_error(recording.status, {}, json.dumps(written).encode())
    same("second reading", (again.kind, again.retry_after), (error.kind, error.retry_after))


def _reported(body: bytes) -> dict[str, Any] | None:
    """The vendor's own error; None where a host in between answered."""
    try:
        found = json.loads(body)
        inner = (found[0] if isinstance(found, list) else found)["error"]
    except (ValueError, LookupError, TypeError):
        return None
    return inner if isinstance(inner, dict) and {"status", "message"} <= inner.keys() else None


if __name__ == "__main__":
    sys.exit(main("gemini", ENDPOINTS, cases, BAR))
