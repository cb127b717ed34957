"""Budgets around what is charged later: message batches and background answers, through the whole gateway in memory."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from sluice.errors import InternalError, ProviderUnreachable
from sluice.governance.lapse import GRACE_SECONDS, lapse, lapsed
from sluice.types.budgets import Budget, CounterState, Hold, Limit, Rate, Scope, Window
from tests.fakes import Gateway, Scripted, ScriptedTransport
from tests.unit.batches.test_batches import LIVE, PATH, RESULTS, Provider, answer, batch, requests
from tests.unit.stored_responses.answers import OPENAI, native, native_stream
from tests.unit.stored_responses.answers import PATH as RESPONSES
from tests.unit.stored_responses.answers import gateway as responding

TEAM = Budget("team", Scope("team", "search"), 100_000_000_000, Window("month"))
BATCH = 1500 * 500 + 1500 * 1000
"""What `RESULTS` cost at the price of batches."""
HERE = f"{RESPONSES}/resp_openai1"
BACKGROUND = {"model": OPENAI, "input": "Hello", "background": True, "max_output_tokens": 5_000}
ANSWERED = 20_000
THREE = ("anthropic/test-claude", "anthropic/test-claude", "anthropic/other-claude")


class Batched:
    """A gateway with budgets in front of a provider of batches."""

    def __init__(self, *rules: Budget | Limit) -> None:
        self.provider = Provider()
        self.transport = ScriptedTransport(self.provider)
        budgets = {rule.id: rule for rule in rules if isinstance(rule, Budget)}
        limits = {rule.id: rule for rule in rules if isinstance(rule, Limit)}
        self.gateway = Gateway(self.transport, live=replace(LIVE, budgets=budgets, limits=limits))

    def create(self, *models: str) -> tuple[int, Any]:
        body = requests(*(models or THREE))
        for each in body["requests"]:
            each["params"]["max_tokens"] = 2000
        response, raw = self.gateway.ask(PATH, body)
        return response.status, json.loads(raw)

    def read(self, batch_id: str = "msgbatch_1") -> int:
        return self.gateway.ask(f"{PATH}/{batch_id}/results", None, method="GET")[0].status

    def delete(self, batch_id: str = "msgbatch_1") -> int:
        return self.gateway.ask(f"{PATH}/{batch_id}", None, method="DELETE")[0].status


def states(served: Gateway) -> list[CounterState]:
    found = [state for key, state in served.counters.items.items() if key.name.startswith("budget#")]
    for state in found:
        assert state.committed == state.spent + sum(hold.amount for hold in state.holds.values())
    return found


def counter(served: Gateway) -> CounterState:
    (found,) = states(served)
    return found


def held(served: Gateway) -> tuple[Hold, ...]:
    return tuple(hold for state in states(served) for hold in state.holds.values())


def charged(served: Gateway) -> list[Any]:
    return [entry for entry in served.ledger.entries.values() if entry.cost]


# Batches


def test_what_a_batch_may_cost_is_held_from_its_creation_to_the_end_of_its_results() -> None:
    served = Batched(TEAM)
    assert served.create()[0] == 200
    (hold,) = held(served.gateway)
    assert (hold.kind, hold.slack) == ("request", 0)
    assert 3 * 2000 * 1000 < hold.amount < 3 * 2200 * 1000 + 3 * 500 * 100  # output, and the prompts, at half price
    record = served.gateway.batches.kept["search", "msgbatch_1"]
    assert [each.hold for each in record.holds] == [hold]
    assert hold.expires > record.expires_at == record.created_ms // 1000 + 30 * 86_400
    assert lapsed(counter(served.gateway), record.expires_at + GRACE_SECONDS) == ()
    assert all(entry.holds == () for entry in served.gateway.ledger.entries.values())


def test_a_batch_that_does_not_fit_is_refused_in_its_dialect_before_the_provider_is_called() -> None:
    served = Batched(replace(TEAM, amount=5_000_000))
    status, body = served.create()
    assert (status, body["type"], body["error"]["type"]) == (402, "error", "budget_exceeded")
    assert "'team'" in body["error"]["message"]
    assert served.transport.calls == []
    assert held(served.gateway) == ()
    assert served.create("anthropic/test-claude")[0] == 200, "a smaller one fits"


def test_a_batch_that_fits_one_budget_and_not_the_other_holds_nothing() -> None:
    organisation = Budget("zz", Scope("organisation"), 1_000, Window("day"))
    served = Batched(TEAM, organisation)
    assert served.create()[0] == 402
    assert held(served.gateway) == ()


def test_one_request_of_a_batch_may_be_too_dear() -> None:
    served = Batched(replace(TEAM, per_request=1_000_000))
    status, body = served.create()
    assert (status, "at most $" in body["error"]["message"]) == (402, True)


def test_a_strict_budget_holds_for_a_batch_what_no_text_exceeds() -> None:
    lax, strict = Batched(TEAM), Batched(replace(TEAM, strict=True))
    elsewhere = Batched(TEAM, Budget("ads", Scope("team", "ads"), 10**12, Window("day"), strict=True))
    body = requests("anthropic/test-claude")
    body["requests"][0]["params"]["messages"] = [{"role": "user", "content": "The quick brown fox jumps. " * 200}]
    for served in (lax, strict, elsewhere):
        assert served.gateway.ask(PATH, body)[0].status == 200
    (usual,), (certain,) = held(lax.gateway), held(strict.gateway)
    assert certain.amount > usual.amount
    assert [hold.amount for hold in held(elsewhere.gateway)] == [usual.amount], "another team's budget changes nothing"


def test_a_batch_is_one_request_to_limits_and_gives_its_place_back() -> None:
    limit = Limit("calls", Scope("team", "search"), requests=Rate(6_000), input_tokens=Rate(1), concurrent=1)
    served = Batched(limit)
    assert [served.create()[0] for _ in range(3)] == [200, 200, 200]


def test_a_batch_over_a_limit_is_refused_before_the_provider_is_called_and_holds_nothing() -> None:
    served = Batched(TEAM, Limit("calls", Scope("team", "search"), requests=Rate(2)))
    assert served.create()[0] == 200
    calls, before = len(served.transport.calls), held(served.gateway)
    status, body = served.create()
    assert (status, body["error"]["type"]) == (429, "rate_limit_error")
    assert (len(served.transport.calls), held(served.gateway)) == (calls, before)


def test_reading_the_results_charges_the_real_cost_and_closes_the_hold() -> None:
    served = Batched(TEAM)
    served.create()
    (hold,) = held(served.gateway)
    served.provider.end()
    served.read()
    (entry,) = charged(served.gateway)
    assert (entry.cost, entry.holds) == (BATCH, ((hold.id, BATCH),))
    state = counter(served.gateway)
    assert (state.committed, state.spent, state.holds) == (BATCH, BATCH, {})


def test_budgets_of_models_and_routes_pay_for_what_they_are_for() -> None:
    model = Budget("model", Scope("model", "anthropic/test-claude"), 10**10, Window("month"))
    provider = Budget("provider", Scope("provider", "anthropic"), 10**10, Window("month"))
    route = Budget("route", Scope("route", "alias"), 10**10, Window("month"))
    served = Batched(model, provider, route)
    served.create("alias", "anthropic/test-claude", "anthropic/other-claude")
    assert len(held(served.gateway)) == 3
    served.provider.end()
    served.read()
    spent = {key.name.split("#")[1]: state.spent for key, state in served.gateway.counters.items.items()}
    assert spent == {"model": 1000 * 1500, "provider": BATCH, "route": 1000 * 1500}
    assert sorted(paid for _, paid in charged(served.gateway)[0].holds) == sorted(spent.values())


def test_results_that_are_read_by_several_at_once_are_paid_once() -> None:
    served = Batched(TEAM)
    served.create()
    served.provider.end()
    readers = [served.gateway.call(f"{PATH}/msgbatch_1/results", None, method="GET") for _ in range(3)]
    for reader in readers:
        assert not isinstance(reader.body, bytes)
        assert b"".join(reader.body) == b"".join(RESULTS)
    for reader in readers:
        assert reader.after is not None
        reader.after()
    assert len(charged(served.gateway)) == 1
    assert (counter(served.gateway).spent, held(served.gateway)) == (BATCH, ())


def test_a_hold_that_could_not_be_closed_is_closed_when_the_results_are_read_again() -> None:
    served = Batched(TEAM)
    served.create()
    served.provider.end()

    def broken(name: str) -> None:
        if name == "close":
            raise InternalError("no answer")

    served.gateway.counters.before = broken
    assert served.read() == 200
    assert len(held(served.gateway)) == 1
    served.gateway.counters.before = lambda name: None
    served.read()
    assert len(charged(served.gateway)) == 1
    assert (counter(served.gateway).spent, held(served.gateway)) == (BATCH, ())


def test_what_an_environment_did_not_close_lapses_with_what_the_ledger_says() -> None:
    served = Batched(TEAM)
    served.create()
    served.provider.end()
    served.gateway.counters.before = _raises_on("close")
    served.read()
    served.gateway.counters.before = lambda name: None
    paid = dict(charged(served.gateway)[0].holds)
    (key,) = served.gateway.counters.items
    (hold,) = held(served.gateway)
    assert lapse(served.gateway.counters, key, lambda each: paid[each], hold.expires + GRACE_SECONDS)
    assert (counter(served.gateway).spent, held(served.gateway)) == (BATCH, ())


def test_a_batch_that_is_deleted_unread_is_paid_before() -> None:
    served = Batched(TEAM)
    served.create()
    served.provider.end()
    assert served.delete() == 200
    assert (counter(served.gateway).spent, held(served.gateway)) == (BATCH, ())


def test_a_batch_that_is_deleted_without_results_gives_everything_back() -> None:
    served = Batched(TEAM)
    served.create()
    missing = {"type": "error", "error": {"type": "not_found_error", "message": "No results"}}
    served.provider.instead["GET", f"{PATH}/msgbatch_1/results"] = answer(missing, 404)
    assert served.delete() == 200
    assert (counter(served.gateway).committed, held(served.gateway)) == (0, ())


@pytest.mark.parametrize("kind", ["canceled", "expired", "errored"])
def test_a_batch_that_ended_without_an_answer_gives_everything_back_when_that_is_seen(kind: str) -> None:
    served = Batched(TEAM)
    served.create()
    counts = {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0, kind: 3}
    served.provider.batches["msgbatch_1"] = batch("msgbatch_1", "ended", request_counts=counts)
    served.gateway.ask(f"{PATH}/msgbatch_1", None, method="GET")
    assert (counter(served.gateway).committed, held(served.gateway)) == (0, ())


@pytest.mark.parametrize("failure", [answer({"type": "error", "error": {"type": "api_error"}}, 500), None])
def test_a_batch_that_was_not_created_gives_everything_back(failure: Scripted | None) -> None:
    served = Batched(TEAM)
    if failure is None:
        served.transport.answers = [ProviderUnreachable("The connection was refused.")]
    else:
        served.provider.instead["POST", PATH] = failure
    assert served.create()[0] >= 500
    assert (counter(served.gateway).committed, held(served.gateway)) == (0, ())


def test_a_batch_whose_record_was_not_written_is_stopped_and_gives_everything_back() -> None:
    served = Batched(TEAM)
    served.gateway.batches.broken = True
    assert served.create()[0] == 500
    assert (counter(served.gateway).committed, held(served.gateway)) == (0, ())


def test_a_batch_that_nobody_can_find_or_stop_is_held_until_it_must_be_over() -> None:
    served = Batched(TEAM)
    served.gateway.batches.broken = True
    served.provider.instead["POST", f"{PATH}/msgbatch_1/cancel"] = answer({}, 500)
    assert served.create()[0] == 500
    (hold,) = held(served.gateway)
    (key,) = served.gateway.counters.items
    assert lapse(served.gateway.counters, key, lambda _: 0, hold.expires - 1) == ()
    assert lapse(served.gateway.counters, key, lambda _: 0, hold.expires + GRACE_SECONDS)
    assert (counter(served.gateway).committed, held(served.gateway)) == (0, ())


def test_a_hold_whose_fate_is_unknown_is_closed_again() -> None:
    served = Batched(TEAM)
    served.gateway.counters.after = _raises_on("take")  # it took effect, and its answer was lost
    served.gateway.counters.before = _raises_on("close")
    assert served.create()[0] == 500
    (lost,) = held(served.gateway)
    served.gateway.counters.after = served.gateway.counters.before = lambda name: None
    served.create("anthropic/test-claude")
    (stands,) = held(served.gateway)
    assert stands.id != lost.id


def test_a_batch_from_before_there_were_budgets_is_charged_to_none() -> None:
    served = Batched()
    served.create()
    served.gateway.configurations.live = replace(served.gateway.configurations.live, budgets={"team": TEAM})
    served.provider.end()
    served.read()
    assert [entry.holds for entry in charged(served.gateway)] == [()]


def test_a_caps_shards_share_what_one_of_them_cannot_hold() -> None:
    served = Batched(replace(TEAM, amount=9_000_000, shards=3))
    assert served.create()[0] == 200
    assert len({hold.id for hold in held(served.gateway)}) == 3
    served.provider.end()
    served.read()
    assert sum(state.spent for state in states(served.gateway)) == BATCH
    assert held(served.gateway) == ()


# Background answers


def background(*answers: Scripted, amount: int = TEAM.amount) -> Gateway:
    return responding(*answers, budgets={"team": replace(TEAM, amount=amount)})


def queued() -> Scripted:
    return native(status="queued", output=[], usage=None, background=True)


def ask(served: Gateway, method: str = "GET", path: str = HERE, body: object = None) -> int:
    return served.ask(path, body, method=method)[0].status


def test_a_background_answer_is_held_until_its_end_is_read_and_paid_once() -> None:
    served = background(queued(), native(status="in_progress", usage=None, output=[]), native())
    assert ask(served, "POST", RESPONSES, BACKGROUND) == 200
    (hold,) = held(served)
    assert (hold.kind, hold.amount > 5_000 * 2_000) == ("request", True)
    record = served.responses.only
    assert [each.hold for each in record.holds] == [hold]
    assert hold.expires >= record.expires
    ask(served)
    assert held(served) == (hold,)
    for _ in range(3):
        ask(served)
    assert (counter(served).spent, held(served)) == (ANSWERED, ())
    assert [entry.holds for entry in charged(served)] == [((hold.id, ANSWERED),)]


def test_a_background_answer_that_does_not_fit_is_refused() -> None:
    served = background(queued(), amount=50_000)
    assert ask(served, "POST", RESPONSES, BACKGROUND) == 402
    assert held(served) == ()


def test_a_background_stream_that_is_read_to_its_end_pays_at_once() -> None:
    served = background(native_stream(background=True))
    assert ask(served, "POST", RESPONSES, {**BACKGROUND, "stream": True}) == 200
    assert (counter(served).spent, held(served)) == (ANSWERED, ())
    assert [paid for _, paid in served.ledger.only.holds] == [ANSWERED]


def test_a_background_stream_that_its_caller_leaves_is_paid_by_who_reads_its_end() -> None:
    served = background(native_stream(background=True), native(background=True))
    response = served.call(RESPONSES, {**BACKGROUND, "stream": True})
    body: Any = response.body
    next(body)
    body.close()
    assert response.after is not None
    response.after()
    assert (len(held(served)), charged(served)) == (1, [])
    ask(served)
    assert (counter(served).spent, held(served)) == (ANSWERED, ())
    assert len(charged(served)) == 1


def test_a_background_stream_whose_end_somebody_else_read_first_is_paid_once() -> None:
    served = background(native_stream(background=True), native(background=True))
    response = served.call(RESPONSES, {**BACKGROUND, "stream": True})
    body: Any = response.body
    next(body)
    ask(served)
    list(body)
    assert response.after is not None
    response.after()
    assert (counter(served).spent, held(served)) == (ANSWERED, ())
    assert [entry.cost for entry in charged(served)] == [ANSWERED]


@pytest.mark.parametrize(
    ("answers", "spent"),
    [
        ((native(background=True), native()), ANSWERED),
        ((native(status="in_progress", usage=None, output=[]), native(status="cancelled"), native()), ANSWERED),
        ((native(status="failed", usage=None), native()), 0),
        ((Scripted(404, b'{"error": {"message": "gone"}}'), Scripted(404, b'{"error": {"message": "gone"}}')), 0),
    ],
    ids=["whole", "running", "failed", "gone"],
)
def test_a_background_answer_that_is_deleted_unread_is_paid_before(answers: tuple[Scripted, ...], spent: int) -> None:
    served = background(queued(), *answers)
    ask(served, "POST", RESPONSES, BACKGROUND)
    ask(served, "DELETE")
    assert served.responses.kept == {}
    assert (counter(served).spent, held(served)) == (spent, ())


def test_a_canceled_background_answer_is_paid_as_far_as_it_went() -> None:
    served = background(queued(), native(status="cancelled"))
    ask(served, "POST", RESPONSES, BACKGROUND)
    ask(served, "POST", f"{HERE}/cancel")
    assert (counter(served).spent, held(served)) == (ANSWERED, ())


def test_a_background_answer_that_its_provider_refuses_gives_everything_back() -> None:
    served = background(Scripted(400, b'{"error": {"message": "no"}}'))
    assert ask(served, "POST", RESPONSES, BACKGROUND) == 400
    assert (counter(served).committed, held(served)) == (0, ())


def test_a_background_answer_is_still_paid_when_budgets_were_taken_away() -> None:
    served = background(queued(), native())
    ask(served, "POST", RESPONSES, BACKGROUND)
    served.configurations.live = replace(served.configurations.live, budgets={}, version="v2")
    ask(served)
    assert (counter(served).spent, held(served)) == (ANSWERED, ())


# Everything in any order


@pytest.mark.parametrize("seed", range(20))
def test_what_is_committed_is_what_was_spent_and_what_is_held_at_every_step(seed: int) -> None:
    chance = random.Random(seed)
    served = Batched(replace(TEAM, amount=40_000_000, shards=chance.choice((1, 2))))
    made: list[str] = []
    for _ in range(40):
        served.gateway.counters.before = _raises_on(*chance.sample(("close", "take", "none", "none"), 1))
        act = chance.choice(("create", "end", "read", "read", "delete"))
        target = chance.choice(made) if made else ""
        if act == "create":
            status, found = served.create(*chance.choices(THREE, k=chance.randint(1, 3)))
            made += [found["id"]] if status == 200 else []
        elif target and act == "end":
            if target in served.provider.batches:
                served.provider.end(target)
        elif target and served.gateway.batches.find("search", target) is not None:
            (served.read if act == "read" else served.delete)(target)
            served.provider.batches.setdefault(target, batch())  # so that the next one gets an id of its own
        committed = sum(state.committed for state in states(served.gateway))
        assert committed <= 40_000_000
    served.gateway.counters.before = lambda name: None
    for name in made:
        if served.gateway.batches.find("search", name) is not None:
            served.read(name)
    served.create("nowhere/none")  # what could not be closed is closed after any answer
    spent = sum(state.spent for state in states(served.gateway))
    assert held(served.gateway) == ()
    assert spent == sum(entry.cost for entry in charged(served.gateway))


def _raises_on(*names: str) -> Any:
    def before(name: str) -> None:
        if name in names:
            raise InternalError("no answer")

    return before
