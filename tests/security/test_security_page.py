"""The page on threats against the code: whatever it names exists, every threat has a test, and some have it here."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from tests.fakes import Gateway, Scripted, ScriptedTransport

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers/sluice/python"
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
THREATS = PAGE.split("## Threats")[1].split("## Not covered")[0]
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split(" | ")]
    for line in THREATS.splitlines()
    if re.match(r"\| (?:[STRIDE] |\.\.\.)", line)
]
CHAT = {"model": "openai/test-gpt", "messages": [{"role": "user", "content": "hello"}]}
ANSWER = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant",'
    b'"content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
)


@functools.cache
def named_in(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def found(path: str) -> bool:
    return (PACKAGE / path if path.startswith("sluice/") else ROOT / path).exists()


def test_the_page_has_threats_of_every_kind() -> None:
    assert len(ROWS) >= 45
    assert {row[0][0] for row in ROWS} == set("STRIDE")
    lines = [line for line in THREATS.splitlines() if line.startswith("|")]
    assert len(lines) == len(ROWS) + 2 * THREATS.count("\n|---")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"\W+", "-", row[0])[:60])
def test_a_threat_names_code_and_tests_that_exist(row: list[str]) -> None:
    assert len(row) == 4, row
    _, stopped, where, shown = row
    assert stopped
    places = re.findall(r"`([^`]+)`", where)
    assert places
    assert [place for place in places if not found(place)] == []
    tests = re.findall(r"`([^`:]+)::([^`]+)`", shown)
    assert tests
    assert len(tests) == shown.count("`") // 2
    assert [f"{path}::{name}" for path, name in tests if name not in named_in(path)] == []
    assert all(name.startswith("test_") for _, name in tests)


def test_no_answer_is_cached_or_may_be() -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)))
    for _ in range(2):
        response, _ = gateway.ask("/v1/chat/completions", CHAT)
        assert (response.headers["x-sluice-cache"], response.headers["cache-control"]) == ("off", "no-store")
    refused, _ = gateway.ask("/v1/chat/completions", CHAT, key="")
    assert refused.headers["cache-control"] == "no-store"


def test_a_providers_headers_do_not_reach_the_caller() -> None:
    spoken = {
        "content-type": "application/json",
        "set-cookie": "session=x",
        "location": "https://evil.example",
        "access-control-allow-origin": "*",
        "x-sluice-provider": "other",
        "x-sluice-cost-usd": "0",
        "x-request-id": "req_of_the_provider",
        "strict-transport-security": "max-age=0",
    }
    for status, body in ((200, ANSWER), (400, b'{"error":{"message":"no","type":"invalid_request_error"}}')):
        response, _ = Gateway(ScriptedTransport(Scripted(status, body, spoken))).ask("/v1/chat/completions", CHAT)
        assert response.status == status
        told = {name.lower(): value for name, value in response.headers.items()}
        assert not {"set-cookie", "location", "access-control-allow-origin", "strict-transport-security"} & set(told)
        assert told["x-sluice-provider"] == "openai"
        assert told["x-request-id"] != "req_of_the_provider"
        assert told.get("x-sluice-cost-usd") != "0"


def test_only_answers_and_own_records_are_inflated() -> None:
    words = re.compile(r"\b(?:decompress(?:obj)?|GzipFile|gzip\.open|ZipFile|tarfile|lzma|bz2)\b")
    sources = {str(path.relative_to(PACKAGE / "sluice")): path for path in (PACKAGE / "sluice").rglob("*.py")}
    inflating = {
        name
        for name, path in sources.items()
        if not name.startswith(("local/", "cli/")) and words.search(path.read_text(encoding="utf-8"))
    }
    answers = {"providers/http1.py"}
    own_records = {"dialects/openai_responses/stored.py", "aws/stores/responses.py", "aws/stores/journals.py"}
    own_files = {"aws/export.py", "control/invoices/export_rows.py"}
    assert answers <= inflating
    assert inflating - answers <= own_records | own_files


NAMED = "x\r\nx-evil: 1\x00\u2603"
DROPPING = {
    "/v1/chat/completions": {**CHAT, "model": "anthropic/test-claude", "metadata": {}},
    "/v1/messages": {"model": "openai/test-gpt", "max_tokens": 5, "messages": CHAT["messages"]},
    "/v2/chat": CHAT,
    "/api/chat": {**CHAT, "stream": False},
    "/v1/completions": {"model": "openai/test-gpt", "prompt": "hello"},
}


@pytest.mark.parametrize("path", DROPPING)
def test_what_a_caller_names_splits_no_header(path: str) -> None:
    response, _ = Gateway(ScriptedTransport(Scripted(body=ANSWER))).ask(path, {**DROPPING[path], NAMED: 1})
    assert "dropped:x??x-evil: 1??" in response.headers["x-sluice-edits"]
    assert all(value.isascii() and value.isprintable() for value in response.headers.values())
