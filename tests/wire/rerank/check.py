"""Holds the rerank dialects to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.rerank.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each
recording is up to four cases: its request, a replay of it through the whole gateway, its answer or error, and its
answer in every other dialect.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from sluice.dialects import chat_dialect
from sluice.errors import ProviderError
from sluice.types.rerank import RerankRequest
from tests.wire.embeddings.replay import DOORS, differences
from tests.wire.recordings import Recording, folder, read

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


@dataclass
class Tally:
    """Passed and failed cases by provider, dialect and kind, and why each failure failed."""

    passed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.passed.total() + self.failed.total()

    @property
    def share(self) -> float:
        return 1 - self.failed.total() / self.total if self.total else 1.0


def check_all() -> Tally:
    """Run every case of every recording of these endpoints."""
    tally = Tally()
    for recording in read(ENDPOINTS):
        tongue = dialect_of(recording)
        for kind, case in _cases(recording):
            key = (recording.provider, tongue, kind)
            try:
                case(recording, tongue)
                tally.passed[key] += 1
            except Exception as error:
                tally.failed[key] += 1
                tally.reasons.append(f"{kind} {recording.label}: {type(error).__name__}: {str(error)[:300]}")
    return tally


def dialect_of(recording: Recording) -> str:
    """Return the dialect of a recording, from its path and its answer's members."""
    if str((recording.request or {}).get("path") or "").endswith("/v2/rerank"):
        return "cohere_rerank"
    return "voyage_rerank" if "top_k" in (recording.request_body or {}) else "jina_rerank"


Case = Callable[[Recording, str], None]


def _cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    if isinstance(recording.request_body, dict):
        yield "request", check_request
        if dialect_of(recording) in DOORS:
            yield "replay", check_replay
    if recording.status >= 400:
        yield "error", check_error
    else:
        yield "answer", check_answer
        yield "across", check_across


def _wire(tongue: str) -> Any:
    return chat_dialect(tongue)


def check_request(recording: Recording, tongue: str) -> None:
    """A request is read in full and written back the same; in another dialect it asks for the same."""
    wire, body = _wire(tongue), recording.request_body
    request = wire.decode_request(body)
    _same("model", wire.outline(body, 1).model, body["model"])
    _same("documents", list(request.documents), body["documents"])
    _same("bound", request.top_n, body.get("top_n", body.get("top_k")))
    encoded = wire.encode_request(request, request.model, {}, True)
    _same("members", encoded.body, {name: value for name, value in body.items() if value is not None})
    _same("second reading", wire.decode_request(encoded.body), request)
    for other in TONGUES:
        translated = _wire(other).encode_request(request, request.model, {}, False)
        again = _wire(other).decode_request(translated.body)
        _same(f"query in {other}", again.query, request.query)
        _same(f"documents in {other}", again.documents, request.documents)
        if "top_n" not in UNSAID[other]:
            _same(f"bound in {other}", again.top_n, request.top_n)


def check_answer(recording: Recording, tongue: str) -> None:
    """An answer is read in full, with what was billed, and says the same after another round."""
    wire, body = _wire(tongue), json.loads(recording.body)
    response = wire.decode_response(body)
    found = body["data"] if "data" in body else body["results"]
    _same(
        "results", [(r.index, r.score) for r in response.results], [(f["index"], f["relevance_score"]) for f in found]
    )
    units = (body.get("meta") or {}).get("billed_units") or {}
    usage = body.get("usage") or {}
    expected = (usage.get("prompt_tokens", usage.get("total_tokens", 0)), units.get("search_units", 0))
    _same("billed", (response.usage.prompt, response.usage.search_requests), expected)
    _same("usage read in passing", wire.read_usage(recording.body), response.usage)
    plain = replace(_asked(recording, tongue), return_documents=None)
    again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, plain))))
    _same("second reading", (again.results, again.usage), (response.results, response.usage))


def check_across(recording: Recording, tongue: str) -> None:
    """In each other dialect an answer has the same order and scores, and the documents where they were asked for."""
    asked = _asked(recording, tongue)
    response = _wire(tongue).decode_response(json.loads(recording.body))
    for other in TONGUES:
        wire = _wire(other)
        again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, asked))))
        scores = [(ranked.index, ranked.score) for ranked in response.results]
        _same(f"results in {other}", [(ranked.index, ranked.score) for ranked in again.results], scores)
        if other != "nvidia_ranking":
            _same("documents", [r.document for r in again.results], [asked.documents[i] for i, _ in scores])


def _asked(recording: Recording, tongue: str) -> RerankRequest:
    wire = _wire(tongue)
    if recording.request_body is None:
        return RerankRequest("m", "q", tuple(map(str, range(1000))), return_documents=True)
    request: RerankRequest = wire.decode_request(recording.request_body)
    return replace(request, return_documents=True)


def check_replay(recording: Recording, tongue: str) -> None:
    """Through the whole gateway in the same dialect, the bytes are those of the provider."""
    _same("replay", differences(recording, tongue), [])


def check_error(recording: Recording, tongue: str) -> None:
    """An error keeps its status and words."""
    wire = _wire(tongue)
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError:
        raise AssertionError(f"not a provider error: {error!r}")
    _same("status", error.provider_status, recording.status)
    _same("message", error.message, json.loads(recording.body)["error"]["message"])
    again = wire.decode_error(recording.status, {}, json.dumps(wire.encode_error(error, "req_1")).encode())
    _same("second reading", (again.kind, again.message), (error.kind, error.message))


def _same(what: str, have: object, want: object) -> None:
    if have != want:
        raise AssertionError(f"{what}: {have!r}"[:400] + f" is not {want!r}"[:400])


def main() -> int:
    """Print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = check_all()
    print(f"{'provider':<12}{'dialect':<22}{'case':<10}{'passed':>8}{'failed':>8}")
    for key in sorted({*tally.passed, *tally.failed}):
        print(f"{key[0]:<12}{key[1]:<22}{key[2]:<10}{tally.passed[key]:>8}{tally.failed[key]:>8}")
    for reason in tally.reasons:
        print(f"  {reason}")
    summary = {
        "check": "rerank",
        "cases": tally.total,
        "failed": tally.failed.total(),
        "share": round(tally.share, 5),
        "bar": BAR,
    }
    print(json.dumps(summary))
    return 0 if tally.total and tally.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
