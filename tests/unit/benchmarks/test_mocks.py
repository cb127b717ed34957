"""The mocks that a benchmark leans on."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from benchmarks.mock_upstream import Upstream
from benchmarks.runtime_stub import RuntimeStub, Timing
from benchmarks.stub_aws import Store
from benchmarks.workload import BURST, Caller

CALLER = Caller("key", "gpt-4o-mini")


def exchange(request: bytes) -> bytes:
    """Return what the mock upstream answers to one request."""

    async def run() -> bytes:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            sized = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            body = await (reader.readexactly(int(sized)) if sized else reader.readuntil(b"\r\n0\r\n\r\n"))
            writer.close()
            await writer.wait_closed()
            return body

    return asyncio.run(run())


def test_upstream_answers_whole_and_streamed() -> None:
    whole = json.loads(exchange(CALLER.http(1, None)))
    assert whole["usage"]["total_tokens"] == 310
    streamed = exchange(CALLER.http(1, BURST))
    assert streamed.count(b'{"content":" word ') == 100
    assert b"data: [DONE]" in streamed


def test_event_is_the_same_request_as_api_gateway_tells_it() -> None:
    event: dict[str, Any] = json.loads(CALLER.event(None))
    assert (event["httpMethod"], event["path"]) == ("POST", "/v1/chat/completions")
    assert event["headers"]["authorization"] == "Bearer key"
    assert json.loads(event["body"]) == json.loads(CALLER.body(None))


def test_runtime_stub_times_an_environment_from_event_to_last_byte() -> None:
    async def run() -> Timing:
        stub = RuntimeStub()
        await stub.start()
        answer = stub.prepare(b"{}", 0.0)
        reader, writer = await asyncio.open_connection("127.0.0.1", stub.port)
        writer.write(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        other, streamed = await asyncio.open_connection("127.0.0.1", stub.port)
        streamed.write(b"POST /response HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
        streamed.write(b'12\r\n{"statusCode":200}\r\n8\r\n' + b"\0" * 8 + b"\r\n2\r\nhi\r\n0\r\n\r\n")
        assert b" 202 " in await other.readuntil(b"\r\n\r\n")
        for opened in (writer, streamed):
            opened.close()
            await opened.wait_closed()
        stub.close()
        return await answer

    timing = asyncio.run(run())
    assert not timing.failed
    assert 0 < timing.first <= timing.total


def test_stub_store_answers_what_it_was_given() -> None:
    item = {"pk": {"S": "a"}, "sk": {"S": "b"}}
    store = Store({"t": [item]}, {"s": "x"})
    assert store.serve("GetItem", {"TableName": "t", "Key": item}) == {"Item": item}
    assert store.serve("GetItem", {"TableName": "u", "Key": item}) == {}
    assert store.serve("GetSecretValue", {"SecretId": "s"})["SecretString"] == "x"
    values = {":p": {"S": "a"}}
    assert store.serve("Query", {"TableName": "t", "ExpressionAttributeValues": values})["Items"] == [item]
    batch = {"RequestItems": {"t": {"Keys": [item, {"pk": {"S": "z"}, "sk": {"S": "z"}}]}}}
    assert store.serve("BatchGetItem", batch) == {"Responses": {"t": [item]}}
    assert store.serve("PutItem", {"TableName": "t", "Item": item}) == {}
