"""Snowflake's own embeddings, read from callers and written for Snowflake."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import openai_embeddings as openai
from sluice.dialects import snowflake_embeddings as wire
from sluice.errors import BadRequest, ProviderGarbled, UnsupportedParameter
from sluice.types.chat import Image
from sluice.types.embeddings import EmbeddingRequest
from sluice.types.usage import Usage

ANSWER: dict[str, Any] = {
    "object": "list",
    "data": [
        {"object": "embedding", "embedding": [[0.5, 0.25]], "index": 1},
        {"object": "embedding", "embedding": [[1.0, 2.0]], "index": 0},
    ],
    "model": "e5-base-v2",
    "usage": {"total_tokens": 9},
}


def elsewhere(**more: Any) -> EmbeddingRequest:
    return EmbeddingRequest(model="x", inputs=more.pop("inputs", ("Hello",)), dialect="openai_embeddings", **more)


@pytest.mark.parametrize(
    "body",
    [{"model": "m", "text": ["a"]}, {"model": "m", "text": ["a", "b"], "provisioned_throughput_id": "p"}],
)
def test_what_a_caller_says_is_written_back_the_same(body: dict[str, object]) -> None:
    assert wire.encode_request(wire.decode_request(body), "m", {}, True).body == body
    assert wire.pass_edits(body, {}) == {}


@pytest.mark.parametrize(
    ("body", "param"),
    [({"text": ["a"]}, "model"), ({"model": "m", "text": "a"}, "text"), ({"model": "m", "text": []}, "text")],
)
def test_a_faulty_request_is_refused_with_the_parameter(body: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.decode_request(body)
    assert refused.value.param == param


def test_a_request_of_another_dialect_keeps_its_texts_and_reports_the_rest() -> None:
    encoded = wire.encode_request(elsewhere(inputs=("a", "b"), dimensions=5, user="u"), "e5-base-v2")
    assert encoded.body == {"model": "e5-base-v2", "text": ["a", "b"]}
    assert encoded.edits == ("dropped:dimensions", "dropped:user")
    with pytest.raises(UnsupportedParameter):
        wire.encode_request(elsewhere(dimensions=5), "m", {}, True)
    for inputs in (((1, 2),), ((Image(data="x"),),)):
        with pytest.raises(UnsupportedParameter):
            wire.encode_request(elsewhere(inputs=inputs), "m")


def test_vectors_come_in_order_and_out_of_their_lists() -> None:
    response = wire.decode_response(ANSWER)
    assert response.vectors == ((1.0, 2.0), (0.5, 0.25))
    assert response.usage == Usage(input=9)
    assert wire.read_usage(json.dumps(ANSWER).encode()) == Usage(input=9)
    written = wire.encode_response(response, elsewhere())
    assert wire.decode_response(written) == response
    told: Any = openai.encode_response(response, elsewhere())
    assert [item["embedding"] for item in told["data"]] == [[1.0, 2.0], [0.5, 0.25]]


@pytest.mark.parametrize("body", [{}, {"data": [{"embedding": "?"}, {"embedding": 1}]}, {"data": [{"index": 0}]}])
def test_an_answer_without_vectors_is_garbled(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_response(body)
