"""A streamed answer: its head, its chunks, its end, and the connection it travels on."""

from __future__ import annotations

import os

import pytest

from tests.runtime.stub_runtime_api import NULS

SSE = {"chunks": ["data: one\n\n", "data: two\n\n"]}


def test_the_head_announces_a_stream_and_its_trailers(served):
    received = served.http("answer", event=SSE)
    address = served.api.address
    assert received.method == "POST"
    assert received.headers == {
        "host": address,
        "lambda-runtime-function-response-mode": "streaming",
        "content-type": "application/vnd.awslambda.http-integration-response",
        "transfer-encoding": "chunked",
        "trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    }


def test_the_path_names_the_invocation(served):
    invocation = served.api.submit({"httpMethod": "POST", "case": "answer", **SSE})
    assert invocation.wait().path == f"/2018-06-01/runtime/invocation/{invocation.request_id}/response"


def test_prelude_and_nuls_are_chunks_of_their_own_before_the_body(served):
    received = served.http("answer", event=SSE)
    assert [chunk.data for chunk in received.chunks] == [
        b'{"statusCode":200,"headers":{"content-type":"text/event-stream"}}',
        NULS,
        b"data: one\n\n",
        b"data: two\n\n",
    ]
    assert received.trailers == {}


def test_a_chunk_leaves_before_the_next_one_is_made(served, tmp_path):
    pipe = tmp_path / "gate"
    os.mkfifo(pipe)
    invocation = served.api.submit({"httpMethod": "POST", "case": "gated", "pipe": str(pipe)})
    early = invocation.wait_for_chunks(3)
    assert not early.complete
    assert early.body == b"first"
    pipe.write_bytes(b"second")
    assert invocation.wait().body == b"firstsecond"


def test_each_streamed_answer_has_a_fresh_connection_that_is_closed_after_it(served):
    first = served.http("answer", event=SSE)
    second = served.http("answer", event=SSE)
    assert first.connection != second.connection
    assert (first.turn, second.turn) == (1, 1)
    assert first.connection_closed.wait(20)
    assert second.connection_closed.wait(20)


def test_events_and_plain_answers_share_one_kept_connection(served):
    served.http("answer", event=SSE)
    served.http("context")
    kept = [request.connection for request in served.api.requests if not request.streamed]
    assert len(kept) > 2
    assert set(kept) == {1}


def test_after_runs_once_the_answer_is_complete_and_before_the_next_event_is_asked_for(served):
    received = served.http("answer", event=SSE)
    ((name, at),) = served.journal()
    asked = [r.started for r in served.api.requests if r.path.endswith("/next") and r.started > received.ended]
    assert name == "after"
    assert received.ended < at < min(asked)


def test_empty_chunks_are_left_out(served):
    received = served.http("chunks", event={"hex": ["", "61", "", "62", ""]})
    assert [chunk.data for chunk in received.chunks[2:]] == [b"a", b"b"]


@pytest.mark.parametrize("chunks", [[], [""], ["", ""]])
def test_an_empty_body_is_sent_as_one_newline(served, chunks):
    received = served.http("chunks", event={"hex": chunks})
    assert [chunk.data for chunk in received.chunks[2:]] == [b"\n"]


def test_a_large_chunk_arrives_whole(served):
    received = served.http("chunks", event={"hex": ["00ff" * 500_000]})
    assert received.body == b"\x00\xff" * 500_000


def test_a_body_that_can_be_closed_is_closed(served):
    served.http("chunks", event={"hex": ["61"]})
    assert served.journal() == ["body closed"]


def test_the_prelude_may_hold_all_that_api_gateway_knows(served):
    prelude = {
        "statusCode": 429,
        "headers": {"retry-after": "3"},
        "multiValueHeaders": {"x-a": ["1", "2"]},
        "cookies": ["a=ü"],
    }
    assert served.http("prelude", event={"prelude": prelude}).prelude == prelude


def test_an_answer_that_is_not_accepted_is_logged_and_the_loop_goes_on(served):
    invocation = served.api.submit({"httpMethod": "POST", "case": "answer", **SSE}, status=413)
    invocation.wait()
    assert [entry[0] for entry in served.journal()] == ["after"]
    (line,) = [line for line in served.loop.lines("answer_refused") if line["requestId"] == invocation.request_id]
    assert "413" in line["message"]


def test_when_the_runtime_api_breaks_off_the_body_is_closed_and_after_runs(served):
    invocation = served.api.submit({"httpMethod": "POST", "case": "endless"}, break_after=5)
    assert served.journal() == ["body closed", "after"]
    (line,) = served.loop.lines("stream_broken")
    assert line["requestId"] == invocation.request_id
    assert not [request for request in served.api.requests if request.failed and invocation.request_id in request.path]
