"""The simulated reranker: the document that shares the query's words comes first, and odd requests are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sluice.local.simulator import rerank
from sluice.local.simulator.playback import Reply

Post = Callable[..., Reply]
PATH = "/openai/v1/rerank"
ASKED = {"model": "sim-rerank", "query": "warm cat", "documents": ["tax law", {"text": "a warm cat"}, "a cat"]}


def body(reply: Reply) -> Any:
    assert reply.status == 200, reply.body
    return reply.body


def test_documents_come_in_the_order_of_what_they_share_with_the_query(post: Post) -> None:
    answer = body(post(PATH, ASKED))
    results = answer["results"]
    assert [result["index"] for result in results] == [1, 2, 0]
    assert 1 >= results[0]["relevance_score"] > results[1]["relevance_score"] > results[2]["relevance_score"] >= 0
    assert answer["meta"]["billed_units"] == {"search_units": 1}
    assert body(post(PATH, ASKED)) == answer


def test_the_best_ones_are_returned_with_their_text_when_asked_for(post: Post) -> None:
    answer = body(post(PATH, {**ASKED, "top_n": 1, "return_documents": True}))
    assert [(result["index"], result["document"]) for result in answer["results"]] == [(1, {"text": "a warm cat"})]
    many = body(post(PATH, {**ASKED, "documents": ["a"] * 101}))
    assert many["meta"]["billed_units"] == {"search_units": 2}
    assert [result["index"] for result in many["results"]] == list(range(101)), "equal ones keep their order"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"query": ""}, "must not be empty"),
        ({"documents": []}, "1 to 1000"),
        ({"documents": [7]}, "texts or objects"),
        ({"top_n": 0}, "is not from 1"),
        ({"surprise": 1}, "Unrecognized"),
        ({"model": "sim-fast"}, "does not serve"),
    ],
)
def test_an_odd_request_is_refused(post: Post, change: dict[str, object], said: str) -> None:
    reply = post(PATH, {**ASKED, **change})
    assert reply.status in (400, 404)
    assert said in str(reply.body)


def test_an_empty_document_shares_nothing() -> None:
    assert rerank.score("cat", "") == 0
