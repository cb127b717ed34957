"""Recorded Responses traffic is read without loss, both ways."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.wire import recordings
from tests.wire.responses import across
from tests.wire.responses.check import BAR, run

Outcome = tuple[Counter[tuple[str, bool]], list[tuple[str, str]], Counter[str]]


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    recordings.require()
    return run()


def test_recorded_responses_are_read_and_written_without_loss(outcome: Outcome) -> None:
    counts, problems, _ = outcome
    total = sum(counts.values())
    failed = sum(count for (_, passed), count in counts.items() if not passed)
    assert total
    assert (total - failed) / total >= BAR, "\n".join(f"{label}: {problem}" for label, problem in problems)


def test_the_recordings_hold_streams_whole_answers_and_errors(outcome: Outcome) -> None:
    sorts = outcome[2]
    assert all(sorts[sort] for sort in ("stream", "whole", "error"))


def test_recorded_traffic_keeps_its_meaning_across_dialects() -> None:
    recordings.require()
    counts, problems, _ = across.run()
    total = sum(counts.values())
    failed = sum(count for (_, passed), count in counts.items() if not passed)
    assert total
    assert (total - failed) / total >= across.BAR, "\n".join(problems)
