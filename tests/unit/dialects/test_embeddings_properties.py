"""No embeddings or rerank body is too odd, and a request in canonical form survives every dialect that can say it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import FAMILIES, chat_dialect
from sluice.dialects.vectors import packed
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import Image, Text
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
from sluice.types.rerank import RerankRequest
from sluice.types.usage import Usage

EMBEDDINGS = (
    "openai_embeddings", "cohere_embeddings", "gemini_embeddings", "gemini_embed_content", "vertex_embeddings",
    "ollama_embeddings",
)  # fmt: skip
RERANK = ("cohere_rerank", "jina_rerank", "voyage_rerank", "nvidia_ranking")
QUIRKS: dict[str, object] = {
    "task_field": "input_type",
    "task_words": {"query": "query", "document": "passage", "clustering": "separation"},
    "truncate_request": "words",
    "dtype_field": "output_dtype",
    "image_inputs": "content",
}
"""A host that can be told everything."""

MEMBERS = st.sampled_from(
    [
        "model", "input", "texts", "inputs", "images", "requests", "content", "parts", "text", "instances", "prompt",
        "parameters", "dimensions", "output_dimension", "outputDimensionality", "encoding_format", "embedding_types",
        "input_type", "task", "taskType", "truncate", "truncation", "title", "data", "embedding", "embeddings",
        "values", "float", "base64", "index", "usage", "usageMetadata", "meta", "billed_units", "prompt_tokens",
        "total_tokens",
        "promptTokenCount", "predictions", "statistics", "token_count", "query", "documents", "passages", "top_n",
        "top_k", "return_documents", "results", "rankings", "relevance_score", "logit", "document", "image_url", "url",
    ]
)  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["m", "query", "base64", "END", "data:image/png;base64,eA==", "AACAPw=="])
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=4), max_leaves=14
)
OBJECTS = st.dictionaries(MEMBERS, JSON, max_size=6)
LISTS = st.lists(OBJECTS | SCALARS, min_size=1, max_size=3)
CONTENT = st.fixed_dictionaries({"content": st.fixed_dictionaries({"parts": LISTS}) | st.text(min_size=1)})
BODIES = OBJECTS | st.one_of(
    st.fixed_dictionaries({"input": LISTS | st.text(min_size=1)}),
    st.fixed_dictionaries({"texts": st.lists(st.text(min_size=1), min_size=1)}),
    st.fixed_dictionaries({"inputs": st.lists(st.fixed_dictionaries({"content": LISTS}), min_size=1, max_size=2)}),
    st.fixed_dictionaries({"requests": st.lists(CONTENT, min_size=1, max_size=2)}),
    CONTENT,
    st.fixed_dictionaries({"instances": st.lists(st.fixed_dictionaries({"content": st.text()}), min_size=1)}),
    st.fixed_dictionaries({"query": st.text(min_size=1), "documents": LISTS}),
    st.fixed_dictionaries({"query": st.just({"text": "q"}), "passages": LISTS}),
)
VECTORS = st.lists(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=3) | JSON, max_size=3)
ANSWERS = OBJECTS | st.one_of(
    st.fixed_dictionaries({"data": VECTORS.map(lambda found: [{"embedding": vector} for vector in found])}),
    st.fixed_dictionaries({"embeddings": VECTORS | st.dictionaries(MEMBERS, VECTORS, max_size=2)}),
    st.fixed_dictionaries({"embeddings": VECTORS.map(lambda found: [{"values": vector} for vector in found])}),
    st.fixed_dictionaries({"predictions": st.lists(st.fixed_dictionaries({"embeddings": OBJECTS}), max_size=2)}),
    st.fixed_dictionaries({"results": LISTS}),
)
TEXTS = st.text(min_size=1, max_size=9)


@given(BODIES, OBJECTS)
def test_no_request_is_too_odd(body: dict[str, Any], more: dict[str, Any]) -> None:
    body = {**more, **body}
    for names in (EMBEDDINGS, RERANK):
        for name in names:
            wire: Any = chat_dialect(name)
            with suppress(BadRequest):
                wire.pass_edits(body, QUIRKS)
                request = wire.decode_request({"model": "m", **body})
                for other in names:
                    with suppress(BadRequest):
                        json.dumps(chat_dialect(other).encode_request(request, "n", QUIRKS, False).body)
                written = json.loads(json.dumps(wire.encode_request(request, "m", QUIRKS, False).body))
                again = wire.decode_request({"model": "m", **written})
                assert again.model == "m"


@given(ANSWERS, OBJECTS)
def test_no_answer_is_too_odd(body: dict[str, Any], more: dict[str, Any]) -> None:
    body = {**more, **body}
    raw = json.dumps(body).encode()
    asked = {"embeddings": EmbeddingRequest("m", ("x",)), "rerank": RerankRequest("m", "q", ("a",))}
    for kind, names in (("embeddings", EMBEDDINGS), ("rerank", RERANK)):
        for name in names:
            wire: Any = chat_dialect(name)
            wire.read_usage(raw)
            with suppress(ProviderError):
                response = wire.decode_response(body, QUIRKS)
                for other in names:
                    with suppress(ProviderError):
                        json.dumps(chat_dialect(other).encode_response(response, asked[kind]))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", EMBEDDINGS)
@given(
    texts=st.lists(TEXTS, min_size=1, max_size=3),
    dimensions=st.none() | st.integers(1, 4096),
    task=st.sampled_from([None, "query", "document", "clustering"]),
    truncate=st.sampled_from([None, "none", "end"]),
    extras=st.dictionaries(st.sampled_from(["alpha", "beta"]), st.integers(), max_size=2),
)
def test_what_a_dialect_can_say_it_reads_back(
    name: str, texts: list[str], dimensions: int | None, task: Any, truncate: Any, extras: dict[str, Any]
) -> None:
    wire: Any = chat_dialect(name)
    inputs = tuple(texts[:1] if name == "gemini_embed_content" else texts)
    unsaid = name.startswith("gemini")
    request = EmbeddingRequest(
        model="m",
        inputs=inputs,
        dimensions=dimensions,
        task=task if name != "ollama_embeddings" else None,
        truncate=None if unsaid else truncate,
        single=name == "gemini_embed_content",
        dialect=name,
        extras=extras,
    )
    if name == "cohere_embeddings" and task is None:
        request = EmbeddingRequest(
            "m", inputs, dimensions, task="document", truncate=truncate, dialect=name, extras=extras
        )
    encoded = wire.encode_request(request, "m", QUIRKS, True)
    again = wire.decode_request({"model": "m", **json.loads(json.dumps(encoded.body))})
    assert again == request


@given(
    st.lists(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=2), min_size=1),
    st.integers(0, 10**6),
    st.sampled_from(["float", "base64"]),
)
def test_vectors_and_tokens_are_equal_in_every_dialect(vectors: list[list[float]], tokens: int, encoding: Any) -> None:
    response = EmbeddingResponse("i", "m", tuple(map(tuple, vectors)), usage=Usage(input=tokens))
    expected = [packed(vector) for vector in response.vectors]
    for name in EMBEDDINGS:
        if name == "gemini_embed_content" and len(vectors) > 1:
            continue
        wire: Any = chat_dialect(name)
        asked = EmbeddingRequest("m", ("x",) * len(vectors), encoding=encoding, dialect=name)
        again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, asked))))
        assert [packed(vector) for vector in again.vectors] == expected, name
        assert again.usage.prompt == tokens, name


@pytest.mark.parametrize("name", RERANK)
@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=4), st.none() | st.integers(1, 9), st.none() | st.booleans())
def test_what_a_rerank_dialect_can_say_it_reads_back(
    name: str, query: str, documents: list[str], top_n: int | None, wanted: bool | None
) -> None:
    wire: Any = chat_dialect(name)
    request = RerankRequest(
        model="m",
        query=query,
        documents=tuple(documents),
        top_n=None if name == "nvidia_ranking" else top_n,
        return_documents=wanted if name in ("jina_rerank", "voyage_rerank") else None,
        dialect=name,
    )
    encoded = wire.encode_request(request, "m", {}, True)
    assert wire.decode_request(json.loads(json.dumps(encoded.body))) == request


def test_mixed_inputs_survive_the_dialects_that_have_them() -> None:
    picture = Image(data="eA==", media_type="image/png")
    for name in ("openai_embeddings", "cohere_embeddings", "gemini_embeddings"):
        wire: Any = chat_dialect(name)
        request = EmbeddingRequest("m", ((Text("a"), picture), (picture,)), task="query", dialect=name)
        encoded = wire.encode_request(request, "m", QUIRKS, True)
        assert wire.decode_request({"model": "m", **encoded.body}) == request, name


def test_every_dialect_of_these_families_is_held_to_these_properties() -> None:
    others = {"bedrock_embeddings", "snowflake_embeddings"}
    assert set(FAMILIES[1]) - others == set(EMBEDDINGS)
    assert set(FAMILIES[2]) == set(RERANK)
