"""Token counts: those of Chat Completions under other names for the cache.

Rules: the prompt is taken to include what was read from and written to the cache, as in Chat Completions (the vendor's
document calls those counts reserved). `guard_tokens`, which Cortex Guard read, are neither prompt nor answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat import usage as chat
from sluice.types.usage import Usage


def read(body: Mapping[str, object], quirks: JsonObject = EMPTY) -> Usage | None:
    """Return the usage that an answer or a chunk reports, None where it reports none."""
    found = body.get("usage")
    if not isinstance(found, Mapping) or not found:
        return None
    kept = {name: found[name] for name in ("prompt_tokens", "completion_tokens") if name in found}
    kept["cache_read_input_tokens"] = found.get("cache_read_input_tokens")
    kept["cache_creation_input_tokens"] = found.get("cache_write_input_tokens")
    return chat.read({"usage": kept}, quirks)


def write(usage: Usage) -> dict[str, object]:
    """Return the `usage` member of an answer; `read` gives the same figures back."""
    written: dict[str, object] = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
    }
    if usage.cache_read:
        written["cache_read_input_tokens"] = usage.cache_read
    if usage.cache_write_5m or usage.cache_write_1h:
        written["cache_write_input_tokens"] = usage.cache_write_5m + usage.cache_write_1h
    return written
