"""Vertex AI's text embeddings, read from callers and written for Google."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import vertex_embeddings as wire
from sluice.dialects.base import REMOVED
from sluice.errors import BadRequest, ProviderGarbled, UnsupportedParameter
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
from sluice.types.usage import Usage


def asked(*instances: dict[str, object], **more: object) -> dict[str, object]:
    return {"model": "m", "instances": list(instances or ({"content": "a"},)), **more}


def elsewhere(**more: Any) -> EmbeddingRequest:
    return EmbeddingRequest(model="x", inputs=more.pop("inputs", ("Hello",)), dialect="openai_embeddings", **more)


@pytest.mark.parametrize(
    "body",
    [
        asked(),
        asked({"content": "a", "task_type": "RETRIEVAL_QUERY"}, {"content": "b", "task_type": "RETRIEVAL_QUERY"}),
        asked({"content": "a", "title": "T", "odd": 1}, parameters={"outputDimensionality": 9, "autoTruncate": False}),
        asked({"content": "a", "task_type": "NEW_TASK"}, parameters={"odd": 1}, labels={"a": "b"}),
    ],
)
def test_what_a_caller_says_is_written_back_the_same(body: dict[str, object]) -> None:
    request = wire.decode_request(body)
    assert request.bound == {}
    assert {"model": "m", **wire.encode_request(request, "m", {}, True).body} == body
    assert wire.pass_edits(body) == {"model": REMOVED}


def test_instances_that_differ_are_bound_to_google() -> None:
    request = wire.decode_request(asked({"content": "a", "title": "A"}, {"content": "b", "title": "B"}))
    assert list(request.bound) == ["instances"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"instances": [{"content": "a"}]}, "model"),
        ({"model": "m", "instances": []}, "instances"),
        ({"model": "m", "instances": [{"content": 7}]}, "instances[0]"),
    ],
)
def test_a_faulty_request_is_refused_with_the_parameter(body: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.decode_request(body)
    assert refused.value.param == param


def test_a_caller_of_another_dialect_is_written_in_googles_words() -> None:
    request = elsewhere(task="document", title="T", dimensions=9, truncate="end")
    assert wire.encode_request(request, "m").body == {
        "instances": [{"content": "Hello", "task_type": "RETRIEVAL_DOCUMENT", "title": "T"}],
        "parameters": {"outputDimensionality": 9, "autoTruncate": True},
    }
    told = wire.encode_request(elsewhere(task="image", truncate="start", user="u", extras={"x": 1}), "m")
    assert told.edits == ("dropped:input_type", "dropped:truncate", "dropped:user", "dropped:x")
    with pytest.raises(UnsupportedParameter, match="token ids"):
        wire.encode_request(elsewhere(inputs=((1,),)), "m")
    with pytest.raises(UnsupportedParameter, match="at most 1 inputs"):
        wire.encode_request(elsewhere(inputs=("a", "b")), "m", {"max_inputs": 1})


def test_the_tokens_of_all_vectors_are_added_up() -> None:
    one = {"embeddings": {"values": [1.0], "statistics": {"token_count": 3, "truncated": False}}}
    own = {"predictions": [one, one], "metadata": {"billableCharacterCount": 9}}
    response = wire.decode_response(own)
    assert (response.vectors, response.usage) == (((1.0,), (1.0,)), Usage(input=6, characters=9))
    assert wire.read_usage(json.dumps(own).encode()) == Usage(input=6, characters=9)
    assert wire.encode_response(response, elsewhere()) == own
    for body in (b"[]", b"{", b'{"predictions":[{}]}'):
        assert wire.read_usage(body) is None


def test_tokens_counted_as_a_whole_stand_with_the_first_vector() -> None:
    response = EmbeddingResponse("", "m", ((1.0,), "AACAPw=="), usage=Usage(input=6))
    answer: Any = wire.encode_response(response, elsewhere())
    counts = [item["embeddings"]["statistics"]["token_count"] for item in answer["predictions"]]
    assert (counts, answer["predictions"][1]["embeddings"]["values"]) == ([6, 0], [1.0])
    bare: Any = wire.encode_response(EmbeddingResponse("", "m", ((1.0,),)), elsewhere())
    assert bare == {"predictions": [{"embeddings": {"values": [1.0]}}]}


@pytest.mark.parametrize("body", [{}, {"predictions": [7]}, {"predictions": [{"embeddings": {}}]}])
def test_an_answer_without_vectors_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_response(body)
