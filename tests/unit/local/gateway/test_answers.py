from __future__ import annotations

import base64
import json

import pytest

from sluice.local.gateway.answers import (
    DELIMITER,
    PRELUDE_LIMIT,
    Garbled,
    head_of,
    own_error,
    proxy_result,
    split_prelude,
)


def test_a_prelude_is_split_from_the_first_bytes_of_the_body() -> None:
    parts = split_prelude(b'{"statusCode": 201, "headers": {"X-A": "b"}}' + DELIMITER + b"data: 1")
    assert parts is not None
    head, body = parts
    assert (head.status, head.headers, body) == (201, [(b"x-a", b"b")], b"data: 1")


def test_an_unfinished_prelude_is_waited_for() -> None:
    assert split_prelude(b'{"statusCode": 200}' + DELIMITER[:7]) is None


def test_a_prelude_must_end_within_16_kilobytes() -> None:
    with pytest.raises(Garbled, match="no prelude"):
        split_prelude(b"x" * (PRELUDE_LIMIT + 1))


def test_a_proxy_result_is_decoded() -> None:
    head, body = proxy_result(b'{"statusCode": "404", "headers": {"a": "b"}, "body": "no"}')
    assert (head.status, head.headers, body) == (404, [(b"a", b"b")], b"no")


def test_a_base64_body_is_decoded() -> None:
    encoded = base64.b64encode(b"\xff\x00").decode()
    document = json.dumps({"statusCode": 200, "isBase64Encoded": True, "body": encoded}).encode()
    assert proxy_result(document)[1] == b"\xff\x00"


@pytest.mark.parametrize(
    "document",
    [
        b"not json",
        b"[]",
        b"{}",
        b'{"statusCode": 99}',
        b'{"statusCode": "x"}',
        b'{"statusCode": 200, "body": {}}',
        b'{"statusCode": 200, "headers": ["x"]}',
        b'{"statusCode": 200, "isBase64Encoded": true, "body": "?"}',
    ],
)
def test_what_api_gateway_would_refuse_is_garbled(document: bytes) -> None:
    with pytest.raises(Garbled):
        proxy_result(document)


def test_headers_with_many_values_win_over_single_ones() -> None:
    head = head_of(
        {
            "statusCode": 200,
            "headers": {"A": "single", "B": True},
            "multiValueHeaders": {"A": ["one", "two"]},
            "cookies": ["c=1"],
        }
    )
    assert head.headers == [(b"a", b"one"), (b"a", b"two"), (b"b", b"true"), (b"set-cookie", b"c=1")]


def test_hop_by_hop_headers_are_dropped() -> None:
    assert head_of({"headers": {"Transfer-Encoding": "chunked", "Connection": "close"}}).headers == []


def test_an_answer_that_may_have_no_body_has_no_length() -> None:
    head = head_of({"statusCode": 204, "headers": {"Content-Length": "1", "x": "y"}})
    assert head.bodiless
    assert head.wire_headers == [(b"x", b"y")]


def test_an_error_of_its_own_reads_as_both_dialects() -> None:
    head, body = own_error(413, "request_too_large", "request_too_large", "Too large.", "r1")
    document = json.loads(body)
    assert head.status == 413
    assert document["type"] == "error"
    assert document["error"] == {
        "message": "Too large.",
        "type": "request_too_large",
        "param": None,
        "code": "request_too_large",
    }
    assert (b"x-should-retry", b"false") in head.headers
    assert (b"x-request-id", b"r1") in head.headers
