"""The Messages dialect over recorded traffic: what providers sent and clients asked, read and written back."""

from __future__ import annotations

from tests.wire.messages import across
from tests.wire.messages.check import BAR, check_all
from tests.wire.recordings import require


def test_recorded_messages_are_read_and_written_back_without_loss() -> None:
    require()
    tally = check_all()
    print(f"passed {dict(tally.passed)}, failed {dict(tally.failed)}")
    assert tally.total > 100
    assert tally.share >= BAR, "\n".join(tally.reasons[:20])


def test_recorded_traffic_says_the_same_in_the_other_dialect() -> None:
    require()
    tally = across.check_all()
    print(f"passed {dict(tally.passed)}, failed {dict(tally.failed)}, refused {sum(tally.refused.values())}")
    assert tally.total > 100
    assert tally.share >= across.BAR, "\n".join(tally.reasons[:20])
