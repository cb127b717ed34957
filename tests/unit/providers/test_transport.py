"""The transport against a scripted server on loopback: framing, time-outs, reuse and cuts."""

from __future__ import annotations

import contextlib
import socket
import threading
import zlib
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.errors import ProviderGarbled, ProviderTimeout, ProviderUnreachable
from sluice.ports import UpstreamCall
from sluice.providers.http1 import inflated, split_url, take_chunks
from sluice.providers.transport import HttpTransport
from sluice.types.routes import Timeouts

Script = Callable[[socket.socket], None]


class Server:
    """Runs one script per accepted connection; `accepted` counts connections."""

    def __init__(self, *scripts: Script) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.accepted = 0
        self.heads: list[bytes] = []
        self._thread = threading.Thread(target=self._serve, args=(scripts,), daemon=True)
        self._thread.start()

    def _serve(self, scripts: tuple[Script, ...]) -> None:
        for script in scripts:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            with connection:
                script(connection)

    def url(self, path: str = "/v1/x") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        block = connection.recv(65536)
        if not block:
            return received
        received += block
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def answering(*answers: bytes, linger: threading.Event | None = None) -> Script:
    def script(connection: socket.socket) -> None:
        for answer in answers:
            if not read_request(connection):
                return
            connection.sendall(answer)
        if linger is not None:
            linger.wait(10)

    return script


TRANSPORTS: list[HttpTransport] = []


def fresh() -> HttpTransport:
    TRANSPORTS.append(HttpTransport())
    return TRANSPORTS[-1]


@pytest.fixture(autouse=True)
def _drop_connections() -> Iterator[None]:
    yield
    while TRANSPORTS:
        TRANSPORTS.pop().drop_connections()


def call(url: str, **times: float) -> UpstreamCall:
    return UpstreamCall("POST", url, {"x-test": "1"}, b"{}", Timeouts(**times), None, True)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*scripts: Script) -> Server:
        servers.append(Server(*scripts))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\nx-a: 2\r\n\r\nhello"


def test_a_sized_answer_is_read_whole_and_its_connection_is_used_again(serve: Callable[..., Server]) -> None:
    server = serve(answering(SIZED, SIZED))
    transport = fresh()
    for _ in range(2):
        answer = transport.send(call(server.url()))
        assert (answer.status, answer.headers["x-a"], answer.read()) == (200, "1, 2", b"hello")
    assert server.accepted == 1


def test_a_connection_the_server_closed_is_noticed_and_replaced(serve: Callable[..., Server]) -> None:
    server = serve(answering(SIZED), answering(SIZED))
    transport = fresh()
    assert transport.send(call(server.url())).read() == b"hello"
    for _ in range(200):  # until the end of the first connection has arrived
        if transport._pool[("http", "127.0.0.1", server.port)][0].readable():
            break
        threading.Event().wait(0.01)
    assert transport.send(call(server.url())).read() == b"hello"
    assert server.accepted == 2


def test_the_request_carries_host_length_and_headers(serve: Callable[..., Server]) -> None:
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(SIZED)

    server = serve(script)
    fresh().send(call(server.url("/v1/y?beta=true"))).read()
    head = seen[0].split(b"\r\n")
    assert head[0] == b"POST /v1/y?beta=true HTTP/1.1"
    assert f"host: 127.0.0.1:{server.port}".encode() in head
    assert b"content-length: 2" in head
    assert b"x-test: 1" in head


def test_an_interim_answer_is_skipped(serve: Callable[..., Server]) -> None:
    server = serve(answering(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + SIZED))
    answer = fresh().send(call(server.url()))
    assert (answer.status, answer.read()) == (200, b"hello")


def test_a_body_without_length_ends_with_the_connection(serve: Callable[..., Server]) -> None:
    server = serve(answering(b"HTTP/1.1 200 OK\r\n\r\nall of it"))
    assert fresh().send(call(server.url())).read() == b"all of it"


def test_a_cut_inside_a_sized_body_is_reported(serve: Callable[..., Server]) -> None:
    server = serve(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"))
    answer = fresh().send(call(server.url()))
    with pytest.raises(ProviderUnreachable, match="cut the connection"):
        answer.read()


def test_a_cut_inside_a_chunked_body_is_reported_after_what_came(serve: Callable[..., Server]) -> None:
    server = serve(answering(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwhat\r\n5\r\nca"))
    received = []
    chunks = fresh().send(call(server.url())).chunks()
    with pytest.raises(ProviderUnreachable):
        for chunk in chunks:
            received.append(chunk)
    assert b"".join(received) == b"whatca"


def test_a_refused_connection_names_the_host() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ProviderUnreachable, match=f"127.0.0.1:{port}"):
        fresh().send(call(f"http://127.0.0.1:{port}/"))


def test_silence_before_the_head_is_a_first_byte_timeout(serve: Callable[..., Server]) -> None:
    release = threading.Event()
    server = serve(answering(b"", linger=release))
    with pytest.raises(ProviderTimeout) as caught:
        fresh().send(call(server.url(), first_byte=0.05))
    release.set()
    assert caught.value.phase == "first_byte"


def test_silence_inside_a_stream_is_an_idle_timeout_and_ticks_before_it(serve: Callable[..., Server]) -> None:
    release = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"
    server = serve(answering(head, linger=release))
    items: list[bytes] = []
    chunks = fresh().send(call(server.url(), idle=0.2)).chunks(tick=0.05)
    with pytest.raises(ProviderTimeout) as caught:
        for chunk in chunks:
            items.append(chunk)
    release.set()
    assert caught.value.phase == "idle"
    assert items[0] == b"ab"
    assert items[1:]
    assert not any(items[1:])


def test_the_total_timeout_ends_a_stream_that_keeps_coming(serve: Callable[..., Server]) -> None:
    stop = threading.Event()

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not stop.wait(0.01):
            try:
                connection.sendall(b"1\r\nx\r\n")
            except OSError:
                return

    server = serve(script)
    with pytest.raises(ProviderTimeout) as caught:
        for _ in fresh().send(call(server.url(), total=0.2)).chunks():
            pass
    stop.set()
    assert caught.value.phase == "total"


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 2xx OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nab",
    ],
)
def test_an_answer_that_is_not_http_is_garbled(serve: Callable[..., Server], answer: bytes) -> None:
    server = serve(answering(answer))
    with pytest.raises(ProviderGarbled):
        fresh().send(call(server.url())).read()


def test_an_internal_address_is_never_called(serve: Callable[..., Server]) -> None:
    server = serve(answering(SIZED))
    refused = UpstreamCall("GET", server.url(), {}, b"", Timeouts(), None, False)
    with pytest.raises(Exception, match=r"127\.0\.0\.1"):
        fresh().send(refused)
    assert server.accepted == 0


def test_a_header_cannot_smuggle_a_second_one(serve: Callable[..., Server]) -> None:
    server = serve(answering(SIZED))
    smuggled = UpstreamCall("POST", server.url(), {"a": "b\r\nc: d"}, b"", Timeouts(), None, True)
    with pytest.raises(ProviderUnreachable, match="line break"):
        fresh().send(smuggled)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.lists(st.integers(1, 30), min_size=1, max_size=40))
@settings(max_examples=150, deadline=None)
def test_chunks_cut_at_any_place_give_the_same_body(payloads: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(p), p) for p in payloads) + b"0\r\nTrailer: x\r\n\r\n"
    buffer, left, over, body, position = b"", 0, False, b"", 0
    for cut in [*cuts, len(wire)]:
        buffer += wire[position : position + cut]
        position += cut
        payload, buffer, left, over = take_chunks(buffer, left)
        body += payload
        if over:
            break
    assert over
    assert body == b"".join(payloads)
    assert buffer == b""


@pytest.mark.parametrize("wbits", [31, 15])
def test_a_compressed_body_is_inflated(wbits: int) -> None:
    packer = zlib.compressobj(wbits=wbits)
    packed = packer.compress(b"hello " * 50) + packer.flush()
    assert b"".join(inflated(iter([packed[:7], packed[7:]]), "gzip")) == b"hello " * 50
    with pytest.raises(ProviderGarbled):
        list(inflated(iter([b"not compressed"]), "gzip"))


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://api.example.com/v1/x", ("https", "api.example.com", 443, "/v1/x")),
        ("http://[::1]:8080/a?b=c", ("http", "::1", 8080, "/a?b=c")),
        ("https://example.com", ("https", "example.com", 443, "/")),
    ],
)
def test_urls_are_split(url: str, parts: tuple[str, str, int, str]) -> None:
    assert split_url(url) == parts


@pytest.mark.parametrize("url", ["ftp://x/", "nonsense", "https:///path"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ProviderUnreachable):
        split_url(url)
