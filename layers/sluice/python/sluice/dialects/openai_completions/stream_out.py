"""Writes canonical events as the chunks that completions clients read; usage has a chunk of its own, [DONE] is last."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from sluice.dialects.openai_chat.envelope import event_bytes, keep_alive, stream_error_bytes
from sluice.dialects.openai_completions.answer_out import answer_id, echo_of, write_finish, write_usage
from sluice.dialects.openai_completions.logprobs import write_logprobs
from sluice.dialects.streams import written
from sluice.types.chat import ChatRequest, Json
from sluice.types.stream import End, Finish, Idle, PartStart, Start, StreamEvent, StreamFailed, TextDelta, UsageReport
from sluice.types.usage import Usage

DONE = b"data: [DONE]\n\n"
_SAID = frozenset({"text", "refusal"})


def encode_stream(events: Iterable[StreamEvent], request: ChatRequest) -> Iterator[bytes]:
    """Yield the wire bytes; see `ChatDialect.encode_stream`."""
    writer = _Writer(request)
    return written(events, writer.write)


class _Writer:
    """The state of one stream being written."""

    __slots__ = ("_created", "_echo", "_id", "_model", "_request", "_said", "_usage", "_written")

    def __init__(self, request: ChatRequest) -> None:
        self._request = request
        self._echo = echo_of(request)
        self._id = ""
        self._model = request.model
        self._created = 0
        self._said: set[tuple[int, int]] = set()
        self._written: dict[int, int] = {}  # letters of each choice so far
        self._usage: Usage | None = None

    def write(self, event: StreamEvent) -> bytes:
        """Return the bytes of one event, b"" for none."""
        if isinstance(event, TextDelta):
            said = (event.choice, event.part) in self._said
            return self._text(event.choice, event.text, event.logprobs) if said else b""
        if isinstance(event, PartStart):
            if event.kind in _SAID:
                self._said.add((event.choice, event.part))
            return b""
        if isinstance(event, Start):
            self._id = answer_id(event.id, native=False)
            self._model = event.model or self._model
            self._created = event.created or int(time.time())
            return b""
        if isinstance(event, Finish):
            return self._text(event.choice, "", None, finish=write_finish(event.stop))
        if isinstance(event, UsageReport):
            self._usage = event.usage
            return b""
        if isinstance(event, StreamFailed):
            return stream_error_bytes(event.error, "")
        if isinstance(event, End):
            return self._end()
        return keep_alive() if isinstance(event, Idle) else b""

    def _text(self, choice: int, text: str, logprobs: Json, finish: str | None = None) -> bytes:
        before = self._echoed(choice)
        start = self._written[choice]
        self._written[choice] += len(text)
        entry = {
            "text": text,
            "index": choice,
            "logprobs": write_logprobs(logprobs, start),
            "finish_reason": finish,
        }
        return before + event_bytes({**self._chunk(), "choices": [entry]})

    def _echoed(self, choice: int) -> bytes:
        """Return the chunk with the prompt before the first text of a choice, where it is asked for."""
        if choice in self._written:
            return b""
        self._written[choice] = len(self._echo)
        if not self._echo:
            return b""
        entry = {"text": self._echo, "index": choice, "logprobs": None, "finish_reason": None}
        return event_bytes({**self._chunk(), "choices": [entry]})

    def _end(self) -> bytes:
        if self._usage is None or not self._request.include_usage:
            return DONE
        return event_bytes({**self._chunk(), "choices": [], **write_usage(self._usage)}) + DONE

    def _chunk(self) -> dict[str, Json]:
        return {"id": self._id, "object": "text_completion", "created": self._created, "model": self._model}
