"""The rerank dialects over recorded traffic: what providers sent and clients asked, read and written back."""

from __future__ import annotations

from tests.wire.recordings import require
from tests.wire.rerank.check import BAR, check_all


def test_recorded_rerank_traffic_is_read_translated_and_written_back_without_loss() -> None:
    require()
    tally = check_all()
    print(f"passed {dict(tally.passed)}, failed {dict(tally.failed)}")
    assert tally.total > 20
    assert tally.share >= BAR, "\n".join(tally.reasons[:20])
