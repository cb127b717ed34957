"""Pictures as an image API answers them: real PNG files, one colour above another, both named by the prompt."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from collections.abc import Iterator

from sluice.local.simulator import tokens
from sluice.local.simulator.conversation import Event
from sluice.local.simulator.models import CREATED
from sluice.local.simulator.shape import Object, data_url, expect, number, one_of, optional, required

SIZES = ("1024x1024", "1024x1536", "1536x1024", "256x256")
_TOKENS = {"low": 272, "medium": 1056, "high": 4160}
"""What a square picture costs in tokens by its quality."""
_TOKENS_SENT = 194
_MEMBERS = frozenset(
    {
        "background", "image", "images", "input_fidelity", "mask", "model", "moderation", "n", "output_compression",
        "output_format", "partial_images", "prompt", "quality", "size", "stream", "user",
    }
)  # fmt: skip


class Order:
    """What a request asks for, checked as a vendor does. `sent` is how many pictures came with it."""

    def __init__(self, body: Object, *, edits: bool) -> None:
        """Read a request. Raises Refused."""
        for name in body:
            expect(name in _MEMBERS, f"Unknown parameter: '{name}'.", name, "unknown_parameter")
        self.prompt: str = required(body, "prompt", str)
        expect(self.prompt, "Invalid 'prompt': empty string.", "prompt")
        self.count: int = number(body, "n", 1, 10, whole=True) or 1
        self.size = _chosen(body, "size", SIZES, "1024x1024")
        self.quality = _chosen(body, "quality", _TOKENS, "medium")
        one_of(body.get("output_format") or "png", {"png"}, "output_format")
        self.stream: bool = optional(body, "stream", bool) or False
        self.partial: int = number(body, "partial_images", 0, 3, whole=True) or 0
        self.sent = _sent(body)
        expect(self.sent or not edits, "Missing required parameter: 'image'.", "image", "missing_required_parameter")
        self.edits = edits

    def usage(self, count: int = 1) -> Object:
        """Return what `count` pictures cost in tokens."""
        width, height = map(int, self.size.split("x"))
        drawn = _TOKENS[self.quality] * width * height // 1024**2 * count
        words, seen = tokens.count(self.prompt), _TOKENS_SENT * self.sent
        return {
            "input_tokens": words + seen,
            "input_tokens_details": {"text_tokens": words, "image_tokens": seen},
            "output_tokens": drawn,
            "output_tokens_details": {"text_tokens": 0, "image_tokens": drawn},
            "total_tokens": words + seen + drawn,
        }


def body(order: Order) -> Object:
    """Return a whole answer."""
    return {
        "created": CREATED,
        **_described(order),
        "data": [{"b64_json": _encoded(order, place)} for place in range(order.count)],
        "usage": order.usage(order.count),
    }


def events(order: Order) -> Iterator[Event]:
    """Yield a streamed answer: the pictures in ever finer versions, then the picture."""
    kind = "image_edit" if order.edits else "image_generation"
    described = {"created_at": CREATED, **_described(order)}
    for place in range(order.count):
        for part in range(order.partial):
            drawn = {"b64_json": _encoded(order, place, part + 1), "partial_image_index": part}
            yield _event({"type": f"{kind}.partial_image", **drawn, **described})
        drawn = {"b64_json": _encoded(order, place)}
        yield _event({"type": f"{kind}.completed", **drawn, **described, "usage": order.usage()})


def png(width: int, height: int, words: str) -> bytes:
    """Return a PNG file whose two colours follow from the words."""
    colours = hashlib.sha256(words.encode()).digest()
    upper, lower = (b"\0" + colours[at : at + 3] * width for at in (0, 3))
    rows = upper * (height // 2) + lower * (height - height // 2)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (_chunk(b"IHDR", head), _chunk(b"IDAT", zlib.compress(rows, 1)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chosen(body: Object, name: str, words: object, usual: str) -> str:
    chosen = body.get(name) or "auto"
    return usual if one_of(chosen, {*words, "auto"}, name) == "auto" else str(chosen)  # type: ignore[misc]


def _sent(body: Object) -> int:
    files = body.get("image") or []
    pictures = [*(files if isinstance(files, list) else [files]), *(body.get("images") or [])]
    for position, picture in enumerate(pictures):
        if isinstance(picture, bytes):
            known = picture.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"))
            expect(known, "Invalid image data.", f"image[{position}]", "invalid_image_file")
        else:
            expect(isinstance(picture, dict), f"Invalid type for 'images[{position}]'.", "images")
            data_url("image", picture.get("image_url"), f"images[{position}].image_url")
    return len(pictures)


def _described(order: Order) -> Object:
    return {"background": "opaque", "output_format": "png", "quality": order.quality, "size": order.size}


def _encoded(order: Order, place: int, part: int = 0) -> str:
    width, height = map(int, order.size.split("x"))
    scale = 4 if part else 1  # an unfinished picture is a smaller one
    return base64.b64encode(png(width // scale, height // scale, f"{order.prompt}/{place}")).decode()


def _event(event: Object) -> Event:
    return Event(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
