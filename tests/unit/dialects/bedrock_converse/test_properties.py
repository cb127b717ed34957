"""No body is too odd, and whatever callers say in Converse's form is read back the same after it was written."""

from __future__ import annotations

import json
import random
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_messages, bedrock_converse, eventstream, gemini, openai_chat, openai_responses
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest
from sluice.types.stream import StreamEvent

OTHERS = (openai_chat, anthropic_messages, openai_responses, gemini)
MEMBERS = st.sampled_from(
    [
        "text", "image", "document", "video", "audio", "toolUse", "toolResult", "guardContent", "cachePoint",
        "reasoningContent", "reasoningText", "redactedContent", "signature", "citationsContent", "citations", "content",
        "searchResult", "format", "source", "bytes", "s3Location", "uri", "name", "toolUseId", "input", "status",
        "json", "type", "ttl", "title", "role", "start", "delta", "contentBlockIndex", "stopReason", "usage",
        "inputTokens",
        "outputTokens", "cacheDetails", "additionalModelResponseFields", "message", "output", "trace", "metrics",
        "citation", "thinking", "budget_tokens", "effort", "textFormat", "structure", "jsonSchema", "schema", "tool",
        "any", "auto", "toolSpec", "inputSchema", "systemTool", "strict", "description", "qualifiers", "odd_member",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(
        ["end_turn", "tool_use", "default", "1h", "user", "png", "pdf", "c2x1aWNlMS4", "error", "{}", "QQ=="]
    )
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4), max_leaves=14
)
OBJECTS = st.dictionaries(MEMBERS, JSON, max_size=4)
USES = st.fixed_dictionaries(
    {"toolUseId": st.sampled_from(["a", "b"]), "name": st.sampled_from(["f", "g"]), "input": JSON}
)
RESULTS = st.fixed_dictionaries({"toolUseId": st.sampled_from(["a", "b"]), "content": st.lists(OBJECTS, max_size=2)})
MARKS = st.fixed_dictionaries({"type": st.just("default")}, optional={"ttl": st.sampled_from(["5m", "1h"]) | JSON})
BLOCKS = st.lists(
    OBJECTS
    | st.builds(lambda value: {"text": value}, st.text(max_size=5))
    | st.builds(lambda value: {"toolUse": value}, USES)
    | st.builds(lambda value: {"toolResult": value}, RESULTS)
    | st.builds(lambda value: {"cachePoint": value}, MARKS),
    max_size=4,
)
TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant", "system"]), "content": BLOCKS}), max_size=3
)
BODIES = st.fixed_dictionaries(
    {"messages": TURNS | JSON},
    optional={
        "system": BLOCKS | JSON,
        "inferenceConfig": OBJECTS | JSON,
        "toolConfig": st.fixed_dictionaries(
            {"tools": st.lists(st.fixed_dictionaries({"toolSpec": OBJECTS}) | OBJECTS, max_size=3) | JSON},
            optional={"toolChoice": OBJECTS | JSON},
        )
        | JSON,
        "outputConfig": OBJECTS | JSON,
        "additionalModelRequestFields": OBJECTS | JSON,
        "guardrailConfig": JSON,
        "requestMetadata": OBJECTS | JSON,
        "serviceTier": OBJECTS | JSON,
    },
)
ANSWERS = st.fixed_dictionaries(
    {"output": st.fixed_dictionaries({"message": st.fixed_dictionaries({"content": BLOCKS | JSON})}) | JSON},
    optional={"stopReason": JSON, "usage": OBJECTS | JSON, "additionalModelResponseFields": JSON, "serviceTier": JSON},
)
EVENTS = st.tuples(
    st.sampled_from(
        ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "odd"]
    ),
    OBJECTS,
)
ASKED = ChatRequest(model="m", messages=())


@given(BODIES)
def test_no_request_is_too_odd_and_each_is_written_back_the_same(body: dict[str, Any]) -> None:
    asked = {**body, "model": "m"}
    with suppress(BadRequest):
        bedrock_converse.outline(asked, 9)
        bedrock_converse.pass_edits(asked, {})
        request = bedrock_converse.decode_request(asked)
        for dialect in OTHERS:
            with suppress(BadRequest):
                json.dumps(dialect.encode_request(request, "m", {}, False).body)
        written = json.loads(json.dumps(bedrock_converse.encode_request(request, "m", {}, False).body))
        again = bedrock_converse.decode_request({**written, "model": "m"})
        assert again.messages == request.messages
        assert again.tools == request.tools
        assert again == request


@given(ANSWERS)
def test_no_answer_is_too_odd_and_each_is_written_back_the_same(body: dict[str, Any]) -> None:
    bedrock_converse.read_usage(json.dumps(body).encode())
    with suppress(ProviderError):
        response = bedrock_converse.decode_response(body)
        for dialect in OTHERS:
            json.dumps(dialect.encode_response(response, ASKED))
        again = bedrock_converse.decode_response(
            json.loads(json.dumps(bedrock_converse.encode_response(response, ASKED)))
        )
        assert again.choices[0].parts == response.choices[0].parts
        assert (again.usage, again.choices[0].stop_sequence) == (response.usage, response.choices[0].stop_sequence)


@given(st.lists(EVENTS, min_size=1, max_size=6), st.integers(0, 99))
def test_no_stream_is_too_odd_however_it_is_cut(told: list[tuple[str, Any]], seed: int) -> None:
    body = b"".join(eventstream.event(name, json.dumps(event).encode()) for name, event in told)
    events = list(bedrock_converse.decode_stream([body]))
    assert all(isinstance(event, StreamEvent) for event in events)
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(body) + 1), 9))
    cut = [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True) if start < stop]
    assert repr(list(bedrock_converse.decode_stream(cut))) == repr(events)  # errors are equal only to themselves
    for dialect in (bedrock_converse, *OTHERS):
        b"".join(dialect.encode_stream(events, ASKED))
    meter = bedrock_converse.meter()
    meter.feed(body)
    assert meter.estimate().estimated


@given(
    OBJECTS,
    st.integers(200, 599),
    st.sampled_from(["", "ThrottlingException:http://x", "a#ValidationException", "Odd"]),
)
def test_no_error_is_too_odd(body: dict[str, Any], status: int, name: str) -> None:
    for found in (body, [body], {"error": body}, {"message": body}, {"__type": "x", **body}):
        error = bedrock_converse.decode_error(
            status, {"x-amzn-errortype": name} if name else {}, json.dumps(found).encode()
        )
        assert 200 <= error.http_status <= 599
        assert bedrock_converse.error_headers(error)["x-amzn-errortype"]
    frame = eventstream.exception("modelStreamErrorException", json.dumps(body).encode())
    assert bedrock_converse.stream_error(frame) is not None
