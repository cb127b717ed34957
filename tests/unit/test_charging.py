"""What a request is charged, through the whole gateway: adjustments, units, ceilings, stated costs, places, savings."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from sluice.types.adjustments import Adjustment
from sluice.types.budgets import Budget, Scope, Window
from sluice.types.catalogue import Price, PriceTier
from sluice.types.routes import ProviderSettings, Route, RouteTarget
from tests.fakes import OTHER_KEY, FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom, events

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
ASK: dict[str, Any] = {
    "model": "openai/test-gpt",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 100,
}
USAGE: dict[str, Any] = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
LISTED = 20_000
"""What the answer costs by the list: 10 tokens at a dollar and 5 at two dollars a million."""
DEAL = Adjustment("deal", "discount", -1_500, provider="openai")
SHOWBACK = Adjustment("showback", "margin", 1_000, team="search")
STATING = "openrouter/test-gpt"
MODELS = {name: custom(name) for name in ("openai/test-gpt", "anthropic/test-claude", "openai/other-gpt", STATING)}
CENT = 10_000_000


def answer(usage: dict[str, Any]) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}


def whole(usage: dict[str, Any] | None = None) -> Scripted:
    return Scripted(body=json.dumps(answer(usage or USAGE)).encode())


def stream(usage: dict[str, Any]) -> Scripted:
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    delta = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}
    chunks = [{**base, "choices": [delta]}, {**base, "choices": [], "usage": usage}]
    return events(*(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n")


def served(given: Scripted | None = None, **changes: Any) -> Gateway:
    secrets = FixedSecrets(**dict.fromkeys(("openai", "anthropic", "openrouter", "deepinfra"), "sk"))
    live = configuration(**{"models": MODELS, **changes})
    return Gateway(ScriptedTransport(given or whole()), live=live, secrets=secrets)


def ask(gateway: Gateway, path: str = CHAT, **changes: Any) -> Any:
    key = changes.pop("key", "")
    response, body = gateway.ask(path, {**ASK, **changes}, **({"key": key} if key else {}))
    assert response.status == 200, body
    return response


# Adjustments


@pytest.mark.parametrize("streams", [False, True], ids=["buffered", "streamed"])
def test_a_discount_and_a_margin_change_what_is_charged_and_the_list_cost_stays(streams: bool) -> None:
    gateway = served(stream(USAGE) if streams else whole(), adjustments=(DEAL, SHOWBACK))
    ask(gateway, stream=streams)
    entry = gateway.ledger.only
    assert (entry.cost, entry.list_cost) == (18_700, LISTED)  # less 15 per cent, then 10 per cent on top
    assert entry.adjustments == ("deal", "showback")


def test_the_answers_header_tells_what_is_charged() -> None:
    response = ask(served(adjustments=(DEAL,)))
    assert response.headers["x-sluice-cost-usd"] == "0.000017000"


def test_other_teams_and_providers_pay_what_the_list_says() -> None:
    gateway = served(adjustments=(DEAL, SHOWBACK))
    ask(gateway, key=OTHER_KEY)
    ask(gateway, key=OTHER_KEY, model=STATING)
    first, second = gateway.ledger.entries.values()
    assert (first.cost, first.adjustments) == (17_000, ("deal",))
    assert (second.cost, second.list_cost, second.adjustments) == (LISTED, None, ())


def test_what_is_held_covers_a_margin_and_what_is_counted_is_what_was_charged() -> None:
    doubled = Adjustment("doubled", "margin", 10_000)
    capped = Budget("team-search", Scope("team", "search"), 500_000, Window("month"), min_output=10_000)
    listed = served(budgets={"team-search": capped})
    ask(listed)
    assert listed.ledger.only.holds[0][1] == LISTED
    dearer = served(budgets={"team-search": capped}, adjustments=(doubled,))
    assert dearer.ask(CHAT, ASK)[0].status == 402
    room = served(budgets={"team-search": Budget("t", capped.scope, CENT, capped.window)}, adjustments=(doubled,))
    ask(room)
    assert room.ledger.only.holds[0][1] == room.ledger.only.cost == 2 * LISTED


# Units and ceilings


def test_prices_in_a_hosts_own_unit_are_charged_at_the_configured_rate() -> None:
    in_credits = Price("", (PriceTier(0, {"input": 500_000_000, "output": 2_500_000_000}),), version="c", unit="credit")
    models = {**MODELS, "openai/metered": custom("openai/metered", prices=(in_credits,))}
    gateway = served(models=models, units={"credit": 3_000_000_000})
    ask(gateway, model="openai/metered")
    # Half a credit for a million tokens in and two and a half out, at three dollars each.
    assert gateway.ledger.only.cost == 10 * 1_500 + 5 * 7_500
    assert gateway.ledger.only.price_version == "c*credit=3000000000"


def test_a_gpu_second_is_charged_for_as_long_as_the_host_worked() -> None:
    by_the_second = Price("", (PriceTier(0, {"second": 2_000_000_000}),), unit="h100_second")
    models = {**MODELS, "openai/own": custom("openai/own", prices=(by_the_second,))}
    gateway = served(models=models, units={"h100_second": 1_500_000})
    ask(gateway, model="openai/own")
    entry = gateway.ledger.only
    assert entry.usage.provider_ms == entry.attempts[-1].duration_ms
    assert entry.cost == entry.usage.provider_ms * 3_000, "two units a second, at 1,500,000 nano-USD each"


def test_a_host_that_is_paid_by_the_second_is_held_for_as_long_as_a_request_may_run() -> None:
    by_the_second = Price("", (PriceTier(0, {"second": 1_000_000}),))
    models = {"openai/own": custom("openai/own", prices=(by_the_second,))}
    for amount, status in ((900 * 1_000_000 - 1, 402), (900 * 1_000_000, 200)):
        capped = Budget("t", Scope("team", "search"), amount, Window("month"), strict=True)
        gateway = served(models=models, budgets={"t": capped})
        assert gateway.ask(CHAT, {**ASK, "model": "openai/own"})[0].status == status


def test_a_model_in_a_unit_that_nobody_priced_is_refused_with_the_member_to_set() -> None:
    in_credits = Price("", (PriceTier(0, {"input": 1}),), unit="credit")
    gateway = served(models={"openai/metered": custom("openai/metered", prices=(in_credits,))})
    response, body = gateway.ask(CHAT, {**ASK, "model": "openai/metered"})
    assert response.status == 503
    assert b"its prices are in credit; configure what one costs in 'units'" in body


def test_an_entry_at_the_ceiling_says_so() -> None:
    models = {"openai/new": custom("openai/new", prices=())}
    gateway = served(models=models, unpriced_ceiling={"input": 10**9, "output": 10**9})
    ask(gateway, model="openai/new")
    entry = gateway.ledger.only
    assert (entry.cost, entry.price_version, entry.at_ceiling) == (15_000, "ceiling", True)
    priced = served()
    ask(priced)
    assert not priced.ledger.only.at_ceiling


# Stated costs


@pytest.mark.parametrize("streams", [False, True], ids=["buffered", "streamed"])
def test_a_provider_that_bills_as_it_states_is_charged_so_and_both_figures_stand(streams: bool) -> None:
    usage = {**USAGE, "cost": 0.00003}
    gateway = served(stream(usage) if streams else whole(usage))
    ask(gateway, model=STATING, stream=streams)
    entry = gateway.ledger.only
    assert (entry.cost, entry.list_cost, entry.price_version) == (30_000, LISTED, "stated")
    assert entry.usage.provider_cost_usd == "0.00003"


def test_a_stated_cost_of_a_provider_that_bills_by_its_list_is_kept_and_not_charged() -> None:
    gateway = served(whole({**USAGE, "cost": 0.00003}))
    ask(gateway)
    entry = gateway.ledger.only
    assert (entry.cost, entry.list_cost, entry.usage.provider_cost_usd) == (LISTED, None, "0.00003")


def test_a_discount_is_not_taken_off_what_a_provider_states() -> None:
    gateway = served(whole({**USAGE, "cost": 0.00003}), adjustments=(Adjustment("deal", "discount", -5_000), SHOWBACK))
    ask(gateway, model=STATING)
    assert (gateway.ledger.only.cost, gateway.ledger.only.adjustments) == (33_000, ("showback",))


@pytest.mark.parametrize("streams", [False, True], ids=["buffered", "streamed"])
@pytest.mark.parametrize("strict", [False, True], ids=["leased", "strict"])
@pytest.mark.parametrize("stated", [0.00003, 0.005], ids=["within", "beyond"])
def test_a_budget_counts_all_that_a_provider_states_also_beyond_what_was_held(
    streams: bool, strict: bool, stated: float
) -> None:
    capped = Budget("team-search", Scope("team", "search"), CENT, Window("month"), strict=strict)
    usage = {**USAGE, "cost": stated}
    gateway = served(stream(usage) if streams else whole(usage), budgets={"team-search": capped})
    ask(gateway, model=STATING, stream=streams)
    ask(gateway, model=STATING, stream=streams)
    spent = 2 * round(stated * 10**9)
    entries = gateway.ledger.entries.values()
    assert sum(entry.cost for entry in entries) == sum(paid for entry in entries for _, paid in entry.holds) == spent
    committed = sum(state.committed for state in gateway.counters.items.values())
    assert spent <= committed <= CENT
    if stated == 0.005:
        response, body = gateway.ask(CHAT, {**ASK, "model": STATING})
        assert response.status == 402, "both answers together filled the budget to the last nano-dollar"
        assert b"team-search" in body


@pytest.mark.parametrize("strict", [False, True], ids=["leased", "strict"])
def test_a_stated_cost_beyond_the_whole_budget_is_counted_in_full_and_the_next_request_refused(strict: bool) -> None:
    capped = Budget("team-search", Scope("team", "search"), CENT, Window("month"), strict=strict)
    gateway = served(whole({**USAGE, "cost": 0.03}), budgets={"team-search": capped})
    ask(gateway, model=STATING)
    entry = gateway.ledger.only
    assert (entry.cost, [paid for _, paid in entry.holds]) == (3 * CENT, [3 * CENT])
    assert gateway.ask(CHAT, {**ASK, "model": STATING})[0].status == 402
    assert sum(state.committed for state in gateway.counters.items.values()) == 3 * CENT


# Places


def test_a_regional_host_costs_what_its_vendor_adds() -> None:
    regional = {"openai": ProviderSettings(base_url="https://eu.api.openai.com/v1")}
    world = {"openai": ProviderSettings(base_url="https://api.openai.com/v1")}
    for providers, cost in ((world, 10 * 2_500 + 5 * 15_000), (regional, 10 * 2_750 + 5 * 16_500)):
        gateway = served(providers=providers)
        ask(gateway, model="openai/gpt-5.4")
        assert gateway.ledger.only.cost == cost
    older = served(providers=regional)
    ask(older, model="openai/gpt-4o")
    assert older.ledger.only.cost == 10 * 2_500 + 5 * 10_000


def test_an_answer_that_was_made_in_the_united_states_costs_a_tenth_more_where_its_vendor_says_so() -> None:
    said: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-6",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
    }
    for geo, cost in (("us", 10 * 5_500 + 5 * 27_500), ("global", 10 * 5_000 + 5 * 25_000)):
        usage = {"input_tokens": 10, "output_tokens": 5, "inference_geo": geo}
        gateway = served(Scripted(body=json.dumps({**said, "usage": usage}).encode()))
        ask(gateway, MESSAGES, model="anthropic/claude-opus-4-6")
        assert gateway.ledger.only.cost == cost
        assert gateway.ledger.only.price_version.endswith("+us") == (geo == "us")


# Savings


def test_what_a_budgets_cheaper_route_saved_against_the_model_that_was_asked_for_is_entered() -> None:
    half = Price("", (PriceTier(0, {"input": 500_000_000, "output": 1_000_000_000}),))
    models = {**MODELS, "openai/other-gpt": custom("openai/other-gpt", prices=(half,))}
    capped = Budget("t", Scope("team", "search"), CENT, Window("month"), downgrade="cheap", downgrade_at=0)
    routes = {"cheap": Route("cheap", (RouteTarget("openai/other-gpt"),))}
    gateway = served(models=models, budgets={"t": capped}, routes=routes)
    ask(gateway)
    entry = gateway.ledger.only
    assert (entry.model, entry.cost, entry.saved) == ("other-gpt", LISTED // 2, (("routing", LISTED // 2),))
    discounted = served(models=models, budgets={"t": capped}, routes=routes, adjustments=(DEAL,))
    ask(discounted)
    assert discounted.ledger.only.saved == (("routing", 8_500),)


# Cold starts

PROGRAM = """
import json, sys
from tests.fakes import Gateway, Scripted, ScriptedTransport
answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [],
          "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}
gateway = Gateway(ScriptedTransport(Scripted(body=json.dumps(answer).encode())))
gateway.ask("/v1/chat/completions", {"model": "openai/test-gpt", "messages": [{"role": "user", "content": "Hello"}]})
assert gateway.ledger.only.cost == 20_000
modules = "metering.adjusting", "metering.savings", "routing.adjusted", "routing.list_prices", "types.adjustments"
print(*(name for name in modules if f"sluice.{name}" in sys.modules))
"""


def test_nothing_of_this_is_imported_for_a_request_that_costs_what_the_list_says() -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert (found.stdout.split(), found.returncode) == ([], 0), found.stderr
