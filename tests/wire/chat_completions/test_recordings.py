"""Recorded Chat Completions traffic is read without loss, both ways."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from sluice.dialects import openai_chat
from tests.wire import recordings
from tests.wire.chat_completions.check import BAR, KINDS, run


@pytest.fixture(scope="module")
def outcome() -> tuple[Counter[tuple[str, bool]], list[tuple[str, str]], Counter[str]]:
    recordings.require()
    return run()


def test_recorded_chat_completions_are_read_and_written_without_loss(
    outcome: tuple[Counter[tuple[str, bool]], list[tuple[str, str]], Counter[str]],
) -> None:
    counts, problems, _ = outcome
    total = sum(counts.values())
    failed = sum(count for (_, passed), count in counts.items() if not passed)
    assert total
    assert (total - failed) / total >= BAR, "\n".join(f"{label}: {problem}" for label, problem in problems)


def test_the_recordings_hold_streams_whole_answers_and_errors(
    outcome: tuple[Counter[tuple[str, bool]], list[tuple[str, str]], Counter[str]],
) -> None:
    sorts = outcome[2]
    assert all(sorts[sort] for sort in ("stream", "whole", "error"))


def test_errors_quoted_in_public_issues_are_classified() -> None:
    recordings.require()
    for quoted in recordings.reported_errors():
        body = quoted["body"]
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        error = openai_chat.decode_error(quoted["status"], quoted["headers"], raw)
        assert error.kind in KINDS, quoted
        assert error.message
        if "billing" in quoted["note"]:
            assert not error.may_retry, quoted
        if "no waiting cures" in quoted["note"] or "not retryable" in quoted["note"]:
            assert error.kind == "too_large", quoted
