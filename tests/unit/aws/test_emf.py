"""One line a request: metrics, ledger entry and nothing that was said."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice import metrics
from sluice.aws.emf import (
    attempt_lines,
    class_of,
    entry_from_line,
    family_of,
    fault_line,
    open_line,
    pair_of,
    request_line,
)
from sluice.endpoints import ENDPOINTS
from sluice.errors import ProviderError
from sluice.metering import request_ids
from sluice.metering.tally import Tally
from sluice.providers.registry import Registry
from sluice.types.catalogue import Auth, Model, Price, PriceTier, Provider, ProviderEndpoint
from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.routes import Deployment
from sluice.types.tenancy import Caller, VirtualKey
from sluice.types.usage import Usage
from tests.unit.aws.entries import ENTRIES, NOON, typical

MODEL = Model(
    "claude-sonnet-4-5",
    "anthropic",
    prices=(Price("", (PriceTier(0, {"input": 3_000_000_000}),), version="v1"),),
    context=200_000,
)
DEPLOYMENT = Deployment(
    Provider("anthropic", "Anthropic", "https://anthropic.example", Auth("bearer"), (), {}),
    MODEL,
    ProviderEndpoint("chat", "anthropic_messages", "/v1/messages"),
    MODEL.id,
)


def without_words(entry: LedgerEntry) -> LedgerEntry:
    return replace(entry, attempts=tuple(replace(attempt, message="") for attempt in entry.attempts))


def running(**changes: Any) -> Tally:
    key = VirtualKey("abcdefghijkl", "search", "laptop", "d" * 64)
    values: dict[str, Any] = {
        "request_id": request_ids.new(NOON, "search"),
        "caller": Caller(key, (("env", "prod"),), "session-1"),
        "operation": "chat",
        "dialect": "openai_chat",
        "started": 100.0,
        "wall_ms": NOON,
        "region": "eu-west-1",
        "requested": "fast",
        "stream": True,
        "prompt_bytes": 4001,
        "config_version": "c" * 64,
        "deployment": DEPLOYMENT,
        "reasons": ["a reason"],
    }
    return Tally(**{**values, **changes})


def series(document: dict[str, Any]) -> set[tuple[str, ...]]:
    """Return the series that a line feeds, after checking that its block says only what the line holds.

    The rules are those of the embedded metric format (specification, 2026-11).
    """
    found: set[tuple[str, ...]] = set()
    assert set(document["_aws"]) == {"Timestamp", "CloudWatchMetrics"}
    for directive in document["_aws"]["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert 1 <= len(directive["Metrics"]) <= 100
        assert directive["Dimensions"]
        for names in directive["Dimensions"]:
            assert len(names) <= 30
            assert all(isinstance(document[name], str) and document[name] for name in names)
            for metric in directive["Metrics"]:
                value = document[metric["Name"]]
                assert isinstance(value, int | float)
                assert not isinstance(value, bool)
                found.add((metric["Name"], *(part for name in names for part in (name, document[name]))))
    return found


def declared() -> set[tuple[str, ...]]:
    return {(name, *(part for each in dimensions.items() for part in each)) for name, dimensions in metrics.series()}


def fed(entry: LedgerEntry, cold: bool = False) -> set[str]:
    """Return the metrics that a request's line feeds, without the value 0."""
    document = json.loads(request_line(entry, cold))
    return {name for name, *_ in series(document) if document[name]}


def attempt(deployment: str, outcome: str) -> Attempt:
    return Attempt(deployment, 0, outcome, NOON, 5)


@given(ENTRIES, st.booleans())
def test_the_line_holds_the_entry_and_a_valid_block_of_metrics(entry: LedgerEntry, cold: bool) -> None:
    line = request_line(entry, cold)
    assert line.isascii()
    assert "\n" not in line
    document = json.loads(line)
    assert document["kind"] == "request"
    assert document["_aws"]["Timestamp"] == entry.started_ms + entry.duration_ms
    assert ("ColdStarts" in document) == cold
    assert series(document) <= declared()
    assert entry_from_line(line) == without_words(entry)
    assert entry_from_line(document) == without_words(entry)


def test_the_figures_are_those_of_the_request() -> None:
    document = json.loads(request_line(typical(), False, namespace="Sluice/dev"))
    assert {name: document[name] for name, *_ in series(document)} == {
        "Requests": 1,
        "Failures": 0,
        "Duration": 8412,
        "ProviderTime": 8412,
        "Overhead": 742,
        "FirstByte": 612,
        "InputTokens": 31_700,
        "OutputTokens": 800,
        "CostUSD": 0.0345,
        "SavedUSD": 0.079,
        "Attempts": 1,
    }
    assert {directive["Namespace"] for directive in document["_aws"]["CloudWatchMetrics"]} == {"Sluice/dev"}


@given(
    st.lists(
        st.tuples(
            st.text(max_size=8) | st.sampled_from(metrics.PROVIDERS),
            st.text(max_size=8) | st.sampled_from(["gpt-4o", "anthropic/claude-x", "llama-3", "qwen3"]),
            st.sampled_from([endpoint.operation for endpoint in ENDPOINTS]) | st.text(max_size=8),
            st.text(max_size=8),
        ),
        min_size=20,
        max_size=60,
    )
)
def test_whatever_callers_send_the_series_stay_on_the_declared_list(requests: list[tuple[str, str, str, str]]) -> None:
    for provider, model, operation, other in requests:
        tries = (attempt(f"{provider}/{model}", "server"), attempt(f"{other}/{model}", "rate_limit"))
        entry = typical(provider=provider, model=model, operation=operation, attempts=tries)
        for line in (request_line(entry, True), *attempt_lines(entry)):
            assert series(json.loads(line)) <= declared()


def test_every_model_of_the_bundled_catalogue_fits_into_the_declared_series() -> None:
    pairs = {pair_of(provider.name, model.id) for provider, model in Registry().all_models()}
    assert len(pairs) > 8
    assert pairs <= set(metrics.PAIRS)
    assert {pair_of(name, "anything") for name in Registry().names()} <= set(metrics.PAIRS)


def test_a_provider_has_the_same_name_alone_and_with_its_family() -> None:
    assert {provider for provider, _ in metrics.PAIRS} == set(metrics.PROVIDERS)


def test_a_request_that_reached_no_provider_is_measured_without_one() -> None:
    entry = typical(provider="", model="", deployment="", first_byte_ms=None, status=400, outcome="error", attempts=())
    found = series(json.loads(request_line(entry, False)))
    assert {name for _, *rest in found for name in rest[::2]} == {"Operation"}


def test_the_first_byte_is_measured_where_an_answer_is_streamed() -> None:
    assert "FirstByte" in fed(typical())
    assert "FirstByte" not in fed(typical(first_byte_ms=None))
    assert "FirstByte" not in fed(typical(stream=False))


CLASSES = {"CallerErrors", "Refusals", "ProviderErrors", "GatewayErrors", "CallersGone"}


@pytest.mark.parametrize(
    ("status", "outcome", "kind", "failures", "expected"),
    [
        (200, "ok", "", 0, None),
        (400, "error", "invalid_request_error", 0, "CallerErrors"),
        (400, "error", "bad_request", 0, "CallerErrors"),
        (404, "error", "not_found_error", 0, "CallerErrors"),
        (402, "error", "budget_exceeded", 0, "Refusals"),
        (429, "error", "rate_limit_error", 0, "Refusals"),
        (429, "error", "rate_limit", 0, "ProviderErrors"),
        (401, "error", "authentication", 0, "ProviderErrors"),
        (502, "error", "connection", 1, "ProviderErrors"),
        (200, "failed", "garbled", 1, "ProviderErrors"),
        (500, "error", "api_error", 1, "GatewayErrors"),
        (0, "lost", "", 1, "GatewayErrors"),
        (200, "aborted", "", 0, "CallersGone"),
    ],
)
def test_a_request_counts_in_one_class_of_error_at_most(
    status: int, outcome: str, kind: str, failures: int, expected: str | None
) -> None:
    entry = typical(status=status, outcome=outcome, error_kind=kind)
    assert fed(entry) & CLASSES == ({expected} if expected else set())
    assert json.loads(request_line(entry, False))["Failures"] == failures


def test_every_kind_of_a_provider_s_error_has_a_class() -> None:
    kinds = re.findall(r'"([a-z_]+)"', str(ProviderError.__doc__))
    assert len(kinds) > 10
    for kind in kinds:
        found = class_of(typical(status=502, outcome="error", error_kind=kind))
        assert found in (metrics.PROVIDER_ERRORS, metrics.CALLER_ERRORS), kind


def test_rare_figures_are_there_only_when_they_happened() -> None:
    assert not fed(typical(saved=())) & {metric.name for metric in metrics.METRICS if metric.rare}
    assert "ColdStarts" in fed(typical(), True)
    assert "LeaseMisses" in fed(typical(lease_misses=2))
    assert json.loads(request_line(typical(lease_misses=2), False))["LeaseMisses"] == 1
    assert "CacheHits" in fed(typical(cache="semantic"))
    assert "CacheHits" not in fed(typical(cache="miss"))


def test_what_was_charged_at_the_ceiling_is_counted() -> None:
    for version, counted in (("ceiling", 1), ("list#1+ceiling", 1), ("stated", 0), ("list#1", 0)):
        assert ("CeilingPriced" in fed(typical(price_version=version))) == bool(counted)


def test_retries_stay_at_a_deployment_and_fallbacks_leave_it() -> None:
    tries = (attempt("openai/a", "server"), attempt("openai/a", "server"), attempt("anthropic/b", "ok"))
    document = json.loads(request_line(typical(attempts=tries), False))
    assert (document["Retries"], document["Fallbacks"]) == (1, 1)


def test_each_provider_that_was_tried_is_measured_under_its_own_name() -> None:
    outcomes = [("openai/a", "server"), ("openai/a", "rate_limit"), ("groq/x", "timeout"), ("anthropic/b", "ok")]
    entry = typical(attempts=tuple(attempt(*each) for each in outcomes))
    own = json.loads(request_line(entry, False))
    assert (own["Provider"], own["Attempts"], "AttemptFailures" in own) == ("anthropic", 1, False)
    others = [json.loads(line) for line in attempt_lines(entry)]
    told = {each["Provider"]: {name: each[name] for name, *_ in series(each)} for each in others}
    assert told == {
        "openai": {"Attempts": 2, "AttemptFailures": 1, "Throttles": 1},
        "other": {"Attempts": 1, "AttemptFailures": 1},
    }
    assert {(each["kind"], each["request_id"]) for each in others} == {("attempts", entry.request_id)}


def test_a_request_that_one_provider_served_has_one_line() -> None:
    assert list(attempt_lines(typical())) == []


@pytest.mark.parametrize(
    ("outcome", "metric"),
    [("bad_request", None), ("content_filter", None), ("aborted", None), ("rate_limit", "Throttles"), ("ok", None)]
    + [
        (kind, "AttemptFailures")
        for kind in ("server", "overloaded", "timeout", "connection", "garbled", "authentication")
    ],
)
def test_only_what_a_provider_failed_at_speaks_against_it(outcome: str, metric: str | None) -> None:
    found = fed(typical(attempts=(attempt("anthropic/claude-sonnet-4-5", outcome),)))
    assert found & {"Throttles", "AttemptFailures"} == ({metric} if metric else set())


@pytest.mark.parametrize(
    ("event", "metric"),
    [("ledger_failed", "SettleFailures"), ("line_failed", "SettleFailures"), ("refresh_failed", "RefreshFailures")],
)
def test_a_fault_is_a_line_and_a_metric(event: str, metric: str) -> None:
    document = json.loads(fault_line(event, "AwsError", "req_1", at_ms=NOON))
    assert {name for name, *_ in series(document)} == {metric}
    assert (document["kind"], document["event"], document["error"]) == ("fault", event, "AwsError")


def test_a_defect_is_counted_with_its_request_alone() -> None:
    assert json.loads(fault_line("defect", "KeyError", "req_1")) == {
        "kind": "fault",
        "event": "defect",
        "error": "KeyError",
        "request_id": "req_1",
    }


@pytest.mark.parametrize(
    ("provider", "model", "pair"),
    [
        ("openai", "gpt-4o-mini", ("openai", "gpt")),
        ("openai", "whisper-1", ("openai", "gpt")),
        ("anthropic", "claude-sonnet-4-5", ("anthropic", "claude")),
        ("openrouter", "anthropic/claude-sonnet-4.5", ("openrouter", "other")),
        ("bedrock", "us.anthropic.claude-sonnet-4-5-v1:0", ("bedrock", "claude")),
        ("bedrock_mantle", "openai.gpt-oss", ("bedrock", "other")),
        ("azure_openai_legacy", "gpt-4o", ("azure_openai", "gpt")),
        ("vertex_anthropic", "claude-opus", ("vertex", "other")),
        ("groq", "llama-3.3-70b", ("other", "other")),
        ("own-host", "qwen3", ("other", "other")),
        ("openaiish", "x", ("other", "other")),
        ("", "", ("other", "other")),
    ],
)
def test_a_deployment_is_measured_under_its_nearest_pair(provider: str, model: str, pair: tuple[str, str]) -> None:
    assert pair_of(provider, model) == pair
    assert pair in metrics.PAIRS


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4.1", "gpt"),
        ("o3-mini", "gpt"),
        ("anthropic/claude-opus-4", "claude"),
        ("anthropic.claude-v2", "claude"),
        ("global.anthropic.claude-sonnet-4-5-v1:0", "claude"),
        ("meta-llama/Llama-3-8b", "llama"),
        ("gemini-2.5-pro", "gemini"),
        ("ft:gpt-4o-mini", "gpt"),
        ("qwen3:8b", "qwen"),
        ("mixtral-8x7b", "mistral"),
        ("deepseek-chat", "deepseek"),
        ("Qwen/Qwen3-32B", "qwen"),
        ("command-r", "other"),
    ],
)
def test_the_family_follows_from_the_model_s_name(model: str, family: str) -> None:
    assert family_of(model) == family


def test_what_a_provider_said_about_a_prompt_is_not_logged() -> None:
    attempt = Attempt("openai/gpt-4o", 400, "bad_request", NOON, 5, "req_1", "Invalid: 'my secret prompt'")
    line = request_line(typical(attempts=(attempt,)), False)
    assert "secret prompt" not in line
    assert entry_from_line(line).attempts[0].upstream_id == "req_1"


def test_the_line_before_the_call_holds_a_lost_entry_with_its_prompt_estimated() -> None:
    tally = running()
    line = open_line(tally)
    assert json.loads(line)["kind"] == "open"
    entry = entry_from_line(line)
    assert (entry.request_id, entry.team, entry.key_id) == (tally.request_id, "search", "abcdefghijkl")
    assert (entry.outcome, entry.status, entry.stream) == ("lost", 0, True)
    assert (entry.deployment, entry.requested_model) == ("anthropic/claude-sonnet-4-5", "fast")
    assert entry.usage == Usage(input=1001, estimated=True)
    assert (entry.cost, entry.price_version) == (3_003_000, "v1")
    assert (entry.started_ms, entry.region, entry.session) == (NOON, "eu-west-1", "session-1")
    assert entry.tags == (("env", "prod"),)


def test_the_estimate_of_a_lost_prompt_stops_at_the_model_s_context() -> None:
    assert entry_from_line(open_line(running(prompt_bytes=6_000_000))).usage.input == 200_000


def test_a_lost_request_for_something_free_costs_nothing() -> None:
    assert entry_from_line(open_line(running(free=True))).cost == 0


def test_writing_the_open_line_changes_nothing_of_the_running_request() -> None:
    tally = running()
    open_line(tally)
    assert (tally.outcome, tally.status, tally.usage, tally.reasons) == ("ok", 200, None, ["a reason"])


@pytest.mark.parametrize(
    "line",
    [
        '{"kind":"fault"}',
        "[]",
        "1",
        '{"kind":"request"}',
        '{"kind":"open","entry":[]}',
        '{"kind":"open","entry":{"team":"t"}}',
        "not json",
    ],
)
def test_a_line_of_another_kind_holds_no_entry(line: str) -> None:
    with pytest.raises(ValueError, match=r"line|Expecting"):
        entry_from_line(line)
