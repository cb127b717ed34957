"""The Bedrock dialects over recorded traffic: what the service sent and clients asked, read and written back."""

from __future__ import annotations

from tests.wire.bedrock.check import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_bedrock_traffic_is_read_counted_and_written_back_without_loss() -> None:
    hold(ENDPOINTS, cases, BAR)
