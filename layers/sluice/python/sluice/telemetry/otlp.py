"""OTLP/HTTP bodies in JSON: export requests for traces and metrics.

The protocol's JSON is that of Protocol Buffers with lowerCamelCase names, 64-bit integers as decimal text and enums as
numbers, but for trace and span ids, which are hex (OTLP specification 1.x, "JSON Protobuf Encoding", 2026-11).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any

from sluice.telemetry.genai import Point, Span, Value

SCOPE = {"name": "sluice"}
CLIENT = 3
ERROR = 2
DELTA = 1
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_CHUNK = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
HISTOGRAMS: dict[str, tuple[str, tuple[float, ...]]] = {
    "gen_ai.client.operation.duration": ("s", SECONDS),
    "gen_ai.client.operation.time_to_first_chunk": ("s", FIRST_CHUNK),
    "gen_ai.client.token.usage": ("{token}", TOKENS),
}
"""Metric -> unit and bucket boundaries, as the GenAI conventions want them (2026-11)."""

Json = dict[str, Any]


def trace_request(spans: Iterable[Span], resource: Mapping[str, Value]) -> Json:
    """Return an ExportTraceServiceRequest."""
    scoped = {"scope": SCOPE, "spans": [_span(span) for span in spans]}
    return {"resourceSpans": [{"resource": {"attributes": _pairs(resource)}, "scopeSpans": [scoped]}]}


def metrics_request(points: Iterable[Point], resource: Mapping[str, Value], *, start_ns: int, end_ns: int) -> Json:
    """Return an ExportMetricsServiceRequest with delta histograms of what happened between two moments."""
    groups: dict[str, dict[tuple[tuple[str, str], ...], list[float]]] = {}
    for point in points:
        key = tuple(sorted(point.attributes.items()))
        groups.setdefault(point.metric, {}).setdefault(key, []).append(point.value)
    made = []
    for name, series in groups.items():
        unit, bounds = HISTOGRAMS[name]
        times = {"startTimeUnixNano": str(start_ns), "timeUnixNano": str(end_ns)}
        data_points = [
            {"attributes": _pairs(dict(key)), **times, **_histogram(values, bounds)} for key, values in series.items()
        ]
        histogram = {"dataPoints": data_points, "aggregationTemporality": DELTA}
        made.append({"name": name, "unit": unit, "histogram": histogram})
    scoped = {"scope": SCOPE, "metrics": made}
    return {"resourceMetrics": [{"resource": {"attributes": _pairs(resource)}, "scopeMetrics": [scoped]}]}


def rejected(answer: Mapping[str, Any]) -> int:
    """Return how many spans or points a collector says it did not take (`partialSuccess`)."""
    partial = answer.get("partialSuccess")
    told = partial if isinstance(partial, Mapping) else {}
    try:
        return sum(int(told.get(name) or 0) for name in ("rejectedSpans", "rejectedDataPoints"))
    except (TypeError, ValueError):
        return 0


def _histogram(values: list[float], bounds: tuple[float, ...]) -> Json:
    counts = [0] * (len(bounds) + 1)
    for value in values:
        counts[bisect_left(bounds, value)] += 1  # a boundary belongs to the bucket that ends with it
    return {
        "count": str(len(values)),
        "sum": sum(values),
        "min": min(values),
        "max": max(values),
        "bucketCounts": [str(count) for count in counts],
        "explicitBounds": list(bounds),
    }


def _span(span: Span) -> Json:
    made: Json = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": CLIENT,
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": _pairs(span.attributes),
        "status": {"code": ERROR, "message": span.error} if span.error else {},
    }
    return {**made, "parentSpanId": span.parent} if span.parent else made


def _pairs(attributes: Mapping[str, Value]) -> list[Json]:
    return [{"key": name, "value": _value(value)} for name, value in attributes.items()]


def _value(value: Value) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, tuple):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": value}
