"""Holds the rerank dialects to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.rerank.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each
recording is up to three cases: its request, its answer or error, and its answer in every other dialect.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from sluice.dialects import chat_dialect
from sluice.errors import ProviderError
from sluice.types.rerank import RerankRequest
from tests.wire.recordings import Recording
from tests.wire.stated import words_of
from tests.wire.tally import Case, main, same

BAR = 0.99
ENDPOINTS = ("rerank",)
TONGUES = ("cohere_rerank", "jina_rerank", "voyage_rerank", "nvidia_ranking")
UNSAID = {
    "voyage_rerank": frozenset({"max_tokens_per_doc"}),
    "nvidia_ranking": frozenset({"max_tokens_per_doc", "top_n"}),
    "jina_rerank": frozenset({"max_tokens_per_doc"}),
    "cohere_rerank": frozenset[str](),
}
"""What a dialect has no member for; the bound on results is kept by the gateway all the same."""


def dialect_of(recording: Recording) -> str:
    """Return the dialect of a recording, from its path and its answer's members."""
    if str((recording.request or {}).get("path") or "").endswith("/v2/rerank"):
        return "cohere_rerank"
    return "voyage_rerank" if "top_k" in (recording.request_body or {}) else "jina_rerank"


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    told = (recording, dialect_of(recording))
    if isinstance(recording.request_body, dict):
        yield "request", partial(check_request, *told)
    if recording.status >= 400:
        yield "error", partial(check_error, *told)
    else:
        yield "answer", partial(check_answer, *told)
        yield "across", partial(check_across, *told)


def _wire(tongue: str) -> Any:
    return chat_dialect(tongue)


def check_request(recording: Recording, tongue: str) -> None:
    """A request is read in full and written back the same; in another dialect it asks for the same."""
    wire, body = _wire(tongue), recording.request_body
    request = wire.decode_request(body)
    same("model", wire.outline(body, 1).model, body["model"])
    same("documents", list(request.documents), body["documents"])
    same("bound", request.top_n, body.get("top_n", body.get("top_k")))
    encoded = wire.encode_request(request, request.model, {}, True)
    same("members", encoded.body, {name: value for name, value in body.items() if value is not None})
    same("second reading", wire.decode_request(encoded.body), request)
    for other in TONGUES:
        translated = _wire(other).encode_request(request, request.model, {}, False)
        again = _wire(other).decode_request(translated.body)
        same(f"query in {other}", again.query, request.query)
        same(f"documents in {other}", again.documents, request.documents)
        if "top_n" not in UNSAID[other]:
            same(f"bound in {other}", again.top_n, request.top_n)


def check_answer(recording: Recording, tongue: str) -> None:
    """An answer is read in full, with what was billed, and says the same after another round."""
    wire, body = _wire(tongue), json.loads(recording.body)
    response = wire.decode_response(body)
    found = body["data"] if "data" in body else body["results"]
    same("results", [(r.index, r.score) for r in response.results], [(f["index"], f["relevance_score"]) for f in found])
    units = (body.get("meta") or {}).get("billed_units") or {}
    usage = body.get("usage") or {}
    expected = (usage.get("prompt_tokens", usage.get("total_tokens", 0)), units.get("search_units", 0))
    same("billed", (response.usage.prompt, response.usage.search_requests), expected)
    same("usage read in passing", wire.read_usage(recording.body), response.usage)
    plain = replace(_asked(recording, tongue), return_documents=None)
    again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, plain))))
    same("second reading", (again.results, again.usage), (response.results, response.usage))


def check_across(recording: Recording, tongue: str) -> None:
    """In each other dialect an answer has the same order and scores, and the documents where they were asked for."""
    asked = _asked(recording, tongue)
    response = _wire(tongue).decode_response(json.loads(recording.body))
    for other in TONGUES:
        wire = _wire(other)
        again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, asked))))
        scores = [(ranked.index, ranked.score) for ranked in response.results]
        same(f"results in {other}", [(ranked.index, ranked.score) for ranked in again.results], scores)
        if other != "nvidia_ranking":
            same("documents", [r.document for r in again.results], [asked.documents[i] for i, _ in scores])


def _asked(recording: Recording, tongue: str) -> RerankRequest:
    wire = _wire(tongue)
    if recording.request_body is None:
        return RerankRequest("m", "q", tuple(map(str, range(1000))), return_documents=True)
    request: RerankRequest = wire.decode_request(recording.request_body)
    return replace(request, return_documents=True)


def check_error(recording: Recording, tongue: str) -> None:
    """An error keeps its status and words."""
    wire = _wire(tongue)
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError:
        raise AssertionError(f"not a provider error: {error!r}")
    same("status", error.provider_status, recording.status)
    told = words_of(recording.body)
    same("message", error.message[:20], error.message[:20] if told is None else told[:20])
    again = wire.decode_error(recording.status, {}, json.dumps(wire.encode_error(error, "req_1")).encode())
    same("second reading", (again.kind, again.message), (error.kind, error.message))


if __name__ == "__main__":
    sys.exit(main("rerank", ENDPOINTS, cases, BAR))
