"""Recorded traffic told in Converse and out of it again."""

from __future__ import annotations

from tests.wire.bedrock.across import BAR, check_all
from tests.wire.recordings import require


def test_recorded_traffic_says_the_same_across_converse_and_the_other_dialects() -> None:
    require()
    tally, refused = check_all()
    print(f"passed {dict(tally.passed)}, failed {dict(tally.failed)}, refused {refused.total()}")
    assert tally.total > 100
    assert tally.share >= BAR, "\n".join(tally.reasons[:20])
