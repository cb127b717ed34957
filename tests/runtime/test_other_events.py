"""Events that are not HTTP requests."""

from __future__ import annotations

import pytest

from tests.runtime.loop_process import LoopProcess
from tests.runtime.stub_runtime_api import StubRuntimeApi


def test_events_that_are_not_http_get_an_empty_200_and_are_counted():
    completion = {"requestId": "abc", "invokeCompletionStatus": "Success"}
    with StubRuntimeApi() as api, LoopProcess(api) as loop:
        for event in (completion, [1], "ping", None):
            assert api.invoke(event).json == {"statusCode": 200, "body": ""}
        api.wait_for("/next", count=5)
        lines = loop.lines("event_ignored")
        assert [line["ignoredEvents"] for line in lines] == [1, 2, 3, 4]
        assert lines[0]["eventFields"] == ["invokeCompletionStatus", "requestId"]
        assert "abc" not in lines[0]["eventFields"]


@pytest.mark.parametrize("field", ["httpMethod", "requestContext"])
def test_either_mark_of_an_http_event_is_enough(served, field):
    assert served.api.invoke({field: "GET", "case": "any_event"}).json == {field: "GET", "case": "any_event"}


def test_a_function_that_asks_for_every_event_gets_them():
    with StubRuntimeApi() as api, LoopProcess(api, STREAMING_RUNTIME_EVENTS="any") as loop:
        assert api.invoke({"case": "any_event", "source": "aws.events"}).json["source"] == "aws.events"
        assert not loop.lines("event_ignored")
