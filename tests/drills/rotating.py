"""A vendor that takes only the keys it has made and not yet deleted, and callers who never stop asking."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.unit.control.rotation.fakes import FakeOpenAI, Fuse, Moment

CHAT = "/v1/chat/completions"
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
MODEL = "gpt-4o-mini"


class Shifted(Moment):
    """The real time, moved on by whole days whenever a rotation is to be due."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.05))


class Vendor:
    """The HTTP side of `FakeOpenAI`, with chat calls for those who hold a live key."""

    def __init__(self, now: Shifted) -> None:
        self.api = FakeOpenAI(now, Fuse())
        self.counts: Counter[str] = Counter()
        self.lock = threading.Lock()
        vendor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                vendor.answer(self, body)

            do_GET = do_POST = do_DELETE = handle_any  # noqa: N815 - the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @contextmanager
    def serving(self) -> Iterator[Vendor]:
        """Serve until the end."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        """Answer one request."""
        if urlsplit(handler.path).path == CHAT:
            self._chat(handler, json.loads(body))
            return
        request = httpx.Request(
            handler.command, f"http://vendor{handler.path}", headers=dict(handler.headers), content=body
        )
        with self.lock:
            answer = self.api(request)
        _send(handler, answer.status_code, "application/json", answer.content)

    def revoke(self, key: str) -> None:
        """Delete a key as a person at the vendor's console does."""
        with self.lock:
            self.api.by_hand.discard(key)
            self.api.keys = {name: made for name, made in self.api.keys.items() if made["value"] != key}

    def _chat(self, handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
        key = handler.headers.get("authorization", "").removeprefix("Bearer ")
        with self.lock:
            live = key in self.api.by_hand or key in {made["value"] for made in self.api.keys.values()}
            self.counts["taken" if live else "refused"] += 1
        if not live:
            error = {
                "message": "Incorrect API key provided.",
                "type": "invalid_request_error",
                "code": "invalid_api_key",
            }
            _send(handler, 401, "application/json", json.dumps({"error": error}).encode())
        elif asked.get("stream"):
            parts = [{"content": "Hel"}, {"content": "lo"}, {}]
            ends = [None, None, "stop"]
            chunks = [_chunk(delta, end) for delta, end in zip(parts, ends, strict=True)]
            chunks.append({**_chunk({}, None), "choices": [], "usage": USAGE})
            text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
            _send(handler, 200, "text/event-stream", text.encode())
        else:
            message = {"role": "assistant", "content": "Hello"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            whole = {"id": "c", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice]}
            _send(handler, 200, "application/json", json.dumps({**whole, "usage": USAGE}).encode())


class Crowd:
    """Callers who ask until they are told to stop; every second answer is streamed."""

    def __init__(self, url: str, key: str, callers: int) -> None:
        self._place = urlsplit(url)
        self._key = key
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(callers)]
        self._lock = threading.Lock()
        self.asked = 0
        self.healed: list[str] = []
        """Ids of requests that took more than one attempt."""
        self.failed: list[str] = []

    @contextmanager
    def asking(self) -> Iterator[Crowd]:
        """Ask until the end."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(30)

    def wait_for(self, more: int, limit: float = 30.0) -> None:
        """Return when so many more requests were answered."""
        wanted, end = self.asked + more, time.monotonic() + limit
        while self.asked < wanted and time.monotonic() < end:
            time.sleep(0.02)

    def _ask(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._place.hostname or "", self._place.port, timeout=30)
        turn = number
        while not self._stop.is_set():
            turn += 1
            self._once(connection, stream=turn % 2 == 0)
        connection.close()

    def _once(self, connection: http.client.HTTPConnection, *, stream: bool) -> None:
        asked = {"model": f"openai/{MODEL}", "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        problem, attempts, request_id = "", "1", ""
        try:
            connection.request("POST", CHAT, json.dumps(asked), headers)
            answer = connection.getresponse()
            body = answer.read()
            attempts = answer.headers.get("x-sluice-attempts") or "1"
            request_id = answer.headers.get("x-request-id") or ""
            if answer.status != 200:
                problem = f"{answer.status}: {body[:200]!r}"
            elif stream and not body.rstrip().endswith(b"[DONE]"):
                problem = "the stream did not end"
        except (OSError, http.client.HTTPException) as error:
            problem = type(error).__name__
            with suppress(OSError):
                connection.close()
        with self._lock:
            self.asked += 1
            if problem:
                self.failed.append(problem)
            elif attempts != "1":
                self.healed.append(request_id)


def _chunk(delta: dict[str, Any], end: str | None) -> dict[str, Any]:
    choices: Sequence[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": end}]
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": choices}


def _send(handler: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("content-type", kind)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
