"""Embeddings, rerank and moderations through the whole gateway: asked in one vendor's form, served by another's."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from typing import Any

import httpx
import openai
import pytest

from sluice.types.catalogue import Price, PriceTier
from sluice.types.http import Response
from sluice.types.routes import Configuration, ProviderSettings, Route, RouteTarget
from tests.fakes import KEY, FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom

SECRETS = {"openai": "k", "cohere": "k", "gemini": "k", "voyage": "k", "mistral": "k", "vertex_google": "k"}
COHERE = {
    "id": "c",
    "texts": ["a", "b"],
    "embeddings": {"float": [[0.5, -1.0], [0.25, 2.0]]},
    "meta": {"billed_units": {"input_tokens": 7}},
}
GEMINI = {"embeddings": [{"values": [0.5, -1.0]}, {"values": [0.25, 2.0]}]}
OPENAI = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1.0]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 3, "total_tokens": 3},
}


def gateway(answer: object, live: Configuration | None = None, status: int = 200) -> Gateway:
    transport = ScriptedTransport(lambda call: Scripted(status, json.dumps(answer).encode()))
    return Gateway(transport, secrets=FixedSecrets(**SECRETS), live=live or configuration(models={}, providers={}))


def sent(opened: Gateway) -> Any:
    transport: Any = opened.transport
    return transport.sent()


def url(opened: Gateway) -> str:
    transport: Any = opened.transport
    return str(transport.calls[-1].url)


def sdk(opened: Gateway) -> openai.OpenAI:
    """Return OpenAI's own client, its requests served by a gateway in memory."""

    def serve(request: httpx.Request) -> httpx.Response:
        response: Response
        response, body = opened.ask(request.url.path, request.content)
        return httpx.Response(response.status, headers=dict(response.headers), content=body)

    client = httpx.Client(transport=httpx.MockTransport(serve))
    return openai.OpenAI(base_url="http://gateway/v1", api_key=KEY, http_client=client, max_retries=0)


@pytest.mark.parametrize(
    ("model", "answer"),
    [("cohere/embed-v4.0", COHERE), ("gemini/gemini-embedding-001", GEMINI)],
    ids=["cohere", "gemini"],
)
def test_openais_own_client_reads_vectors_of_other_vendors(model: str, answer: object) -> None:
    opened = gateway(answer, configuration(models={}, providers={}, routes={"r": Route("r", (RouteTarget(model),))}))
    with sdk(opened) as client:
        found = client.embeddings.create(model="r", input=["a", "b"])
    assert [item.embedding for item in found.data] == [[0.5, -1.0], [0.25, 2.0]]
    entry = opened.ledger.only
    assert (entry.operation, entry.usage.output, entry.usage.prompt > 0, entry.cost > 0) == (
        "embeddings",
        0,
        True,
        True,
    )


def test_openais_own_client_reads_numbers_that_a_host_of_its_dialect_answers_to_base64() -> None:
    with sdk(gateway(OPENAI)) as client:
        found = client.embeddings.create(model="openai/text-embedding-3-small", input="a")
    assert found.data[0].embedding == [0.5, -1.0]
    assert found.usage.total_tokens == 3


def test_base64_is_packed_by_the_gateway_where_the_vendor_answers_numbers() -> None:
    asked = {"model": "cohere/embed-v4.0", "input": ["a", "b"], "encoding_format": "base64", "input_type": "query"}
    opened = gateway(COHERE)
    _, body = opened.ask("/v1/embeddings", asked)
    packed = json.loads(body)["data"][1]["embedding"]
    assert struct.unpack("<2f", b64decode(packed)) == (0.25, 2.0)
    assert url(opened) == "https://api.cohere.com/v2/embed"
    assert sent(opened) == {
        "model": "embed-v4.0",
        "texts": ["a", "b"],
        "input_type": "search_query",
        "embedding_types": ["float"],
    }


def test_a_cohere_caller_is_served_by_openai() -> None:
    opened = gateway(OPENAI)
    asked = {"model": "openai/text-embedding-3-small", "texts": ["a"], "input_type": "search_query"}
    response, body = opened.ask("/v2/embed", {**asked, "output_dimension": 2, "embedding_types": ["float", "base64"]})
    answer = json.loads(body)
    assert sent(opened) == {"model": "text-embedding-3-small", "input": ["a"], "dimensions": 2}
    assert answer["embeddings"] == {"float": [[0.5, -1.0]], "base64": ["AAAAPwAAgL8="]}
    assert answer["meta"]["billed_units"] == {"input_tokens": 3, "image_tokens": 0}
    assert (answer["texts"], response.headers["x-sluice-edits"]) == (["a"], "dropped:input_type")


def test_gemini_callers_are_served_by_openai_one_by_one_and_in_batches() -> None:
    opened = gateway(OPENAI)
    content = {"parts": [{"text": "a"}]}
    path = "/v1beta/models/openai/text-embedding-3-small"
    _, body = opened.ask(f"{path}:embedContent", {"content": content})
    assert json.loads(body)["embedding"] == {"values": [0.5, -1.0]}
    _, body = opened.ask(f"{path}:batchEmbedContents", {"requests": [{"model": "models/x", "content": content}]})
    assert json.loads(body) == {
        "embeddings": [{"values": [0.5, -1.0]}],
        "usageMetadata": {
            "promptTokenCount": 3,
            "promptTokenDetails": [{"modality": "TEXT", "tokenCount": 3}],
        },
    }
    assert sent(opened) == {"model": "text-embedding-3-small", "input": ["a"]}


def test_gemini_callers_of_gemini_pass_with_the_models_own_name() -> None:
    opened = gateway(GEMINI)
    content = {"parts": [{"text": "a"}]}
    raw = json.dumps({"requests": [{"model": "models/gemini/gemini-embedding-001", "content": content}]}).encode()
    _, body = opened.ask("/v1beta/models/gemini/gemini-embedding-001:batchEmbedContents", raw)
    host = "https://generativelanguage.googleapis.com/v1beta/models/gemini-embedding-001"
    assert (url(opened), json.loads(body)) == (f"{host}:batchEmbedContents", GEMINI)
    assert sent(opened) == {"requests": [{"model": "models/gemini-embedding-001", "content": content}]}
    assert opened.ledger.only.usage.estimated
    single = b'{ "content":{"parts":[{"text":"a"}]} }'
    opened = gateway({"embedding": {"values": [1.0]}})
    opened.ask("/v1beta/models/gemini-embedding-001:embedContent", single)
    transport: Any = opened.transport
    assert (url(opened), transport.calls[-1].body) == (f"{host}:embedContent", single)


def test_token_ids_are_refused_before_anything_is_sent() -> None:
    opened = gateway(GEMINI)
    response, body = opened.ask("/v1/embeddings", {"model": "gemini/gemini-embedding-001", "input": [[1, 2]]})
    assert (response.status, "token ids" in json.loads(body)["error"]["message"]) == (400, True)
    transport: Any = opened.transport
    assert transport.calls == []


def test_vertex_is_called_at_the_path_of_its_model_and_paid_by_the_character() -> None:
    one = {"embeddings": {"values": [0.5, -1.0], "statistics": {"token_count": 2, "truncated": False}}}
    base = "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google"
    providers = {"vertex_google": ProviderSettings(base_url=base, enabled=True)}
    opened = gateway(
        {"predictions": [one], "metadata": {"billableCharacterCount": 1000}},
        configuration(models={}, providers=providers),
    )
    asked = {"model": "vertex_google/text-embedding-005", "input": "a", "dimensions": 2}
    _, body = opened.ask("/v1/embeddings", asked)
    assert json.loads(body)["data"][0]["embedding"] == [0.5, -1.0]
    assert url(opened) == f"{base}/models/text-embedding-005:predict"
    assert sent(opened) == {"instances": [{"content": "a"}], "parameters": {"outputDimensionality": 2}}
    entry = opened.ledger.only
    assert (entry.usage.prompt, entry.usage.characters, entry.cost) == (2, 1000, 25_000)
    response, _ = opened.ask("/v1/embeddings", {"model": "vertex_google/gemini-embedding-001", "input": ["a", "b"]})
    assert response.status == 400


def test_mistral_is_asked_for_the_length_of_vectors_in_its_own_word() -> None:
    opened = gateway(OPENAI)
    response, _ = opened.ask("/v1/embeddings", {"model": "mistral/mistral-embed", "input": "a", "dimensions": 2})
    assert sent(opened) == {"model": "mistral-embed", "input": "a", "output_dimension": 2}
    assert response.headers["x-sluice-edits"] == "renamed:dimensions"


RANKED = {
    "id": "r",
    "results": [{"index": 1, "relevance_score": 0.9}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 2}},
}
QUESTION = {"query": "q", "documents": ["a", {"text": "b", "id": 7}], "top_n": 1}


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank"])
def test_rerank_callers_are_served_by_cohere_with_the_documents_they_asked_for(path: str) -> None:
    opened = gateway(RANKED)
    response, body = opened.ask(path, {"model": "cohere/rerank-v3.5", **QUESTION, "return_documents": True})
    answer = json.loads(body)
    assert url(opened) == "https://api.cohere.com/v2/rerank"
    assert sent(opened) == {"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"], "top_n": 1}
    assert answer["results"] == [{"index": 1, "relevance_score": 0.9, "document": {"text": "b", "id": 7}}]
    entry = opened.ledger.only
    assert (response.status, entry.operation, entry.usage.search_requests, entry.cost) == (200, "rerank", 2, 4_000_000)


def test_coheres_own_rerank_passes_byte_for_byte() -> None:
    opened = gateway(RANKED)
    _, body = opened.ask("/v2/rerank", {"model": "cohere/rerank-v3.5", "query": "q", "documents": ["a"]})
    assert body == json.dumps(RANKED).encode()
    assert opened.ledger.only.cost == 4_000_000


def test_a_cohere_caller_is_reranked_by_voyage_and_pays_tokens() -> None:
    voyage = {"object": "list", "data": [{"index": 0, "relevance_score": 0.5}], "usage": {"total_tokens": 40}}
    opened = gateway(voyage)
    _, body = opened.ask("/v2/rerank", {"model": "voyage/rerank-2.5", "query": "q", "documents": ["a"], "top_n": 1})
    assert (url(opened), sent(opened)["top_k"]) == ("https://api.voyageai.com/v1/rerank", 1)
    assert json.loads(body)["results"] == [{"index": 0, "relevance_score": 0.5}]
    assert (opened.ledger.only.usage.prompt, opened.ledger.only.cost) == (40, 2_000)


def test_a_rerank_falls_back_to_another_vendors_form() -> None:
    voyage = Scripted(body=b'{"data":[{"index":0,"relevance_score":0.5}],"usage":{"total_tokens":4}}')
    busy = Scripted(503, b'{"message":"busy"}')
    transport = ScriptedTransport(lambda call: voyage if "voyage" in call.url else busy)
    targets = (RouteTarget("cohere/rerank-v3.5"), RouteTarget("voyage/rerank-2.5"))
    live = configuration(models={}, providers={}, routes={"best": Route("best", targets)})
    opened = Gateway(transport, secrets=FixedSecrets(**SECRETS), live=live)
    response, body = opened.ask("/v1/rerank", {"model": "best", "query": "q", "documents": ["a"]})
    assert (response.status, json.loads(body)["results"][0]["index"]) == (200, 0)
    assert response.headers["x-sluice-provider"] == "voyage"


def test_moderations_pass_and_cost_nothing() -> None:
    told = {"id": "modr", "model": "omni-moderation-latest", "results": [{"flagged": False}]}
    opened = gateway(told)
    response, body = opened.ask("/v1/moderations", {"input": "Have a great day!"})
    assert (url(opened), sent(opened)["model"]) == ("https://api.openai.com/v1/moderations", "omni-moderation-latest")
    entry = opened.ledger.only
    assert (response.status, json.loads(body), entry.usage.prompt, entry.cost) == (200, told, 0, 0)
    assert not entry.usage.estimated
    with sdk(gateway(told)) as client:
        assert client.moderations.create(input="x").results[0].flagged is False


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/rerank", {"model": "cohere/rerank-v3.5", "query": "q"}, "documents"),
        ("/v2/embed", {"model": "cohere/embed-v4.0"}, "texts"),
        ("/v1/moderations", {"input": []}, "input"),
    ],
)
def test_a_faulty_request_is_refused_in_the_callers_envelope(path: str, body: dict[str, object], param: str) -> None:
    response, answer = gateway(RANKED).ask(path, body)
    assert (response.status, json.loads(answer)["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("operation", "model", "dialect"),
    [
        ("rerank", "cohere/rerank-v3.5", "cohere_rerank"),
        ("moderations", "openai/omni-moderation-latest", "openai_moderations"),
        ("embeddings", "gemini/gemini-embedding-001", "gemini_embeddings"),
    ],
)
def test_the_plan_of_each_operation_can_be_asked_for(operation: str, model: str, dialect: str) -> None:
    opened = gateway(RANKED)
    response, body = opened.ask("/v1/route", {"model": model, "operation": operation})
    assert (response.status, json.loads(body)["deployments"][0]["dialect"]) == (200, dialect)
    described, card = opened.ask(f"/v1/models/{model}", None, method="GET")
    assert (described.status, json.loads(card)["operations"]) == (200, [operation])


def test_a_models_price_for_a_search_is_its_own() -> None:
    price = Price("", (PriceTier(0, {"search": 5, "input": 0}),))
    live = configuration(models={"cohere/mine": custom("cohere/mine", operations=("rerank",), prices=(price,))})
    opened = gateway(RANKED, live)
    opened.ask("/v1/rerank", {"model": "cohere/mine", "query": "q", "documents": ["a"]})
    assert opened.ledger.only.cost == 10


@pytest.mark.parametrize(
    ("path", "body", "member"),
    [
        ("/v1/embeddings", {"model": "cohere/embed-v4.0", "input": "a"}, "error"),
        ("/v1/rerank", {"model": "cohere/rerank-v3.5", "query": "q", "documents": ["a"]}, "error"),
        ("/v1beta/models/cohere/embed-v4.0:embedContent", {"content": {"parts": [{"text": "a"}]}}, "error"),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_another_vendors_error_arrives_in_the_callers_envelope(
    path: str, body: dict[str, object], member: str, status: int
) -> None:
    opened = gateway({"id": "x", "message": "the vendor's own words"}, status=status)
    response, answer = opened.ask(path, body)
    assert "the vendor's own words" in json.loads(answer)[member]["message"]
    assert response.headers["x-sluice-error-source"] == "provider"
    assert (response.status >= 400, opened.ledger.only.cost) == (True, 0)
    assert opened.ledger.only.attempts[-1].status == status


def test_an_answer_that_is_no_ranking_is_a_bad_gateway() -> None:
    response, answer = gateway({"surprise": 1}).ask("/v1/rerank", {"model": "cohere/rerank-v3.5", **QUESTION})
    assert (response.status, "no list of results" in json.loads(answer)["error"]["message"]) == (502, True)


def test_a_strict_route_refuses_what_cannot_be_told() -> None:
    route = Route("strict", (RouteTarget("openai/text-embedding-3-small"),), strict_parameters=True)
    opened = gateway(OPENAI, configuration(models={}, providers={}, routes={"strict": route}))
    response, answer = opened.ask("/v2/embed", {"model": "strict", "texts": ["a"], "input_type": "search_query"})
    assert (response.status, json.loads(answer)["error"]["param"]) == (400, "input_type")


def test_a_batch_of_gemini_whose_requests_differ_is_refused_elsewhere() -> None:
    requests = [{"content": {"parts": [{"text": "a"}]}, "title": title} for title in ("A", "B")]
    path = "/v1beta/models/openai/text-embedding-3-small:batchEmbedContents"
    response, answer = gateway(OPENAI).ask(path, {"requests": requests})
    assert (response.status, "differ in settings" in json.loads(answer)["error"]["message"]) == (400, True)
