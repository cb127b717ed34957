"""Ollama's own embeddings, read from callers and written for a host."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import ollama_embeddings as wire
from sluice.errors import BadRequest, ProviderGarbled, UnsupportedParameter
from sluice.types.chat import Image, Text
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
from sluice.types.usage import Usage


def elsewhere(**more: Any) -> EmbeddingRequest:
    return EmbeddingRequest(model="x", inputs=more.pop("inputs", ("Hello",)), dialect="openai_embeddings", **more)


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "input": "a"},
        {
            "model": "m",
            "input": ["a", "b"],
            "truncate": False,
            "dimensions": 9,
            "keep_alive": "5m",
            "options": {"x": 1},
        },
    ],
)
def test_what_a_caller_says_is_written_back_the_same(body: dict[str, object]) -> None:
    assert wire.encode_request(wire.decode_request(body), "m", {}, True).body == body


def test_the_older_endpoint_is_read_as_well() -> None:
    request = wire.decode_request({"model": "m", "prompt": "a", "options": {}})
    assert (request.inputs, request.single) == (("a",), True)
    assert wire.decode_response({"embedding": [1.0]}).vectors == ((1.0,),)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "a"}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": []}, "input"),
        ({"model": "m", "input": [1]}, "input"),
        ({"model": "m", "input": "a", "dimensions": -1}, "dimensions"),
    ],
)
def test_a_faulty_request_is_refused_with_the_parameter(body: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.decode_request(body)
    assert refused.value.param == param


def test_a_caller_of_another_dialect_is_told_what_was_dropped() -> None:
    request = elsewhere(inputs=((Text("a"), Text("b")),), dimensions=9, truncate="end", single=True)
    assert wire.encode_request(request, "m").body == {"model": "m", "input": "a\nb", "dimensions": 9, "truncate": True}
    told = wire.encode_request(elsewhere(task="query", truncate="start", title="t", user="u", extras={"x": 1}), "m")
    assert told.edits == ("dropped:truncate", "dropped:input_type", "dropped:title", "dropped:user", "dropped:x")
    for item, said in (((1,), "token ids"), ((Image(data="x"),), "more than text")):
        with pytest.raises(UnsupportedParameter, match=said):
            wire.encode_request(elsewhere(inputs=(item,)), "m")


def test_answers_are_written_with_the_tokens() -> None:
    response = EmbeddingResponse("", "m", ("AACAPw==",), usage=Usage(input=3))
    assert wire.encode_response(response, elsewhere()) == {"model": "m", "embeddings": [[1.0]], "prompt_eval_count": 3}
    own = {"model": "m", "embeddings": [[1.0]], "total_duration": 5, "prompt_eval_count": 3}
    assert wire.encode_response(wire.decode_response(own), elsewhere()) == own
    assert wire.read_usage(json.dumps(own).encode()) == Usage(input=3)
    for body in (b"{}", b'{"prompt_eval_count":', b'{"prompt_eval_count":null}'):
        assert wire.read_usage(body) is None
    with pytest.raises(ProviderGarbled):
        wire.decode_response({})


def test_errors_are_one_text() -> None:
    assert wire.encode_error(BadRequest("no"), "r") == {"error": "no"}
    assert wire.decode_error(404, {}, b'{"error":"model not found"}').message == "model not found"
