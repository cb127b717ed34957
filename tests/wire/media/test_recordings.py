"""Pictures and sound over recorded traffic: requests and answers pass byte for byte, their usage is read."""

from __future__ import annotations

from tests.wire.media.check import BAR, ENDPOINTS, cases
from tests.wire.tally import hold


def test_recorded_pictures_and_sound_pass_untouched_and_are_metered() -> None:
    hold(ENDPOINTS, cases, BAR)
