"""Token probabilities between their two forms: parallel lists here, one object for each token in a chat.

The canonical form is the chat's: {"content": [{"token", "logprob", "bytes", "top_logprobs": [...]}]}.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.types.chat import Json


def read_logprobs(found: Json) -> Json:
    """Return the canonical form of {"tokens", "token_logprobs", "top_logprobs", "text_offset"}; None without tokens.

    What is in the canonical form already (some hosts answer so) stays.
    """
    if not isinstance(found, Mapping):
        return None
    if isinstance(found.get("content"), list):
        return dict(found)
    tokens, own, others = found.get("tokens"), found.get("token_logprobs"), found.get("top_logprobs")
    if not isinstance(tokens, list):
        return None
    content: list[Json] = []
    for position, token in enumerate(tokens):
        among = _at(others, position)
        likely = [
            {"token": str(word), "logprob": value, "bytes": None}
            for word, value in (among.items() if isinstance(among, Mapping) else ())
        ]
        content.append(
            {"token": token, "logprob": _at(own, position), "bytes": None, "top_logprobs": likely},
        )
    return {"content": content}


def write_logprobs(found: Json, start: int = 0) -> Json:
    """Return the form of this dialect; `start` is the offset of the first token in the text.

    Entries that cannot be read are left out; None without any.
    """
    content = found.get("content") if isinstance(found, Mapping) else None
    entries = [entry for entry in content if isinstance(entry, Mapping)] if isinstance(content, list) else []
    if not entries:
        return None
    offset, offsets, tops = start, [], []
    for entry in entries:
        offsets.append(offset)
        offset += len(str(entry.get("token", "")))
        likely = entry.get("top_logprobs")
        items = [item for item in likely if isinstance(item, Mapping)] if isinstance(likely, list) else []
        tops.append({str(item.get("token")): item.get("logprob") for item in items} or None)
    return {
        "tokens": [entry.get("token") for entry in entries],
        "token_logprobs": [entry.get("logprob") for entry in entries],
        "top_logprobs": tops if any(tops) else None,
        "text_offset": offsets,
    }


def _at(items: Json, position: int) -> Json:
    return items[position] if isinstance(items, list) and position < len(items) else None
