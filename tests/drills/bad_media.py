"""Bad requests for pictures and sound: JSON members, and forms that are cut, mangled or hostile."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

IMAGES, EDITS, SPEAK = "/v1/images/generations", "/v1/images/edits", "/v1/audio/speech"
HEAR, ENGLISH = "/v1/audio/transcriptions", "/v1/audio/translations"
MODEL = "openai/test-media"
OPERATIONS = ("images", "image_edits", "transcriptions", "translations", "speech")
FORM = "multipart/form-data; boundary=b0undary"
GOOD: dict[str, dict[str, Any]] = {
    IMAGES: {"model": MODEL, "prompt": "a red circle", "n": 1, "size": "1024x1024"},
    EDITS: {"model": MODEL, "prompt": "green", "images": [{"image_url": "data:image/png;base64,aGVs"}]},
    SPEAK: {"model": MODEL, "input": "Hello", "voice": "alloy", "response_format": "wav"},
}
ODD_BYTES = (
    b"",
    b"\x00",
    b"\r\n",
    b"\r\n\r\n",
    b"--",
    b"--b0undary",
    b"\r\n--b0undary--\r\n",
    b"\xff\xfe",
    b'"',
    b";",
    b":",
)


def form(**fields: str | bytes) -> bytes:
    """Return a form; bytes are files."""
    parts = []
    for name, value in fields.items():
        more = "" if isinstance(value, str) else '; filename="a.wav"\r\nContent-Type: audio/wav'
        raw = value.encode() if isinstance(value, str) else value
        parts.append(
            f'--b0undary\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + raw + b"\r\n"
        )
    return b"".join(parts) + b"--b0undary--\r\n"


def listed() -> Iterator[tuple[str, str, object, int, str]]:
    """Yield (name, path, body, status, content type) of cases that every caller meets one day."""
    for path, good in GOOD.items():
        yield "not JSON", path, b"{not json", 400, ""
        yield "no model", path, {k: v for k, v in good.items() if k != "model"}, 400, ""
        yield "unknown model", path, {**good, "model": "no/such"}, 404, ""
        yield "no text", path, {k: v for k, v in good.items() if k not in ("prompt", "input")}, 400, ""
        yield "text is a number", path, {**good, "prompt": 7, "input": 7}, 400, ""
    yield "no picture to edit", EDITS, {"model": MODEL, "prompt": "x"}, 400, ""
    yield "n is text", IMAGES, {**GOOD[IMAGES], "n": "many"}, 400, ""
    yield "variations are retired", "/v1/images/variations", {}, 404, ""
    for path in (HEAR, ENGLISH):
        whole = form(model=MODEL, file=b"RIFF")
        yield "JSON for a form", path, {"model": MODEL}, 400, "application/json"
        yield "no boundary", path, whole, 400, "multipart/form-data"
        yield "another boundary", path, whole, 400, "multipart/form-data; boundary=other"
        yield "empty form", path, b"", 400, FORM
        yield "cut form", path, whole[:-6], 400, FORM
        yield "no file", path, form(model=MODEL), 400, FORM
        yield "file is text", path, form(model=MODEL, file="a.wav"), 400, FORM
        yield "no model", path, form(file=b"RIFF"), 400, FORM
        yield "model twice", path, form(model=MODEL)[:-14] + whole, 400, FORM
        yield "unknown model", path, form(model="no/such", file=b"RIFF"), 404, FORM
        yield "7 MB form", path, form(model=MODEL, file=bytes(7_000_000)), 413, FORM


def mangled(rounds: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield forms with one to four places replaced by something odd."""
    chance = random.Random(seed)
    for number in range(rounds):
        path = (HEAR, ENGLISH, EDITS)[number % 3]
        whole = form(model=MODEL, prompt="x", file=b"RIFF\r\n\x00", image=b"\x89PNG", stream="false")
        for _ in range(chance.randint(1, 4)):
            start = chance.randrange(len(whole))
            whole = whole[:start] + chance.choice(ODD_BYTES) + whole[start + chance.randint(0, 30) :]
        yield path, whole


def mutated(rounds: int, seed: int, odd: tuple[object, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield good JSON bodies with one or two members replaced by something odd."""
    chance = random.Random(seed)
    for number in range(rounds):
        path = tuple(GOOD)[number % len(GOOD)]
        body: dict[str, Any] = json.loads(json.dumps(GOOD[path]))
        for _ in range(chance.randint(1, 2)):
            body[chance.choice([*body, "stream", "quality", "stream_format"])] = json.loads(
                json.dumps(chance.choice(odd))
            )
        yield path, body
