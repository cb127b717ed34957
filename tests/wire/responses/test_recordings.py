"""The Responses dialect over recorded traffic, read and written both ways."""

from __future__ import annotations

from tests.wire.recordings import require
from tests.wire.responses.check import BAR, ENDPOINTS, cases
from tests.wire.tally import LEAST, hold, run


def test_recorded_responses_are_read_and_written_without_loss() -> None:
    hold(ENDPOINTS, cases, BAR)


def test_the_recordings_hold_streams_whole_answers_and_errors() -> None:
    require()
    kinds = {kind for _, _, kind in run(ENDPOINTS, cases, LEAST).passed}
    assert kinds >= {"request", "answer", "stream", "error"}
