"""OpenAI text to speech, passed through: the sound is forwarded as it comes, as bytes or as events.

No answer but a stream of events reports usage, so the characters of the request are counted, which is what tts-1 is
billed by; tokens are guessed from them (OpenAI API reference, audio/speech, 2026-11). Sound has no room for an error: a
stream that breaks is broken off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, JsonObject, Outline
from sluice.dialects.lazy import borrowed, lazily
from sluice.dialects.media.figures import CHARACTERS_PER_TOKEN, tokens
from sluice.dialects.media.members import model_of, text_of
from sluice.dialects.media.meters import TailMeter
from sluice.dialects.media.wire import stream_error as event_error
from sluice.errors import BadRequest, GatewayError, ProviderError
from sluice.types.usage import Usage

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("media.wire", "decode_error", "encode_error", "stream_filter"),
            **borrowed("media.members", "pass_edits"),
        },
    )

NAME = "openai_speech"
STREAM_TYPE = ""
"""As the provider says: audio/mpeg, audio/wav, text/event-stream."""
TOKENS_PER_HUNDRED_CHARACTERS = 130
"""Audio tokens of English speech: 16 characters a second at 1,250 tokens a minute, which is what gpt-4o-mini-tts's
price a minute and its price a token come to (OpenAI pricing page, 2026-11)."""


class Sound:
    """Takes bytes as they come: sound has no events to wait for."""

    __slots__ = ()

    def feed(self, chunk: bytes) -> bytes:
        """Return the chunk."""
        return chunk

    def rest(self) -> bytes:
        """Return nothing: nothing is held back."""
        return b""

    def begun(self, block: bytes) -> bool:
        """Return whether anything came."""
        return bool(block)


def outline(body: JsonObject, size: int) -> Outline:  # noqa: ARG001 - only what is spoken counts
    """Check a request for speech; its answer is always forwarded as it comes.

    Raises BadRequest naming the parameter and the remedy.
    """
    model = model_of(body, "a text-to-speech model")
    text = text_of(body, "input")
    voice = body.get("voice")
    if voice is not None and not isinstance(voice, str | Mapping):
        raise BadRequest("'voice' must be the name of a voice, or an object with its id.", param="voice")
    return Outline(
        model,
        stream=True,
        include_usage=False,
        max_output=None,
        choices=1,
        prompt_bytes=len(text.encode("utf-8", "replace")),
    )


def framing() -> Sound:
    """Return the reader of one spoken answer."""
    return Sound()


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return None: an answer that is no stream says nothing of its usage."""
    return None


def answer_usage(
    body: bytes,  # noqa: ARG001 - one signature
    headers: Mapping[str, str],  # noqa: ARG001 - one signature
    members: JsonObject,
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Usage:
    """Return what the request tells."""
    return _spoken(members)


def meter(quirks: JsonObject = EMPTY) -> TailMeter:
    """Return a fresh meter for one stream."""
    return request_meter(EMPTY, quirks)


def request_meter(members: JsonObject, quirks: JsonObject = EMPTY) -> TailMeter:  # noqa: ARG001 - one signature
    """Return a fresh meter for the answer to a request with these members."""

    def reported(event: JsonObject) -> Usage | None:
        found = tokens(event)
        if found is None:
            return None
        return replace(found, audio_output=found.output, characters=_characters(members))

    return TailMeter("speech.audio.done", reported, lambda: _spoken(members))


def keep_alive() -> bytes:
    """Return nothing: there is no silence that could be put between two pieces of a sound file."""
    return b""


def stream_error(event: bytes) -> ProviderError | None:
    """Return the error that an answer of events begins with or holds, if there is one."""
    return event_error(event) if event.lstrip()[:5] in (b"data:", b"event") else None


def stream_error_bytes(error: GatewayError, request_id: str) -> bytes:  # noqa: ARG001 - one signature
    """Return nothing: the answer is broken off."""
    return b""


def _spoken(members: JsonObject) -> Usage:
    said, instructions = _characters(members), members.get("instructions")
    written = said + (len(instructions) if isinstance(instructions, str) else 0)
    sound = -(-said * TOKENS_PER_HUNDRED_CHARACTERS // 100)
    return Usage(
        input=-(-written // CHARACTERS_PER_TOKEN), output=sound, audio_output=sound, characters=said, estimated=True
    )


def _characters(members: JsonObject) -> int:
    text = members.get("input")
    return len(text) if isinstance(text, str) else 0
