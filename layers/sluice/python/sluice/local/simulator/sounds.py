"""Sound in both directions: a tone that lasts as long as its text, and a transcript that tells what was sent.

A recording is not listened to: of a WAV file its length is told, of any other file its size.
"""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Iterator

from sluice.local.simulator import tokens
from sluice.local.simulator.conversation import Event, Refused
from sluice.local.simulator.forms import Recording
from sluice.local.simulator.shape import Object, expect, number, one_of, optional, required

RATE = 16_000
"""Samples a second; each has two bytes."""
SECONDS_PER_CHARACTER = 0.0625
_PERIOD = 40
_TONE = b"".join(struct.pack("<h", int(8000 * math.sin(2 * math.pi * i / _PERIOD))) for i in range(_PERIOD))
_PIECE = RATE // 2
_FORMATS = frozenset({"json", "text", "srt", "vtt", "verbose_json", "diarized_json"})
_HEARD = frozenset(
    {
        "chunking_strategy", "file", "include", "known_speaker_names", "language", "model", "prompt",
        "response_format", "stream", "temperature", "timestamp_granularities",
    }
)  # fmt: skip
_SPOKEN = frozenset({"input", "instructions", "model", "response_format", "speed", "stream_format", "voice"})
TOKENS_PER_SECOND = 10


class Speech:
    """A checked request for speech."""

    def __init__(self, body: Object) -> None:
        """Read a request. Raises Refused."""
        for name in body:
            expect(name in _SPOKEN, f"Unrecognized request argument supplied: {name}", name)
        self.text: str = required(body, "input", str)
        expect(self.text, "Invalid 'input': input cannot be an empty string.", "input")
        expect(len(self.text) <= 4096, "Invalid 'input': string too long, at most 4096 characters.", "input")
        required(body, "voice", str)
        speed = number(body, "speed", 0.25, 4.0) or 1.0
        # The simulator knows no compressed format: asked for none, it sends WAV where OpenAI sends MP3.
        self.format = one_of(body.get("response_format") or "wav", {"wav", "pcm"}, "response_format")
        self.by_events = one_of(body.get("stream_format") or "audio", {"audio", "sse"}, "stream_format") == "sse"
        self.seconds = len(self.text) * SECONDS_PER_CHARACTER / speed

    @property
    def media_type(self) -> str:
        """The content type of the answer."""
        if self.by_events:
            return "text/event-stream; charset=utf-8"
        return "audio/wav" if self.format == "wav" else "audio/pcm"

    def events(self) -> Iterator[Event]:
        """Yield the sound in pieces, as bytes or as events."""
        whole = wav(self.seconds) if self.format == "wav" else tone(self.seconds)
        pieces = [whole[at : at + _PIECE] for at in range(0, len(whole), _PIECE)]
        if not self.by_events:
            yield from (Event(piece) for piece in pieces)
            return
        for piece in pieces:
            yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})
        words, sound = tokens.count(self.text), round(self.seconds * 20)
        counted = {"input_tokens": words, "output_tokens": sound, "total_tokens": words + sound}
        yield _event({"type": "speech.audio.done", "usage": counted})


class Transcript:
    """A checked request to write down a recording; `timed` says that the model is billed by time."""

    def __init__(self, body: Object, *, timed: bool, translates: bool) -> None:
        """Read a request. Raises Refused."""
        for name in body:
            expect(name.partition("[")[0] in _HEARD, f"Unrecognized request argument supplied: {name}", name)
        file = body.get("file")
        if not isinstance(file, Recording):
            raise Refused(400, "Missing required parameter: 'file'.", param="file", code="missing_required_parameter")
        expect(file.content, "Audio file is empty.", "file")
        self.format = one_of(body.get("response_format") or "json", _FORMATS, "response_format")
        # Whisper does not stream and says nothing of it.
        self.stream = bool(optional(body, "stream", bool)) and not timed and not translates
        self.timed = timed
        self.task = "translate" if translates else "transcribe"
        self.seconds = seconds_of(file.content)
        self.text = f"This recording is {_told(file, self.seconds)}."

    def usage(self) -> Object:
        """Return what it costs: whole seconds, or tokens."""
        if self.timed:
            return {"type": "duration", "seconds": math.ceil(self._length)}
        heard, written = math.ceil(self._length * TOKENS_PER_SECOND), tokens.count(self.text)
        return {
            "type": "tokens",
            "input_tokens": heard,
            "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
            "output_tokens": written,
            "total_tokens": heard + written,
        }

    def body(self) -> Object | bytes:
        """Return a whole answer."""
        length = round(self._length, 2)
        if self.format == "text":
            return f"{self.text}\n".encode()
        if self.format in ("srt", "vtt"):
            return _caption(self.text, length, self.format).encode()
        answer: Object = {"text": self.text, "usage": self.usage()}
        part = {"id": 0, "start": 0.0, "end": length, "text": self.text}
        if self.format == "verbose_json":
            answer |= {"task": self.task, "language": "english", "duration": length, "segments": [part]}
        elif self.format == "diarized_json":
            spoken = {**part, "id": "seg_0", "speaker": "A", "type": "transcript.text.segment"}
            answer |= {"task": self.task, "duration": length, "segments": [spoken]}
        return answer

    @property
    def media_type(self) -> str:
        """The content type of a whole answer."""
        if self.format in ("text", "srt"):
            return "text/plain; charset=utf-8"
        return "text/vtt; charset=utf-8" if self.format == "vtt" else "application/json"

    def events(self) -> Iterator[Event]:
        """Yield a streamed answer."""
        for token in tokens.split(self.text):
            yield _event({"type": "transcript.text.delta", "delta": token}, 1)
        yield _event({"type": "transcript.text.done", "text": self.text, "usage": self.usage()})
        yield Event(b"data: [DONE]\n\n")

    @property
    def _length(self) -> float:
        return 1.0 if self.seconds is None else self.seconds


def tone(seconds: float) -> bytes:
    """Return a 400 Hz tone: 16-bit samples, one channel."""
    samples = max(round(seconds * RATE), 1)
    return (_TONE * (samples // _PERIOD + 1))[: samples * 2]


def wav(seconds: float) -> bytes:
    """Return a WAV file with the tone."""
    sound = tone(seconds)
    form = struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE * 2, 2, 16)
    return b"RIFF%bWAVEfmt %bdata%b" % (_size(36 + len(sound)), form, _size(len(sound))) + sound


def _size(count: int) -> bytes:
    return struct.pack("<I", count)


def seconds_of(file: bytes) -> float | None:
    """Return how long a WAV file lasts, None for any other file."""
    if file[:4] != b"RIFF" or file[8:16] != b"WAVEfmt " or len(file) < 44:
        return None
    rate = struct.unpack("<I", file[28:32])[0]
    return (len(file) - 44) / rate if rate else None


def _told(file: Recording, seconds: float | None) -> str:
    if seconds is not None:
        return f"{seconds:.2f} seconds long"
    return f"{len(file.content)} bytes of {file.media_type or 'no stated type'}"


def _caption(text: str, seconds: float, form: str) -> str:
    millis = round(seconds * 1000)
    mark = "," if form == "srt" else "."
    end = f"{millis // 3_600_000:02}:{millis // 60_000 % 60:02}:{millis // 1000 % 60:02}{mark}{millis % 1000:03}"
    line = f"00:00:00{mark}000 --> {end}\n{text}\n\n"
    return f"1\n{line}" if form == "srt" else f"WEBVTT\n\n{line}"


def _event(event: Object, count: int = 0) -> Event:
    return Event(f"data: {json.dumps(event)}\n\n".encode(), count)
