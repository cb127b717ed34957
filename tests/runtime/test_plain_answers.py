"""Answers in one piece, the events they answer, and the kept-alive connection."""

from __future__ import annotations

import pytest

from tests.runtime.loop_process import LoopProcess
from tests.runtime.stub_runtime_api import StubRuntimeApi


def test_a_plain_value_is_answered_as_json_in_one_piece(served):
    received = served.http("any_event")
    assert received.json == {"httpMethod": "POST", "case": "any_event"}
    assert received.headers["content-type"] == "application/json"
    assert not received.streamed
    assert not received.chunks


def test_a_refused_answer_is_logged_with_its_status(served):
    invocation = served.api.submit({"httpMethod": "POST", "case": "any_event"}, status=413)
    invocation.wait()
    served.http("any_event")
    (line,) = [line for line in served.loop.lines("answer_refused") if line["requestId"] == invocation.request_id]
    assert "413" in line["message"]


@pytest.mark.parametrize("chunked", [False, True])
def test_events_of_megabytes_arrive_whole(chunked):
    with StubRuntimeApi(chunked_events=chunked) as api, LoopProcess(api):
        for length in (5_000_000, 1, 70_000):
            event = {"httpMethod": "POST", "case": "size", "text": "ä" * length}
            assert api.invoke(event).json == length


def test_connections_that_the_runtime_api_closes_are_replaced():
    with StubRuntimeApi(close_each=True) as api, LoopProcess(api):
        for number in range(3):
            assert api.invoke({"httpMethod": "POST", "case": "any_event", "n": number}).json["n"] == number


def test_without_a_runtime_api_the_environment_ends():
    with StubRuntimeApi() as api, LoopProcess(api) as loop:
        api.invoke({"httpMethod": "POST", "case": "any_event"})
        api.stop()
        assert loop.exit_status() == 1
        (line,) = loop.lines("api_unreachable")
        assert "environment ends" in line["message"]


def test_output_without_a_newline_is_written_before_the_wait_for_the_next_event():
    with StubRuntimeApi() as api, LoopProcess(api) as loop:
        api.invoke({"httpMethod": "POST", "case": "print"})
        api.wait_for("/next", count=2)
        assert loop.output() == "half a line"
