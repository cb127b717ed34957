"""The Messages dialect over recorded traffic: what providers sent and clients asked, read and written back."""

from __future__ import annotations

from tests.wire.messages.check import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_messages_are_read_and_written_back_without_loss() -> None:
    hold(ENDPOINTS, cases, BAR)
