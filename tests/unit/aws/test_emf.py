"""One line a request: metrics, ledger entry and nothing that was said."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.aws import emf
from sluice.aws.emf import entry_from_line, family_of, open_line, pair_of, request_line
from sluice.endpoints import ENDPOINTS
from sluice.metering import request_ids
from sluice.metering.tally import Tally
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
    """Return the series that a line feeds, after checking that its block says only what the line holds."""
    found = set()
    for directive in document["_aws"]["CloudWatchMetrics"]:
        assert len(directive["Dimensions"]) == 1
        for name in directive["Dimensions"][0]:
            assert isinstance(document[name], str)
            assert document[name]
        for metric in directive["Metrics"]:
            assert isinstance(document[metric["Name"]], int | float)
            names = directive["Dimensions"][0]
            found.add((metric["Name"], *names, *(document[name] for name in names)))
    return found


@given(ENTRIES, st.booleans())
def test_the_line_holds_the_entry_and_a_valid_block_of_metrics(entry: LedgerEntry, cold: bool) -> None:
    line = request_line(entry, cold)
    assert line.isascii()
    assert "\n" not in line
    document = json.loads(line)
    assert document["kind"] == "request"
    assert document["_aws"]["Timestamp"] == entry.started_ms + entry.duration_ms
    assert document["ColdStarts"] == int(cold)
    assert series(document)
    assert entry_from_line(line) == without_words(entry)
    assert entry_from_line(document) == without_words(entry)


def test_the_figures_are_those_of_the_request() -> None:
    document = json.loads(request_line(typical(), False, namespace="Sluice/dev"))
    shown = {name: document[name] for name in (*emf.PAIR_METRICS, *emf.OPERATION_METRICS)}
    assert shown == {
        "Errors": 0,
        "Duration": 8412,
        "FirstByte": 612,
        "InputTokens": 31_700,
        "OutputTokens": 800,
        "CostUSD": 0.0345,
        "Overhead": 742,
        "ColdStarts": 0,
    }
    assert {directive["Namespace"] for directive in document["_aws"]["CloudWatchMetrics"]} == {"Sluice/dev"}


@given(
    st.lists(
        st.tuples(
            st.text(max_size=8) | st.sampled_from([provider for provider, _ in emf.PAIRS]),
            st.text(max_size=8) | st.sampled_from(["gpt-4o", "anthropic/claude-x", "llama-3", "qwen3"]),
            st.sampled_from([endpoint.operation for endpoint in ENDPOINTS]) | st.text(max_size=8),
        ),
        min_size=20,
        max_size=60,
    )
)
def test_whatever_callers_send_the_series_stay_on_the_fixed_list(requests: list[tuple[str, str, str]]) -> None:
    found: set[tuple[str, ...]] = set()
    for provider, model, operation in requests:
        entry = typical(provider=provider, model=model, operation=operation)
        found |= series(json.loads(request_line(entry, True)))
    pairs = {(metric, "Provider", "Family", *pair) for pair in emf.PAIRS for metric in emf.PAIR_METRICS}
    operations = {(metric, "Operation", name) for name in emf.OPERATIONS for metric in emf.OPERATION_METRICS}
    assert found <= pairs | operations
    assert len(pairs | operations) <= emf.SERIES_LIMIT


def test_no_tenant_key_or_request_is_a_dimension() -> None:
    document = json.loads(request_line(typical(), False))
    names = {name for each in document["_aws"]["CloudWatchMetrics"] for name in each["Dimensions"][0]}
    assert names == {"Provider", "Family", "Operation"}


def test_every_metered_operation_has_a_series_of_its_own() -> None:
    assert {"chat", "embeddings", "count_tokens"} <= set(emf.OPERATIONS)


def test_a_request_that_reached_no_provider_is_measured_by_operation_only() -> None:
    entry = typical(provider="", model="", deployment="", first_byte_ms=None, status=400, outcome="error")
    assert {name for _, name, *_ in series(json.loads(request_line(entry, False)))} == {"Operation"}


def test_a_request_without_a_first_byte_feeds_no_first_byte_metric() -> None:
    document = json.loads(request_line(typical(first_byte_ms=None), False))
    assert "FirstByte" not in {metric for metric, *_ in series(document)}
    assert "FirstByte" in {metric for metric, *_ in series(json.loads(request_line(typical(), False)))}


@pytest.mark.parametrize(
    ("status", "outcome", "errors"),
    [
        (200, "ok", 0),
        (400, "error", 0),
        (429, "error", 0),
        (499, "aborted", 0),
        (502, "error", 1),
        (200, "failed", 1),
        (0, "lost", 1),
    ],
)
def test_an_error_is_what_the_service_failed_at(status: int, outcome: str, errors: int) -> None:
    assert json.loads(request_line(typical(status=status, outcome=outcome), False))["Errors"] == errors


@pytest.mark.parametrize(
    ("provider", "model", "pair"),
    [
        ("openai", "gpt-4o-mini", ("openai", "gpt")),
        ("openai", "whisper-1", ("openai", "gpt")),
        ("anthropic", "claude-sonnet-4-5", ("anthropic", "claude")),
        ("openrouter", "anthropic/claude-sonnet-4.5", ("openrouter", "claude")),
        ("openrouter", "meta-llama/llama-3.3-70b", ("openrouter", "other")),
        ("groq", "llama-3.3-70b", ("groq", "other")),
        ("bedrock", "us.anthropic.claude-sonnet-4-5", ("other", "claude")),
        ("own-host", "qwen3", ("other", "other")),
        ("", "", ("other", "other")),
    ],
)
def test_a_deployment_is_measured_under_its_nearest_pair(provider: str, model: str, pair: tuple[str, str]) -> None:
    assert pair_of(provider, model) == pair
    assert pair in emf.PAIRS


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4.1", "gpt"),
        ("o3-mini", "gpt"),
        ("anthropic/claude-opus-4", "claude"),
        ("anthropic.claude-v2", "claude"),
        ("meta-llama/Llama-3-8b", "llama"),
        ("gemini-2.5-pro", "gemini"),
        ("ft:gpt-4o-mini", "gpt"),
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
