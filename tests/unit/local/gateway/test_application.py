"""The ASGI application against scripted functions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sluice.local.functions import Function
from sluice.local.gateway.answers import DELIMITER
from sluice.local.gateway.application import BODY_LIMIT, Cut, Gateway
from sluice.local.invocation import FunctionFailed, Invocation

HEAD = b'{"statusCode": 200, "headers": {"content-type": "text/event-stream"}}' + DELIMITER
Script = Callable[[Invocation], None]


class Scripted:
    """A function whose answer the test wrote."""

    def __init__(self, script: Script, *, streamed: bool = True) -> None:
        self.function = Function("scripted", Path("/nowhere"), streamed=streamed)
        self.events: list[dict[str, Any]] = []
        self._script = script

    def invoke(self, event: bytes) -> Invocation:
        self.events.append(json.loads(event))
        invocation = Invocation(event)
        self._script(invocation)
        return invocation


class Exchange:
    """One request through the gateway and what came back."""

    def __init__(
        self, gateway: Gateway, *, method: str = "POST", path: str = "/v1/messages", body: bytes = b"{}"
    ) -> None:
        self.gateway = gateway
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(b"host", b"127.0.0.1")],
            "client": ("127.0.0.1", 1),
        }
        self.incoming: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
        self.sent: list[dict[str, Any]] = []

    async def receive(self) -> dict[str, Any]:
        return self.incoming.pop(0)

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def run(self) -> Exchange:
        asyncio.run(self.gateway(self.scope, self.receive, self.send))
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def pieces(self) -> list[bytes]:
        return [message["body"] for message in self.sent[1:]]

    @property
    def error(self) -> dict[str, Any]:
        return dict(json.loads(b"".join(self.pieces))["error"])


def gateway(tell: Callable[[str], None] = print, **invokers: Scripted) -> Gateway:
    return Gateway(invokers, tell, buffered_seconds=0.05)


def answered(*pieces: bytes, streamed: bool = True) -> Script:
    def script(invocation: Invocation) -> None:
        invocation.begin(streamed=streamed)
        for piece in pieces:
            invocation.feed(piece)
        invocation.finish()

    return script


def failing(kind: str, *pieces: bytes) -> Script:
    def script(invocation: Invocation) -> None:
        invocation.begin(streamed=True)
        for piece in pieces:
            invocation.feed(piece)
        invocation.fail(FunctionFailed(kind, "reason"))

    return script


def test_a_stream_is_passed_on_behind_its_prelude() -> None:
    done = Exchange(gateway(streaming=Scripted(answered(HEAD, b"data: 1\n\n")))).run()
    assert done.status == 200
    assert done.headers[b"content-type"] == b"text/event-stream"
    assert b"x-amzn-requestid" in done.headers
    assert done.pieces == [b"data: 1\n\n", b""]


def test_a_piece_of_a_stream_is_passed_on_before_the_next_one_is_there() -> None:
    async def scenario() -> None:
        held: list[Invocation] = []

        def script(invocation: Invocation) -> None:
            held.append(invocation)
            invocation.begin(streamed=True)
            invocation.feed(HEAD)

        exchange = Exchange(gateway(streaming=Scripted(script)))
        serving = asyncio.ensure_future(exchange.gateway(exchange.scope, exchange.receive, exchange.send))
        for piece in (b"one", b"two"):
            while not held or len(exchange.sent) < 1:
                await asyncio.sleep(0)
            held[0].feed(piece)
            while exchange.sent[-1].get("body") != piece:
                await asyncio.sleep(0)
        held[0].finish()
        await serving
        assert exchange.pieces == [b"one", b"two", b""]

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_the_function_is_chosen_by_the_endpoint_table() -> None:
    chat, lookups = Scripted(answered(HEAD)), Scripted(answered(b'{"statusCode": 200}', streamed=False), streamed=False)
    both = gateway(streaming=chat, routing=lookups)
    Exchange(both, path="/v1/chat/completions").run()
    Exchange(both, method="GET", path="/v1/models").run()
    Exchange(both, method="PUT", path="/no/such/path").run()
    assert [event["path"] for event in chat.events] == ["/v1/chat/completions"]
    assert [event["path"] for event in lookups.events] == ["/v1/models", "/no/such/path"]


def test_a_buffered_answer_is_sent_whole_with_its_length() -> None:
    buffered = Scripted(answered(b'{"statusCode": 418, "body": "tea"}', streamed=False), streamed=False)
    done = Exchange(gateway(routing=buffered), method="GET", path="/health").run()
    assert done.status == 418
    assert done.headers[b"content-length"] == b"3"
    assert done.pieces == [b"tea"]


def test_a_buffered_integration_collects_a_stream() -> None:
    streamed = Scripted(answered(HEAD, b"a", b"b"), streamed=False)
    done = Exchange(gateway(routing=streamed), method="GET", path="/health").run()
    assert done.pieces == [b"ab"]


def test_a_buffered_integration_times_out() -> None:
    done = Exchange(gateway(routing=Scripted(lambda _: None, streamed=False)), method="GET", path="/health").run()
    assert done.status == 504
    assert done.error["code"] == "gateway_timeout"


@pytest.mark.parametrize("streamed", [True, False])
def test_a_failed_function_is_a_502_without_its_reason(streamed: bool) -> None:
    done = Exchange(gateway(streaming=Scripted(failing("ValueError"), streamed=streamed))).run()
    assert done.status == 502
    assert done.error["code"] == "internal_error"
    assert "reason" not in done.error["message"]


def test_a_full_queue_is_a_503_that_says_what_to_do() -> None:
    done = Exchange(gateway(streaming=Scripted(failing("TooManyRequests")))).run()
    assert done.status == 503
    assert done.error == {"message": "reason", "type": "api_error", "param": None, "code": "no_capacity"}


def test_a_stream_that_breaks_off_drops_the_connection() -> None:
    exchange = Exchange(gateway(streaming=Scripted(failing("Runtime.ExitError", HEAD, b"data: 1\n\n"))))
    with pytest.raises(Cut):
        exchange.run()
    assert exchange.pieces == [b"data: 1\n\n"]
    assert all(message.get("more_body", True) for message in exchange.sent)


@pytest.mark.parametrize(
    "script",
    [
        answered(b'{"statusCode": 200, "body": ""}', streamed=False),
        answered(b"no prelude"),
        answered(b"not json" + DELIMITER),
        answered(b"x" * 20_000),
    ],
)
def test_an_answer_that_api_gateway_would_refuse_is_a_502_and_told(script: Script) -> None:
    told: list[str] = []
    done = Exchange(gateway(told.append, streaming=Scripted(script))).run()
    assert done.status == 502
    assert "API Gateway would refuse" in told[0]


def test_a_204_has_no_body() -> None:
    done = Exchange(gateway(streaming=Scripted(answered(b'{"statusCode": 204}' + DELIMITER, b"\n")))).run()
    assert done.status == 204
    assert done.pieces == [b""]


def test_a_body_over_ten_megabytes_is_refused_after_it_was_read() -> None:
    function = Scripted(answered(HEAD))
    exchange = Exchange(gateway(streaming=function), body=b"x" * BODY_LIMIT)
    exchange.incoming[0]["more_body"] = True
    exchange.incoming.append({"type": "http.request", "body": b"x", "more_body": False})
    exchange.run()
    assert exchange.status == 413
    assert exchange.error["type"] == "request_too_large"
    assert "POST /v1/uploads" in exchange.error["message"]
    assert exchange.incoming == []
    assert function.events == []


def test_a_body_that_makes_too_large_an_event_is_refused() -> None:
    function = Scripted(answered(HEAD))
    done = Exchange(gateway(streaming=function), body=b"x" * 6_300_000).run()
    assert done.status == 413
    assert "6291456" in done.error["message"]
    assert "POST /v1/uploads" in done.error["message"]
    assert function.events == []


def test_a_caller_that_hangs_up_before_its_request_is_complete_starts_nothing() -> None:
    function = Scripted(answered(HEAD))
    exchange = Exchange(gateway(streaming=function))
    exchange.incoming = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    with pytest.raises(Cut):
        exchange.run()
    assert function.events == []


def test_a_defect_of_the_gateway_is_told() -> None:
    def defect(_: Invocation) -> None:
        raise RuntimeError("oh")

    told: list[str] = []
    with pytest.raises(RuntimeError):
        Exchange(gateway(told.append, streaming=Scripted(defect))).run()
    assert told == ["The local API Gateway failed: RuntimeError: oh"]


def test_a_missing_function_is_a_502() -> None:
    assert Exchange(gateway()).run().status == 502
