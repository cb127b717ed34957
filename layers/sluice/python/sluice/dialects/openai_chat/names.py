"""Words of the Chat Completions dialect that several of its modules share."""

from __future__ import annotations

NAME = "openai_chat"

REASONING_FIELDS = ("reasoning_content", "reasoning")
"""Members in which hosts put reasoning text (DeepSeek, vLLM, xAI; OpenRouter, Groq, Ollama)."""

CLAUDE_FORMAT = "anthropic-claude-v1"
"""The `format` of `reasoning_details` that hold Anthropic's signatures (OpenRouter docs, 2026-08)."""
