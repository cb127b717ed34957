"""What becomes of members and parts that came in another dialect, where several formats answer alike.

Rules: what only another vendor knows is refused, since leaving it out would change the meaning; a hint or a label is
left out and reported; a bound above what the model can write is lowered to it.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable
from contextlib import suppress
from typing import NoReturn

from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.types.chat import Audio, ChatRequest, Document, Json, Thinking, Tool

SEAL = "sluice1."
"""Begins the signatures with which the gateway marks thinking that no vendor signed."""

MEANINGFUL = {
    "modalities": "This model answers in text only; ask for text alone.",
    "audio": "This model does not answer in sound; ask for text.",
    "mcp_servers": "mcp_servers names servers that only its own vendor calls; leave it out.",
}
"""Members whose loss would change the answer's meaning, and what the caller is told."""


def refuse_several(request: ChatRequest, edits: Edits) -> None:
    """Refuse more than one answer a request."""
    if request.n is not None and request.n > 1:
        edits.refuse("n", f"This model gives one answer a request, not n={request.n}; send the request n times.")


def output_bound(request: ChatRequest, native: bool, quirks: JsonObject, edits: Edits) -> int | None:
    """Return the bound on output tokens, lowered to the declared `max_output` for callers of other dialects."""
    bound, most = request.max_tokens, quirks.get("max_output")
    if not native and bound is not None and isinstance(most, int) and 0 < most < bound:
        edits.note("clamped:max_tokens")  # the model could not have written more
        return most
    return bound


def own_tool(tool: Tool, dialect: str, edits: Edits) -> dict[str, Json] | None:
    """Return a tool of a kind that only `dialect` knows, as it came; None for a function. Refuses others' kinds."""
    if tool.opaque is None:
        return None
    if tool.opaque.dialect == dialect:
        return dict(tool.opaque.payload)
    return refuse_kind(tool, edits)


def refuse_kind(tool: Tool, edits: Edits) -> NoReturn:
    """Refuse a kind of tool that another vendor runs."""
    edits.refuse(
        "tools",
        f"{tool.name[:64]!r} is a kind of tool that only another vendor knows; leave it out, or choose a model of "
        "that vendor.",
    )


def refuse_schema(edits: Edits) -> None:
    """Refuse a schema that the model cannot be held to."""
    edits.refuse(
        "response_format",
        "This model cannot be held to a JSON schema. Ask for json_object and describe the schema in the prompt, "
        "or choose another model.",
    )


def leave_out(request: ChatRequest, members: Iterable[str], edits: Edits) -> None:
    """Report labels, `members` and the extras of another dialect as left out; refuse those that are meaningful."""
    for name in ("user", "metadata"):
        if getattr(request, name):
            edits.note(f"dropped:{name}")  # labels for the caller's own dashboards
    for name in members:
        if getattr(request, name):
            edits.drop(name)
    for name, value in request.extras.items():
        if name in MEANINGFUL and value and value != ["text"]:
            edits.refuse(name, MEANINGFUL[name])
        edits.drop(name)


def signed_elsewhere(part: Thinking) -> bool:
    """Return whether a vendor signed or sealed the thinking, so that only it can read it."""
    return part.redacted is not None or (part.signature is not None and not part.signature.startswith(SEAL))


def document_text(part: Document, edits: Edits) -> str:
    """Return a document's text for a model that takes no files. Refuses what is no text."""
    if part.text is not None:
        return part.text
    kind = part.media_type or "application/pdf"
    reason = "A text document is not base64 of UTF-8 text; encode it so."
    if part.data is None or not (kind.startswith("text/") or kind == "application/json"):
        what = "by address or file id" if part.data is None else f"of type {kind[:64]}"
        reason = f"This model takes no documents {what}; send the document's text instead."
    else:
        with suppress(Base64Error, ValueError):
            return a2b_base64(part.data).decode()
    return edits.refuse("messages", reason)


def transcript(part: Audio, edits: Edits) -> str:
    """Return what was spoken, for a model that takes no sound. Refuses sound without a transcript."""
    if not part.transcript:
        edits.refuse("messages", "This model takes no sound; send the text that was spoken instead.")
    edits.change("transcribed:messages.audio", "messages")
    return part.transcript
