"""Recorded traffic through the whole gateway in the same dialect: byte for byte but for declared edits."""

from __future__ import annotations

from tests.wire.recordings import require
from tests.wire.replay import BAR, replay_all


def test_recorded_traffic_passes_byte_for_byte() -> None:
    require()
    outcome = replay_all()
    print(f"{outcome.total} replayed, {outcome.exact} exact, edited: {dict(outcome.edited)}")
    assert outcome.total > 100
    assert outcome.share >= BAR, "\n".join(outcome.failures[:20])
