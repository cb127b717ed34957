"""Embeddings on Amazon Bedrock: Titan's and Cohere's bodies for callers of every dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import bedrock_embeddings, cohere_embeddings, openai_embeddings
from sluice.errors import BadRequest, ProviderGarbled, UnsupportedParameter
from sluice.types.usage import Usage
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration

TITAN = {"embedding_body": "titan"}
TITAN_ANSWER = {
    "embedding": [0.5, 0.25],
    "embeddingsByType": {"float": [0.5, 0.25], "binary": [1, 0]},
    "inputTextTokenCount": 7,
}
COHERE_ANSWER = {
    "id": "e",
    "texts": ["a", "b"],
    "embeddings": {"float": [[0.5], [0.25]]},
    "response_type": "embeddings_by_type",
}


def asked(body: dict[str, Any], quirks: dict[str, Any], strict: bool = False) -> Any:
    request = openai_embeddings.decode_request({"model": "m", **body})
    return bedrock_embeddings.encode_request(request, "x", quirks, strict)


def test_titan_takes_one_text_with_dimensions() -> None:
    encoded = asked({"input": "Hi", "dimensions": 256, "user": "u"}, TITAN)
    assert encoded.body == {"inputText": "Hi", "dimensions": 256}
    assert encoded.edits == ("dropped:user",)
    assert asked({"input": ["Hi"]}, TITAN).body == {"inputText": "Hi"}


@pytest.mark.parametrize("sent", [["a", "b"], [1, 2, 3]])
def test_what_titan_cannot_embed_is_refused(sent: list[Any]) -> None:
    with pytest.raises(UnsupportedParameter, match=r"one text|text only"):
        asked({"input": sent}, TITAN)


def test_cohere_takes_many_texts_without_the_model() -> None:
    encoded = asked({"input": ["a", "b"]}, {})
    assert encoded.body == {"texts": ["a", "b"], "input_type": "search_document", "embedding_types": ["float"]}


@pytest.mark.parametrize(("shape", "word"), [("cohere", "END"), ("cohere_v4", "RIGHT")])
def test_the_cut_end_has_the_word_of_the_models_version(shape: str, word: str) -> None:
    sent = {"model": "m", "texts": ["a"], "input_type": "search_query", "truncate": "END", "embedding_types": ["int8"]}
    request = cohere_embeddings.decode_request(sent)
    body = bedrock_embeddings.encode_request(request, "x", {"embedding_body": shape}, True).body
    assert body == {"texts": ["a"], "input_type": "search_query", "truncate": word, "embedding_types": ["int8"]}


@pytest.mark.parametrize(
    ("body", "quirks"),
    [
        ({"inputText": "Hi", "dimensions": 512, "normalize": False, "embeddingTypes": ["binary"]}, TITAN),
        ({"texts": ["a"], "input_type": "clustering", "embedding_types": ["float"], "truncate": "NONE"}, {}),
        (
            {
                "texts": ["a"],
                "input_type": "search_query",
                "embedding_types": ["int8"],
                "truncate": "LEFT",
                "max_tokens": 9,
            },
            {"embedding_body": "cohere_v4"},
        ),
    ],
)
def test_a_bedrock_callers_request_is_written_back_the_same(body: dict[str, Any], quirks: dict[str, Any]) -> None:
    request = bedrock_embeddings.decode_request({**body, "model": "m", "stream": False})
    written = bedrock_embeddings.encode_request(request, "m", quirks, True)
    assert (written.body, written.edits) == (body, ())
    assert bedrock_embeddings.decode_request({**written.body, "model": "m"}) == request


def test_answers_of_both_are_told_to_an_openai_caller() -> None:
    request = openai_embeddings.decode_request({"model": "m", "input": ["a", "b"]})
    titan: Any = openai_embeddings.encode_response(bedrock_embeddings.decode_response(TITAN_ANSWER), request)
    assert (titan["data"][0]["embedding"], titan["usage"]["prompt_tokens"]) == ([0.5, 0.25], 7)
    cohere: Any = openai_embeddings.encode_response(bedrock_embeddings.decode_response(COHERE_ANSWER), request)
    assert [item["embedding"] for item in cohere["data"]] == [[0.5], [0.25]]


def test_answers_are_written_back_the_same() -> None:
    one = bedrock_embeddings.decode_request({"model": "m", "inputText": "Hi", "embeddingTypes": ["float", "binary"]})
    response = bedrock_embeddings.decode_response(TITAN_ANSWER)
    assert bedrock_embeddings.encode_response(response, one) == TITAN_ANSWER
    many = bedrock_embeddings.decode_request({"model": "m", "texts": ["a", "b"], "embedding_types": ["float"]})
    again = bedrock_embeddings.decode_response(
        bedrock_embeddings.encode_response(bedrock_embeddings.decode_response(COHERE_ANSWER), many)
    )
    assert again.vectors == ((0.5,), (0.25,))


@pytest.mark.parametrize(
    "body", [{}, {"embedding": "no numbers", "embeddingsByType": {"float": []}}, {"embeddings": 7}]
)
def test_an_answer_without_vectors_is_garbled(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderGarbled):
        bedrock_embeddings.decode_response(body)


@pytest.mark.parametrize("body", [{"inputText": "Hi"}, {"model": "m"}, {"model": "m", "inputText": 7}])
def test_a_request_needs_a_model_and_a_text(body: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        bedrock_embeddings.outline(body, 1)


def test_titans_tokens_are_counted_in_passing() -> None:
    assert bedrock_embeddings.read_usage(json.dumps(TITAN_ANSWER).encode()) == Usage(7)


def test_cohere_on_bedrock_counts_in_headers_alone() -> None:
    headers = {"content-type": "application/json", "x-amzn-bedrock-input-token-count": "9"}
    transport = ScriptedTransport(Scripted(body=json.dumps(COHERE_ANSWER).encode(), headers=headers))
    live = configuration(unpriced_ceiling={"input": 1_000_000_000})
    gateway = Gateway(transport, live=live, secrets=FixedSecrets(bedrock="bedrock-api-key-secret"))
    _, body = gateway.ask("/v1/embeddings", {"model": "bedrock/cohere.embed-english-v3", "input": ["a", "b"]})
    assert len(json.loads(body)["data"]) == 2
    assert (gateway.ledger.only.usage.input, gateway.ledger.only.usage.estimated) == (9, False)


def test_an_openai_caller_embeds_with_titan_of_the_catalogue() -> None:
    transport = ScriptedTransport(Scripted(body=json.dumps(TITAN_ANSWER).encode()))
    gateway = Gateway(transport, live=configuration(), secrets=FixedSecrets(bedrock="bedrock-api-key-secret"))
    response, body = gateway.ask("/v1/embeddings", {"model": "bedrock/amazon.titan-embed-text-v2:0", "input": "Hi"})
    assert (response.status, json.loads(body)["data"][0]["embedding"]) == (200, [0.5, 0.25])
    assert "/model/amazon.titan-embed-text-v2%3A0/invoke" in transport.calls[0].url
    assert gateway.ledger.only.cost == 140
