"""Recorded moderations, outlined and metered."""

from __future__ import annotations

from tests.wire.moderations.check import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_moderations_are_accepted_and_metered() -> None:
    hold(ENDPOINTS, cases, BAR)
