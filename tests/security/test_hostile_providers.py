"""A provider, or whoever has taken its place, answers to harm: bombs, endless heads and trailers, absurd lengths."""

from __future__ import annotations

import contextlib
import socket
import threading
import zlib
from collections.abc import Iterator

import pytest

from sluice.errors import ProviderGarbled
from sluice.ports import UpstreamCall
from sluice.providers.http1 import HEAD_LIMIT, INFLATE_PIECE, inflated, take_chunks
from sluice.providers.transport import BODY_LIMIT, HttpTransport
from sluice.types.routes import Timeouts

MB = 1024 * 1024


def bomb(size: int) -> bytes:
    """Return `size` zero bytes, packed as tightly as deflate can."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(bytes(MB)) for _ in range(size // MB)]) + packer.flush()


@contextlib.contextmanager
def answering(*pieces: bytes) -> Iterator[str]:
    """Yield the URL of a server that answers one request with these bytes and hangs up."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            for piece in pieces:
                connection.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1/x"
    finally:
        thread.join(5)
        listener.close()


def read(*pieces: bytes, limit: int | None = None) -> tuple[int, bytes]:
    """Return what the transport makes of an answer."""
    transport = HttpTransport()
    with answering(*pieces) as url:
        try:
            answer = transport.send(UpstreamCall("POST", url, {}, b"{}", Timeouts(), None, True))
            return answer.status, answer.read(limit)
        finally:
            transport.drop_connections()


def test_a_bomb_is_inflated_in_small_pieces_and_left_at_the_limit() -> None:
    packed = bomb(64 * MB)
    assert len(packed) < 70_000  # it fits into what is received at once
    pieces = inflated(iter([packed]), "gzip")
    assert max(len(next(pieces)) for _ in range(20)) <= INFLATE_PIECE
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)
    with pytest.raises(ProviderGarbled, match="longer than 262144 bytes"):
        read(head, packed, limit=262_144)


def test_whatever_is_packed_comes_out_whole_whichever_way_it_is_cut() -> None:
    plain = bytes(range(256)) * 4096 + bytes(3 * INFLATE_PIECE)
    packed = zlib.compress(plain)
    for size in (1, 7, 1000, len(packed)):
        cut = [packed[start : start + size] for start in range(0, len(packed), size)]
        assert b"".join(inflated(iter(cut), "deflate")) == plain


def test_what_follows_a_packed_body_is_dropped_and_not_kept() -> None:
    packed = zlib.compress(b"hello")
    assert b"".join(inflated(iter([packed + b"x" * 1000, *[b"y" * 65_536] * 50]), "deflate")) == b"hello"


def test_trailer_fields_without_an_end_are_refused() -> None:
    buffer = b"0\r\n" + b"a: b\r\n" * (HEAD_LIMIT // 6)
    with pytest.raises(ProviderGarbled, match="trailer"):
        take_chunks(buffer + b"a: b\r\n", 0)
    assert take_chunks(b"0\r\na: b\r\n\r\n", 0) == (b"", b"", 0, True)


@pytest.mark.parametrize("length", [b"9" * 5000, b"9" * 19, b"+5", b"5, 5", b"0x5", "५".encode()])
def test_a_length_that_is_none_is_refused(length: bytes) -> None:
    with pytest.raises(ProviderGarbled):
        read(b"HTTP/1.1 200 OK\r\ncontent-length: " + length + b"\r\n\r\nhello")


def test_a_head_that_does_not_end_is_left() -> None:
    with pytest.raises(ProviderGarbled, match="head"):
        read(b"HTTP/1.1 200 OK\r\n", *[b"a: " + b"b" * 8000 + b"\r\n"] * 20)


def test_an_answer_that_claims_to_be_huge_is_left_at_the_limit() -> None:
    assert BODY_LIMIT <= 128 * MB
    with pytest.raises(ProviderGarbled, match="longer than 1000 bytes"):
        read(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n" + b"x" * 5000, limit=1000)


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    head = b"HTTP/1.1 307 X\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n"
    assert read(head) == (307, b"")
