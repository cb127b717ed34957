"""Reads the chunks of a provider's stream into canonical events; each choice is one text.

Rules as in a chat stream: usage is reported once, at the end; finish reasons wait for the end, because some hosts send
two; a stream that ends without one and without [DONE] was cut off, and is reported as failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat.finish import read_finish
from sluice.dialects.openai_chat.stream_in import StreamReader, read_stream
from sluice.dialects.openai_completions.answer_in import decode_response
from sluice.dialects.openai_completions.logprobs import read_logprobs
from sluice.types.chat import Json
from sluice.types.stream import Finish, PartStart, PartStop, StreamEvent, TextDelta


def decode_stream(chunks: Iterable[bytes], quirks: JsonObject = EMPTY) -> Iterator[StreamEvent]:
    """Yield canonical events; see `ChatDialect.decode_stream`."""
    return read_stream(chunks, StreamReader(quirks, ChoiceReader), lambda body: decode_response(body, quirks))


class ChoiceReader:
    """The state of one choice."""

    __slots__ = ("_begun", "_number", "_word")

    def __init__(self, number: int, seed: str) -> None:  # noqa: ARG002 - made as a chat's choices are
        self._number = number
        self._begun = False
        self._word: object = None

    @property
    def finished(self) -> bool:
        """Whether a finish reason came."""
        return bool(self._word)

    def take(self, raw: Mapping[str, Json]) -> Iterator[StreamEvent]:
        """Yield what one entry of `choices` means."""
        text = raw.get("text")
        logprobs = read_logprobs(raw.get("logprobs"))
        if isinstance(text, str) and (text or logprobs is not None):
            if not self._begun:
                self._begun = True
                yield PartStart(0, "text", choice=self._number)
            yield TextDelta(0, text, self._number, logprobs)
        word = raw.get("finish_reason")
        if word:
            self._word = word

    def finish(self) -> Iterator[StreamEvent]:
        """Yield the end of the text and of the choice."""
        if self._begun:
            yield PartStop(0, self._number)
        yield Finish(read_finish(self._word, calls=False, refused=False), choice=self._number)
