"""Budgets and rate limits around a request, through the whole gateway in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sluice.aws.emf import entry_from_line, open_line
from sluice.aws.errors import Refused, Unavailable
from sluice.errors import ProviderUnreachable
from sluice.metering.tally import Tally
from sluice.ports import UpstreamAnswer, UpstreamCall
from sluice.types.budgets import Budget, Limit, Rate, Scope, Window
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Route, RouteTarget
from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, custom, events

CENT = 10_000_000
TEAM = Scope("team", "search")
MONTH = Window("month")
ASK: dict[str, Any] = {
    "model": "openai/test-gpt",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 100,
}
ANSWER = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "test-gpt",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
COST = 20_000
"""What the answer costs: 10 tokens at a dollar and 5 at two dollars a million."""


def answering() -> ScriptedTransport:
    return ScriptedTransport(Scripted(body=json.dumps(ANSWER).encode()))


def budget(amount: int, **changes: Any) -> Budget:
    return Budget(**{"id": "team-search", "scope": TEAM, "amount": amount, "window": MONTH, **changes})


def gateway(*rules: Budget | Limit, transport: ScriptedTransport | None = None, **changes: Any) -> Gateway:
    budgets = {rule.id: rule for rule in rules if isinstance(rule, Budget)}
    limits = {rule.id: rule for rule in rules if isinstance(rule, Limit)}
    live = configuration(budgets=budgets, limits=limits, **changes)
    return Gateway(transport or answering(), live=live)


def ask(served: Gateway, path: str = "/v1/chat/completions", **changes: Any) -> tuple[Any, Any]:
    response, body = served.ask(path, {**ASK, **changes})
    return response, json.loads(body)


def test_a_request_is_charged_to_its_budget_and_its_entry_says_from_which_hold() -> None:
    served = gateway(budget(100 * CENT))
    ask(served)
    entry = served.ledger.only
    assert entry.cost == COST
    ((hold, paid),) = entry.holds
    assert paid == COST
    (state,) = served.counters.items.values()
    assert hold in state.holds
    assert state.committed >= COST


def test_a_spent_budget_refuses_before_any_call_in_the_callers_dialect_and_says_how_much() -> None:
    transport = answering()
    served = gateway(budget(1_000), transport=transport)
    response, body = ask(served)
    assert (response.status, body["error"]["type"]) == (402, "budget_exceeded")
    assert response.headers["x-should-retry"] == "false"
    assert "Budget 'team-search' has $" in body["error"]["message"]
    assert "could cost up to $0.000" in body["error"]["message"]
    response, body = ask(served, "/v1/messages")
    assert (response.status, body["type"], body["error"]["type"]) == (402, "error", "budget_exceeded")
    assert transport.calls == []
    assert [entry.cost for entry in served.ledger.entries.values()] == [0, 0]
    assert sum(state.committed for state in served.counters.items.values()) == 0


def test_a_hard_budget_is_never_overspent_and_nearly_used_up() -> None:
    served = gateway(budget(100 * COST, strict=True))
    statuses = [ask(served)[0].status for _ in range(150)]
    spent = sum(entry.cost for entry in served.ledger.entries.values())
    assert spent <= 100 * COST
    assert spent >= 97 * COST - 2 * 200_000  # the last requests' worst cases no longer fit
    assert statuses[0] == 200
    assert statuses[-1] == 402


@pytest.mark.parametrize("model", ["openai/test-gpt", "anthropic/test-claude"], ids=["passed", "translated"])
def test_an_answer_is_shortened_to_what_the_budget_pays_for(model: str) -> None:
    transport = answering()
    served = gateway(budget(1_000_000, min_output=10), transport=transport)
    response, _ = ask(served, model=model, max_tokens=100_000)
    sent = transport.sent()["max_tokens"]
    assert isinstance(sent, int)
    assert 10 <= sent < 500
    assert "clamped:max_tokens" in response.headers["x-sluice-edits"]


def test_an_answer_that_would_be_too_short_is_refused() -> None:
    served = gateway(budget(300_000, min_output=1_000))
    assert ask(served, max_tokens=100_000)[0].status == 402


def test_one_request_may_be_bound_by_itself() -> None:
    transport = answering()
    served = gateway(budget(100 * CENT, per_request=500_000), transport=transport)
    assert ask(served, max_tokens=1_000_000)[0].status == 200
    assert transport.sent()["max_tokens"] < 250  # type: ignore[operator]
    response, body = ask(served, messages=[{"role": "user", "content": "long " * 20_000}])
    assert (response.status, "at most $" in body["error"]["message"]) == (402, True)


def test_a_budget_that_only_alerts_refuses_nothing() -> None:
    served = gateway(budget(1, hard=False))
    assert ask(served)[0].status == 200
    assert served.ledger.only.holds[0][1] == COST


def test_a_budget_sends_requests_to_its_cheaper_route() -> None:
    transport = answering()
    routes = {"cheap": Route("cheap", (RouteTarget("openai/other-gpt"),))}
    served = gateway(
        budget(100 * COST, downgrade="cheap", downgrade_at=1, strict=True), transport=transport, routes=routes
    )
    for _ in range(5):
        assert ask(served, max_tokens=20)[0].status == 200
    models = [entry.model for entry in served.ledger.entries.values()]
    assert (models[0], models[-1]) == ("test-gpt", "other-gpt")
    assert any("team-search" in reason for reason in list(served.ledger.entries.values())[-1].reasons)


def test_a_cheaper_routes_own_budget_pays_once_requests_are_sent_there() -> None:
    routes = {"cheap": Route("cheap", (RouteTarget("openai/other-gpt"),))}
    own = Budget("cheap-only", Scope("route", "cheap"), 100 * CENT, MONTH)
    team = budget(100 * COST, downgrade="cheap", downgrade_at=1, strict=True)
    served = gateway(team, own, transport=answering(), routes=routes)
    for _ in range(5):
        assert ask(served, max_tokens=20)[0].status == 200
    entries = list(served.ledger.entries.values())
    assert [entries[0].model, entries[-1].model] == ["test-gpt", "other-gpt"]
    assert [len(entries[0].holds), len(entries[-1].holds)] == [1, 2]


def test_a_providers_budget_pays_only_for_what_that_provider_served() -> None:
    rule = Budget("openai-only", Scope("provider", "openai"), 100 * CENT, MONTH)
    claude = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 10, "output_tokens": 5},
    }
    down = ProviderUnreachable("down")
    transport = ScriptedTransport(down, down, Scripted(body=json.dumps(claude).encode()))
    served = gateway(rule, transport=transport)
    response, _ = ask(served, model="both")
    assert (response.status, response.headers["x-sluice-provider"]) == (200, "anthropic")
    assert served.ledger.only.cost == COST
    assert served.ledger.only.holds == ()


class Overheard:
    """A provider that looks, while it is called, at the line which would stand if the environment died now."""

    def __init__(self) -> None:
        self.inner = answering()
        self.tallies: list[Tally] = []
        self.lost: list[LedgerEntry] = []

    def open_line(self, tally: Tally) -> str:
        self.tallies.append(tally)
        return "{}"

    def send(self, call: UpstreamCall) -> UpstreamAnswer:
        self.lost.append(entry_from_line(open_line(self.tallies[-1])))
        return self.inner.send(call)


def test_a_request_that_is_lost_is_charged_once_to_each_of_its_budgets_and_to_no_other() -> None:
    heard = Overheard()
    rules = (
        budget(100 * CENT),
        Budget("here", Scope("provider", "openai"), 100 * CENT, MONTH),
        Budget("there", Scope("provider", "anthropic"), 100 * CENT, MONTH),
    )
    live = configuration(budgets={rule.id: rule for rule in rules})
    served = Gateway(heard, live=live, open_line=heard.open_line)
    ask(served, model="both")
    (lost,) = heard.lost
    assert lost.cost > 0
    assert [nano for _, nano in lost.holds] == [lost.cost, lost.cost]
    (entry,) = served.ledger.entries.values()
    assert {hold for hold, _ in lost.holds} == {hold for hold, _ in entry.holds}


def test_every_team_has_a_counter_of_its_own() -> None:
    from tests.fakes import OTHER_KEY

    served = gateway(Budget("each-team", Scope("team"), 100 * CENT, MONTH))
    ask(served)
    served.ask("/v1/chat/completions", ASK, key=OTHER_KEY)
    assert {key.name.split("#")[2] for key in served.counters.items} == {"search", "ads"}


@pytest.mark.parametrize("refusing", ["budget", "limit"])
def test_leases_are_tended_after_refusals_too(refusing: str) -> None:
    from tests.fakes import OTHER_KEY

    clock = [1_795_521_600.0]  # 2026-11-24 12:00 UTC
    ads = Scope("team", "ads")
    rules: tuple[Budget | Limit, ...] = (
        (Budget("ads", ads, 1, MONTH),) if refusing == "budget" else (Limit("ads", ads, requests=Rate(1)),)
    )
    day = budget(100 * CENT, window=Window("day"))
    live = configuration(
        budgets={rule.id: rule for rule in (day, *rules) if isinstance(rule, Budget)},
        limits={rule.id: rule for rule in rules if isinstance(rule, Limit)},
    )
    served = Gateway(answering(), live=live, epoch=lambda: clock[0])

    def refused() -> int:
        return served.ask("/v1/chat/completions", ASK, key=OTHER_KEY)[0].status

    refused()
    ask(served)
    (counter,) = (key for key in served.counters.items if key.name.startswith("budget#team-search"))
    assert served.counters.items[counter].holds
    clock[0] += 61 if refusing == "budget" else 15 * 3_600  # idle, or over with its window
    if refusing == "limit":
        refused()
    assert refused() == (402 if refusing == "budget" else 429)
    state = served.counters.items[counter]
    assert (state.holds, state.committed, state.slack) == ({}, COST, 0)


def test_a_failure_releases_what_was_set_aside() -> None:
    down = Scripted(500, b'{"error":{"message":"no"}}')
    served = gateway(budget(100 * CENT, strict=True), transport=ScriptedTransport(down))
    assert ask(served)[0].status == 500
    ask(served)
    (state,) = served.counters.items.values()
    assert state.spent == 0
    assert sum(entry.cost for entry in served.ledger.entries.values()) == 0


def test_a_caller_who_leaves_is_charged_for_what_was_said() -> None:
    parts = [b'data: {"choices":[{"index":0,"delta":{"content":"Hello there"}}]}\n\n'] * 3
    served = gateway(budget(100 * CENT), transport=ScriptedTransport(events(*parts)))
    response = served.call("/v1/chat/completions", {**ASK, "stream": True})
    body = iter(response.body)  # type: ignore[arg-type]
    next(body)
    body.close()  # type: ignore[attr-defined]
    response.after()  # type: ignore[misc]
    entry = served.ledger.only
    assert entry.outcome == "aborted"
    assert entry.holds == ((entry.holds[0][0], entry.cost),)
    assert entry.cost > 0


def test_at_steady_state_no_call_is_made_before_the_answer() -> None:
    served = gateway(budget(100_000 * CENT), Limit("l", TEAM, requests=Rate(600_000)))
    for _ in range(20):
        ask(served)
    before = served.counters.calls + served.buckets.calls
    response = served.call("/v1/chat/completions", ASK)
    assert served.counters.calls + served.buckets.calls == before
    assert response.status == 200


def test_a_limit_refuses_with_when_to_come_back_and_tells_how_it_stands() -> None:
    served = gateway(Limit("per-team", TEAM, requests=Rate(60, 2), strict=True))
    first, _ = ask(served)
    assert (first.headers["x-ratelimit-limit-requests"], first.headers["x-ratelimit-remaining-requests"]) == ("2", "1")
    ask(served)
    third, body = ask(served)
    assert (third.status, body["error"]["type"]) == (429, "rate_limit_error")
    assert third.headers["retry-after"] == "1"
    assert third.headers["x-should-retry"] == "true"
    assert "Limit 'per-team'" in body["error"]["message"]
    told, _ = ask(served, "/v1/messages")
    assert told.headers["anthropic-ratelimit-requests-limit"] == "2"


def test_tokens_are_limited_by_what_a_request_may_use_and_given_back_when_it_used_less() -> None:
    served = gateway(Limit("tokens", TEAM, output_tokens=Rate(60, 1_000), strict=True))
    assert ask(served, max_tokens=900)[0].status == 200
    response, body = ask(served, max_tokens=900)
    assert response.status == 429
    assert "output tokens" in body["error"]["message"]


def test_requests_at_the_same_time_are_counted_and_their_places_returned() -> None:
    served = gateway(Limit("few", TEAM, concurrent=1))
    parts = [b'data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n']
    served.transport = ScriptedTransport(events(*parts))
    response = served.call("/v1/chat/completions", ASK)
    assert response.status == 200
    assert ask(served)[0].status == 200  # the first one has been answered whole


def test_counting_tokens_costs_no_budget() -> None:
    served = gateway(budget(1))
    response, _ = served.ask("/v1/messages/count_tokens", {"model": "openai/test-gpt", "messages": ASK["messages"]})
    assert response.status == 200


@pytest.mark.parametrize(
    ("path", "body", "operation"),
    [
        ("/v1/embeddings", {"model": "openai/e", "input": "x" * 50}, "embeddings"),
        ("/v1/rerank", {"model": "openai/e", "query": "q", "documents": ["a", "b"]}, "rerank"),
        ("/v1/images/generations", {"model": "openai/e", "prompt": "x", "n": 2}, "images"),
        ("/v1/audio/speech", {"model": "openai/e", "input": "hello", "voice": "a"}, "speech"),
        ("/v1/moderations", {"model": "openai/e", "input": "hello"}, "moderations"),
    ],
)
def test_every_operation_pays_the_same_way(path: str, body: dict[str, Any], operation: str) -> None:
    model = custom("openai/e", operations=(operation,))
    served = gateway(budget(1), models={"openai/e": model})
    response, _ = served.ask(path, body)
    assert response.status in (402, 503)  # 503: the vendor has no such operation
    assert all(entry.cost == 0 for entry in served.ledger.entries.values())


def test_nothing_of_this_is_loaded_where_nothing_is_limited() -> None:
    code = (
        "import sys, json\n"
        "from tests.fakes import *\n"
        "body = json.dumps({'id': 'c', 'object': 'chat.completion', 'choices': []}).encode()\n"
        "Gateway(ScriptedTransport(Scripted(body=body))).ask('/v1/chat/completions', "
        "{'model': 'openai/test-gpt', 'messages': [{'role': 'user', 'content': 'x'}]})\n"
        "loaded = [m for m in sys.modules if m.startswith('sluice.admission') or m == 'sluice.governance.leases']\n"
        "print(loaded)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def out_of_reach(served: Gateway) -> None:
    """From now on no counter and no bucket can be read or written."""

    def fail(name: str) -> None:
        raise Unavailable("dynamodb", "UpdateItem", "dynamodb.UpdateItem got no answer.")

    served.counters.before = served.buckets.before = fail


PER_MINUTE = Rate(600)


def test_while_counters_are_out_of_reach_a_hard_budget_is_spent_from_leases_and_refuses_then() -> None:
    served = gateway(budget(10 * CENT))
    for _ in range(20):
        ask(served)
    out_of_reach(served)
    statuses = [ask(served)[0].status for _ in range(400)]
    assert statuses[0] == 200
    assert statuses[-1] == 503
    assert statuses == sorted(statuses)
    (state,) = served.counters.items.values()
    paid = sum(entry.cost for entry in served.ledger.entries.values())
    assert paid <= state.committed


def test_such_a_refusal_asks_to_be_tried_again() -> None:
    served = gateway(budget(100 * CENT, strict=True))
    out_of_reach(served)
    response, body = ask(served)
    assert (response.status, response.headers["x-should-retry"]) == (503, "true")
    assert body["error"]["code"] == "dependency_unavailable"


def test_while_counters_are_out_of_reach_a_budget_that_only_alerts_lets_pass() -> None:
    served = gateway(budget(100 * CENT, hard=False))
    out_of_reach(served)
    assert [ask(served)[0].status for _ in range(3)] == [200] * 3


def test_a_hard_budget_still_holds_when_the_one_beside_it_only_alerts() -> None:
    served = gateway(budget(10 * CENT), budget(10 * CENT, id="soft", hard=False, scope=Scope("organisation")))
    ask(served)
    out_of_reach(served)
    statuses = [ask(served)[0].status for _ in range(400)]
    assert statuses[-1] == 503
    assert sum(entry.cost for entry in served.ledger.entries.values()) <= 10 * CENT


@pytest.mark.parametrize(("strict", "status"), [(False, 200), (True, 503)])
def test_while_buckets_are_out_of_reach_only_a_strict_limit_refuses(strict: bool, status: int) -> None:
    served = gateway(Limit("fast", TEAM, requests=PER_MINUTE, strict=strict))
    out_of_reach(served)
    assert ask(served)[0].status == status


def test_a_table_that_refuses_the_call_is_no_outage() -> None:
    def fail(name: str) -> None:
        raise Refused("dynamodb", "UpdateItem", "dynamodb.UpdateItem failed with 400 AccessDeniedException.")

    served = gateway(Limit("fast", TEAM, requests=PER_MINUTE), budget(100 * CENT, hard=False))
    served.counters.before = served.buckets.before = fail
    assert ask(served)[0].status == 500
