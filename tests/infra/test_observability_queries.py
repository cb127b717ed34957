"""Saved queries ask for fields that the gateway's lines have: lines of requests that it really served."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from infra.build import ROOT
from infra.constructs.rest_api import ACCESS_LOG
from infra.observability.model import Query
from infra.observability.queries import ACCESS, JOBS, QUERIES, REQUESTS, query_named
from sluice.aws.emf import attempt_lines, fault_line, metric_line, open_line, request_line
from sluice.metrics import METRICS
from sluice.types.budgets import Budget, Scope, Window
from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, events

CHAT = "/v1/chat/completions"
ASK: dict[str, Any] = {
    "model": "openai/test-gpt",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 50,
    "user": "u-1",
}
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
ANSWER: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "test-gpt",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
OK = Scripted(body=json.dumps(ANSWER).encode())
DOWN = Scripted(500, b'{"error":{"message":"down"}}')
STREAM = (
    {**ANSWER, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}}], "usage": None},
    {**ANSWER, "object": "chat.completion.chunk", "choices": [], "usage": USAGE},
)
WORDS = {
    *("fields", "filter", "stats", "sort", "limit", "display", "by", "as", "and", "or", "not", "in", "like"),
    *("asc", "desc", "bin", "m"),
}
FUNCTIONS = {"count", "sum", "pct", "latest", "ispresent", "bin"}
SYSTEM = {"@timestamp", "@message", "@log", "@logStream"}
"""Fields that CloudWatch adds to every event."""


def served(*asked: dict[str, Any], transport: ScriptedTransport, **changes: Any) -> Iterator[str]:
    """Yield the lines of requests, as `sluice.aws.entry` composes the gateway to write them."""
    gateway = Gateway(transport, live=configuration(**changes), open_line=open_line)
    for body in asked:
        gateway.ask(CHAT, {**ASK, **body})
    yield from (line for line in gateway.lines.written if '"kind":"open"' in line)
    for entry in gateway.ledger.entries.values():
        yield request_line(entry, True)
        yield from attempt_lines(entry)


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    """One line of each kind and each way in which a request can end."""
    spent = Budget(id="team-search", scope=Scope("team", "search"), amount=1_000, window=Window("month"))
    enough = Budget(id="team-search", scope=Scope("team", "search"), amount=10**9, window=Window("month"))
    streamed = events(*[b"data: " + json.dumps(each).encode() + b"\n\n" for each in STREAM], b"data: [DONE]\n\n")
    written = [
        *served({}, transport=ScriptedTransport(OK)),
        *served({"stream": True}, transport=ScriptedTransport(streamed)),
        *served({"model": "pair"}, transport=ScriptedTransport(DOWN, DOWN, DOWN, DOWN, OK, OK)),
        *served({}, transport=ScriptedTransport(*[DOWN] * 9)),
        *served({}, transport=ScriptedTransport(OK), budgets={spent.id: spent}),
        *served({}, transport=ScriptedTransport(OK), budgets={enough.id: enough}),
        fault_line("ledger_failed", "ThrottlingException", "req_1"),
        fault_line("refresh_failed", "TimeoutError"),
        metric_line("books", [(metric, 1) for metric in METRICS], {}, namespace="Sluice", at_ms=0),
    ]
    return [dict(json.loads(line)) for line in written]


def paths(value: object, prefix: str = "") -> Iterator[str]:
    """Yield the names that CloudWatch Logs Insights gives the members of a JSON line."""
    items: Iterable[tuple[object, object]]
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    else:
        yield prefix
        return
    for name, member in items:
        yield from paths(member, f"{prefix}.{name}" if prefix else str(name))


def asked_for(query: Query) -> set[str]:
    """Return the fields that a query names, without those that it makes itself."""
    text = re.sub(r'"[^"]*"|/\(\?i\)[^/]*/|/\^\w+/', "", query.text)
    made = set(re.findall(r"\bas (\w+)", text))
    called = set(re.findall(r"(\w+)\(", text))
    assert called - {"in"} <= FUNCTIONS, query.name
    names = set(re.findall(r"@?[A-Za-z_][A-Za-z0-9_.]*", text))
    return names - WORDS - FUNCTIONS - made - SYSTEM


def written_by_the_sweep() -> set[str]:
    """Return the members of the `correction` line, out of the source of the one place that writes it."""
    tree = ast.parse((ROOT / "layers/sluice/python/sluice/aws/reconcile.py").read_text(encoding="utf-8"))
    (told,) = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "told"
        if isinstance(node.value, ast.Dict)
    ]
    return {key.value for key in told.keys if isinstance(key, ast.Constant)}


def kinds_of_jobs() -> set[str]:
    """Return the kinds of lines that jobs write, out of their sources."""
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "layers/sluice/python/sluice/aws").glob("*.py")]
    written = r'(?:metric_line|_line)\(\s*"(\w+)"|"kind": "(\w+)"'
    return {first or second for source in sources for first, second in re.findall(written, source)}


@pytest.mark.parametrize("query", [each for each in QUERIES if each.groups != ACCESS], ids=lambda each: each.name)
def test_a_query_asks_for_fields_that_the_gateway_writes(query: Query, lines: list[dict[str, Any]]) -> None:
    written = {path for line in lines for path in paths(line)} | written_by_the_sweep()
    assert asked_for(query)
    assert not asked_for(query) - written


def test_a_query_of_the_access_log_asks_for_fields_of_its_format() -> None:
    for query in QUERIES:
        if query.groups == ACCESS:
            assert asked_for(query) <= set(ACCESS_LOG)


@pytest.mark.parametrize("query", QUERIES, ids=lambda each: each.name)
def test_kinds_of_lines_that_a_query_filters_by_are_written(query: Query, lines: list[dict[str, Any]]) -> None:
    known = {line["kind"] for line in lines} | kinds_of_jobs()
    wanted = re.search(r'kind (?:= ("\w+")|in \[([^\]]+)\]|like /\^(\w+)/)', query.text)
    if wanted is not None and wanted[3]:
        assert [kind for kind in known if kind.startswith(wanted[3])]
    elif wanted is not None:
        assert set(re.findall(r"\w+", wanted[1] or wanted[2])) <= known
    else:
        assert query.name in ("one-request", "crashes", "api-errors")


def test_queries_read_functions_that_write_such_lines() -> None:
    names = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir()}
    assert set(REQUESTS) | set(JOBS) <= names
    for query in QUERIES:
        assert set(query.groups) <= names | set(ACCESS), query.name


def test_every_query_is_bounded_and_says_what_it_is_for() -> None:
    assert len({query.name for query in QUERIES}) == len(QUERIES) > 10
    for query in QUERIES:
        assert re.fullmatch(r"[a-z-]+", query.name)
        assert query.says.endswith("."), query.name
        assert "| limit " in query.text, query.name


def test_words_that_an_operator_replaces_stand_in_capitals() -> None:
    assert '"REQUEST"' in query_named("one-request").text
    assert '"KEY"' in query_named("keys-requests").text
