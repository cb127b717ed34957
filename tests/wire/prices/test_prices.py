"""Recorded answers cost here what genai-prices reckons, to the nano-dollar, or a rule says why not."""

from __future__ import annotations

from tests.wire.prices.check import LEAST_COMPARED, report
from tests.wire.recordings import require


def test_recorded_answers_cost_what_genai_prices_reckons() -> None:
    require()
    found = report()
    assert [(each.recording.label, each.ours, each.theirs) for each in found.failing] == []
    assert len(found.compared) >= LEAST_COMPARED
    equal = sum(each.ours == each.theirs for each in found.compared)
    assert equal >= len(found.compared) * 98 // 100
