"""Recorded traffic told in the Responses dialect and out of it again."""

from __future__ import annotations

from tests.wire.responses.across import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_traffic_keeps_its_meaning_across_responses_and_the_other_dialects() -> None:
    hold(ENDPOINTS, cases, BAR)
