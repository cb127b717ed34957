"""A caller who sees what really arrives: status, headers, the events up to where they end, and whether the end came."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Dialect:
    """One of the two ways to ask for a chat."""

    name: str
    path: str

    def request(self, model: str, content: str, *, stream: bool) -> dict[str, Any]:
        """Return the body of a request with one question."""
        messages = [{"role": "user", "content": content}]
        return {"model": model, "max_tokens": 400, "stream": stream, "messages": messages}

    def envelope_fault(self, body: bytes) -> str:
        """Return what is wrong with the body of a refusal, "" when nothing is."""
        try:
            told = json.loads(body)
        except ValueError:
            return f"the body is no JSON: {body[:80]!r}"
        return self._fault(told)

    def ending_fault(self, body: bytes) -> str:
        """Return what is wrong with the event that ends a broken stream, "" when nothing is."""
        event = body.rstrip().rpartition(b"\n\n")[2]
        if self.name == "anthropic" and not event.startswith(b"event: error\n"):
            return f"the last event is no error event: {event[:80]!r}"
        return self.envelope_fault(event.partition(b"data: ")[2])

    def _fault(self, told: Any) -> str:
        wanted = {"message", "type"} if self.name == "anthropic" else {"message", "type", "param", "code"}
        error = told.get("error") if isinstance(told, dict) else None
        if not isinstance(error, dict) or not wanted <= error.keys() or not error["message"]:
            return f"not the envelope of {self.name}: {json.dumps(told)[:120]}"
        if self.name == "anthropic" and told.get("type") != "error":
            return f"not marked as an error: {json.dumps(told)[:120]}"
        return ""


OPENAI = Dialect("openai", "/v1/chat/completions")
ANTHROPIC = Dialect("anthropic", "/v1/messages")
DIALECTS = (OPENAI, ANTHROPIC)


@dataclass(frozen=True)
class Answer:
    """What arrived. `complete` is False when the connection ended before the body did."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes
    complete: bool
    seconds: float

    @property
    def request_id(self) -> str:
        """The gateway's id of the request, "" when the gateway never saw it."""
        found = self.headers.get("x-request-id", "")
        return found if found.startswith("req_") else ""


class Exchange:
    """One request on a connection of its own; the answer may be read in part, or never."""

    def __init__(self, url: str, key: str, dialect: Dialect, body: Mapping[str, Any]) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
        self._began = time.monotonic()
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        self._connection.request("POST", dialect.path, json.dumps(body), headers)
        self._response: http.client.HTTPResponse | None = None

    def first(self) -> tuple[str, bytes]:
        """Wait for the first bytes; return the request's id and them."""
        response = self._head()
        return str(response.getheader("x-request-id")), response.read1()

    def whole(self) -> Answer:
        """Wait for the end, whatever it is."""
        response, complete = self._head(), True
        parts: list[bytes] = []
        try:
            while piece := response.read1():
                parts.append(piece)
        except (http.client.HTTPException, OSError):
            complete = False
        headers = {name.lower(): value for name, value in response.getheaders()}
        self.leave()
        return Answer(response.status, headers, b"".join(parts), complete, time.monotonic() - self._began)

    def leave(self) -> None:
        """Hang up."""
        if self._response is not None:
            self._response.close()
        self._connection.close()

    def _head(self) -> http.client.HTTPResponse:
        if self._response is None:
            self._response = self._connection.getresponse()
        return self._response
