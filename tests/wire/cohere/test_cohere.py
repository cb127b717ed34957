"""The Cohere chat dialect over recorded traffic: what the provider sent and clients asked, read and written back."""

from __future__ import annotations

from tests.wire.cohere.check import BAR, check_all
from tests.wire.recordings import require


def test_recorded_cohere_traffic_is_read_written_back_and_told_to_others_without_loss() -> None:
    require()
    tally = check_all()
    print(f"passed {dict(tally.passed)}, failed {dict(tally.failed)}, refused {dict(tally.refused)}")
    assert tally.total > 100
    assert tally.share >= BAR, "\n".join(tally.reasons[:20])
