"""A key of one team never sees anything of another: each endpoint of the gateway and of its administration is tried.

Team `owner` leaves something of every kind behind, each with a mark of its own. Then a key of team `stranger` asks
every endpoint for it, by the owner's ids. What comes back must hold none of the marks, and nothing may change by it.
"""

from __future__ import annotations

import json
import struct
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from sluice.aws.admin_access import ACCESS
from sluice.endpoints import ENDPOINTS
from tests.e2e import ledger
from tests.stacks import Stack

pytestmark = pytest.mark.stack

OWNER, STRANGER = "tenancy-owner", "tenancy-stranger"
WORD, PERSON, TAG, SESSION = "Quillfeather", "person-of-the-owner", "project-of-the-owner", "session-of-the-owner"
MARKS = (WORD, PERSON, TAG, SESSION)
WAV = b"RIFF" + struct.pack("<I4s4sIHHIIHH", 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5B", 13, b"IHDR", 64, 48, 8, 6, 0, 0, 0) + b"\0" * 900
MISSING = (400, 404)


@dataclass(frozen=True)
class Tenant:
    """A team's key and how to call with it."""

    url: str
    key: str = field(repr=False)

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.key}", **more.pop("headers", {})}
        return httpx.request(method, self.url + path, json=body, headers=headers, timeout=60, **more)


@dataclass(frozen=True)
class Left:
    """What the owner left behind: ids and references by kind."""

    key_id: str
    request: str
    stored: str
    native: str
    batch: str
    upload: str

    @property
    def reference(self) -> str:
        """How a request refers to the upload."""
        return f"sluice://uploads/{self.upload}"


def made(stack: Stack, team: str, **more: Any) -> dict[str, Any]:
    headers = {"authorization": f"Bearer {stack.admin_key}"}
    body = {"team": team, "name": "tenancy", **more}
    answer = httpx.post(stack.url + "/admin/keys", json=body, headers=headers, timeout=60)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def good(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def owner_key(stack: Stack) -> dict[str, Any]:
    return made(stack, OWNER)


@pytest.fixture(scope="module")
def owner(stack: Stack, owner_key: dict[str, Any]) -> Tenant:
    return Tenant(stack.url, owner_key["key"])


@pytest.fixture(scope="module")
def stranger(stack: Stack) -> Tenant:
    return Tenant(stack.url, made(stack, STRANGER)["key"])


@pytest.fixture(scope="module")
def left(stack: Stack, owner: Tenant, owner_key: dict[str, Any]) -> Left:
    """One thing of each kind."""
    about = {"x-sluice-user": PERSON, "x-sluice-tags": f"project={TAG}", "x-sluice-session": SESSION}
    asked = {"model": "simulator/sim-fast", "messages": [{"role": "user", "content": f"Say {WORD}."}]}
    chat = owner.call("POST", "/v1/chat/completions", asked, headers=about)
    assert WORD in str(good(chat))
    stored = [
        good(owner.call("POST", "/v1/responses", {"model": f"simulator/{model}", "input": f"Say {WORD}."}))["id"]
        for model in ("sim-fast", "sim-gpt")
    ]
    params = {"model": "simulator/sim-claude", "max_tokens": 9, "messages": [{"role": "user", "content": WORD}]}
    batch = good(owner.call("POST", "/v1/messages/batches", {"requests": [{"custom_id": WORD, "params": params}]}))
    wanted = {"filename": f"{WORD}.png", "bytes": len(PNG), "mime_type": "image/png", "purpose": "vision"}
    card = good(owner.call("POST", "/v1/uploads", wanted))
    put = httpx.put(card["upload"]["url"], content=PNG, headers=card["upload"]["headers"], timeout=60)
    assert put.status_code == 200, put.text
    request_id = chat.headers["x-request-id"]
    ledger.entry_of(Reach(stack.url, owner.key), request_id)
    return Left(owner_key["id"], request_id, *stored, batch["id"], card["id"])


@dataclass(frozen=True)
class Reach:
    """What the ledger's look-up wants."""

    url: str
    api_key: str = field(repr=False)


def seen(answer: httpx.Response) -> list[str]:
    """Return the marks of the owner in an answer, its headers included."""
    told = answer.text + json.dumps(dict(answer.headers))
    return [mark for mark in MARKS if mark in told]


def pictured(reference: str, model: str = "sim-fast") -> dict[str, Any]:
    image = {"type": "image_url", "image_url": {"url": reference}}
    return {"model": f"simulator/{model}", "messages": [{"role": "user", "content": [image]}]}


def sourced(reference: str) -> dict[str, Any]:
    source = {"type": "image", "source": {"type": "url", "url": reference}}
    return {
        "model": "simulator/sim-claude",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": [source, {"type": "text", "text": "What?"}]}],
    }


def probes(left: Left) -> dict[tuple[str, str], list[tuple[str, Any, tuple[int, ...]]]]:
    """Return, for each endpoint, the calls of the stranger: path, body (or form), and the statuses that may come.

    A tuple (files, fields) as the body is sent as a form.
    """
    plain = {"model": "simulator/sim-fast", "messages": [{"role": "user", "content": "Repeat our last conversation."}]}
    reference, ok = left.reference, (200,)
    gemini = {"contents": [{"role": "user", "parts": [{"text": "What?"}, {"fileData": {"fileUri": reference}}]}]}
    bedrock = {"messages": [{"role": "user", "content": [{"text": "?"}, {"image": {"source": {"bytes": reference}}}]}]}
    ollama = {"model": "simulator/sim-fast", "stream": False}
    ollama["messages"] = [{"role": "user", "content": "What?", "images": [reference]}]
    sound = {"model": (None, "simulator/sim-whisper"), "file": (None, reference)}
    edit = {"model": (None, "simulator/sim-image"), "image": (None, reference), "prompt": (None, "turn it green")}
    text = "Repeat what was said."
    found: dict[tuple[str, str], list[tuple[str, Any, tuple[int, ...]]]] = {}

    def add(method: str, pattern: str, *calls: tuple[str, Any, tuple[int, ...]]) -> None:
        for each in {pattern, pattern.removeprefix("/v1")} & {e.path for e in ENDPOINTS if e.method == method}:
            found[method, each] = [
                (each if path == pattern else path, body, statuses) for path, body, statuses in calls
            ]

    chat = "/v1/chat/completions"
    add("POST", chat, (chat, pictured(reference), (404,)), (chat, plain, ok))
    add("POST", "/v1/messages", ("/v1/messages", sourced(reference), (404,)))
    cortex = "/api/v2/cortex/v1"
    add("POST", f"{cortex}/chat/completions", (f"{cortex}/chat/completions", pictured(reference), (404,)))
    add("POST", f"{cortex}/messages", (f"{cortex}/messages", sourced(reference), (404,)))
    add(
        "POST",
        "/v1/responses",
        *(
            ("/v1/responses", {"model": f"simulator/{model}", "input": text, "previous_response_id": each}, MISSING)
            for model in ("sim-fast", "sim-gpt")
            for each in (left.stored, left.native)
        ),
    )
    counted = {"model": "simulator/sim-gpt", "input": text, "previous_response_id": left.native}
    add("POST", "/v1/responses/input_tokens", ("/v1/responses/input_tokens", counted, MISSING))
    for method, ending in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/input_items")):
        calls = [(f"/v1/responses/{each}{ending}", None, MISSING) for each in (left.stored, left.native)]
        add(method, "/v1/responses/{response_id}" + ending, *calls)
    complete = "/api/v2/cortex/inference:complete"
    add("POST", complete, (complete, {**plain, "stream": False}, ok))
    embed = "/api/v2/cortex/inference:embed"
    add("POST", embed, (embed, {"model": "simulator/sim-embed", "text": [text]}, ok))
    add("POST", "/v1/completions", ("/v1/completions", {"model": "simulator/sim-fast", "prompt": text}, ok))
    add("POST", "/v1beta/models/{call+}", ("/v1beta/models/simulator/sim-fast:generateContent", gemini, (404,)))
    add("POST", "/model/{call+}", ("/model/simulator%2Fsim-fast/converse", bedrock, (404,)))
    add("POST", "/v2/chat", ("/v2/chat", pictured(reference), (404,)))
    add("POST", "/api/chat", ("/api/chat", ollama, (404,)))
    batches, batch = "/v1/messages/batches", f"/v1/messages/batches/{left.batch}"
    inside = {"requests": [{"custom_id": "x", "params": sourced(reference)}]}
    # A batch refers to no uploads: its provider is told the reference as it stands, which opens nothing.
    add("POST", batches, (batches, inside, ok))
    add("GET", batches, (batches, None, ok), (f"{batches}?after_id={left.batch}", None, (200, *MISSING)))
    add("GET", batches + "/{batch_id}", (batch, None, (404,)))
    add("DELETE", batches + "/{batch_id}", (batch, None, (404,)))
    add("GET", batches + "/{batch_id}/results", (f"{batch}/results", None, (404,)))
    add("POST", batches + "/{batch_id}/cancel", (f"{batch}/cancel", None, (404,)))
    count = "/v1/messages/count_tokens"
    add("POST", count, (count, {k: v for k, v in sourced(reference).items() if k != "max_tokens"}, (404,)))
    add("POST", "/v1/embeddings", ("/v1/embeddings", {"model": "simulator/sim-embed", "input": text}, ok))
    cohere = {"model": "simulator/sim-embed", "texts": [text], "input_type": "search_query"}
    add("POST", "/v2/embed", ("/v2/embed", {**cohere, "embedding_types": ["float"]}, ok))
    ranked = {"model": "simulator/sim-rerank", "query": text, "documents": ["a", "b"]}
    add("POST", "/v1/rerank", ("/v1/rerank", ranked, ok))
    add("POST", "/v2/rerank", ("/v2/rerank", ranked, ok))
    add("POST", "/v1/moderations", ("/v1/moderations", {"model": "simulator/sim-moderation", "input": text}, ok))
    images = {"model": "simulator/sim-image", "prompt": text, "quality": "low"}
    add("POST", "/v1/images/generations", ("/v1/images/generations", images, ok))
    add("POST", "/v1/images/edits", ("/v1/images/edits", (edit,), (404,)))
    for name in ("transcriptions", "translations"):
        add("POST", f"/v1/audio/{name}", (f"/v1/audio/{name}", (sound,), (404,)))
    spoken = {"model": "simulator/sim-speech", "voice": "alloy", "input": text}
    add("POST", "/v1/audio/speech", ("/v1/audio/speech", spoken, ok))
    add("GET", "/v1/models", ("/v1/models", None, ok))
    add("GET", "/v1/models/{model+}", ("/v1/models/simulator/sim-fast", None, ok))
    add("POST", "/v1/route", ("/v1/route", plain, ok))
    forged = left.request.replace(OWNER, STRANGER)
    asked = (left.request, forged, left.request + "%00", quote(f"{left.request}/../{left.request}", safe=""))
    add("GET", "/v1/requests/{request_id}", *((f"/v1/requests/{each}", None, MISSING) for each in asked))
    usage = ("", f"?team={OWNER}", f"?team={OWNER}&by=user", "?by=user", "?by=tag:project", f"?key={left.key_id}")
    usage = (*usage, f"?scope=team:{OWNER}", f"?user={PERSON}", "?by=user&format=csv")
    add("GET", "/v1/usage", *((f"/v1/usage{each}", None, (200, 400, 403)) for each in usage))
    own = {"filename": "x.png", "bytes": 9, "mime_type": "image/png", "purpose": "vision"}
    add("POST", "/v1/uploads", ("/v1/uploads", {**own, "id": left.upload, "team": OWNER}, (200, 400)))
    add("GET", "/v1/uploads/{upload_id}", (f"/v1/uploads/{left.upload}", None, (404,)))
    add("DELETE", "/v1/uploads/{upload_id}", (f"/v1/uploads/{left.upload}", None, (404,)))
    add("GET", "/health", ("/health", None, ok))
    add("GET", "/health/ready", ("/health/ready", None, ok))
    found["ANY", "/admin/{path+}"] = [("/admin/keys", None, (403,))]
    return found


NOTHING = Left(*("x",) * 6)


def test_every_endpoint_there_is_is_tried() -> None:
    assert set(probes(NOTHING)) == {(each.method, each.path) for each in ENDPOINTS}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_a_key_of_another_team_sees_nothing_at_any_endpoint(stranger: Tenant, left: Left, endpoint: Any) -> None:
    method = "GET" if endpoint.method == "ANY" else endpoint.method
    for path, body, statuses in probes(left)[endpoint.method, endpoint.path]:
        if isinstance(body, tuple):
            answer = stranger.call(method, path, files=body[0])
        else:
            answer = stranger.call(method, path, body)
        assert answer.status_code in statuses, f"{path}: {answer.status_code} {answer.text[:500]}"
        assert seen(answer) == [], f"{path}: {answer.text[:2000]}"
        assert left.request not in answer.headers.get("x-request-id", "")


def admin_calls(left: Left, day: str) -> dict[tuple[str, str], tuple[str, Any]]:
    """Return a call to each endpoint of the administration that asks for the owner's part of it."""
    rule = {"scope": f"team:{OWNER}", "amount_usd": 1, "window": "day"}
    partition = f"{OWNER}#{day}#0"
    person = {"user": PERSON, "team": OWNER}
    return {
        ("GET", "/admin/keys"): (f"/admin/keys?team={OWNER}", None),
        ("POST", "/admin/keys"): ("/admin/keys", {"team": OWNER, "name": "mine"}),
        ("DELETE", "/admin/keys/<key_id>"): (f"/admin/keys/{left.key_id}", None),
        ("POST", "/admin/keys/<key_id>/rotate"): (f"/admin/keys/{left.key_id}/rotate", {}),
        ("GET", "/admin/configuration"): ("/admin/configuration", None),
        ("GET", "/admin/configuration/versions/<version>"): ("/admin/configuration/versions/" + "0" * 64, None),
        ("GET", "/admin/configuration/diff"): ("/admin/configuration/diff?from=live&to=live", None),
        ("POST", "/admin/configuration/versions"): ("/admin/configuration/versions", {}),
        ("POST", "/admin/configuration/versions/<version>/promote"): (
            "/admin/configuration/versions/" + "0" * 64 + "/promote",
            {},
        ),
        ("POST", "/admin/configuration/rollback"): ("/admin/configuration/rollback", {}),
        ("GET", "/admin/budgets"): ("/admin/budgets", None),
        ("GET", "/admin/budgets/<rule_id>"): (f"/admin/budgets/{OWNER}", None),
        ("GET", "/admin/budgets/<rule_id>/status"): (f"/admin/budgets/{OWNER}/status", None),
        ("PUT", "/admin/budgets/<rule_id>"): (f"/admin/budgets/{OWNER}", rule),
        ("DELETE", "/admin/budgets/<rule_id>"): (f"/admin/budgets/{OWNER}", None),
        ("GET", "/admin/limits"): ("/admin/limits", None),
        ("GET", "/admin/limits/<rule_id>"): (f"/admin/limits/{OWNER}", None),
        ("PUT", "/admin/limits/<rule_id>"): (f"/admin/limits/{OWNER}", {"scope": f"team:{OWNER}", "requests": 1}),
        ("DELETE", "/admin/limits/<rule_id>"): (f"/admin/limits/{OWNER}", None),
        ("GET", "/admin/usage"): (f"/admin/usage?team={OWNER}&by=user", None),
        ("GET", "/admin/invoices"): ("/admin/invoices", None),
        ("GET", "/admin/ledger/partitions"): (f"/admin/ledger/partitions?from={day}&to={day}&team={OWNER}", None),
        ("GET", "/admin/ledger/rows"): (f"/admin/ledger/rows?partition={quote(partition)}", None),
        ("POST", "/admin/ledger/recost"): ("/admin/ledger/recost", {"partition": partition}),
        ("GET", "/admin/audit"): (f"/admin/audit?from={day}&team={OWNER}", None),
        ("POST", "/admin/users/days"): ("/admin/users/days", person),
        ("POST", "/admin/users/entries"): ("/admin/users/entries", {"user": PERSON, "partition": partition}),
        ("POST", "/admin/users/erase"): ("/admin/users/erase", {"user": PERSON, "partition": partition}),
        ("POST", "/admin/users/forget"): ("/admin/users/forget", {**person, "days": [day]}),
    }


def test_every_endpoint_of_the_administration_is_tried() -> None:
    assert set(admin_calls(NOTHING, "2026-01-01")) == {(each.method, each.path) for each in ACCESS}


def test_a_key_without_scopes_and_an_administrator_of_another_team_reach_nothing(
    stack: Stack, stranger: Tenant, left: Left
) -> None:
    parts = ("config", "keys", "budgets", "usage", "audit", "users")
    scopes = [f"{part}:{verb}" for part in parts for verb in ("read", "write") if f"{part}:{verb}" in SCOPES]
    bound = Tenant(stack.url, made(stack, STRANGER, scopes=["ledger:write", *scopes], team_bound=True)["key"])
    day = time.strftime("%Y-%m-%d", time.gmtime())
    for (method, name), (path, body) in admin_calls(left, day).items():
        refused = stranger.call(method, path, body)
        assert refused.status_code == 403, f"{method} {name}: {refused.status_code} {refused.text[:300]}"
        answer = bound.call(method, path, body)
        assert answer.status_code in (200, 400, 403, 404), f"{method} {name}: {answer.status_code} {answer.text[:300]}"
        if answer.status_code == 200:
            assert f'"{OWNER}"' not in answer.text, f"{method} {name}: {answer.text[:500]}"
        assert [mark for mark in seen(answer) if mark not in json.dumps(body)] == [], f"{method} {name}: {answer.text}"
        assert method == "GET" or answer.status_code != 200, f"{method} {name}: {answer.text[:300]}"


SCOPES = {each.scope for each in ACCESS}


def test_after_all_that_everything_of_the_owner_is_as_it_was(owner: Tenant, left: Left) -> None:
    entry = good(owner.call("GET", f"/v1/requests/{left.request}"))
    assert (entry["team"], entry["user"], entry["session"]) == (OWNER, PERSON, SESSION)
    for each in (left.stored, left.native):
        assert WORD in str(good(owner.call("GET", f"/v1/responses/{each}")))
    assert good(owner.call("GET", f"/v1/uploads/{left.upload}"))["state"] == "ready"
    assert good(owner.call("GET", f"/v1/messages/batches/{left.batch}"))["cancel_initiated_at"] is None
    usable = owner.call("POST", "/v1/chat/completions", pictured(left.reference))
    assert "1 image" in usable.text or "an image" in usable.text
