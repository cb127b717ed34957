"""No body is too odd, and whatever callers say in Gemini's form is read back the same after it was written."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages, gemini, openai_chat
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest
from sluice.types.stream import StreamEvent

MEMBERS = st.sampled_from(
    [
        "text", "thought", "thoughtSignature", "functionCall", "functionResponse", "inlineData", "fileData", "name",
        "args", "id", "response", "parts", "role", "content", "candidates", "finishReason", "index", "usageMetadata",
        "promptTokenCount", "responseId", "error", "status", "code", "message", "details", "partialArgs", "jsonPath",
        "stringValue", "willContinue", "mimeType", "data", "fileUri", "promptFeedback", "blockReason", "mode",
        "functionDeclarations", "parameters", "type", "items", "enum", "nullable", "anyOf", "functionCallingConfig",
        "thinkingConfig", "thinkingBudget", "responseMimeType", "responseSchema", "stopSequences", "topK", "contents",
        "candidatesTokensDetails", "modality", "executableCode", "function_call", "odd_member",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["STOP", "application/json", "$.a[0]", "user", "model", "image/png", "c2x1aWNlMS4", "ANY"])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4), max_leaves=14
)
OBJECTS = st.dictionaries(MEMBERS, JSON, max_size=5)
PARTS = st.lists(OBJECTS, max_size=3)
CONTENTS = st.lists(st.fixed_dictionaries({"parts": PARTS, "role": st.sampled_from(["user", "model"])}), max_size=3)
BODIES = st.fixed_dictionaries(
    {"contents": CONTENTS | JSON},
    optional={
        "systemInstruction": st.fixed_dictionaries({"parts": PARTS}) | JSON,
        "tools": st.lists(st.fixed_dictionaries({"functionDeclarations": PARTS}) | OBJECTS, max_size=2) | JSON,
        "toolConfig": st.fixed_dictionaries({"functionCallingConfig": OBJECTS}) | JSON,
        "generationConfig": OBJECTS | JSON,
        "safetySettings": JSON,
    },
)
CHUNKS = st.fixed_dictionaries(
    {},
    optional={
        "candidates": st.lists(
            st.fixed_dictionaries(
                {"content": st.fixed_dictionaries({"parts": PARTS})}, optional={"finishReason": JSON, "index": JSON}
            ),
            max_size=2,
        )
        | JSON,
        "usageMetadata": OBJECTS | JSON,
        "responseId": JSON,
        "error": JSON,
        "promptFeedback": JSON,
    },
)
ASKED = ChatRequest(model="m", messages=())


@given(BODIES)
def test_no_request_is_too_odd(body: dict[str, Any]) -> None:
    asked = {**body, "model": "m"}
    with suppress(BadRequest):
        gemini.outline(asked, 9)
        gemini.pass_edits(asked, {})
        request = gemini.decode_request(asked)
        for dialect in (openai_chat, anthropic_messages):
            with suppress(BadRequest):
                json.dumps(dialect.encode_request(request, "m", {}, False).body)
        written = json.loads(json.dumps(gemini.encode_request(request, "m", {}, False).body))
        again = gemini.decode_request({**written, "model": "m"})
        assert [message.role for message in again.messages] == [message.role for message in request.messages]


@given(CHUNKS)
def test_no_answer_is_too_odd(body: dict[str, Any]) -> None:
    gemini.read_usage(json.dumps(body).encode())
    with suppress(ProviderError):
        response = gemini.decode_response(body)
        for dialect in (gemini, openai_chat, anthropic_messages):
            json.dumps(dialect.encode_response(response, ASKED))


@given(st.lists(CHUNKS, min_size=1, max_size=4), st.booleans(), st.integers(0, 99))
def test_no_stream_is_too_odd_however_it_is_framed_and_cut(chunks: list[Any], array: bool, seed: int) -> None:
    pieces = [json.dumps(chunk, ensure_ascii=False).encode() for chunk in chunks]
    body = b"[" + b",\n".join(pieces) + b"]" if array else b"".join(b"data: " + piece + b"\r\n\r\n" for piece in pieces)
    events = list(gemini.decode_stream([body]))
    assert all(isinstance(event, StreamEvent) for event in events)
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(body) + 1), min(len(body), 9)))
    cut = [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True) if start < stop]
    assert repr(list(gemini.decode_stream(cut))) == repr(events)  # errors are equal only to themselves
    for dialect in (gemini, openai_chat, anthropic_messages):
        b"".join(dialect.encode_stream(events, ASKED))
    meter = gemini.meter()
    meter.feed(body)
    assert meter.estimate().estimated


@given(OBJECTS, st.integers(200, 599))
def test_no_error_is_too_odd(body: dict[str, Any], status: int) -> None:
    for found in (body, [body], {"error": body}, [{"error": body}]):
        error = gemini.decode_error(status, {}, json.dumps(found).encode())
        assert 200 <= error.http_status <= 599
        assert gemini.stream_error(b"data: " + json.dumps({"error": {"code": 1, **body}}).encode() + b"\n\n")
