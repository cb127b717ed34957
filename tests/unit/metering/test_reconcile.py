"""The sweeper: what the log knows and the ledger does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sluice.metering.reconcile import reconcile
from sluice.types.ledger import LedgerEntry
from sluice.types.usage import Usage
from tests.fakes import MemoryLedger

GRACE = 1000
RECENT = 5000
NOW = 1_000_000


def entry(request_id: str, **changes: object) -> LedgerEntry:
    values: dict[str, object] = {
        "request_id": request_id,
        "team": "search",
        "key_id": "k",
        "operation": "chat",
        "dialect": "openai_chat",
        "requested_model": "m",
        "deployment": "openai/m",
        "provider": "openai",
        "model": "m",
        "status": 200,
        "outcome": "ok",
        "usage": Usage(input=1),
        "cost": 7,
        "price_version": "p",
        "config_version": "c",
        "stream": False,
        "started_ms": NOW - GRACE - 1,
        "duration_ms": 1,
        "first_byte_ms": 1,
        "overhead_us": 1,
    }
    return LedgerEntry(**{**values, **changes})  # type: ignore[arg-type]


def line(kind: str, found: LedgerEntry) -> Mapping[str, object]:
    return {"kind": kind, "entry": found}


def run(ledger: MemoryLedger, *lines: Mapping[str, object]) -> tuple[int, int, int]:
    def entry_of(found: Mapping[str, object]) -> LedgerEntry:
        rebuilt = found["entry"]
        assert isinstance(rebuilt, LedgerEntry)
        return rebuilt

    report = reconcile(lines, ledger, entry_of, now_ms=NOW, grace_ms=GRACE, recent_ms=RECENT)
    return report.seen, report.restored, report.lost


def test_an_entry_whose_write_failed_is_restored_once() -> None:
    ledger = MemoryLedger()
    found = line("request", entry("a"))
    assert run(ledger, found) == (1, 1, 0)
    assert run(ledger, found) == (1, 0, 0)
    assert ledger.only.cost == 7


def test_an_entry_that_stands_is_left_alone() -> None:
    ledger = MemoryLedger()
    ledger.put(entry("a", cost=9))
    assert run(ledger, line("request", entry("a"))) == (1, 0, 0)
    assert ledger.only.cost == 9


def test_a_request_that_never_closed_is_put_in_as_lost() -> None:
    ledger = MemoryLedger()
    lost = replace(entry("a"), outcome="lost")
    assert run(ledger, line("open", lost)) == (0, 0, 1)
    assert ledger.only.outcome == "lost"
    assert run(ledger, line("open", lost)) == (0, 0, 0)


def test_a_request_that_may_still_run_is_not_called_lost() -> None:
    ledger = MemoryLedger()
    assert run(ledger, line("open", entry("a", started_ms=NOW - GRACE + 1))) == (0, 0, 0)
    assert not ledger.entries


def test_a_closed_request_is_never_lost_whatever_the_order_of_its_lines() -> None:
    for order in ((0, 1), (1, 0)):
        ledger = MemoryLedger()
        lines = (line("request", entry("a")), line("open", entry("a", outcome="lost")))
        assert run(ledger, *(lines[i] for i in order)) == (1, 1, 0)
        assert ledger.only.outcome == "ok"


def test_other_lines_are_passed_over() -> None:
    assert run(MemoryLedger(), {"kind": "fault"}, {"message": "START"}) == (0, 0, 0)


def test_requests_that_earlier_sweeps_looked_at_are_not_looked_up_again() -> None:
    ledger = MemoryLedger()
    old = entry("a", started_ms=NOW - RECENT - 500, duration_ms=100)
    assert run(ledger, line("request", old), line("open", entry("a", outcome="lost"))) == (0, 0, 0)
    assert ledger.looked_up == 0


def test_many_requests_are_looked_up_together_and_only_what_is_missing_is_written() -> None:
    ledger = MemoryLedger()
    entries = [entry(f"r{number}") for number in range(250)]
    for found in entries[:200]:
        ledger.put(found)
    assert run(ledger, *(line("request", found) for found in entries)) == (250, 50, 0)
    assert len(ledger.entries) == 250
