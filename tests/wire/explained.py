"""Explains failures by what stands in the recording itself, never by its name.

A rule looks at one recording and says in words why a gateway cannot be expected to read it, or why two dialects differ
over it. What no rule explains is a fault of the gateway's until it is understood.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tests.wire.recordings import Recording

_CHAT = re.compile(rb'"object"\s*:\s*"chat\.completion')
_PROMPT = re.compile(rb'"promptTokenCount"\s*:\s*(\d+)')


def explain(recording: Recording) -> str | None:
    """Return why a recording may fail, in words; None when nothing in it tells."""
    return next((words for words, rule in RULES if rule(recording)), None)


def _foreign(recording: Recording) -> bool:
    other = recording.endpoint in ("responses", "ollama.chat", "messages")
    return other and recording.status == 200 and _CHAT.search(recording.body) is not None


def _other_operation(recording: Recording) -> bool:
    """A whole answer of an endpoint that always has `choices`, without them."""
    if recording.endpoint not in ("chat.completions", "completions") or recording.status != 200:
        return False
    answer = _json(recording.body)
    return isinstance(answer, dict) and not {"choices", "error"} & answer.keys()


def _joined(recording: Recording) -> bool:
    return (
        len(re.findall(rb'^data: ?\{.*?"type"\s*:\s*"(?:message_start|response\.created)"', recording.body, re.M)) > 1
    )


def _repeated_ids(recording: Recording) -> bool:
    """Two calls of one conversation that share an id, so that a result answers both."""
    body = recording.request_body
    messages = body.get("messages") if isinstance(body, dict) else None
    contents = (turn.get("content") for turn in messages or () if isinstance(turn, dict))
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    ids = [str(block.get("id")) for block in blocks if isinstance(block, dict) and block.get("type") == "tool_use"]
    return len(ids) != len(set(ids))


def _lowered(recording: Recording) -> bool:
    """A stream whose count of the prompt falls from one event to the next."""
    counts = [int(count) for count in _PROMPT.findall(recording.body)]
    return recording.endpoint == "gemini.stream" and any(after < before for before, after in pairwise(counts))


def _not_json(recording: Recording) -> bool:
    text = (recording.request or {}).get("body_text")
    kind = str(((recording.request or {}).get("headers") or {}).get("content-type") or "")
    return isinstance(text, str) and "json" in kind and _json(text) is None


def _no_object(recording: Recording) -> bool:
    body = (recording.request or {}).get("body")
    return body is not None and not isinstance(body, dict)


def _cut_off(recording: Recording) -> bool:
    """A good answer that is empty, JSON that stops short, or a stream whose last line does."""
    text = recording.body.strip()
    if recording.status != 200 or recording.endpoint.endswith(("converse_stream", "invoke_stream")):
        return False
    if text[:1] in (b"{", b"["):
        lines = [_json(line) for line in text.splitlines()]
        return _json(text) is None and (len(lines) == 1 or None in lines)
    return not text or (text.startswith((b"data:", b"event:", b":")) and not recording.body.endswith((b"\n", b"\r")))


def _json(text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


RULES: tuple[tuple[str, Callable[[Recording], bool]], ...] = (
    ("its answer is one of Chat Completions, published under another endpoint", _foreign),
    ("its answer is of another operation of the vendor: there are no choices in it", _other_operation),
    ("several answers are published as one body; a client stops reading at the end of the first", _joined),
    ("two calls of its conversation share one id; another dialect needs them apart", _repeated_ids),
    ("its stream takes tokens of the prompt back; in Messages the larger of two reports holds", _lowered),
    ("its answer was published in part: it stops short", _cut_off),
    ("its request is no JSON object, in which callers of a gateway name the model", _no_object),
    ("its request is no JSON: the recorder cut a file out of it, quotation mark and all", _not_json),
)
"""(words, rule), the first that holds."""
