"""The short form of the accounting benchmark: what it counts, not how long it took."""

from __future__ import annotations

from benchmarks.accounting import MODES, measured
from tests.emulator import Emulator


def test_at_steady_state_no_call_comes_before_the_answer_and_few_after_it(emulator: Emulator) -> None:
    found = measured(emulator, 100)
    for figures in found.values():
        assert figures["before_the_answer"] == 0
        assert figures["ledger_writes"] == 1_000
        assert figures["counter_reads"] == 0
    nothing, budgets, everything = (found[mode]["counter_writes"] for mode in MODES)
    assert nothing == 0
    assert 0 < budgets <= 3 * 100, "each of three leases is topped up once in ten requests at the most"
    assert everything <= budgets + 250
