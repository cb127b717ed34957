"""Recorded traffic told in Converse and out of it again."""

from __future__ import annotations

from tests.wire.bedrock.across import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_traffic_says_the_same_across_converse_and_the_other_dialects() -> None:
    hold(ENDPOINTS, cases, BAR)
