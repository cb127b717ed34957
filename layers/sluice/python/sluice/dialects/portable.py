"""Makes a request ready for models of another dialect: what only the caller's vendor can run is taken out or refused.

A vendor's own tools (web search, code execution, ...) run on its servers. Where they are offered beside tools of the
caller's own, the request means the same without them, only less: they are left out and reported. Where they are all
there is, where one is forced, or on a strict route, the request is left as it is, and the dialect that is to write it
refuses it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from sluice.dialects import chat_dialect
from sluice.types.chat import ChatRequest

PORTABLE = "portable"
"""A dialect may export `portable(request) -> ChatRequest`, which rewrites forms that only it has."""


def portable(request: ChatRequest, target: str, strict: bool) -> tuple[ChatRequest, tuple[str, ...]]:
    """Return the request for models of the `target` dialect, and what was left out (`dropped:tools.web_search`)."""
    own = getattr(chat_dialect(request.dialect), PORTABLE, None)
    if own is not None:
        request = cast(ChatRequest, own(request))
    foreign = [t for t in request.tools if t.opaque is not None and not _known(t.opaque.payload, target)]
    choice = request.tool_choice
    forced = choice is not None and (choice.opaque is not None or choice.mode in ("required", "named"))
    kept = tuple(tool for tool in request.tools if tool not in foreign)
    if strict or forced or not foreign or not kept:
        return request, ()
    return replace(request, tools=kept), tuple(dict.fromkeys(f"dropped:tools.{tool.name[:64]}" for tool in foreign))


def _known(payload: object, target: str) -> bool:
    """Return whether a vendor's own form of a tool is read by the other dialect too: OpenAI's free-text tools are."""
    return isinstance(payload, dict) and payload.get("type") == "custom" and target.startswith("openai_")
