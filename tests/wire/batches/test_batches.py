"""The Message Batches dialect over recorded traffic."""

from __future__ import annotations

from tests.wire.batches.check import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_batches_are_read_and_written_back_without_loss() -> None:
    hold(ENDPOINTS, cases, BAR)
