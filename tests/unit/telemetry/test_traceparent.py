"""Traces: what is taken from a caller, what is made here, and what a provider is told."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.telemetry.traceparent import own_trace_id, parse, parse_x_ray, span_id, trace_of, valid_state
from sluice.types.routes import ProviderSettings
from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"
REQUEST = "req_01ABCDEFGH0123456789ABCDEF_search"
HEX = st.text("0123456789abcdef", min_size=1)
ANSWER = json.dumps(
    {
        "id": "x",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()
CHAT = "/v1/chat/completions"


def ask(model: str = "openai/test-gpt") -> dict[str, object]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}]}


def joined(*providers: str, answers: tuple[Scripted, ...] = ()) -> tuple[Gateway, ScriptedTransport]:
    """Return a gateway that lets these providers join the trace."""
    transport = ScriptedTransport(*(answers or (Scripted(body=ANSWER),)))
    settings = {
        name: ProviderSettings(base_url=f"https://{name}.example/v1", propagate_trace=name in providers)
        for name in ("openai", "anthropic")
    }
    return Gateway(transport, live=configuration(providers=settings)), transport


def test_a_valid_header_is_read() -> None:
    assert parse(HEADER) == (TRACE, SPAN, "01", "")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-1-2-01",
        HEADER.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"{HEADER}-more",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"{HEADER}, {HEADER}",
        f"00-{TRACE}-{SPAN}-\u0660\u0661",
    ],
)
def test_an_invalid_header_is_as_if_it_were_not_there(header: str) -> None:
    assert parse(header) is None
    found = trace_of({"traceparent": header, "tracestate": "a=b"}, REQUEST)
    assert found == (own_trace_id(REQUEST), "", "01", "")


def test_of_a_later_version_the_known_part_is_read() -> None:
    assert parse(f"cc-{TRACE}-{SPAN}-ff-and-what-is-new") == (TRACE, SPAN, "03", "")


@given(st.text(max_size=70) | st.lists(HEX, min_size=3, max_size=5).map("-".join))
def test_whatever_comes_the_trace_is_one_that_others_can_read(header: str) -> None:
    found = trace_of({"traceparent": header}, REQUEST)
    assert parse(found.header(span_id(REQUEST))) is not None


@pytest.mark.parametrize(
    ("state", "valid"),
    [
        ("congo=t61rcWkgMzE", True),
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", True),
        ("fw529a3039@dt=FfAxGoSd, other=x", True),
        ("", False),
        ("congo", False),
        ("congo=", False),
        ("Congo=1", False),
        ("a=1,a=2", False),
        ("a=b=c", False),
        ("a=\n", False),
        (",".join(f"k{number}=v" for number in range(33)), False),
        ("a=" + "x" * 600, False),
    ],
)
def test_a_tracestate_is_kept_whole_or_dropped(state: str, valid: bool) -> None:
    assert valid_state(state) is valid
    found = trace_of({"traceparent": HEADER, "tracestate": state}, REQUEST)
    assert found == (TRACE, SPAN, "01", state if valid else "")


def test_without_a_header_the_trace_is_api_gateways() -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:1|b:0"
    assert parse_x_ray(header) == ("5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8", "01", "")
    unsampled = "Self=1-1-1;Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
    assert parse_x_ray(unsampled) == ("5759e988bd862e3fe1be46a994272793", "", "01", "")
    assert trace_of({"x-amzn-trace-id": header}, REQUEST).trace_id == "5759e988bd862e3fe1be46a994272793"
    assert trace_of({"x-amzn-trace-id": header, "traceparent": HEADER}, REQUEST).trace_id == TRACE


@pytest.mark.parametrize("header", ["", "Root=1-2-3", "Root=2-5759e988-bd862e3fe1be46a994272793", "nonsense;=;"])
def test_a_broken_x_ray_header_is_passed_over(header: str) -> None:
    assert parse_x_ray(header) is None


def test_ids_follow_from_the_request_and_differ_by_attempt() -> None:
    assert span_id(REQUEST) == span_id(REQUEST)
    assert len({span_id(REQUEST, attempt) for attempt in range(5)}) == 5
    assert len(own_trace_id(REQUEST)) == 32


def test_the_answer_and_the_ledger_name_the_trace() -> None:
    gateway, _ = joined()
    response, _ = gateway.ask(CHAT, ask(), traceparent=HEADER)
    entry = next(iter(gateway.ledger.entries.values()))
    assert (entry.trace_id, entry.parent_span) == (TRACE, SPAN)
    assert response.headers["traceresponse"] == f"00-{TRACE}-{span_id(entry.request_id)}-01"


def test_a_refused_request_names_its_trace_too() -> None:
    gateway, _ = joined()
    response, _ = gateway.ask(CHAT, ask("nobody/has-it"), traceparent=HEADER)
    assert response.status == 404
    assert response.headers["traceresponse"].split("-")[1] == TRACE


def test_a_provider_is_told_nothing_unless_the_configuration_says_so() -> None:
    gateway, transport = joined("anthropic")
    gateway.ask(CHAT, ask(), traceparent=HEADER, tracestate="a=b", baggage="user=1")
    assert not {"traceparent", "tracestate", "baggage", "x-amzn-trace-id"} & set(transport.calls[0].headers)


def test_each_attempt_is_a_span_of_its_own() -> None:
    gateway, transport = joined("openai", answers=(Scripted(500, body=b"{}"), Scripted(body=ANSWER)))
    gateway.ask(CHAT, ask(), traceparent=HEADER, tracestate="a=b")
    entry = next(iter(gateway.ledger.entries.values()))
    sent = [(call.headers["traceparent"], call.headers["tracestate"]) for call in transport.calls]
    spans = [span_id(entry.request_id, attempt) for attempt in (1, 2)]
    assert sent == [(f"00-{TRACE}-{span}-01", "a=b") for span in spans]


def test_the_callers_own_sampling_decision_is_kept() -> None:
    gateway, transport = joined("openai")
    response, _ = gateway.ask(CHAT, ask(), traceparent=f"00-{TRACE}-{SPAN}-00")
    assert transport.calls[0].headers["traceparent"].endswith("-00")
    assert response.headers["traceresponse"].endswith("-00")
