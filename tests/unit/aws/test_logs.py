"""Request lines come back from CloudWatch Logs."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from sluice.aws.emf import entry_from_line, request_line
from sluice.aws.logs import PATTERN, request_lines
from tests.emulator import Emulator
from tests.unit.aws.entries import NOON, typical

OPEN = json.dumps({"kind": "open", "entry": {"id": "req_x", "team": "search"}})


class FakeLogs:
    """A CloudWatch Logs client that returns pages from a list and notes what it was asked."""

    def __init__(self, *pages: list[str]) -> None:
        self.pages = pages
        self.asked: dict[str, Any] = {}

    def get_paginator(self, name: str) -> FakeLogs:
        self.asked["call"] = name
        return self

    def paginate(self, **parameters: object) -> list[dict[str, Any]]:
        self.asked.update(parameters)
        return [{"events": [{"message": message} for message in page]} for page in self.pages]


def test_lines_of_all_pages_are_read_and_the_rest_is_passed_over() -> None:
    entry = typical()
    pages = [
        [request_line(entry, True) + "\n", "START RequestId: 1", '{"kind":"fault"}', '{"kind":', "{}"],
        [],
        ["2026-11-23T12:00:00Z abc INFO " + OPEN, "[1]", '{"a":1} {"kind":"open"}'],
    ]
    client = FakeLogs(*pages)
    lines = list(request_lines("/aws/lambda/streaming", 5, 9, client=client))
    assert [line["kind"] for line in lines] == ["request", "open"]
    assert entry_from_line(lines[0]) == entry
    assert client.asked == {
        "call": "filter_log_events",
        "logGroupName": "/aws/lambda/streaming",
        "startTime": 5,
        "endTime": 9,
        "filterPattern": PATTERN,
    }


@pytest.fixture
def aws_environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in emulator.environment("logs").items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("aws_environment")
def test_lines_are_read_between_two_times() -> None:
    client = boto3.client("logs")
    client.create_log_group(logGroupName="/aws/lambda/test-logs")
    client.create_log_stream(logGroupName="/aws/lambda/test-logs", logStreamName="one")
    entries = [typical(duration_ms=number) for number in range(4)]
    events = [
        {"timestamp": NOON + 1000 * number, "message": request_line(entry, False)}
        for number, entry in enumerate(entries)
    ]
    client.put_log_events(logGroupName="/aws/lambda/test-logs", logStreamName="one", logEvents=events)
    lines = list(request_lines("/aws/lambda/test-logs", NOON + 1000, NOON + 2000))
    assert [entry_from_line(line) for line in lines] == entries[1:3]
    client.close()
