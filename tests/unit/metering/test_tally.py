"""What is charged by the second: how long the provider worked on the answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sluice.metering.tally import Tally
from sluice.types.catalogue import Auth, Model, Price, PriceTier, Provider, ProviderEndpoint
from sluice.types.ledger import Attempt
from sluice.types.routes import Deployment
from sluice.types.tenancy import Caller, VirtualKey
from sluice.types.usage import Usage

ENDPOINT = ProviderEndpoint("chat", "openai_chat", "/v1/chat/completions")
BY_THE_SECOND = {"second": 1_000_000, "request": 7}
"""A tenth of a cent a second, and 7 nano-dollars a call."""


def tally(rates: dict[str, int], *, stream: bool = False) -> Tally:
    model = Model("m", "acme", prices=(Price("", (PriceTier(0, rates),)),))
    provider = Provider("acme", "Acme", "https://acme.example", Auth("none"), (ENDPOINT,), {"m": model})
    running = Tally("req_1", Caller(VirtualKey("k", "t", "n", "d")), "chat", "openai_chat", 100.0, 0, stream=stream)
    running.deployment = Deployment(provider, model, ENDPOINT, "m")
    running.attempts = [Attempt("other/m", 503, "overloaded", 0, 9_000), Attempt("acme/m", 200, "ok", 0, 2_500)]
    running.usage = Usage(input=10, output=5)
    return running


def test_a_host_billed_by_the_second_is_charged_for_the_attempt_that_answered() -> None:
    running = tally(BY_THE_SECOND)
    assert running.cost() == (2_500_007, "")
    entry = running.entry(now=120.0)
    assert (entry.cost, entry.usage.provider_ms) == (2_500_007, 2_500)


def test_a_stream_is_charged_up_to_its_last_byte() -> None:
    running = tally(BY_THE_SECOND, stream=True)
    running.first_byte = 105.0
    assert running.cost()[0] == 2_500_007
    entry = running.entry(now=109.25)
    assert (entry.cost, entry.usage.provider_ms) == (6_750_007, 6_750)


@pytest.mark.parametrize("rates", [{"input": 1_000_000_000}, {"request": 3}])
def test_time_is_not_counted_where_it_is_not_charged(rates: dict[str, int]) -> None:
    assert tally(rates).entry(now=120.0).usage == Usage(input=10, output=5)


def test_tokens_and_seconds_can_both_cost() -> None:
    assert tally({"second": 1_000_000, "input": 1_000_000_000}).entry(now=120.0).cost == 2_510_000


def test_an_entry_says_what_the_prompt_cache_saved() -> None:
    running = tally({"input": 1_000_000, "cache_read": 100_000})
    running.usage = Usage(input=10, cache_read=100)
    assert running.entry(now=120.0).saved == (("prompt_cache", 90),)
    running.free = True
    assert running.entry(now=120.0).saved == ()


def test_an_entry_names_its_user_route_and_holds() -> None:
    running = tally({"input": 1})
    running.user, running.route, running.holds = "ann", "fast", (("env-1", 5),)
    entry = running.entry(now=120.0)
    assert (entry.user, entry.route, entry.holds, entry.version) == ("ann", "fast", (("env-1", 5),), 1)


@pytest.mark.parametrize("cache", ["hit", "semantic"])
def test_a_stored_answer_costs_nothing_and_saves_what_it_did_cost(cache: str) -> None:
    running = tally({"input": 1_000_000_000, "output": 2_000_000_000})
    running.cache = cache
    entry = running.entry(now=120.0)
    assert running.cost() == (0, "")
    assert (entry.cost, entry.list_cost, entry.saved, entry.cache) == (0, 20_000, (("cache", 20_000),), cache)


def test_a_stored_answer_that_did_cost_nothing_saves_nothing() -> None:
    running = tally({"input": 0})
    running.cache = "hit"
    assert running.entry(now=120.0).saved == ()


def test_an_entry_says_what_routing_saved_against_the_model_that_was_asked_for() -> None:
    running, dearer = tally({"input": 1_000_000}), tally({"input": 3_000_000}).deployment
    assert dearer is not None
    running.asked = replace(dearer, model=replace(dearer.model, id="large"))
    assert running.entry(now=120.0).saved == (("routing", 20),)
    running.asked = running.deployment
    assert running.entry(now=120.0).saved == ()
