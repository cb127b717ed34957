"""The rerank dialects over recorded traffic: what providers sent and clients asked, read and written back."""

from __future__ import annotations

from tests.wire.rerank.check import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_rerank_traffic_is_read_translated_and_written_back_without_loss() -> None:
    hold(ENDPOINTS, cases, BAR)
