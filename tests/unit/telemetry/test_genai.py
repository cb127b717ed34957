"""Ledger entries in OpenTelemetry's words, and as OTLP's JSON."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given

from sluice.providers.registry import Registry
from sluice.telemetry.genai import error_of, points_of, spans_of, vendor_of
from sluice.telemetry.otlp import HISTOGRAMS, metrics_request, rejected, trace_request
from sluice.telemetry.traceparent import span_id
from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.usage import Usage
from tests.unit.aws.entries import ENTRIES, NOON, typical

RESOURCE = {"service.name": "sluice", "cloud.region": "eu-west-1"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

VALUE: dict[str, Any] = {"stringValue": str, "boolValue": bool, "intValue": "int64", "doubleValue": float}
PAIR = {"key": str, "value": VALUE}
SPAN = {
    "traceId": "hex32",
    "spanId": "hex16",
    "parentSpanId": "hex16",
    "name": str,
    "kind": int,
    "startTimeUnixNano": "int64",
    "endTimeUnixNano": "int64",
    "attributes": [PAIR],
    "status": {"code": int, "message": str},
}
SCOPE = {"name": str}
ATTRIBUTES = {"attributes": [PAIR]}
TRACES = {"resourceSpans": [{"resource": ATTRIBUTES, "scopeSpans": [{"scope": SCOPE, "spans": [SPAN]}]}]}
POINT = {
    "attributes": [PAIR],
    "startTimeUnixNano": "int64",
    "timeUnixNano": "int64",
    "count": "int64",
    "sum": float,
    "min": float,
    "max": float,
    "bucketCounts": ["int64"],
    "explicitBounds": [float],
}
HISTOGRAM = {"dataPoints": [POINT], "aggregationTemporality": int}
METRIC = {"name": str, "unit": str, "histogram": HISTOGRAM}
METRICS = {"resourceMetrics": [{"resource": ATTRIBUTES, "scopeMetrics": [{"scope": SCOPE, "metrics": [METRIC]}]}]}
"""The messages of opentelemetry-proto 1.x, as far as they are used, by the JSON names of their fields."""


def fits(value: Any, shape: Any, where: str = "") -> None:
    """Check a JSON value against a message, by the rules of the OTLP specification for JSON."""
    if isinstance(shape, list):
        assert isinstance(value, list), where
        for each in value:
            fits(each, shape[0], where)
    elif isinstance(shape, dict):
        assert isinstance(value, dict), where
        for name, member in value.items():
            if name == "arrayValue":
                fits(member, {"values": [VALUE]}, f"{where}.{name}")
                continue
            assert name in shape, f"{where}.{name}"
            fits(member, shape[name], f"{where}.{name}")
    elif shape == "int64":
        assert re.fullmatch(r"-?\d+", value), where
    elif isinstance(shape, str):
        assert re.fullmatch(f"[0-9a-f]{{{shape[3:]}}}", value), where
        assert value.strip("0"), where
    elif shape is float:
        assert isinstance(value, int | float), where
    else:
        assert type(value) is shape, where


def attributes(entry: LedgerEntry, **options: bool) -> dict[str, Any]:
    return dict(next(spans_of(entry, **options)).attributes)


@given(ENTRIES)
def test_every_entry_becomes_a_valid_request_for_traces(entry: LedgerEntry) -> None:
    for langfuse in (False, True):
        request = trace_request(spans_of(entry, langfuse=langfuse), RESOURCE)
        fits(json.loads(json.dumps(request)), TRACES)
        spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
        assert all(int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"]) for span in spans)


@given(ENTRIES)
def test_every_entry_becomes_a_valid_request_for_metrics(entry: LedgerEntry) -> None:
    points = list(points_of(entry))
    request = metrics_request(points, RESOURCE, start_ns=1, end_ns=2)
    fits(json.loads(json.dumps(request)), METRICS)
    for metric in request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]:
        for point in metric["histogram"]["dataPoints"]:
            assert len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1
            assert sum(map(int, point["bucketCounts"])) == int(point["count"])


def test_a_span_has_the_names_of_the_conventions() -> None:
    span = next(spans_of(typical(trace_id=TRACE, parent_span="00f067aa0ba902b7")))
    assert span.name == "chat claude-sonnet-4-5"
    assert (span.trace_id, span.parent) == (TRACE, "00f067aa0ba902b7")
    assert (span.end_ns - span.start_ns) == 8_412_000_000
    found = dict(span.attributes)
    assert {name: found[name] for name in found if name.startswith("gen_ai.")} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.612,
        "gen_ai.conversation.id": "session-0123456789",
        "gen_ai.usage.input_tokens": 31_700,
        "gen_ai.usage.cache_read.input_tokens": 30_000,
        "gen_ai.usage.cache_creation.input_tokens": 500,
        "gen_ai.usage.output_tokens": 800,
        "gen_ai.usage.reasoning.output_tokens": 300,
    }
    assert (found["sluice.cost_usd"], found["sluice.team"], found["sluice.tag.env"]) == (0.0345, "search", "prod")


def test_attempts_are_children_that_count_nothing_twice() -> None:
    tries = (Attempt("openai/gpt-4o", 500, "server", NOON, 5), Attempt("anthropic/claude", 200, "ok", NOON + 5, 9))
    entry = typical(attempts=tries)
    root, *children = spans_of(entry)
    assert [child.parent for child in children] == [root.span_id] * 2
    assert [child.span_id for child in children] == [span_id(entry.request_id, number) for number in (1, 2)]
    assert [child.error for child in children] == ["server", ""]
    assert [dict(child.attributes)["gen_ai.provider.name"] for child in children] == ["openai", "anthropic"]
    for child in children:
        assert not [name for name in child.attributes if "usage" in name or "cost" in name or "model" in name]


def test_a_request_that_brought_no_trace_has_the_same_one_each_time() -> None:
    first, again = next(spans_of(typical())), next(spans_of(typical()))
    assert (first.trace_id, first.span_id) == (again.trace_id, again.span_id)
    assert first.parent == ""


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({}, ""),
        ({"outcome": "aborted"}, ""),
        ({"outcome": "error", "status": 429, "error_kind": "rate_limit"}, "rate_limit"),
        ({"outcome": "error", "status": 503, "error_kind": ""}, "503"),
        ({"outcome": "lost", "status": 0}, "lost"),
    ],
)
def test_an_error_has_a_type_of_few_values(changes: dict[str, object], error: str) -> None:
    entry = typical(**changes)
    assert error_of(entry) == error
    assert attributes(entry).get("error.type", "") == error


def test_vendors_have_the_conventions_names() -> None:
    known = ("openai", "azure_openai_legacy", "bedrock_mantle", "vertex_anthropic", "gemini", "mistral", "xai", "groq")
    assert [vendor_of(name) for name in known] == [
        "openai",
        "azure.ai.openai",
        "aws.bedrock",
        "gcp.vertex_ai",
        "gcp.gemini",
        "mistral_ai",
        "x_ai",
        "groq",
    ]
    assert all(vendor_of(name) for name in Registry().names())


def test_langfuse_is_told_cost_tokens_and_tags() -> None:
    found = attributes(typical(), langfuse=True)
    assert json.loads(found["langfuse.observation.cost_details"]) == {"total": 0.0345}
    assert json.loads(found["langfuse.observation.usage_details"])["cache_read_input_tokens"] == 30_000
    assert found["langfuse.trace.tags"] == ("team:search", "env:prod", "feature:answers")
    assert not [name for name in attributes(typical()) if name.startswith("langfuse")]


def test_metrics_are_those_of_the_conventions() -> None:
    points = list(points_of(typical()))
    assert {point.metric for point in points} == set(HISTOGRAMS)
    tokens = [p for p in points if p.metric == "gen_ai.client.token.usage"]
    assert {p.attributes["gen_ai.token.type"]: p.value for p in tokens} == {"input": 31_700, "output": 800}
    assert not list(points_of(typical(provider="", usage=Usage())))


def test_points_of_one_kind_are_one_histogram() -> None:
    points = [point for _ in range(3) for point in points_of(typical())]
    request = metrics_request(points, RESOURCE, start_ns=1, end_ns=2)
    metrics = {each["name"]: each for each in request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]}
    (point,) = metrics["gen_ai.client.operation.duration"]["histogram"]["dataPoints"]
    assert (point["count"], point["bucketCounts"][10]) == ("3", "3")  # 5.12 s < 8.412 s <= 10.24 s


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ({}, 0),
        ({"partialSuccess": {}}, 0),
        ({"partialSuccess": {"rejectedSpans": "3", "errorMessage": "too old"}}, 3),
        ({"partialSuccess": {"rejectedDataPoints": 2}}, 2),
        ({"partialSuccess": {"rejectedSpans": "x"}}, 0),
        ({"partialSuccess": "no"}, 0),
    ],
)
def test_what_a_collector_did_not_take_is_counted(answer: dict[str, object], count: int) -> None:
    assert rejected(answer) == count
