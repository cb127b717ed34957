"""Who the end user of a request is, as the caller says: the header `x-sluice-user`, or the member of its dialect.

Nobody checks the name: whoever holds a key may send any, or none. Gemini's and Bedrock's requests have no place for
one, so their callers send the header.
"""

from __future__ import annotations

from collections.abc import Mapping

HEADER = "x-sluice-user"
LONGEST = 512

# OpenAI: `safety_identifier` supersedes `user` in chat and Responses (help.openai.com, "How to incorporate a safety
# identifier", 2026-11); completions, embeddings and images have `user` alone (API reference, 2026-11).
# Anthropic: `metadata.user_id` (Messages API reference, 2026-11).
MEMBERS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "openai_chat": (("safety_identifier",), ("user",)),
    "openai_responses": (("safety_identifier",), ("user",)),
    "openai_completions": (("user",),),
    "openai_embeddings": (("user",),),
    "openai_images": (("user",),),
    "openai_image_edits": (("user",),),
    "anthropic_messages": (("metadata", "user_id"),),
}


def end_user(headers: Mapping[str, str], dialect: str, members: Mapping[str, object]) -> str:
    """Return the end user's name, "" when the request gives none; `members` are those of its body."""
    told = headers.get(HEADER, "").strip()
    if told:
        return told[:LONGEST]
    for path in MEMBERS.get(dialect, ()):
        found = _at(members, path)
        if isinstance(found, str) and found.strip():
            return found.strip()[:LONGEST]
    return ""


def _at(members: Mapping[str, object], path: tuple[str, ...]) -> object:
    value: object = members
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
