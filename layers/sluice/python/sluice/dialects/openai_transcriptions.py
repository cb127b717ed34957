"""OpenAI speech to text, passed through: forms in; JSON, plain text, subtitles or a stream of events out.

Sound is never decoded. Usage is what the answer reports, tokens or seconds; of an answer that reports nothing (plain
text, subtitles, older hosts) the sound's length is told from the file's header, the captions or the file's size (OpenAI
API reference, audio/transcriptions, 2026-11; Groq, Mistral and others keep its shape).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Body, JsonObject, Outline
from sluice.dialects.lazy import ERRORS, borrowed, lazily
from sluice.dialects.media.figures import heard, milliseconds, tokens
from sluice.dialects.media.lengths import of_file, of_subtitles
from sluice.dialects.media.members import flag_of, model_of
from sluice.dialects.media.meters import EventMeter
from sluice.dialects.media.wire import parsed
from sluice.dialects.multipart import File, parse_form
from sluice.errors import BadRequest
from sluice.types.http import Request
from sluice.types.uploads import SCHEME
from sluice.types.usage import Usage

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__,
        {
            **borrowed("media.wire", *ERRORS, "keep_alive", "stream_filter", "body_error"),
            **borrowed("media.members", "pass_edits"),
        },
    )


NAME = "openai_transcriptions"
ACCEPT = "*/*"
ELSEWHERE = ("url", "file_url", "file_id")
"""Where Groq and Mistral take a recording from instead of `file`."""
WHOLE = ("text", "srt", "vtt", "verbose_json")
"""Response formats that do not stream; `stream` is ignored with them."""


def parse(request: Request) -> Body:
    """Return the request's form. Raises BadRequest."""
    return parse_form(request)


def content_type(request: Request) -> str:
    """Return the content type in which the form goes on, its boundary included."""
    return request.headers["content-type"]


def outline(body: JsonObject, size: int) -> Outline:  # noqa: ARG001 - a recording is no prompt
    """Check a request to write down a recording. Raises BadRequest naming the parameter and the remedy."""
    model = model_of(body, "a speech-to-text model")
    file = body.get("file")
    if file is not None and not isinstance(file, File) and not str(file).startswith(SCHEME):
        raise BadRequest("'file' must be one file of the form: a part with a filename.", param="file")
    if file is None and not any(body.get(name) for name in ELSEWHERE):
        raise BadRequest("'file' is missing: send the recording as a file of the form.", param="file")
    if isinstance(file, File) and not file.size:
        raise BadRequest("'file' is empty; send a recording.", param="file")
    prompt = body.get("prompt")
    return Outline(
        model,
        stream=flag_of(body, "stream") and body.get("response_format") not in WHOLE,
        include_usage=False,
        max_output=None,
        choices=1,
        prompt_bytes=len(prompt.encode("utf-8", "replace")) if isinstance(prompt, str) else 0,
    )


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:
    """Return the usage of a whole answer, or None."""
    return _billed(_stated(parsed(body)), quirks)


def answer_usage(
    body: bytes,
    headers: Mapping[str, str],  # noqa: ARG001 - one signature
    members: JsonObject,
    quirks: JsonObject = EMPTY,
) -> Usage | None:
    """Return the usage of a whole answer to a request with these members, a guess where it states none."""
    answer = parsed(body)
    usage = _stated(answer)
    if usage is None:
        said = answer.get("text")
        text = said if isinstance(said, str) else body.decode("utf-8", "replace")
        usage = heard(of_subtitles(text) or of_file(members.get("file")), text)
    return _billed(usage, quirks)


def meter(quirks: JsonObject = EMPTY) -> EventMeter:
    """Return a fresh meter for one stream."""
    return request_meter(EMPTY, quirks)


def request_meter(members: JsonObject, quirks: JsonObject = EMPTY) -> EventMeter:
    """Return a fresh meter for the stream that answers a request with these members."""
    return EventMeter(
        ("transcript.text.done", "transcription.done"),  # the second is Mistral's
        lambda event: _billed(_stated(event), quirks),
        lambda text: _billed(heard(of_file(members.get("file")), text), quirks) or Usage(estimated=True),
    )


def _stated(answer: JsonObject) -> Usage | None:
    """Return what an answer reports; the length that a detailed answer names stands in for missing seconds."""
    usage = tokens(answer)
    length = milliseconds(answer.get("duration"))
    if usage is None:
        return Usage(audio_ms=length) if length else None
    return usage if usage.audio_ms or usage.total else replace(usage, audio_ms=length)


def _billed(usage: Usage | None, quirks: JsonObject) -> Usage | None:
    """Raise a shorter sound to the least that the provider charges for."""
    least = quirks.get("least_audio_ms")
    if usage is None or type(least) is not int or usage.audio_ms == 0:
        return usage
    return replace(usage, audio_ms=max(usage.audio_ms, least))
