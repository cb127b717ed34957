"""OpenAI embeddings requests and answers become canonical and are written in the words of many hosts."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import openai_embeddings as wire
from sluice.errors import BadRequest, ProviderGarbled, UnsupportedParameter
from sluice.types.chat import Image, Opaque, Text
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
from sluice.types.usage import Usage
from tests.unit.dialects.openai_embeddings.test_passing import asked, quirks_of

PICTURE = "data:image/png;base64,iVBORw0KGgo="


def decoded(**more: object) -> EmbeddingRequest:
    return wire.decode_request(asked(**more))


def written(request: EmbeddingRequest, host: str = "openai", strict: bool = False) -> dict[str, object]:
    return wire.encode_request(request, "m", quirks_of(host), strict).body


def from_elsewhere(**more: Any) -> EmbeddingRequest:
    return EmbeddingRequest(model="x", inputs=more.pop("inputs", ("Hello",)), dialect="cohere_embeddings", **more)


def test_every_kind_of_input_is_told_apart() -> None:
    assert (decoded().inputs, decoded().single) == (("Hello",), True)
    assert (decoded(input=["a", "b"]).inputs, decoded(input=["a", "b"]).single) == (("a", "b"), False)
    assert (decoded(input=[1, 2]).inputs, decoded(input=[1, 2]).single) == (((1, 2),), True)
    assert decoded(input=[[1], [2, 3]]).inputs == ((1,), (2, 3))
    assert decoded(input=[{"text": "a"}, {"image": PICTURE}, {"image": "https://x.example/p.png"}]).inputs == (
        "a",
        (Image(data="iVBORw0KGgo=", media_type="image/png"),),
        (Image(url="https://x.example/p.png"),),
    )
    content = [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": PICTURE}}, {"type": "new"}]
    assert decoded(input=[{"content": content}]).inputs == (
        (
            Text("a"),
            Image(data="iVBORw0KGgo=", media_type="image/png"),
            Opaque("openai_embeddings", {"type": "new"}),
        ),
    )
    assert decoded(input=[{"pdf": "x"}]).inputs == ((Opaque("openai_embeddings", {"pdf": "x"}),),)


def test_a_list_that_mixes_text_and_tokens_is_refused() -> None:
    with pytest.raises(BadRequest, match="mixes kinds"):
        decoded(input=[[1, "a"]])


def test_the_words_of_all_hosts_mean_the_same() -> None:
    request = decoded(dimensions=9, input_type="search_document", truncate="START", output_dtype="int8", user="u", x=1)
    assert (request.dimensions, request.task, request.truncate) == (9, "document", "start")
    assert (request.dtypes, request.user, request.extras) == (("int8",), "u", {"x": 1})
    other = decoded(output_dimension=9, task="retrieval.query", truncation=False, embedding_type="odd")
    assert (other.dimensions, other.task, other.truncate, other.extras) == (
        9,
        "query",
        "none",
        {"embedding_type": "odd"},
    )
    assert decoded(truncate=True).truncate == "end"
    assert decoded(truncate="MIDDLE", task="unheard").extras == {"truncate": "MIDDLE", "task": "unheard"}


@pytest.mark.parametrize(
    ("host", "members"),
    [
        ("openai", {"dimensions": 64, "encoding_format": "base64"}),
        ("mistral", {"output_dimension": 64, "encoding_format": "base64"}),
        (
            "voyage",
            {"output_dimension": 64, "encoding_format": "base64", "input_type": "query", "truncation": True},
        ),
        ("nvidia", {"dimensions": 64, "encoding_format": "base64", "input_type": "query", "truncate": "END"}),
        ("jina", {"dimensions": 64, "encoding_format": "base64", "task": "retrieval.query", "truncate": True}),
    ],
)
def test_each_host_is_told_in_its_own_words(host: str, members: dict[str, object]) -> None:
    request = from_elsewhere(dimensions=64, encoding="base64", task="query", truncate="end")
    assert written(request, host) == {"model": "m", "input": ["Hello"], **members}


def test_what_a_host_cannot_be_told_is_reported_or_refused_when_strict() -> None:
    request = from_elsewhere(task="query", truncate="start", title="T", user="u", extras={"priority": 1})
    encoded = wire.encode_request(request, "m", quirks_of("mistral"), False)
    assert encoded.edits == (
        "dropped:input_type",
        "dropped:truncate",
        "dropped:title",
        "dropped:user",
        "dropped:priority",
    )
    with pytest.raises(UnsupportedParameter, match="input_type"):
        written(request, "mistral", strict=True)


def test_a_host_that_wants_a_task_gets_the_declared_one() -> None:
    assert written(from_elsewhere(), "nvidia")["input_type"] == "query"
    assert written(from_elsewhere(task="fact_verification"), "nvidia")["input_type"] == "query"
    assert wire.encode_request(from_elsewhere(task="clustering"), "m", quirks_of("nvidia"), False).edits == (
        "dropped:input_type",
    )


def test_tokens_are_refused_where_only_text_is_taken() -> None:
    assert written(decoded(input=[[1, 2]]))["input"] == [[1, 2]]
    with pytest.raises(UnsupportedParameter, match="takes text only") as refused:
        written(decoded(input=[[1, 2]]), "mistral")
    assert refused.value.param == "input[0]"


def test_pictures_are_written_as_the_host_takes_them_or_refused() -> None:
    picture = (Image(data="iVBORw0KGgo=", media_type="image/png"),)
    request = from_elsewhere(inputs=(picture,))
    assert written(request, "jina")["input"] == [{"image": PICTURE}]
    inside = wire.encode_request(request, "m", {"image_inputs": "content"}, False).body["input"]
    assert inside == [{"content": [{"type": "image_url", "image_url": {"url": PICTURE}}]}]
    with pytest.raises(UnsupportedParameter, match="more than text"):
        written(request)
    with pytest.raises(UnsupportedParameter, match="more than text"):
        written(from_elsewhere(inputs=((Image(file_id="f"),),)), "jina")
    assert written(from_elsewhere(inputs=((Text("a"), Text("b")),)))["input"] == ["a\nb"]


def test_number_formats_are_asked_for_where_there_are_some() -> None:
    assert written(from_elsewhere(dtypes=("int8",)), "voyage")["output_dtype"] == "int8"
    assert written(from_elsewhere(dtypes=("float", "base64"), encoding="base64"))["encoding_format"] == "base64"
    for dtypes, host in ((("int8",), "openai"), (("float", "int8"), "voyage")):
        with pytest.raises(UnsupportedParameter, match="int8 vectors"):
            written(from_elsewhere(dtypes=dtypes), host)


def test_more_inputs_than_the_model_takes_are_refused_with_the_number() -> None:
    with pytest.raises(UnsupportedParameter, match="at most 1 inputs in one call, and 2 were sent"):
        wire.encode_request(from_elsewhere(inputs=("a", "b")), "m", {"max_inputs": 1}, False)


def test_vectors_are_put_into_the_order_of_the_inputs() -> None:
    body = {"data": [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}], "model": "m", "created": 5}
    response = wire.decode_response(body)
    assert (response.vectors, response.model, response.created) == (((1.0,), (2.0,)), "m", 5)
    unnumbered = wire.decode_response({"data": [{"embedding": [2.0]}, {"embedding": [1.0]}]})
    assert unnumbered.vectors == ((2.0,), (1.0,))


@pytest.mark.parametrize("body", [{}, {"data": 7}, {"data": [7]}, {"data": [{"embedding": None}]}])
def test_an_answer_without_vectors_is_refused(body: dict[str, object]) -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_response(body)


def test_an_answer_has_the_encoding_that_the_caller_asked_for() -> None:
    response = EmbeddingResponse("", "m", ((1.0, -2.0),), usage=Usage(input=3), dialect="gemini_embeddings")
    floats = wire.encode_response(response, decoded())
    assert floats == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [1.0, -2.0]}],
        "model": "m",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    packed: Any = wire.encode_response(response, decoded(encoding_format="base64"))
    assert packed["data"][0]["embedding"] == "AACAPwAAAMA="


def test_usage_that_nobody_reported_is_zero_because_clients_require_the_member() -> None:
    answer = wire.encode_response(EmbeddingResponse("", "", ((1.0,),)), decoded())
    assert (answer["usage"], answer["model"]) == ({"prompt_tokens": 0, "total_tokens": 0}, "m")


def test_packed_whole_numbers_are_not_taken_for_floats() -> None:
    response = wire.decode_response({"data": [{"index": 0, "embedding": "9sYAAw=="}]}, {"packed_numbers": "int8"})
    assert (response.vectors, response.typed) == ((), {"int8": ("9sYAAw==",)})
    answer: Any = wire.encode_response(response, decoded())
    assert answer["data"][0]["embedding"] == "9sYAAw=="


def test_special_numbers_go_to_who_asked_for_them() -> None:
    response = EmbeddingResponse("", "m", ((1.0,),), {"int8": ((1, 2),)})
    answer: Any = wire.encode_response(response, from_elsewhere(dtypes=("int8",)))
    assert answer["data"][0]["embedding"] == [1, 2]
