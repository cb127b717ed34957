"""What is measured of requests in the whole gateway: waits for budgets, providers that were tried, faults."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from sluice.aws.emf import attempt_lines, fault_line
from sluice.metering.tally import Tally
from sluice.settle import Settlement
from sluice.telemetry.calls import CountedCalls
from sluice.types.budgets import Budget, Scope, Window
from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.tenancy import Caller, VirtualKey
from tests.fakes import Gateway, Lines, MemoryLedger, Scripted, ScriptedTransport, configuration
from tests.unit.aws.entries import NOON, typical
from tests.unit.telemetry.test_traceparent import ANSWER, CHAT, ask

DOLLAR = 1_000_000_000
MONTHLY = Budget("team", Scope("team", "search"), 100 * DOLLAR, Window("month"))


def budgeted(*budgets: Budget) -> Gateway:
    rules = {budget.id: budget for budget in budgets}
    return Gateway(ScriptedTransport(Scripted(body=ANSWER)), live=configuration(budgets=rules))


def misses(gateway: Gateway) -> list[int]:
    return [entry.lease_misses for entry in gateway.ledger.entries.values()]


def test_a_request_that_opens_a_lease_waited_and_the_next_one_did_not() -> None:
    gateway = budgeted(MONTHLY)
    for _ in range(3):
        gateway.ask(CHAT, {**ask(), "max_tokens": 10})
    first, *others = misses(gateway)
    assert first > 0
    assert others == [0, 0]


def test_a_refusal_says_that_it_waited() -> None:
    gateway = budgeted(Budget("tiny", Scope("team", "search"), 1, Window("month")))
    response, _ = gateway.ask(CHAT, {**ask(), "max_tokens": 10})
    assert response.status == 402
    assert misses(gateway)[0] > 0


def test_without_budgets_nobody_waits() -> None:
    gateway = budgeted()
    gateway.ask(CHAT, ask())
    assert misses(gateway) == [0]


def test_counted_stores_do_what_they_did() -> None:
    calls = CountedCalls()
    counted = calls.counting({"a": 1})
    assert (counted.get("a"), counted.get("b", 2), calls.count) == (1, 2, 2)
    first, second = calls.counting([3]), calls.counting([4])
    assert (first.index(3), second.index(4), calls.count) == (0, 0, 4)


def settled(entry: LedgerEntry, ledger: MemoryLedger | None = None) -> list[dict[str, Any]]:
    """Return the lines of a request that left this entry."""

    class Ended(Tally):
        def entry(self, now: float) -> LedgerEntry:
            return left

    left, caller = entry, Caller(VirtualKey("abcdefghijkl", "search", "laptop", "d" * 64))
    told = Ended(entry.request_id, caller, "chat", "openai_chat", 0.0, NOON)
    lines = Lines()
    settlement = Settlement(
        ledger or MemoryLedger(),
        lines,
        lambda each, cold: json.dumps({"kind": "request", "id": each.request_id}),
        lambda: 0.0,
        attempts=partial(attempt_lines, namespace="Sluice/test"),
        fault=partial(fault_line, namespace="Sluice/test", at_ms=NOON),
    )
    settlement.close(told, False).after()
    return [json.loads(line) for line in lines.written]


def test_a_fallback_leaves_a_line_for_the_provider_that_was_left() -> None:
    tries = (Attempt("openai/a", 500, "server", NOON, 5), Attempt("anthropic/b", 200, "ok", NOON, 5))
    kinds = [(line["kind"], line.get("Provider")) for line in settled(typical(attempts=tries))]
    assert kinds == [("request", None), ("attempts", "openai")]
    assert [line["kind"] for line in settled(typical())] == ["request"]


def test_an_entry_that_could_not_be_written_is_measured() -> None:
    class Full(MemoryLedger):
        def put(self, entry: LedgerEntry) -> bool:
            raise OSError("no room")

    *_, fault = settled(typical(), Full())
    assert (fault["event"], fault["error"], fault["SettleFailures"]) == ("ledger_failed", "OSError", 1)
