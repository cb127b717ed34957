"""Pictures and sound over recorded traffic: requests and answers pass byte for byte, their usage is read."""

from __future__ import annotations

from tests.wire.media.check import BAR, check_all
from tests.wire.recordings import require


def test_recorded_pictures_and_sound_pass_untouched_and_are_metered() -> None:
    require()
    tally = check_all()
    print(f"passed {dict(tally.passed)}, not served {dict(tally.explained)}, failed {dict(tally.failed)}")
    assert tally.total > 40
    assert tally.explained.total() < tally.total / 5
    assert tally.share >= BAR, "\n".join(tally.reasons[:20])
