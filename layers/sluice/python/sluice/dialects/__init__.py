"""Wire formats: one module each, loaded when first needed."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from sluice.dialects.base import ChatDialect

_CHAT = ("openai_chat", "anthropic_messages", "openai_responses", "gemini")
_PASSED = ("openai_embeddings", "anthropic_count_tokens")
_LOADED: dict[str, object] = {}


def chat_dialect(name: str) -> ChatDialect:
    """Return the module of a chat dialect. Raises KeyError for a name that is none."""
    module = _LOADED.get(name)
    if module is None:
        if name not in _CHAT and name not in _PASSED:
            raise KeyError(name)
        module = _LOADED[name] = import_module(f"sluice.dialects.{name}")
    return cast(ChatDialect, module)


def translates(caller: str, provider: str) -> bool:
    """Return whether requests of the `caller` dialect can be served by a `provider` dialect."""
    return caller == provider or (caller in _CHAT and provider in _CHAT)
