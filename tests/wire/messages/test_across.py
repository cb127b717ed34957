"""Recorded traffic of both chat dialects, told in the other one."""

from __future__ import annotations

from tests.wire.messages.across import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_traffic_says_the_same_in_the_other_dialect() -> None:
    hold(ENDPOINTS, cases, BAR)
