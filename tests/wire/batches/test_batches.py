"""The Message Batches dialect over recorded traffic."""

from __future__ import annotations

from tests.wire.batches.check import BAR, check_all
from tests.wire.recordings import require


def test_recorded_batches_are_read_and_written_back_without_loss() -> None:
    require()
    tally = check_all()
    print(f"passed {dict(tally.passed)}, failed {dict(tally.failed)}")
    assert tally.total > 3
    assert tally.share >= BAR, "\n".join(tally.reasons[:20])
