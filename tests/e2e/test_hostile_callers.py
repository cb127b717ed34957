"""Callers who try to be somebody else, to see their key again, or to have the gateway fetch what they name."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sluice.endpoints import ENDPOINTS
from tests.e2e import ledger
from tests.stacks import Stack

pytestmark = pytest.mark.stack

CHAT = {"model": "simulator/sim-fast", "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 5}


class Trap:
    """A port of this machine that notes who connects to it."""

    def __init__(self) -> None:
        self.visits = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.visits += 1

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def trap() -> Iterator[Trap]:
    made = Trap()
    yield made
    made.close()


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {stack.api_key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as opened:
        yield opened


def naming(url: str) -> list[tuple[str, dict[str, Any]]]:
    """Return requests of every dialect that name a URL wherever one can stand."""

    def openai(part: Any) -> dict[str, Any]:
        return {**CHAT, "messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, part]}]}

    def anthropic(part: Any, model: str) -> dict[str, Any]:
        return {**openai(part), "model": f"simulator/{model}"}

    picture, source = {"type": "image_url", "image_url": {"url": url}}, {"type": "url", "url": url}
    gemini = {"contents": [{"role": "user", "parts": [{"text": "What?"}, {"fileData": {"fileUri": url}}]}]}
    tool = {"type": "mcp", "server_label": "x", "server_url": url, "require_approval": "never"}
    return [
        ("/v1/chat/completions", openai(picture)),
        ("/v1/chat/completions", anthropic(picture, "sim-claude")),
        ("/v1/chat/completions", openai({"type": "file", "file": {"file_data": url, "filename": "a.pdf"}})),
        *(("/v1/messages", anthropic({"type": "image", "source": source}, m)) for m in ("sim-claude", "sim-fast")),
        ("/v1/messages", anthropic({"type": "document", "source": source}, "sim-claude")),
        ("/v1/messages/count_tokens", anthropic({"type": "image", "source": source}, "sim-claude")),
        *(
            (
                "/v1/responses",
                {
                    "model": f"simulator/{model}",
                    "input": [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}],
                },
            )
            for model in ("sim-fast", "sim-gpt", "sim-claude")
        ),
        ("/v1/responses", {"model": "simulator/sim-gpt", "input": "hello", "tools": [tool]}),
        ("/v1beta/models/simulator/sim-fast:generateContent", gemini),
        ("/v2/chat", openai(picture)),
        ("/api/chat", {**CHAT, "stream": False, "messages": [{"role": "user", "content": "?", "images": [url]}]}),
        ("/v1/images/generations", {"model": "simulator/sim-image", "prompt": url, "webhook": url}),
        ("/v1/moderations", {"model": "simulator/sim-moderation", "input": [picture]}),
        ("/v1/embeddings", {"model": "simulator/sim-embed", "input": url}),
    ]


def test_the_gateway_fetches_nothing_that_a_caller_names(client: httpx.Client, trap: Trap) -> None:
    for path, body in naming(f"{trap.url}/cat.png"):
        answer = client.post(path, json=body)
        assert answer.status_code < 500, f"{path}: {answer.status_code} {answer.text[:300]}"
    forms = (("image_edits", "/v1/images/edits", "image"), ("transcriptions", "/v1/audio/transcriptions", "file"))
    for _, path, member in forms:
        model = "sim-image" if member == "image" else "sim-whisper"
        form = {"model": (None, f"simulator/{model}"), member: (None, f"{trap.url}/x"), "prompt": (None, "x")}
        assert client.post(path, files=form).status_code < 500
    assert trap.visits == 0


def test_headers_of_a_caller_change_neither_who_it_is_nor_where_it_goes(
    stack: Stack, client: httpx.Client, trap: Trap
) -> None:
    arn = "arn:aws:iam::000000000000:role/ops"
    context = base64.b64encode(json.dumps({"identity": {"userArn": arn}}).encode()).decode()
    spoofed = {
        "x-amzn-iam-user-arn": arn,
        "x-amzn-principal": arn,
        "x-amzn-request-context": context,
        "x-amz-security-token": "x",
        "x-sluice-team": "other",
        "x-sluice-key": "other",
        "x-sluice-admin": "true",
        "x-sluice-principal": arn,
        "x-sluice-tags": "team=other,key=other",
        "x-forwarded-host": trap.url.partition("//")[2],
        "x-forwarded-for": "10.0.0.1",
        "x-original-url": "/admin/keys",
        "x-rewrite-url": "/admin/keys",
        "x-http-method-override": "DELETE",
        "forwarded": f"host={trap.url.partition('//')[2]}",
        "lambda-runtime-aws-request-id": "x",
        "proxy-authorization": "Bearer x",
        "cookie": "session=x",
    }
    answer = client.post("/v1/chat/completions", json=CHAT, headers=spoofed)
    assert answer.status_code == 200, answer.text
    entry = ledger.entry_of(stack, answer.headers["x-request-id"])
    assert entry["team"] == answer.headers["x-request-id"].rpartition("_")[2]
    assert entry["team"] != "other"
    assert trap.visits == 0
    assert client.get("/admin/keys", headers=spoofed).status_code == 403
    without = httpx.post(f"{stack.url}/v1/chat/completions", json=CHAT, headers=spoofed, timeout=60)
    assert without.status_code == 401


@pytest.mark.parametrize("path", ["/iam/v1/chat/completions", "/iam/v1/models", "/iam/admin/keys"])
def test_a_key_opens_nothing_where_a_signature_is_wanted(client: httpx.Client, path: str) -> None:
    method = "POST" if path.endswith("completions") else "GET"
    signed = {"authorization": "AWS4-HMAC-SHA256 Credential=ops/20261124/us-east-1/execute-api/aws4_request, x=y"}
    for headers in ({}, signed, {"x-amz-date": "20261124T000000Z", **signed}):
        answer = client.request(method, path, json=CHAT if method == "POST" else None, headers=headers)
        assert answer.status_code in (401, 403, 404), answer.text


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_no_answer_shows_a_key_that_was_sent(stack: Stack, endpoint: Any) -> None:
    good = stack.api_key
    wrong = good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB")
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4tdGhlLXNlY3JldC1zdWJqZWN0In0."
    provider = "sk-proj-Provider0Key1Of2Somebody3Else4x"
    method = "GET" if endpoint.method == "ANY" else endpoint.method
    call = "simulator%2Fsim-fast/converse" if endpoint.path.startswith("/model") else "sim-fast:generateContent"
    path = endpoint.path.replace("{call+}", call).replace("{model+}", "x")
    path = path.replace("{path+}", "keys").replace("{", "").replace("}", "")
    ways: list[dict[str, Any]] = [
        {"headers": {"authorization": f"Bearer {wrong}"}},
        {"headers": {"x-api-key": wrong}},
        {"headers": {"authorization": f"Bearer {wrong}x"}},
        {"headers": {"authorization": f"Basic {base64.b64encode(good.encode()).decode()}"}},
        {"headers": {"authorization": f"Bearer {token}"}},
        {"headers": {"authorization": f"Bearer {provider}"}},
        {"params": {"key": wrong, "api_key": good, "access_token": provider}},
        {"cookies": {"key": good}},
    ]
    with httpx.Client(timeout=60) as client:
        for way in ways:
            client.cookies.clear()
            for name, value in way.pop("cookies", {}).items():
                client.cookies.set(name, value)
            answer = client.request(method, stack.url + path, json=CHAT if method == "POST" else None, **way)
            assert endpoint.public or answer.status_code in (400, 401), (
                f"{way}: {answer.status_code} {answer.text[:200]}"
            )
            told = answer.text + json.dumps(dict(answer.headers))
            for secret in (good[22:], wrong[22:], token, provider):
                assert secret not in told, f"{way}: {told[:400]}"


def test_keys_in_addresses_are_in_no_log_line(stack: Stack, client: httpx.Client) -> None:
    secret = "sk-proj-InTheAddress0Key1Of2Somebody3x"
    for path in (f"/v1/{secret}", f"/v1/models?key={secret}", f"/v1/requests/{secret}", f"/v1/models/{secret}"):
        client.get(path)
    client.post(
        "/v1/chat/completions", json={**CHAT, "model": secret, "user": secret}, headers={"x-sluice-session": secret}
    )
    lines = "".join(path.read_text(errors="replace") for path in stack.logs.glob("*.jsonl"))
    assert lines
    assert secret not in lines


def test_no_line_break_of_a_caller_makes_a_log_line_or_a_header(stack: Stack, client: httpx.Client) -> None:
    forged = 'x\r\n{"kind":"request","entry":{"team":"forged-team"}}\r\nx-forged: 1\n\n\u2028\x85'
    body = {**CHAT, "user": forged, "metadata": {"a": forged}, "model": "simulator/sim-fast"}
    answers = [
        client.post("/v1/chat/completions", json=body),
        client.post("/v1/chat/completions", json={**body, "model": forged}),
        client.get("/v1/models/" + "x%0d%0ax-forged:%201"),
        client.get("/v1/requests/x%0d%0ax-forged:%201"),
        client.post("/v1/uploads", json={"filename": forged, "bytes": 5, "mime_type": "image/png", "purpose": "x"}),
    ]
    assert not [answer.headers for answer in answers if "x-forged" in answer.headers]
    lines = [line for path in stack.logs.glob("*.jsonl") for line in path.read_text(errors="replace").splitlines()]
    kinds = [json.loads(line) for line in lines if line.startswith("{")]
    assert kinds
    assert not [each for each in kinds if each.get("entry", {}).get("team") == "forged-team"]
