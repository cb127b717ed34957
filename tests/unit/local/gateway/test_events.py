from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sluice.endpoints import find
from sluice.local.gateway.events import proxy_event


def event(
    method: str = "POST",
    path: str = "/v1/chat/completions",
    *,
    query: str = "",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    body: bytes = b"",
) -> dict[str, Any]:
    made = proxy_event(
        method,
        path,
        query=query,
        headers=headers,
        body=body,
        source="127.0.0.1",
        match=find(method, path),
        request_id="11111111-2222-3333-4444-555555555555",
    )
    return dict(json.loads(made))


def test_an_event_has_the_members_of_a_rest_proxy_event() -> None:
    assert set(event()) == {
        "resource",
        "path",
        "httpMethod",
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "pathParameters",
        "stageVariables",
        "requestContext",
        "body",
        "isBase64Encoded",
    }


def test_the_path_stays_encoded_and_its_parameters_are_decoded() -> None:
    made = event("GET", "/v1/models/openai%2Fgpt-4o")
    assert made["resource"] == "/v1/models/{model+}"
    assert made["path"] == "/v1/models/openai%2Fgpt-4o"
    assert made["pathParameters"] == {"model": "openai/gpt-4o"}


def test_an_unknown_path_has_the_catch_all_resource() -> None:
    made = event("DELETE", "/v2/x/y")
    assert made["resource"] == "/{proxy+}"
    assert made["pathParameters"] == {"proxy": "v2/x/y"}


def test_repeated_headers_and_parameters_come_in_both_forms() -> None:
    made = event(query="a=1&a=2&empty=&b=%20x", headers=((b"x-tag", b"one"), (b"x-tag", b"two")))
    assert made["headers"]["x-tag"] == "two"
    assert made["multiValueHeaders"]["x-tag"] == ["one", "two"]
    assert made["queryStringParameters"] == {"a": "2", "empty": "", "b": " x"}
    assert made["multiValueQueryStringParameters"] == {"a": ["1", "2"], "empty": [""], "b": [" x"]}


def test_what_is_absent_is_null() -> None:
    made = event()
    assert made["queryStringParameters"] is None
    assert made["multiValueQueryStringParameters"] is None
    assert made["pathParameters"] is None
    assert made["body"] is None


def test_header_names_have_capitals_and_hop_by_hop_headers_are_gone() -> None:
    made = event(headers=((b"content-type", b"application/json"), (b"connection", b"close"), (b"content-length", b"2")))
    assert made["headers"]["Content-Type"] == "application/json"
    assert made["headers"]["X-Forwarded-For"] == "127.0.0.1"
    assert not {"connection", "content-length"} & {name.lower() for name in made["headers"]}


def test_text_is_passed_as_text() -> None:
    made = event(headers=((b"content-type", b"application/json"),), body='{"a":"ü"}'.encode())
    assert made["body"] == '{"a":"ü"}'
    assert made["isBase64Encoded"] is False


@pytest.mark.parametrize(
    "kind", [b"multipart/form-data; boundary=x", b"Multipart/Form-Data;boundary=x", b"application/octet-stream"]
)
def test_a_binary_body_is_passed_as_base64(kind: bytes) -> None:
    made = event(headers=((b"content-type", kind),), body=b"\xff\x00")
    assert base64.b64decode(made["body"]) == b"\xff\x00"
    assert made["isBase64Encoded"] is True


def test_the_context_tells_who_called_what_and_when() -> None:
    context = event(headers=((b"user-agent", b"sdk/1"), (b"host", b"127.0.0.1:8787")))["requestContext"]
    assert context["requestId"] == "11111111-2222-3333-4444-555555555555"
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert context["identity"]["userAgent"] == "sdk/1"
    assert context["domainName"] == "127.0.0.1:8787"
    assert context["stage"] == "local"
    assert context["path"] == "/local/v1/chat/completions"
    assert context["resourcePath"] == "/v1/chat/completions"
    assert context["requestTimeEpoch"] > 1_600_000_000_000
