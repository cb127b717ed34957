"""Embeddings, rerank and moderations through the running stack, to the simulator that `make run` starts."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.e2e import ledger
from tests.stacks import Stack

pytestmark = pytest.mark.stack

CAT, DOG, TAX = "The cat sleeps on the warm sofa", "A cat naps on a sofa", "Quarterly tax filings are due"


@pytest.fixture(scope="module")
def http(stack: Stack) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {stack.api_key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=30) as opened:
        yield opened


def cosine(one: list[float], other: list[float]) -> float:
    return math.sumprod(one, other) if hasattr(math, "sumprod") else sum(a * b for a, b in zip(one, other, strict=True))


def posted(http: httpx.Client, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    response = http.post(path, json=body)
    assert response.status_code == 200, response.text
    return response.json(), response.headers["x-request-id"]


def test_gemini_and_cohere_callers_get_the_vectors_that_openais_client_gets(stack: Stack, http: httpx.Client) -> None:
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as client:
        found = client.embeddings.create(model="simulator/sim-embed", input=[CAT, DOG, TAX])
    cat, dog, tax = (item.embedding for item in found.data)
    assert cosine(cat, dog) > cosine(cat, tax)

    contents = [{"content": {"parts": [{"text": text}]}} for text in (CAT, DOG, TAX)]
    batch, _ = posted(http, "/v1beta/models/simulator/sim-embed:batchEmbedContents", {"requests": contents})
    assert [item["values"] for item in batch["embeddings"]] == [
        pytest.approx(vector, abs=1e-6) for vector in (cat, dog, tax)
    ]
    one, _ = posted(http, "/v1beta/models/simulator/sim-embed:embedContent", contents[0])
    assert one["embedding"]["values"] == pytest.approx(cat, abs=1e-6)

    asked = {"model": "simulator/sim-embed", "texts": [CAT], "input_type": "search_query", "embedding_types": ["float"]}
    cohere, request_id = posted(http, "/v2/embed", asked)
    assert cohere["embeddings"]["float"][0] == pytest.approx(cat, abs=1e-6)
    entry = ledger.entry_of(stack, request_id)
    assert entry["usage"]["input"] == cohere["meta"]["billed_units"]["input_tokens"] > 0
    assert entry["cost_nano_usd"] > 0


@pytest.mark.parametrize("path", ["/v1/rerank", "/rerank", "/v2/rerank"])
def test_a_rerank_puts_the_document_first_that_shares_the_querys_words(
    stack: Stack, http: httpx.Client, path: str
) -> None:
    body = {"model": "simulator/sim-rerank", "query": "Where does the cat sleep?", "documents": [TAX, CAT], "top_n": 1}
    answer, request_id = posted(http, path, {**body, **({} if path == "/v2/rerank" else {"return_documents": True})})
    (best,) = answer["results"]
    assert (best["index"], 0 < best["relevance_score"] <= 1) == (1, True)
    assert best.get("document", {"text": CAT}) == {"text": CAT}
    entry = ledger.entry_of(stack, request_id)
    assert (entry["operation"], entry["usage"]["search_requests"], entry["cost_nano_usd"]) == ("rerank", 1, 1_000_000)


def test_a_moderation_flags_what_is_violent_and_costs_nothing(stack: Stack, http: httpx.Client) -> None:
    texts = ["I will kill them.", "Have a great day!"]
    answer, request_id = posted(http, "/v1/moderations", {"model": "simulator/sim-moderation", "input": texts})
    assert [result["flagged"] for result in answer["results"]] == [True, False]
    assert answer["results"][0]["categories"]["violence"] is True
    entry = ledger.entry_of(stack, request_id)
    assert (entry["operation"], entry["cost_nano_usd"]) == ("moderations", 0)
