"""Recorded traffic told across dialects: Gemini's in the other two, theirs in Gemini's; nothing that was said is lost.

Run it with `python -m tests.wire.gemini.across`. A request may be refused where the other dialect cannot say it; the
refusals are counted by their reason and do not fail. An answer of Gemini must also find its way back: what a caller of
another dialect returns has every function call's signature byte for byte.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import gemini
from sluice.dialects import openai_chat as chat
from sluice.dialects.base import ChatDialect
from sluice.errors import GatewayError
from sluice.types.chat import ChatRequest, ChatResponse, Part, Refusal, Text, ToolCall, ToolResult
from sluice.types.stream import StreamFailed
from tests.wire.gemini import said
from tests.wire.recordings import Recording
from tests.wire.tally import Case, main, same, unless_refused

BAR = 0.99
ASKED = ChatRequest(model="m", messages=(), include_usage=True)
QUESTION = {"role": "user", "content": "x"}
PAIRS: dict[str, tuple[ChatDialect, tuple[ChatDialect, ...]]] = {
    "gemini.generate": (gemini, (chat, messages)),
    "gemini.stream": (gemini, (chat, messages)),
    "messages": (messages, (gemini,)),
    "chat.completions": (chat, (gemini,)),
}


ENDPOINTS = tuple(PAIRS)
Told = Callable[[Recording, ChatDialect, ChatDialect], None]


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording; a refusal of what the other dialect cannot say is no failure."""
    if recording.status != 200:
        return
    own, others = PAIRS[recording.endpoint]
    for other in others:
        for kind, case in _cases(recording, own):
            yield f"{kind} in {other.NAME}", unless_refused(partial(case, recording, own, other))


def _cases(recording: Recording, own: ChatDialect) -> Iterator[tuple[str, Told]]:
    if isinstance(recording.request_body, dict):
        yield "request", _request
    if recording.body.lstrip().startswith(b"{"):
        yield "answer", _answer
        if own is gemini:
            yield "return", _return
    else:
        yield "stream", _stream
        if own is gemini:
            yield "return", _streamed_return


def _request(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    asked = own.decode_request({**recording.request_body, "model": "m"})
    body = json.loads(json.dumps(other.encode_request(asked, "m", {}, False).body))
    heard = other.decode_request({"model": "m", **body})
    same("lost texts", _lost(heard, asked), [])
    same("calls", _calls(_parts(heard)), _calls(_parts(asked)))
    same("results", _results(heard), _results(asked))
    same("tools", [tool.name for tool in heard.tools], [tool.name for tool in asked.tools])
    same("bounds", (heard.stop, heard.temperature), (asked.stop, heard.temperature))


def _parts(request: ChatRequest) -> list[Part]:
    return [part for message in request.messages for part in message.parts]


def _lost(heard: ChatRequest, asked: ChatRequest) -> list[str]:
    """The texts that were not heard; white space around them does not count, nor does where they are parted."""
    sent = "".join("".join(part.text.split()) for part in _parts(heard) if isinstance(part, Text))
    texts = [part.text for part in _parts(asked) if isinstance(part, Text)]
    return [text for text in texts if "".join(text.split()) not in sent]


def _calls(parts: Any) -> list[tuple[str, Any]]:
    return [(part.name, _value(part.arguments)) for part in parts if isinstance(part, ToolCall)]


def _results(request: ChatRequest) -> list[Any]:
    """What each tool answered, with the number of the call that it answers."""
    places: dict[str, int] = {}
    found: list[tuple[int, Any]] = []
    for part in _parts(request):
        if isinstance(part, ToolCall):
            places[part.id] = len(places)
        elif isinstance(part, ToolResult):
            text = "".join(inner.text for inner in part.parts if isinstance(inner, Text))
            if text not in ("", "The result follows in the next message."):
                found.append((places.get(part.call_id, -1), _value(text)))
    return sorted(found, key=lambda item: item[0])


def _value(text: str) -> Any:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return text
    if isinstance(value, dict) and set(value) == {"invalid_arguments"}:
        return value["invalid_arguments"]
    if isinstance(value, dict) and set(value) in ({"output"}, {"result"}, {"error"}):
        return next(iter(value.values()))
    return {} if value is None else value


def _answer(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    try:
        answer = own.decode_response(json.loads(recording.body))
    except GatewayError:
        return  # an error with a good status
    body = json.loads(json.dumps(other.encode_response(answer, ASKED)))
    again = other.decode_response(body)
    same("content", _said(again), _said(answer))
    same("stop", _ended(again.choices[0].stop), _ended(answer.choices[0].stop))
    if answer.usage is not None and again.usage is not None:
        same("tokens", (again.usage.prompt, again.usage.output), (answer.usage.prompt, answer.usage.output))


def _said(answer: ChatResponse) -> tuple[str, list[tuple[str, Any]]]:
    parts = answer.choices[0].parts
    text = "".join(part.text for part in parts if isinstance(part, Text | Refusal))  # one dialect refuses in a text
    return text.strip(), _calls(parts)


def _ended(stop: Any) -> str:
    return str(stop) if stop in ("length", "tool_calls") else ""


def _stream(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    events = list(own.decode_stream([recording.body]))
    written = b"".join(other.encode_stream(events, ASKED))
    if any(isinstance(event, StreamFailed) for event in events):
        same("failure", b'"error"' in written, True)
        return
    same("content", _streamed(list(other.decode_stream([written]))), _streamed(events))


def _streamed(events: Any) -> tuple[Any, ...]:
    gathered = said.gathered(events)
    items, stop, usage = gathered.get(0, []), said.stop_of(events), said.usage_of(events)
    text = "".join(item[1] for item in items if item[0] == "text")
    calls = [(item[1], _value(item[2])) for item in items if item[0] == "call"]
    return text, calls, _ended(stop), (usage.prompt, usage.output) if usage else (0, 0)


def _return(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    """A whole answer, sent back by a caller of the other dialect as the conversation's last turn."""
    raw = json.loads(recording.body)
    body = other.encode_response(own.decode_response(raw), ASKED)
    parts = ((raw.get("candidates") or [{}])[0].get("content") or {}).get("parts") or []
    same("signed parts", _sent_back(json.loads(json.dumps(body)), other), _signed(said.plainly(parts)))


def _streamed_return(recording: Recording, own: ChatDialect, other: ChatDialect) -> None:
    """A streamed answer, gathered by a caller of the other dialect and sent back."""
    plain, reasons, _ = said.stream_plainly(recording.body)
    if not all(reasons.values()):
        return
    written = b"".join(other.encode_stream(own.decode_stream([recording.body]), ASKED))
    body = said.messages_body(written) if other is messages else said.chat_body(written)
    same("signed parts", _sent_back(body, other, flat=True), _signed(plain.get(0, [])))


def _sent_back(body: dict[str, Any], other: ChatDialect, flat: bool = False) -> Any:
    """What Gemini gets of an answer that a caller puts into its next request."""
    turn = {"role": "assistant", "content": body["content"]} if other is messages else body["choices"][0]["message"]
    asked = other.decode_request({"model": "m", "max_tokens": 9, "messages": [QUESTION, turn, QUESTION]})
    encoded = gemini.encode_request(asked, "m", {"signed_calls": False}, False)
    turns: Any = encoded.body["contents"]
    items = said.plainly([part for content in turns if content["role"] == "model" for part in content["parts"]])
    return _signed([(*item[:2], said.flat(item[2])) if flat and item[0] == "call" else item for item in items])


def _signed(items: list[Any]) -> tuple[Any, ...]:
    """The calls, each with the signature that it carries, and all signatures."""
    calls = [
        (item[1:], before[1] if before[0] == "signature" else None)
        for before, item in zip([("", ""), *items], items, strict=False)
        if item[0] == "call"
    ]
    return calls, sorted(item[1] for item in items if item[0] == "signature")


if __name__ == "__main__":
    sys.exit(main("gemini across", ENDPOINTS, cases, BAR))
