"""Embed text without a model: hashed words, so that texts with the same words lie close together."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Sequence

from sluice.local.simulator import directives, hints, tokens
from sluice.local.simulator.conversation import Refused
from sluice.local.simulator.models import Model
from sluice.local.simulator.shape import Json, Object, expect, number, one_of, required

DIMENSIONS = 256
_MEMBERS = frozenset({"input", "model", "encoding_format", "dimensions", "user"})
_MOST_INPUTS = 2048


def read(body: Object, model: Model) -> tuple[list[list[str]], int, bool]:
    """Return the words of each input, the dimensions, and whether base64 is wanted.

    Raises:
        Refused: OpenAI would answer 400.
    """
    for name in body:
        expect(name in _MEMBERS, f"Unrecognized request argument supplied: {name}")
    coding = one_of(body.get("encoding_format") or "float", {"float", "base64"}, "encoding_format")
    dimensions = number(body, "dimensions", 1, 1024, whole=True) or DIMENSIONS
    required(body, "model", str)
    expect("input" in body, "Missing required parameter: 'input'.", "input", "missing_required_parameter")
    inputs = [_words(one) for one in _listed(body["input"])]
    longest = max(len(words) for words in inputs)
    expect(longest <= model.context, f"This model's maximum context length is {model.context} tokens.", "input")
    return inputs, dimensions, coding == "base64"


def texts(body: Object) -> list[str]:
    """Return the directives that stand in the inputs."""
    given = body.get("input")
    listed = given if isinstance(given, list) else [given]
    return [found for one in listed if isinstance(one, str) for found in directives.found_in(one)]


def _listed(given: Json) -> list[Json]:
    """One text, several texts, one list of token ids, or several lists."""
    if isinstance(given, str):
        given = [given]
    expect(isinstance(given, list), "Invalid type for 'input': expected a string or an array.", "input", "invalid_type")
    expect(given, "Invalid 'input': empty array.", "input", "empty_array")
    listed = [given] if all(type(item) is int for item in given) else list(given)
    expect(len(listed) <= _MOST_INPUTS, f"Invalid 'input': at most {_MOST_INPUTS} inputs.", "input")
    return listed


def _words(one: Json) -> list[str]:
    if isinstance(one, str):
        expect(one, "Invalid 'input': input cannot be an empty string.", "input", "invalid_value")
        return tokens.split(one)
    if isinstance(one, list) and one and all(type(item) is int for item in one):
        return [f"#{item}" for item in one]
    raise Refused(400, "Invalid type for 'input': expected strings, or arrays of token ids.", param="input")


def vector(words: Sequence[str], dimensions: int) -> list[float]:
    """Return the unit vector of a text: each word adds to eight places that its hash names."""
    values = [0.0] * dimensions
    for word in hints.words("".join(words)) or {"".join(words)}:
        for place, sign in _places(word, dimensions):
            values[place] += sign
    length = math.sqrt(sum(v * v for v in values)) or 1.0
    return [round(v / length, 8) for v in values]


def _places(word: str, dimensions: int) -> list[tuple[int, float]]:
    raw = hashlib.sha256(word.encode()).digest()
    return [
        (int.from_bytes(raw[i : i + 3], "big") % dimensions, 1.0 if raw[i + 3] & 1 else -1.0) for i in range(0, 32, 4)
    ]


def packed(values: Sequence[float]) -> str:
    """Return the base64 of little-endian 32-bit floats, which is what `encoding_format: base64` means."""
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
