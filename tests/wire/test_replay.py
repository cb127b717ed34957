"""Recorded traffic through the whole gateway in the same dialect: byte for byte but for declared edits."""

from __future__ import annotations

from tests.wire.explained import explain
from tests.wire.recordings import require
from tests.wire.replay import BAR, replay_all
from tests.wire.tally import LEAST


def test_recorded_traffic_passes_byte_for_byte() -> None:
    require()
    outcome = replay_all(LEAST)
    print(f"{outcome.total} replayed, {outcome.exact} exact, edited: {dict(outcome.edited)}")
    unexplained = [label for label in outcome.failed if explain(outcome.recordings[label]) is None]
    assert outcome.exact > 0
    assert 1 - len(unexplained) / outcome.total >= BAR, "\n".join(outcome.failures[:20])
