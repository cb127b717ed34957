"""Recorded answers cost here what genai-prices reckons, to the nano-dollar, or a rule says why not."""

from __future__ import annotations

from tests.wire.prices.check import LEAST_COMPARED, report
from tests.wire.prices.stated import stated_costs, totals
from tests.wire.recordings import require


def test_recorded_answers_cost_what_genai_prices_reckons() -> None:
    require()
    found = report()
    assert [(each.recording.label, each.ours, each.theirs) for each in found.failing] == []
    assert len(found.compared) >= LEAST_COMPARED
    equal = sum(each.ours == each.theirs for each in found.compared)
    assert equal >= len(found.compared) * 98 // 100


def test_what_providers_state_is_mostly_the_list_s_figure_and_never_beyond_what_would_have_been_held() -> None:
    require()
    found = list(stated_costs())
    assert [(each.model, each.stated, each.held) for each in found if each.stated > each.held] == []
    routed = totals(found)["openrouter"]
    assert routed.answers > 100
    assert routed.as_listed >= routed.answers * 9 // 10
