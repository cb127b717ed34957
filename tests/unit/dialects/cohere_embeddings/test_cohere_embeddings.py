"""Cohere embeddings, read from callers and written for Cohere."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import cohere_embeddings as wire
from sluice.errors import BadRequest, ProviderGarbled, UnsupportedParameter
from sluice.types.chat import Audio, Image, Opaque, Text
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
from sluice.types.usage import Usage

PICTURE = "data:image/png;base64,iVBORw0KGgo="


def asked(**more: object) -> dict[str, object]:
    return {"model": "embed-v4.0", "input_type": "search_query", "texts": ["Hello"], **more}


def elsewhere(**more: Any) -> EmbeddingRequest:
    return EmbeddingRequest(model="x", inputs=more.pop("inputs", ("Hello",)), dialect="openai_embeddings", **more)


def body_of(request: EmbeddingRequest) -> dict[str, object]:
    return wire.encode_request(request, "embed-v4.0").body


@pytest.mark.parametrize(
    "body",
    [
        asked(),
        asked(embedding_types=["float"], output_dimension=256, truncate="NONE", max_tokens=99, priority=1),
        asked(embedding_types=["base64"]),
        asked(embedding_types=["int8", "float"]),
        asked(input_type="image", texts=[], images=[PICTURE]),
        asked(
            input_type="an_unheard_type",
            texts=None,
            inputs=[{"content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PICTURE}}]}],
        ),
        asked(texts=None, inputs=[{"content": [{"type": "video", "x": 1}]}]),
    ],
)
def test_what_a_caller_says_is_written_back_the_same(body: dict[str, object]) -> None:
    request = wire.decode_request(body)
    again = wire.encode_request(request, "embed-v4.0", strict=True).body
    assert wire.decode_request(again) == request
    plain = {name: value for name, value in body.items() if value}
    assert {"embedding_types": ["float"], **plain}.items() <= again.items()


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": None}, "model"),
        ({"texts": None}, "texts"),
        ({"images": [PICTURE]}, "texts"),
        ({"texts": "Hello"}, "texts"),
        ({"texts": ["a"] * 97}, "texts"),
        ({"texts": ["a", ""]}, "texts"),
        ({"output_dimension": 0}, "output_dimension"),
        ({"embedding_types": "float"}, "embedding_types"),
        ({"truncate": "MIDDLE"}, "truncate"),
        ({"texts": None, "inputs": [{"content": []}]}, "inputs[0]"),
        ({"texts": None, "inputs": [{"content": ["a"]}]}, "inputs[0]"),
    ],
)
def test_a_faulty_request_is_refused_with_the_parameter(change: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.decode_request(asked(**change))
    assert refused.value.param == param


def test_a_caller_of_another_dialect_gets_the_input_type_that_cohere_requires() -> None:
    assert body_of(elsewhere()) == {
        "model": "embed-v4.0",
        "texts": ["Hello"],
        "input_type": "search_document",
        "embedding_types": ["float"],
    }
    assert body_of(elsewhere(task="code_query"))["input_type"] == "search_query"
    asked_elsewhere = elsewhere(dimensions=256, truncate="end", encoding="base64")
    assert body_of(asked_elsewhere)["embedding_types"] == ["float"], "the gateway packs the numbers itself"
    assert {"output_dimension": 256, "truncate": "END"}.items() <= body_of(asked_elsewhere).items()


def test_what_cohere_cannot_be_told_is_reported() -> None:
    request = elsewhere(task="similarity", title="T", user="u", extras={"x": 1})
    encoded = wire.encode_request(request, "m")
    assert encoded.edits == ("dropped:input_type", "dropped:title", "dropped:user", "dropped:x")


def test_pictures_and_mixed_inputs_are_written_as_contents() -> None:
    image = Image(data="iVBORw0KGgo=", media_type="image/png")
    assert body_of(elsewhere(inputs=("a", (Text("b"), image))))["inputs"] == [
        {"content": [{"type": "text", "text": "a"}]},
        {"content": [{"type": "text", "text": "b"}, {"type": "image_url", "image_url": {"url": PICTURE}}]},
    ]
    assert body_of(elsewhere(inputs=((image,),), task="image"))["images"] == [PICTURE]


@pytest.mark.parametrize(
    ("item", "said"),
    [((1, 2), "token ids"), ((Audio(data="x"),), "more than text"), ((Opaque("other", {}),), "more than text")],
)
def test_what_cohere_does_not_take_is_refused(item: Any, said: str) -> None:
    with pytest.raises(UnsupportedParameter, match=said):
        body_of(elsewhere(inputs=(item,)))
    with pytest.raises(UnsupportedParameter, match="at most 96 inputs"):
        body_of(elsewhere(inputs=("a",) * 97))


def test_an_answer_holds_each_format_asked_for_and_the_texts() -> None:
    response = EmbeddingResponse("i", "m", ((1.0, -2.0),), {"int8": ((3, 4),)}, Usage(input=9, image_input=2))
    request = wire.decode_request(asked(embedding_types=["float", "base64", "int8"]))
    assert wire.encode_response(response, request) == {
        "id": "i",
        "texts": ["Hello"],
        "embeddings": {"float": [[1.0, -2.0]], "base64": ["AACAPwAAAMA="], "int8": [[3, 4]]},
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7, "image_tokens": 2}},
        "response_type": "embeddings_by_type",
    }
    bare: Any = wire.encode_response(EmbeddingResponse("", "m", ((1.0,),)), wire.decode_request(asked()))
    assert bare["meta"]["billed_units"] == {}


def test_answers_of_both_versions_are_read() -> None:
    assert wire.decode_response({"embeddings": [[1.0]]}).vectors == ((1.0,),)
    packed = wire.decode_response({"embeddings": {"base64": ["AACAPw=="], "int8": [[1]], "uint8": None}})
    assert (packed.vectors, packed.typed) == (("AACAPw==",), {"int8": ((1,),)})
    for body in ({}, {"embeddings": 7}, {"embeddings": {"float": 7}}):
        with pytest.raises(ProviderGarbled):
            wire.decode_response(body)


@pytest.mark.parametrize(
    ("answer", "usage"),
    [
        (b'{"meta":{"billed_units":{"input_tokens":7,"image_tokens":2}}}', Usage(input=9, image_input=2)),
        (b'{"meta":{"billed_units":{"images":1}}}', Usage(images_sent=1)),
        (b'{"meta":{"billed_units":{}}}', None),
        (b'{"embeddings":{}}', None),
        (b'{"meta":{', None),
        (b'{"meta":{"billed_units":{"input_tokens":true}}}', Usage()),
    ],
)
def test_what_was_billed_is_read(answer: bytes, usage: Usage | None) -> None:
    assert wire.read_usage(answer) == usage
