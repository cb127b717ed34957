"""Recorded Chat Completions traffic is read without loss, both ways."""

from __future__ import annotations

import json

from sluice.dialects import openai_chat
from tests.wire import recordings
from tests.wire.chat_completions.check import BAR, ENDPOINTS, KINDS, cases
from tests.wire.tally import LEAST, hold, run


def test_recorded_chat_completions_are_read_and_written_without_loss() -> None:
    hold(ENDPOINTS, cases, BAR)


def test_the_recordings_hold_streams_whole_answers_and_errors() -> None:
    recordings.require()
    kinds = {kind for _, _, kind in run(ENDPOINTS, cases, LEAST).passed}
    assert kinds >= {"request", "answer", "stream", "error"}


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
