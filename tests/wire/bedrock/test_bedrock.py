"""The Bedrock dialects over recorded traffic: what the service sent and clients asked, read and written back."""

from __future__ import annotations

from tests.wire.bedrock.check import BAR, check_all
from tests.wire.recordings import require


def test_recorded_bedrock_traffic_is_read_counted_and_written_back_without_loss() -> None:
    require()
    tally = check_all()
    print(f"passed {dict(tally.passed)}, failed {dict(tally.failed)}")
    assert tally.total > 100
    assert tally.share >= BAR, "\n".join(tally.reasons[:20])
