"""Collectors as real HTTP servers on 127.0.0.1 that answer from a script and note what they were sent."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Collector:
    """Gives its answers in turn, the last one for ever: (status, headers, document)."""

    answers: list[tuple[int, Mapping[str, str], Any]] = field(default_factory=lambda: [(200, {}, {})])
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""

    def bodies(self, path: str = "") -> list[Any]:
        return [body for asked, _, body in self.asked if asked.endswith(path)]


@contextmanager
def collecting(*answers: tuple[int, Mapping[str, str], Any]) -> Iterator[Collector]:
    collector = Collector(list(answers)) if answers else Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            body = gzip.decompress(raw) if self.headers.get("content-encoding") == "gzip" else raw
            headers = {name.lower(): value for name, value in self.headers.items()}
            collector.asked.append((self.path, headers, json.loads(body)))
            answers = collector.answers
            status, more, document = answers.pop(0) if len(answers) > 1 else answers[0]
            told = json.dumps(document).encode()
            self.send_response(status)
            for name, value in {
                **more,
                "content-type": "application/json",
                "content-length": str(len(told)),
                "connection": "close",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
