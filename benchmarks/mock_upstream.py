"""A provider that answers at once: OpenAI Chat and Anthropic Messages, whole or streamed, on one raw protocol.

`[[chunks=200 gap_ms=1]]` in the prompt sets the stream; without a gap all chunks (at most 256) leave in one write.
Started with `python -m benchmarks.mock_upstream [certificate.pem]`, it prints its port, which speaks TLS when there
is a certificate.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

from benchmarks.certificates import Certificates

WISH = re.compile(rb"\[\[chunks=(\d+) gap_ms=(\d+)\]\]")
ANSWER = "The river takes its time through the valley. " * 6
OPENAI_USAGE = {"prompt_tokens": 250, "completion_tokens": 60, "total_tokens": 310}
ANTHROPIC_USAGE = {"input_tokens": 250, "output_tokens": 60}


def _answer(body: object) -> bytes:
    raw = json.dumps(body, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(raw), raw)


def _openai_chunk(choices: object, **more: object) -> bytes:
    frame = {"id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1767225600, "model": "gpt-4o-mini"}
    return b"data: " + json.dumps({**frame, "choices": choices, **more}, separators=(",", ":")).encode() + b"\n\n"


def _delta(delta: object, finish: str | None = None) -> bytes:
    return _openai_chunk([{"index": 0, "delta": delta, "finish_reason": finish}])


def _event(kind: str, **members: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **members}, separators=(',', ':'))}\n\n".encode()


def _framed(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)


_MESSAGE = {"id": "msg_bench", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5"}
_STOP = {"stop_reason": "end_turn", "stop_sequence": None}
_CHOICE = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}
WHOLE = {
    "openai": _answer(
        {
            "id": "chatcmpl-bench",
            "object": "chat.completion",
            "created": 1767225600,
            "model": "gpt-4o-mini",
            "choices": [_CHOICE],
            "usage": OPENAI_USAGE,
        }
    ),
    "anthropic": _answer(
        {**_MESSAGE, "content": [{"type": "text", "text": ANSWER}], **_STOP, "usage": ANTHROPIC_USAGE}
    ),
}
HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
BEFORE = {
    "openai": _framed(_delta({"role": "assistant", "content": ""})),
    "anthropic": _framed(_event("message_start", message={**_MESSAGE, "content": [], "usage": ANTHROPIC_USAGE}))
    + _framed(_event("content_block_start", index=0, content_block={"type": "text", "text": ""})),
}
# LiteLLM takes a model for broken that says the same hundred times over.
CHUNKS = {
    "openai": [_framed(_delta({"content": f" word {number}"})) for number in range(256)],
    "anthropic": [
        _framed(_event("content_block_delta", index=0, delta={"type": "text_delta", "text": f" word {number}"}))
        for number in range(256)
    ],
}
AFTER = {
    "openai": _framed(_delta({}, "stop") + _openai_chunk([], usage=OPENAI_USAGE) + b"data: [DONE]\n\n") + b"0\r\n\r\n",
    "anthropic": _framed(
        _event("content_block_stop", index=0)
        + _event("message_delta", delta=_STOP, usage=ANTHROPIC_USAGE)
        + _event("message_stop")
    )
    + b"0\r\n\r\n",
}


class Upstream(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request once it is whole."""
        self._buffer += data
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            length = _length(head)
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._serve(head, body)

    def _serve(self, head: bytes, body: bytes) -> None:
        dialect = "anthropic" if b"/messages" in head.partition(b"\r\n")[0] else "openai"
        if b'"stream":true' not in body and b'"stream": true' not in body:
            self._transport.write(WHOLE[dialect])
            return
        wish = WISH.search(body)
        chunks, gap = (int(wish[1]), int(wish[2])) if wish else (100, 0)
        if gap:
            self._transport.write(HEAD + BEFORE[dialect])
            self._pace(dialect, chunks, gap / 1000, asyncio.get_running_loop().time())
        else:
            self._transport.write(HEAD + BEFORE[dialect] + b"".join(CHUNKS[dialect][:chunks]) + AFTER[dialect])

    def _pace(self, dialect: str, left: int, gap: float, due: float) -> None:
        if self._transport.is_closing():
            return
        if left == 0:
            self._transport.write(AFTER[dialect])
            return
        self._transport.write(CHUNKS[dialect][left % 256])
        asyncio.get_running_loop().call_at(due + gap, self._pace, dialect, left - 1, gap, due + gap)


def _length(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: *(\d+)", head)
    return int(found[1]) if found else 0


async def _main(certificate: str | None) -> None:
    tls = Certificates(Path(certificate), Path()).context() if certificate else None
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1] if len(sys.argv) > 1 else None))
