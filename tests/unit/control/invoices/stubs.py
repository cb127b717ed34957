"""A vendor's billing API as a real HTTP server on 127.0.0.1 that answers from a script and notes what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from sluice.control.invoices.calls import Caller

SECRET = "sk-admin-very-secret-0123456789"
NOON = 1_795_435_200.0  # 2026-11-23T12:00:00Z


@dataclass
class Asked:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """What the server says: `body` as JSON unless it is bytes; `cut` closes the connection instead."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False


Responder = Callable[[Asked], Answer]


class Stub:
    """A running server; `responder` answers, after the answers in `first` are used up."""

    def __init__(self, responder: Responder) -> None:
        self.responder = responder
        self.first: list[Answer] = []
        self.asked: list[Asked] = []
        self.url = ""
        self.slept: list[float] = []

    def caller(self, provider: str = "openai", **headers: str) -> Caller:
        """Return a caller that sleeps on paper and whose clock stands at `NOON`."""
        client = httpx.Client(timeout=10, trust_env=False)
        given = headers or {"authorization": f"Bearer {SECRET}"}
        self._client = client
        return Caller(provider, client, given, sleep=self.slept.append, now=lambda: NOON)

    def close(self) -> None:
        if hasattr(self, "_client"):
            self._client.close()


@contextmanager
def serving(responder: Responder) -> Iterator[Stub]:
    """Yield a stub that listens until the block ends."""
    stub = Stub(responder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("content-length") or 0)
            raw = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, parse_qs(parts.query), headers, json.loads(raw) if raw else None)
            stub.asked.append(asked)
            answer = stub.first.pop(0) if stub.first else stub.responder(asked)
            if answer.cut:
                self.close_connection = True
                return
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            self.send_header("content-length", str(len(content)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield stub
    finally:
        stub.close()
        server.shutdown()
        thread.join()
        server.server_close()
