"""Token counting over recorded traffic."""

from __future__ import annotations

from tests.wire.counts.check import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_token_counts_are_accepted_and_cost_nothing() -> None:
    hold(ENDPOINTS, cases, BAR)
