"""The token count endpoint of the Messages dialect, and an estimate where a provider cannot count.

How the estimate is made: all text that the model would see (instructions, turns, tool inputs and results, tool
definitions and the output schema as JSON) is cut into words, numbers, signs and letters of other scripts, each with a
weight; every turn and tool adds a few tokens, and so does what vendors put before tools by themselves. The weights
were set against counts that the vendor reported for its own models. Pictures and documents, whose true cost depends
on pixels and pages, are reckoned from their encoded size between a least and a most. So it is a rough figure, at times
off by a third or more, and whoever sends it on must mark it as estimated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from sluice.dialects.anthropic_messages.outline import checked_prompt
from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest, ProviderGarbled

_PIECES = re.compile(r"[A-Za-z]{1,8}|\d{1,3}|[^\x00-\x7f]|(?P<sign>[!-/:-@\[-`{-~])")
_SIGN = 0.8
_BASE = 6
_PER_TURN = 4
_PER_TOOL = 12
_TOOL_PREAMBLE = 350
_IMAGE = (300, 1600)
"""Tokens of a picture: vendor docs, "Vision": width x height / 750, at most about 1600 (2026-10)."""
_DOCUMENT = (1500, 100_000)
_BYTES_PER_TOKEN = 50
_UNSEEN = frozenset({"type", "role", "cache_control", "id", "tool_use_id", "signature", "data"})


def outline(body: JsonObject, size: int) -> Outline:
    """Check a count request and return its outline. Raises BadRequest naming the parameter and the remedy."""
    if body.get("stream") is True:
        raise BadRequest("A token count does not stream; leave stream out.", param="stream")
    return Outline(
        model=checked_prompt(body), stream=False, include_usage=True, max_output=0, choices=1, prompt_bytes=size
    )


def encode_count(tokens: int) -> dict[str, object]:
    """Return the body of the answer."""
    return {"input_tokens": tokens}


def decode_count(body: JsonObject) -> int:
    """Return the count a provider answered. Raises ProviderGarbled."""
    tokens = body.get("input_tokens")
    if type(tokens) is not int or tokens < 0:
        raise ProviderGarbled("The provider's token count has no input_tokens.")
    return tokens


def estimate(body: JsonObject) -> int:
    """Return a guess of the prompt's tokens; at least 1."""
    messages, tools = body.get("messages"), body.get("tools")
    total = _BASE + float(_PER_TURN * (len(messages) if isinstance(messages, list) else 0))
    total += _TOOL_PREAMBLE + _PER_TOOL * len(tools) if isinstance(tools, list) and tools else 0
    for part in ("system", "messages"):
        for text in _seen(body.get(part)):
            total += text if isinstance(text, int) else weigh(text)
    for part in ("tools", "output_config"):
        if body.get(part):
            total += weigh(json.dumps(body[part], ensure_ascii=False))
    return max(int(total), 1)


def weigh(text: str) -> float:
    """Return a guess of the tokens of a text."""
    pieces = signs = 0
    for piece in _PIECES.finditer(text):
        pieces += 1
        signs += piece.lastgroup is not None
    return pieces - signs * (1 - _SIGN)


def _seen(value: object) -> Iterator[str | int]:
    """Yield the texts the model sees, and token counts of what is no text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _seen(item)
    elif isinstance(value, dict):
        kind, source = value.get("type"), value.get("source")
        if kind in ("image", "document") and isinstance(source, dict) and source.get("type") != "content":
            yield _reckoned(source, *(_IMAGE if kind == "image" else _DOCUMENT))
        elif kind == "tool_use":
            yield f"{value.get('name')} {json.dumps(value.get('input'), ensure_ascii=False)}"
        elif kind not in ("thinking", "redacted_thinking"):  # earlier thinking is not read again
            for name, item in value.items():
                if name not in _UNSEEN:
                    yield from _seen(item)


def _reckoned(source: dict[str, object], least: int, most: int) -> int:
    data = source.get("data")
    if not isinstance(data, str):
        return least
    if source.get("type") == "text":
        return int(weigh(data))
    return min(max(len(data) // _BYTES_PER_TOKEN, least), most)
