from __future__ import annotations

import asyncio
import base64
import json

import pytest

from sluice.local.invocation import FunctionFailed, Invocation
from sluice.local.runtime_api import PAYLOAD_LIMIT, RuntimeConnection

NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.flow: list[str] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.flow.append("pause")

    def resume_reading(self) -> None:
        self.flow.append("resume")

    def status(self) -> int:
        status = int(self.written.split(b" ")[1])
        self.written = b""
        return status


class Environment:
    """The host: remembers what it was told."""

    def __init__(self, invocation: Invocation | None = None) -> None:
        self.invocation = invocation
        self.waiting: list[RuntimeConnection] = []
        self.failures: list[FunctionFailed] = []
        self.init_failures: list[FunctionFailed] = []

    def asked(self, connection: RuntimeConnection) -> None:
        self.waiting.append(connection)

    def left(self, connection: RuntimeConnection) -> None:
        self.waiting.remove(connection)

    def init_failed(self, failure: FunctionFailed) -> None:
        self.init_failures.append(failure)

    def reported(self, failure: FunctionFailed) -> None:
        self.failures.append(failure)


def connected(host: Environment) -> tuple[RuntimeConnection, Wire]:
    connection, wire = RuntimeConnection(host), Wire()
    connection.connection_made(wire)
    return connection, wire


def post(path: str, body: bytes, *headers: str) -> bytes:
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def answer_path(invocation: Invocation, verb: str = "response") -> str:
    return f"/2018-06-01/runtime/invocation/{invocation.id}/{verb}"


def streaming_head(invocation: Invocation) -> bytes:
    return (
        f"POST {answer_path(invocation)} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
        "Lambda-Runtime-Function-Response-Mode: streaming\r\n"
        "Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n"
    ).encode()


def read(invocation: Invocation) -> bytes:
    return asyncio.run(invocation.read())


def whole(invocation: Invocation) -> bytes:
    return asyncio.run(invocation.whole())


def test_next_waits_until_an_event_is_delivered() -> None:
    host = Environment()
    connection, wire = connected(host)
    connection.data_received(NEXT)
    assert wire.written == b""
    assert host.waiting == [connection]
    connection.deliver(Invocation(b'{"a": 1}'), {"Lambda-Runtime-Aws-Request-Id": "r1"})
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Lambda-Runtime-Aws-Request-Id: r1" in head
    assert b"Content-Length: 8" in head
    assert body == b'{"a": 1}'


def test_a_runtime_that_hangs_up_while_it_waits_is_forgotten() -> None:
    host = Environment()
    connection, _ = connected(host)
    connection.data_received(NEXT)
    connection.connection_lost(None)
    assert host.waiting == []


def test_a_streamed_answer_is_passed_on_chunk_by_chunk() -> None:
    invocation = Invocation(b"{}")
    connection, wire = connected(Environment(invocation))
    connection.data_received(streaming_head(invocation))
    assert invocation.streamed is True
    connection.data_received(b"2\r\n{}\r\n8\r\n\0\0\0\0\0\0\0\0\r\n")
    assert read(invocation) == b"{}" + b"\0" * 8
    connection.data_received(b"5\r\nhel")
    assert read(invocation) == b"hel"
    assert wire.written == b""
    connection.data_received(b"lo\r\n0\r\n\r\n")
    assert wire.status() == 202
    assert whole(invocation) == b"lo"


def test_an_error_in_trailers_is_reported_and_the_answer_still_counts() -> None:
    invocation = Invocation(b"{}")
    host = Environment(invocation)
    connection, wire = connected(host)
    document = base64.b64encode(json.dumps({"errorMessage": "cut", "stackTrace": ["line 1"]}).encode()).decode()
    connection.data_received(streaming_head(invocation) + b"4\r\npart\r\n0\r\n")
    trailers = f"Lambda-Runtime-Function-Error-Type: ProviderCut\r\nLambda-Runtime-Function-Error-Body: {document}\r\n"
    connection.data_received(f"{trailers}\r\n".encode())
    assert wire.status() == 202
    assert whole(invocation) == b"part"
    assert [(failure.kind, failure.message, failure.stack) for failure in host.failures] == [
        ("ProviderCut", "cut", ("line 1",))
    ]


def test_an_environment_that_goes_away_mid_stream_fails_its_invocation() -> None:
    invocation = Invocation(b"{}")
    connection, _ = connected(Environment(invocation))
    connection.data_received(streaming_head(invocation) + b"4\r\npart\r\n")
    connection.connection_lost(ConnectionResetError())
    assert read(invocation) == b"part"
    with pytest.raises(FunctionFailed, match="in the middle of its answer"):
        read(invocation)


def test_a_buffered_answer_is_passed_on_whole() -> None:
    invocation = Invocation(b"{}")
    connection, wire = connected(Environment(invocation))
    connection.data_received(post(answer_path(invocation), b'{"statusCode": 200}')[:-5])
    assert invocation.settled is False
    connection.data_received(b" 200}")
    assert wire.status() == 202
    assert invocation.streamed is False
    assert whole(invocation) == b'{"statusCode": 200}'


def test_a_buffered_answer_over_six_megabytes_is_refused() -> None:
    invocation = Invocation(b"{}")
    connection, wire = connected(Environment(invocation))
    connection.data_received(post(answer_path(invocation), b"x" * (PAYLOAD_LIMIT + 1)))
    assert wire.status() == 413
    with pytest.raises(FunctionFailed, match=r"Function\.ResponseSizeTooLarge"):
        whole(invocation)


def test_an_error_of_the_handler_fails_the_invocation_with_its_type_and_trace() -> None:
    invocation = Invocation(b"{}")
    host = Environment(invocation)
    connection, wire = connected(host)
    document = json.dumps({"errorMessage": "boom", "errorType": "ValueError", "stackTrace": ["line 1"]}).encode()
    connection.data_received(post(answer_path(invocation, "error"), document))
    assert wire.status() == 202
    with pytest.raises(FunctionFailed, match="ValueError: boom") as failure:
        whole(invocation)
    assert failure.value.stack == ("line 1",)
    assert len(host.failures) == 1


def test_an_init_error_reaches_the_environment() -> None:
    host = Environment()
    connection, wire = connected(host)
    connection.data_received(
        post(
            "/2018-06-01/runtime/init/error",
            b'{"errorMessage": "No module named x"}',
            "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError",
        )
    )
    assert wire.status() == 202
    assert str(host.init_failures[0]) == "Runtime.ImportModuleError: No module named x"


@pytest.mark.parametrize("verb", ["response", "error"])
def test_an_answer_to_another_request_is_refused(verb: str) -> None:
    invocation = Invocation(b"{}")
    connection, wire = connected(Environment(invocation))
    connection.data_received(post(f"/2018-06-01/runtime/invocation/other/{verb}", b"{}"))
    assert wire.status() == 400
    assert invocation.settled is False


def test_a_second_answer_is_refused() -> None:
    invocation = Invocation(b"{}")
    connection, wire = connected(Environment(invocation))
    connection.data_received(post(answer_path(invocation), b"1"))
    assert wire.status() == 202
    connection.data_received(post(answer_path(invocation), b"2"))
    assert wire.status() == 400
    assert whole(invocation) == b"1"


def test_an_unknown_path_is_refused() -> None:
    connection, wire = connected(Environment())
    connection.data_received(b"GET /2018-06-01/else HTTP/1.1\r\nHost: x\r\n\r\n")
    assert wire.status() == 404


def test_what_is_not_http_closes_the_connection() -> None:
    connection, wire = connected(Environment())
    connection.data_received(b"\x16\x03\x01 not http\r\n\r\n")
    assert wire.closed
    assert wire.status() == 400


def test_a_reader_that_falls_behind_pauses_the_connection() -> None:
    invocation = Invocation(b"{}")
    connection, wire = connected(Environment(invocation))
    connection.data_received(streaming_head(invocation))
    for _ in range(3):
        connection.data_received(b"80000\r\n" + b"x" * 0x80000 + b"\r\n")
    assert wire.flow == ["pause"]
    read(invocation)
    assert wire.flow == ["pause", "resume"]
