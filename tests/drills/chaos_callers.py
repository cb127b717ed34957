"""Callers of four dialects, many at a time: each knows what its answer must say and how a broken one must end."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class Speech:
    """One dialect: where a request goes, what it says, and where an answer has its text and its end."""

    name: str
    path: Callable[[str, bool], str]
    body: Callable[[str, str, bool], dict[str, Any]]
    text: Callable[[Any], str]
    piece: Callable[[Any], str]
    end: bytes

    def said(self, body: bytes, *, stream: bool) -> str:
        """Return the text of an answer, as far as it came."""
        if not stream:
            return self.text(json.loads(body))
        return "".join(self.piece(event) for event in events(body))

    def ended(self, body: bytes) -> bool:
        """Return whether a stream has the end that its dialect gives a whole one."""
        return self.end in body

    def told_an_error(self, body: bytes) -> bool:
        """Return whether the last event of a stream is the dialect's error event."""
        last = body.rstrip().rpartition(b"\n\n")[2]
        if self.name == "messages" and not last.startswith(b"event: error\n"):
            return False
        told = list(events(last))
        if not told or not isinstance(told[-1], dict):
            return False
        if self.name == "responses":
            return told[-1].get("type") in ("error", "response.failed")
        error = told[-1].get("error")
        return isinstance(error, dict) and bool(error.get("message"))

    def is_envelope(self, body: bytes) -> bool:
        """Return whether the body of a refusal has the shape that the dialect's clients read."""
        try:
            told = json.loads(body)
        except ValueError:
            return False
        error = told.get("error") if isinstance(told, dict) else None
        return isinstance(error, dict) and bool(error.get("message"))


def events(body: bytes) -> Iterator[Any]:
    """Yield the JSON of each event of a stream."""
    for line in body.split(b"\n"):
        if line.startswith(b"data:") and (data := line[5:].strip()) not in (b"", b"[DONE]"):
            try:
                yield json.loads(data)
            except ValueError:
                yield None


def _first(values: Any) -> Any:
    return values[0] if values else {}


def _asked(model: str, content: str, stream: bool) -> dict[str, Any]:
    messages = [{"role": "user", "content": content}]
    return {"model": model, "max_tokens": 200, "stream": stream, "messages": messages}


def _chat_piece(event: Any) -> str:
    return str(_first((event or {}).get("choices")).get("delta", {}).get("content") or "")


def _messages_piece(event: Any) -> str:
    return str((event or {}).get("delta", {}).get("text") or "") if event else ""


def _responses_text(told: Any) -> str:
    return "".join(
        part.get("text", "") for item in told["output"] if item["type"] == "message" for part in item.get("content", ())
    )


def _responses_piece(event: Any) -> str:
    return str(event["delta"]) if event and event.get("type") == "response.output_text.delta" else ""


def _gemini_text(told: Any) -> str:
    parts = _first((told or {}).get("candidates")).get("content", {}).get("parts", ())
    return "".join(part.get("text", "") for part in parts)


CHAT = Speech(
    "chat",
    lambda model, stream: "/v1/chat/completions",
    _asked,
    lambda told: str(told["choices"][0]["message"]["content"]),
    _chat_piece,
    b"data: [DONE]",
)
MESSAGES = Speech(
    "messages",
    lambda model, stream: "/v1/messages",
    _asked,
    lambda told: str(told["content"][0]["text"]),
    _messages_piece,
    b"event: message_stop",
)
RESPONSES = Speech(
    "responses",
    lambda model, stream: "/v1/responses",
    lambda model, content, stream: {"model": model, "input": content, "stream": stream, "store": False},
    _responses_text,
    _responses_piece,
    b'"response.completed"',
)
GEMINI = Speech(
    "gemini",
    lambda model, stream: (
        f"/v1beta/models/{model}:" + ("streamGenerateContent?alt=sse" if stream else "generateContent")
    ),
    lambda model, content, stream: {"contents": [{"role": "user", "parts": [{"text": content}]}]},
    _gemini_text,
    _gemini_text,
    b'"finishReason"',
)
SPEECHES = (CHAT, MESSAGES, RESPONSES, GEMINI)


@dataclass(frozen=True)
class Wish:
    """One request: who asks for which words."""

    speech: Speech
    model: str
    words: str
    stream: bool
    directive: str = ""
    tags: str = ""
    """The value of the tag `job`, "" for none."""


@dataclass(frozen=True)
class Told:
    """What came of a wish. `verdict` is "whole", "broken" (told so inside the stream), or what is wrong."""

    wish: Wish
    verdict: str
    status: int
    request_id: str
    seconds: float
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


class Line:
    """One caller's connection, opened again when it breaks."""

    def __init__(self, url: str, key: str) -> None:
        self._host = url.removeprefix("http://")
        self._key = key
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, wish: Wish) -> Told:
        """Send a wish and judge the answer."""
        content = f"say {wish.words}"
        if wish.directive:
            content = f"[[simulate: {wish.directive}]] {content}"
        body = json.dumps(wish.speech.body(wish.model, content, wish.stream))
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        if wish.tags:
            headers["x-sluice-tags"] = f"job={wish.tags}"
        began = time.monotonic()
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._host, timeout=PATIENCE_SECONDS)
        status, named, read, complete = 0, {}, b"", False
        answer: http.client.HTTPResponse | None = None
        try:
            self._connection.request("POST", wish.speech.path(wish.model, wish.stream), body, headers)
            answer = self._connection.getresponse()
            status, named = answer.status, {name.lower(): value for name, value in answer.getheaders()}
            read, complete = answer.read(), True
        except http.client.IncompleteRead as cut:
            read = cut.partial
            self.close()
        except (http.client.HTTPException, OSError):
            self.close()
        finally:
            if answer is not None:
                answer.close()
        verdict = judged(wish, status, read, complete=complete)
        return Told(wish, verdict, status, named.get("x-request-id", ""), time.monotonic() - began, named)

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def judged(wish: Wish, status: int, body: bytes, *, complete: bool) -> str:
    """Return whether an answer is whole, a stream that broke and says so, or what else it is."""
    speech = wish.speech
    if not complete:
        return f"cut off after {len(body)} bytes, status {status}"
    if status != 200:
        return f"status {status}" if speech.is_envelope(body) else f"status {status} without the dialect's envelope"
    if wish.stream and speech.told_an_error(body):
        return "broken"
    try:
        said = speech.said(body, stream=wish.stream)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        return f"not an answer of {speech.name}: {error!r}"
    if wish.stream and not speech.ended(body):
        return "ended without an end"
    return "whole" if said == wish.words else f"says {said[:60]!r}"


class Crowd:
    """Callers who share out wishes among themselves; each has a connection of its own."""

    def __init__(self, url: str, key: str, callers: int) -> None:
        self._lines = [Line(url, key) for _ in range(callers)]

    def ask(self, wishes: Iterable[Wish], heard: Callable[[Told], None] = lambda told: None) -> list[Told]:
        """Send every wish once; `heard` is called with each answer as it is there."""
        waiting, lock = iter(list(wishes)), threading.Lock()
        answers: list[Told] = []

        def call(line: Line) -> None:
            while True:
                with lock:
                    wish = next(waiting, None)
                if wish is None:
                    return
                told = line.ask(wish)
                with lock:
                    answers.append(told)
                    heard(told)

        threads = [threading.Thread(target=call, args=(line,)) for line in self._lines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def close(self) -> None:
        """Hang up."""
        for line in self._lines:
            line.close()


def percentile(values: Iterable[float], share: float) -> float:
    """Return a percentile (`share` of 1) of some values, 0 for none."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
