"""The Cohere chat dialect over recorded traffic: what the provider sent and clients asked, read and written back."""

from __future__ import annotations

from tests.wire.cohere.check import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_cohere_traffic_is_read_written_back_and_told_to_others_without_loss() -> None:
    hold(ENDPOINTS, cases, BAR)
