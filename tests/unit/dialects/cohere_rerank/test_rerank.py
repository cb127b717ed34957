"""Rerank in four dialects: each is read and written back, and says the same in the others."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import chat_dialect, cohere_rerank, jina_rerank, nvidia_ranking, voyage_rerank
from sluice.dialects.base import REMOVED
from sluice.dialects.cohere_rerank.counts import read_usage
from sluice.dialects.ranking import text_of
from sluice.errors import BadRequest, ProviderGarbled, UnsupportedParameter
from sluice.types.rerank import Ranked, RerankRequest, RerankResponse
from sluice.types.usage import Usage

PLAIN = {"model": "m", "query": "q", "documents": ["a", "b"]}
OWN: dict[str, dict[str, Any]] = {
    "cohere_rerank": {**PLAIN, "top_n": 1, "max_tokens_per_doc": 99, "priority": 2},
    "jina_rerank": {**PLAIN, "top_n": 1, "return_documents": True, "truncation": False, "new": 1},
    "voyage_rerank": {**PLAIN, "top_k": 1, "return_documents": False, "truncation": True, "new": 1},
    "nvidia_ranking": {
        "model": "m",
        "query": {"text": "q"},
        "passages": [{"text": "a"}, {"text": "b", "image": "x"}],
        "truncate": "END",
        "new": 1,
    },
}
ANSWERS: dict[str, dict[str, Any]] = {
    "cohere_rerank": {
        "id": "i",
        "results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    },
    "jina_rerank": {
        "model": "m",
        "object": "list",
        "results": [
            {"index": 1, "relevance_score": 0.9, "document": {"text": "b"}},
            {"index": 0, "relevance_score": 0},
        ],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    },
    "voyage_rerank": {
        "object": "list",
        "data": [{"index": 1, "relevance_score": 0.9, "document": "b"}, {"index": 0, "relevance_score": 0.1}],
        "model": "m",
        "usage": {"total_tokens": 7},
    },
    "nvidia_ranking": {
        "rankings": [{"index": 1, "logit": 2.5}, {"index": 0, "logit": -3.0}],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    },
}
TONGUES = pytest.mark.parametrize("tongue", list(OWN))


def wire(tongue: str) -> Any:
    return chat_dialect(tongue)


def asked(**more: Any) -> RerankRequest:
    return RerankRequest("m", "q", more.pop("documents", ("a", "b")), **more)


@TONGUES
def test_what_a_caller_says_is_written_back_the_same(tongue: str) -> None:
    request = wire(tongue).decode_request(OWN[tongue])
    assert wire(tongue).encode_request(request, "m", {}, True).body == OWN[tongue]
    assert wire(tongue).pass_edits(OWN[tongue]) == {}


@TONGUES
def test_an_answer_is_read_and_written_back_with_the_same_figures(tongue: str) -> None:
    response = wire(tongue).decode_response(ANSWERS[tongue])
    assert [ranked.index for ranked in response.results] == [1, 0]
    written = wire(tongue).encode_response(response, asked())
    again = wire(tongue).decode_response(written)
    assert (again.results, again.usage) == (response.results, response.usage)


@TONGUES
@pytest.mark.parametrize("other", list(OWN))
def test_a_request_asks_every_other_vendor_for_the_same(tongue: str, other: str) -> None:
    request = wire(tongue).decode_request({**OWN[tongue]})
    translated = wire(other).decode_request(wire(other).encode_request(request, "n", {}, False).body)
    texts = [text_of(document, ()) for document in request.documents]
    assert (translated.model, translated.query) == ("n", "q")
    assert [text_of(document, ()) for document in translated.documents] == texts
    if other != "nvidia_ranking":
        assert translated.top_n == request.top_n


def test_documents_that_were_asked_for_are_put_in_where_the_vendor_leaves_them_out() -> None:
    response = cohere_rerank.decode_response(ANSWERS["cohere_rerank"])
    request = asked(return_documents=True, top_n=1, dialect="jina_rerank")
    assert jina_rerank.encode_response(response, request) == {
        "id": "i",
        "model": "m",
        "object": "list",
        "results": [{"index": 1, "relevance_score": 0.9, "document": {"text": "b"}}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
    }
    voyaged: Any = voyage_rerank.encode_response(response, request)
    assert voyaged["data"][0]["document"] == "b"
    silent: Any = jina_rerank.encode_response(response, asked())
    assert all("document" not in result for result in silent["results"])
    objects = asked(documents=({"text": "a", "id": 1}, {"text": "b", "id": 2}), return_documents=True)
    shown: Any = jina_rerank.encode_response(response, objects)
    assert shown["results"][0]["document"] == {"text": "b", "id": 2}


def test_objects_become_text_for_vendors_that_take_texts() -> None:
    documents = ({"title": "T", "text": "a"}, {"title": "U", "body": "b"})
    sent = cohere_rerank.encode_request(asked(documents=documents, rank_fields=("title", "text")), "m").body
    assert sent["documents"] == ["title: T\ntext: a", "U"]
    plain = cohere_rerank.encode_request(asked(documents=documents), "m").body
    assert plain["documents"] == ["a", "title: U\nbody: b"]
    kept = jina_rerank.encode_request(
        asked(documents=documents, rank_fields=("title",)), "m", {"document_objects": True}
    ).body
    assert (kept["documents"], kept["rank_fields"]) == (list(documents), ["title"])


def test_hosts_are_told_in_their_own_words() -> None:
    quirks = {"document_tokens_field": "max_doc_length", "return_documents": False}
    request = asked(max_tokens_per_document=9, return_documents=True)
    assert jina_rerank.encode_request(request, "m", quirks).body == {**PLAIN, "max_doc_length": 9}
    body = {**PLAIN, "max_tokens_per_doc": 9, "priority": 1}
    edits = jina_rerank.pass_edits(body, {**quirks, "drop_rerank": ["priority", "absent"]})
    assert edits == {"max_tokens_per_doc": REMOVED, "max_doc_length": 9, "priority": REMOVED}


def test_what_a_vendor_cannot_be_told_is_reported_or_refused_when_strict() -> None:
    request = asked(max_tokens_per_document=9, truncate=False, extras={"x": 1}, dialect="other")
    assert cohere_rerank.encode_request(request, "m").edits == ("dropped:truncation", "dropped:x")
    assert voyage_rerank.encode_request(request, "m").edits == ("dropped:max_tokens_per_doc", "dropped:x")
    assert nvidia_ranking.encode_request(request, "m").body["truncate"] == "NONE"
    with pytest.raises(UnsupportedParameter, match="max_tokens_per_doc"):
        jina_rerank.encode_request(asked(max_tokens_per_document=9), "m", {}, True)


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": 7}, "model"),
        ({"query": ""}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": "a"}, "documents"),
        ({"documents": ["a", 7]}, "documents[1]"),
        ({"documents": ["a"] * 10_001}, "documents"),
        ({"top_n": -1}, "top_n"),
    ],
)
def test_a_faulty_request_is_refused_with_the_parameter(change: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        jina_rerank.decode_request({**PLAIN, **change})
    assert refused.value.param == param


def test_a_ranking_request_without_objects_is_refused() -> None:
    for body in ({"model": "m", "query": "q", "passages": []}, {"model": "m", "query": {"text": "q"}}):
        with pytest.raises(BadRequest, match="'query' must be an object"):
            nvidia_ranking.outline(body, 1)


@pytest.mark.parametrize(
    ("tongue", "body"),
    [
        ("cohere_rerank", {}),
        ("jina_rerank", {"results": [7]}),
        ("jina_rerank", {"results": [{"index": 0}]}),
        ("voyage_rerank", {}),
        ("voyage_rerank", {"data": [{"index": "0", "relevance_score": 1}]}),
        ("nvidia_ranking", {}),
        ("nvidia_ranking", {"rankings": [{"index": 0, "logit": True}]}),
    ],
)
def test_an_answer_without_a_ranking_is_refused(tongue: str, body: dict[str, object]) -> None:
    with pytest.raises(ProviderGarbled):
        wire(tongue).decode_response(body)


def test_a_host_may_have_its_results_under_another_name() -> None:
    response = jina_rerank.decode_response({"data": [{"index": 0, "relevance_score": 0.5, "document": "a"}]})
    assert response.results == (Ranked(0, 0.5, "a"),)
    assert jina_rerank.decode_response({"results": [{"index": 0, "score": 2}]}).results == (Ranked(0, 2),)


@pytest.mark.parametrize(
    ("body", "usage"),
    [
        (b'{"meta":{"billed_units":{"search_units":2}}}', Usage(search_requests=2)),
        (b'{"usage":{"total_tokens":9}}', Usage(input=9)),
        (
            b'{"meta":{"billed_units":{"search_units":1},"tokens":{"input_tokens":4}}}',
            Usage(input=4, search_requests=1),
        ),
        (b'{"usage":{"prompt_tokens":true}}', None),
        (b"[]", None),
        (b"{", None),
    ],
)
def test_what_was_used_is_read(body: bytes, usage: Usage | None) -> None:
    assert read_usage(body) == usage


def test_scores_beyond_the_documents_do_not_break_an_answer() -> None:
    odd = RerankResponse("", "", (Ranked(7, 0.5),))
    answer: Any = jina_rerank.encode_response(odd, asked(return_documents=True))
    assert answer["results"] == [{"index": 7, "relevance_score": 0.5}]
