"""REST proxy events in, answers out: streamed under the streaming runtime, buffered under any other."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.aws.apigateway import ApiGatewayHandler, StreamedResult, buffered_result, request_of, streamed_result
from sluice.types.http import Request, Response

HEADER_NAMES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,12}\Z")


class Buffering:
    """The context of a runtime that cannot stream."""

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Streaming(Buffering):
    """The context of the streaming runtime."""

    response_streaming = True


def event(**changes: object) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "httpMethod": "POST",
        "path": "/v1/chat/completions",
        "headers": {"Content-Type": "application/json", "X-Api-Key": "sk-sluice-x"},
        "multiValueHeaders": {"Content-Type": ["application/json"], "X-Api-Key": ["sk-sluice-x"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"requestId": "gateway-1", "identity": {"sourceIp": "203.0.113.7"}},
        "body": '{"model":"é"}',
        "isBase64Encoded": False,
    }
    return {**plain, **changes}


def served(response: Response, context: object) -> StreamedResult | dict[str, Any]:
    return ApiGatewayHandler(lambda _: response)(event(), context)


def request_from_handler(context: object, **changes: object) -> Request:
    seen: list[Request] = []

    def application(request: Request) -> Response:
        seen.append(request)
        return Response(200, {})

    ApiGatewayHandler(application, now=lambda: 1_795_435_200.5, monotonic=lambda: 50.0)(event(**changes), context)
    return seen[0]


def test_a_request_carries_what_the_event_says() -> None:
    request = request_from_handler(Streaming())
    assert request == Request(
        method="POST",
        path="/v1/chat/completions",
        headers={"content-type": "application/json", "x-api-key": "sk-sluice-x"},
        body='{"model":"é"}'.encode(),
        source_ip="203.0.113.7",
        gateway_request_id="gateway-1",
        received_ms=1_795_435_200_500,
        started=50.0,
        deadline=80.0,
        cold_start=True,
    )


def test_only_an_environment_s_first_request_is_a_cold_start() -> None:
    seen: list[bool] = []

    def application(request: Request) -> Response:
        seen.append(request.cold_start)
        return Response(200, {})

    handler = ApiGatewayHandler(application)
    for _ in range(3):
        handler(event(), Streaming())
    assert seen == [True, False, False]


def test_without_a_clock_in_the_context_there_is_no_deadline() -> None:
    assert request_from_handler(object()).deadline is None


def test_header_names_are_lower_case_and_repeated_ones_are_joined() -> None:
    request = request_of(
        event(
            headers={"Accept": "b", "X-One": "1"},
            multiValueHeaders={"Accept": ["a", "b"], "Cookie": ["x=1", "y=2"], "X-One": ["1"]},
        )
    )
    assert request.headers == {"accept": "a, b", "x-one": "1", "cookie": "x=1; y=2"}


def test_an_event_without_headers_query_or_body_is_a_request_without_them() -> None:
    request = request_of(
        {"httpMethod": "GET", "path": None, "requestContext": {}, "headers": None, "multiValueHeaders": None}
    )
    assert (request.path, request.headers, request.query, request.body) == ("/", {}, {}, b"")
    assert (request.source_ip, request.gateway_request_id) == ("", "")


def test_the_last_value_of_a_repeated_query_parameter_counts() -> None:
    request = request_of(
        event(queryStringParameters={"a": "1"}, multiValueQueryStringParameters={"a": ["1", "2"], "b": ["x"], "c": []})
    )
    assert request.query == {"a": "2", "b": "x"}
    assert request.repeated == {"a": ("1", "2")}


@given(st.binary())
def test_a_binary_body_arrives_byte_for_byte(body: bytes) -> None:
    encoded = base64.b64encode(body).decode()
    assert request_of(event(body=encoded, isBase64Encoded=True)).body == body


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_body_becomes_bytes(text: str) -> None:
    request = request_of(event(body=text))
    assert request.body.decode("utf-8", "surrogatepass") == text


def test_a_body_that_is_no_base64_is_an_empty_one() -> None:
    assert request_of(event(body="a", isBase64Encoded=True)).body == b""


@pytest.mark.parametrize(
    ("path", "decoded"),
    [
        ("/v1/models/openai%2Fgpt-4o", "/v1/models/openai/gpt-4o"),
        ("/v1/models/a%20b%C3%A9", "/v1/models/a bé"),
        ("/100%", "/100%"),
        ("/%zz%4", "/%zz%4"),
        ("/%ff", "/\ufffd"),
        ("/%%41", "/%A"),
    ],
)
def test_a_path_is_decoded(path: str, decoded: str) -> None:
    assert request_of(event(path=path)).path == decoded


@given(st.text())
def test_any_path_is_decoded_without_a_failure(path: str) -> None:
    assert isinstance(request_of(event(path=path)).path, str)


@pytest.mark.parametrize("document", [{}, {"Records": []}, {"httpMethod": "GET"}, {"requestId": "1"}])
@pytest.mark.parametrize("context", [Streaming(), Buffering(), None])
def test_an_event_that_is_no_http_request_gets_an_empty_200(document: dict[str, Any], context: object) -> None:
    def application(request: Request) -> Response:
        raise AssertionError("the application was asked")

    handler = ApiGatewayHandler(application)
    assert handler(document, context) == {"statusCode": 200, "headers": {}, "body": "", "isBase64Encoded": False}


def answer(result: StreamedResult | dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    """Play the runtime: return status, headers and body, and do the work that follows."""
    if isinstance(result, StreamedResult):
        body = b"".join(result.body)
        if result.after is not None:
            result.after()
        prelude = json.loads(json.dumps(result.prelude))
        return prelude["statusCode"], prelude["headers"], body
    text = json.loads(json.dumps(result))
    raw = text["body"].encode()
    return text["statusCode"], text["headers"], base64.b64decode(raw) if text["isBase64Encoded"] else raw


@given(
    status=st.sampled_from([200, 400, 429, 502]),
    headers=st.dictionaries(HEADER_NAMES, st.text(max_size=10)),
    chunks=st.lists(st.binary(max_size=20), max_size=5),
    whole=st.booleans(),
)
def test_both_runtimes_deliver_the_same_answer(
    status: int, headers: dict[str, str], chunks: list[bytes], whole: bool
) -> None:
    for context in (Streaming(), Buffering()):
        done: list[str] = []
        body: bytes | Iterator[bytes] = b"".join(chunks) if whole else iter(chunks)
        response = Response(status, headers, body, lambda: done.append("after"))  # noqa: B023 - used at once
        got_status, got_headers, got_body = answer(served(response, context))
        got_headers.pop("content-length", None)
        assert (got_status, got_body, done) == (status, b"".join(chunks), ["after"])
        assert got_headers == {name: value for name, value in headers.items() if name != "content-length"}


def test_a_whole_body_is_streamed_with_its_length() -> None:
    assert streamed_result(Response(200, {"a": "b"}, b"12345")).prelude == {
        "statusCode": 200,
        "headers": {"a": "b", "content-length": "5"},
    }
    assert streamed_result(Response(204, {}, b"")).prelude["headers"] == {}
    assert streamed_result(Response(200, {}, iter([b"1"]))).prelude["headers"] == {}


def test_streamed_chunks_are_not_read_before_they_are_asked_for() -> None:
    read: list[int] = []

    def chunks() -> Iterator[bytes]:
        for number in range(3):
            read.append(number)
            yield b"x"

    result = streamed_result(Response(200, {}, chunks()))
    assert read == []
    next(iter(result.body))
    assert read == [0]


def broken_body(closed: list[str]) -> Iterator[bytes]:
    try:
        yield b"first"
        raise ConnectionError("the provider went away")
    finally:
        closed.append("closed")


def test_a_buffered_body_that_breaks_is_closed_and_settled() -> None:
    steps: list[str] = []
    after: Callable[[], None] = lambda: steps.append("after")  # noqa: E731
    with pytest.raises(ConnectionError):
        buffered_result(Response(200, {}, broken_body(steps), after))
    assert steps == ["closed", "after"]


def test_work_behind_a_buffered_answer_that_fails_leaves_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    def after() -> None:
        raise RuntimeError("sk-secret")

    assert buffered_result(Response(200, {}, b"fine", after))["body"] == "fine"
    line = capsys.readouterr().out
    assert json.loads(line) == {"kind": "fault", "event": "after_failed", "error": "RuntimeError"}


def test_a_body_that_is_no_text_is_base64() -> None:
    assert buffered_result(Response(200, {}, b"\xff\x00"))["isBase64Encoded"] is True
    assert buffered_result(Response(200, {}, "é".encode()))["isBase64Encoded"] is False
