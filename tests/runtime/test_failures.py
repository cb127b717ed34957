"""Failing handlers, bodies and afterwork: each is reported where it belongs and the loop goes on."""

from __future__ import annotations

import base64
import json

import pytest


def in_trailers(received):
    assert received.trailers.keys() == {"lambda-runtime-function-error-type", "lambda-runtime-function-error-body"}
    fault = json.loads(base64.b64decode(received.trailers["lambda-runtime-function-error-body"]))
    assert fault["errorType"] == received.trailers["lambda-runtime-function-error-type"]
    return fault


def test_a_handler_error_is_reported_with_type_message_and_stack(served):
    invocation = served.api.submit({"httpMethod": "POST", "case": "fail"})
    received = invocation.wait()
    assert received.path == f"/2018-06-01/runtime/invocation/{invocation.request_id}/error"
    assert received.headers["lambda-runtime-function-error-type"] == "KeyError"
    assert received.json["errorType"] == "KeyError"
    assert received.json["errorMessage"] == "'no such model'"
    assert received.json["requestId"] == invocation.request_id
    assert "in case_fail" in received.json["stackTrace"][-1]
    assert not [frame for frame in received.json["stackTrace"] if "streaming_runtime" in frame]


def test_a_handler_error_is_logged_as_one_line(served):
    received = served.http("fail")
    (line,) = [x for x in served.loop.lines("invocation_failed") if x["requestId"] == received.json["requestId"]]
    assert (line["level"], line["errorType"]) == ("ERROR", "KeyError")


@pytest.mark.parametrize(
    ("case", "error_type"),
    [
        ("exit", "SystemExit"),
        ("silent_error", "Unprintable"),
        ("unserialisable", "Runtime.MarshalError"),
        ("unknown_case", "KeyError"),
    ],
)
def test_whatever_a_handler_raises_fails_its_invocation_only(served, case, error_type):
    received = served.http(case)
    assert received.failed
    assert received.json["errorType"] == error_type
    assert served.http("any_event").json["case"] == "any_event"


def test_an_event_that_is_not_json_fails_before_the_handler(served):
    received = served.api.invoke(b'{"httpMethod": ')
    assert received.failed
    assert received.json["errorType"] == "Runtime.UnmarshalError"


def test_a_deadline_that_is_no_number_fails_the_invocation_only(served):
    assert served.http("any_event", headers={"Lambda-Runtime-Deadline-Ms": "soon"}).json["errorType"] == "ValueError"


@pytest.mark.parametrize(
    ("prelude", "said"),
    [
        ({"statusCode": 200, "body": "x"}, "['body']"),
        ({"statusCode": 200, "headers": {"x-long": "y" * 17_000}}, "16376"),
    ],
)
def test_a_prelude_that_api_gateway_would_refuse_is_an_error_before_the_first_byte(served, prelude, said):
    received = served.http("prelude", event={"prelude": prelude})
    assert received.failed
    assert received.json["errorType"] == "Runtime.MalformedPrelude"
    assert said in received.json["errorMessage"]
    assert served.journal() == ["body closed", "after"]


def test_a_body_that_cannot_be_iterated_is_an_error_before_the_first_byte(served):
    received = served.http("no_iterator")
    assert received.failed
    assert received.json["errorType"] == "TypeError"
    assert served.journal() == ["after"]


def test_an_error_in_the_body_follows_the_chunks_in_trailers(served):
    received = served.http("fail_mid_stream", event={"chunks": 2})
    assert received.body == b"event: one\n\n" * 2
    fault = in_trailers(received)
    assert fault["errorType"] == "ValueError"
    assert fault["errorMessage"] == "provider cut the stream "
    assert "in body" in fault["stackTrace"][-1]
    assert served.journal() == ["body ended", "after"]


def test_an_error_before_the_first_chunk_of_a_started_stream_still_sends_a_chunk(served):
    received = served.http("fail_mid_stream", event={"chunks": 0})
    assert received.body == b"\n"
    assert in_trailers(received)["errorType"] == "ValueError"


def test_trailers_stay_within_header_limits(served):
    received = served.http("fail_mid_stream", event={"chunks": 1, "length": 100_000})
    assert in_trailers(received)["errorMessage"].startswith("provider cut the stream éé")
    assert max(len(value) for value in received.trailers.values()) < 8000


def test_a_stack_too_long_for_trailers_is_left_out_of_them(served):
    fault = in_trailers(served.http("fail_in_a_long_path"))
    assert (fault["errorMessage"], fault["stackTrace"]) == ("far away", [])


@pytest.mark.parametrize(
    ("case", "error_type"), [("interrupt_mid_stream", "KeyboardInterrupt"), ("text_chunk", "TypeError")]
)
def test_whatever_a_body_raises_or_yields_ends_its_stream_only(served, case, error_type):
    received = served.http(case)
    assert received.body == b"one"
    assert in_trailers(received)["errorType"] == error_type
    assert served.journal()[-1] == "after"


def test_failing_afterwork_is_logged_and_the_loop_goes_on(served):
    received = served.http("after_fails")
    assert received.body == b"fine"
    assert received.trailers == {}
    assert served.http("any_event").json["case"] == "any_event"
    (line,) = served.loop.lines("after_failed")
    assert line["errorType"] == "SystemExit"
    assert received.path.split("/")[-2] == line["requestId"]


def test_a_body_that_fails_to_close_does_not_keep_after_from_running(served):
    served.http("close_fails")
    assert served.journal() == ["after"]
    assert [line["errorType"] for line in served.loop.lines("close_failed")] == ["ZeroDivisionError"]
