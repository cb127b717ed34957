"""Recorded moderations through the whole gateway."""

from __future__ import annotations

from tests.wire.moderations.check import BAR, check_all
from tests.wire.recordings import require


def test_recorded_moderations_pass_byte_for_byte() -> None:
    require()
    tally = check_all()
    print(f"passed {dict(tally.passed)}, failed {dict(tally.failed)}")
    assert tally.total > 0
    assert tally.share >= BAR, "\n".join(tally.reasons)
