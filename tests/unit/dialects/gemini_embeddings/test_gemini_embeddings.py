"""Gemini embeddings, single and batched, read from callers and written for Google."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import gemini_embed_content as single
from sluice.dialects import gemini_embeddings as batch
from sluice.dialects.base import REMOVED
from sluice.errors import BadRequest, ProviderGarbled, UnsupportedParameter
from sluice.types.chat import Audio, Document, Image, Opaque, Text
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
from sluice.types.usage import Usage

HELLO = {"parts": [{"text": "Hello"}]}


def asked(*requests: dict[str, object]) -> dict[str, object]:
    return {"model": "gemini-embedding-001", "requests": list(requests or ({"content": HELLO},))}


def elsewhere(**more: Any) -> EmbeddingRequest:
    return EmbeddingRequest(model="x", inputs=more.pop("inputs", ("Hello",)), dialect="openai_embeddings", **more)


def test_a_batch_is_read_and_written_back_the_same() -> None:
    settings = {"taskType": "RETRIEVAL_DOCUMENT", "title": "T", "outputDimensionality": 768, "newSetting": 1}
    body = asked(*({"model": "models/m", "content": {"parts": [{"text": t}]}, **settings} for t in ("a", "b")))
    request = batch.decode_request(body)
    assert (request.inputs, request.task, request.title, request.dimensions) == (("a", "b"), "document", "T", 768)
    assert batch.encode_request(request, "m", strict=True).body == {"requests": body["requests"]}


def test_a_single_content_is_read_and_written_back_the_same() -> None:
    body = {"content": HELLO, "task_type": "retrieval_query", "output_dimensionality": 64}
    request = single.decode_request({**body, "model": "models/m"})
    assert (request.model, request.inputs, request.task, request.single) == ("m", ("Hello",), "query", True)
    assert single.encode_request(request, "m").body == {
        "content": HELLO,
        "taskType": "RETRIEVAL_QUERY",
        "outputDimensionality": 64,
    }


def test_parts_of_every_kind_are_told_apart_and_written_back() -> None:
    parts = [
        {"text": "a"},
        {"inlineData": {"mimeType": "image/png", "data": "eA=="}},
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/p.png"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "eA=="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "eA=="}},
        {"inlineData": {"mimeType": "video/mp4", "data": "eA=="}},
    ]
    request = batch.decode_request(asked({"content": {"parts": parts}}))
    assert request.inputs == (
        (
            Text("a"),
            Image(data="eA==", media_type="image/png"),
            Image(media_type="image/png", url="gs://b/p.png"),
            Audio(data="eA==", format="wav"),
            Document(data="eA==", media_type="application/pdf"),
            Opaque("gemini_embeddings", parts[-1]),
        ),
    )
    written: Any = batch.encode_request(request, "m").body
    assert written["requests"][0]["content"]["parts"] == parts


def test_odd_but_accepted_spellings_of_a_content_are_read() -> None:
    for content in ("Hello", {"parts": {"text": "Hello"}}, {"parts": ["Hello"]}):
        assert single.decode_request({"model": "m", "content": content}).inputs == ("Hello",)


def test_a_batch_whose_requests_differ_is_bound_to_google() -> None:
    request = batch.decode_request(asked({"content": HELLO, "title": "A"}, {"content": HELLO, "title": "B"}))
    assert list(request.bound) == ["requests"]
    unheard = batch.decode_request(asked({"content": HELLO, "taskType": "NEW_TASK"}))
    assert (unheard.bound, unheard.extras) == ({}, {"taskType": "NEW_TASK"})


def test_a_caller_of_another_dialect_is_written_in_googles_words() -> None:
    encoded = batch.encode_request(elsewhere(task="code_query", dimensions=64, encoding="base64"), "m")
    assert encoded.body == {
        "requests": [
            {"model": "models/m", "content": HELLO, "taskType": "CODE_RETRIEVAL_QUERY", "outputDimensionality": 64}
        ]
    }
    dropped = batch.encode_request(elsewhere(task="image", truncate="end", user="u", extras={"x": 1}), "m")
    assert dropped.edits == ("dropped:input_type", "dropped:truncate", "dropped:user", "dropped:x")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"inputs": ((1, 2),)}, "token ids"),
        ({"inputs": ((Image(file_id="f"),),)}, "more than text"),
        ({"inputs": ("a",) * 101}, "at most 100 inputs"),
        ({"dtypes": ("int8",)}, "int8 vectors"),
    ],
)
def test_what_google_does_not_take_is_refused(more: dict[str, Any], said: str) -> None:
    with pytest.raises(UnsupportedParameter, match=said):
        batch.encode_request(elsewhere(**more), "m")


def test_the_single_method_takes_one_input() -> None:
    with pytest.raises(UnsupportedParameter, match="at most 1 inputs in one call, and 2"):
        single.encode_request(elsewhere(inputs=("a", "b")), "m")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "m"}, "requests"),
        ({"model": "m", "requests": [{"content": HELLO}] * 101}, "requests"),
        ({"model": "m", "requests": [{}]}, "requests[0].content"),
        ({"requests": [{"content": HELLO}]}, "model"),
        ({"model": "m", "requests": [{"content": HELLO, "outputDimensionality": 0}]}, "outputDimensionality"),
    ],
)
def test_a_faulty_batch_is_refused_with_the_parameter(body: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        batch.decode_request(body)
    assert refused.value.param == param
    with pytest.raises(BadRequest, match="'content' must be"):
        single.outline({"model": "m"}, 1)


def test_passing_on_names_the_model_in_every_request() -> None:
    body = asked({"model": "models/alias", "content": HELLO}, {"model": "models/m", "content": HELLO})
    assert batch.pass_edits(body) == {"model": REMOVED}
    named: Any = batch.model_edits(body, "m")
    assert [request["model"] for request in named["requests"]] == ["models/m", "models/m"]
    assert batch.model_edits({"requests": named["requests"]}, "m") == {}


def test_answers_of_both_methods_are_read_and_written() -> None:
    usage = {"promptTokenCount": 8, "promptTokenDetails": [{"modality": "IMAGE", "tokenCount": 5}]}
    response = batch.decode_response({"embedding": {"values": [1.0]}, "usageMetadata": usage, "truncated": False})
    assert response.usage == Usage(input=8, image_input=5)
    assert response.extras == {"truncated": False}
    written: Any = single.encode_response(response, elsewhere())
    assert written["embedding"] == {"values": [1.0]}
    assert batch.decode_response(written).usage == response.usage
    packed = EmbeddingResponse("", "m", ("AACAPw==", "AAAAQA=="), usage=Usage(input=3, estimated=True))
    assert batch.encode_response(packed, elsewhere()) == {"embeddings": [{"values": [1.0]}, {"values": [2.0]}]}
    for body in ({}, {"embeddings": 7}, {"embeddings": [7]}, {"embedding": {}}):
        with pytest.raises(ProviderGarbled):
            batch.decode_response(body)


def test_tokens_that_google_does_not_report_are_estimated_from_the_texts() -> None:
    told = b'{"embedding":{"values":[1.0]}}'
    assert batch.answer_usage(told, {}, asked({"content": {"parts": [{"text": "x" * 40}, {"a": 1}]}}), {}) == Usage(
        input=10, estimated=True
    )
    assert single.answer_usage(told, {}, {"content": "x" * 8}, {}) == Usage(input=2, estimated=True)
    counted = b'{"embedding":{},"usageMetadata":{"promptTokenCount":3}}'
    assert single.answer_usage(counted, {}, {"content": "x" * 8}, {}) == Usage(input=3)
    assert batch.read_usage(b'{"usageMetadata":') is None
