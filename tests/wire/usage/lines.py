"""How each dialect counts: one line for each aspect, printed as a table with the recorded answers that bear it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.wire.usage import rules
from tests.wire.usage.rules import Pair, Seen


@dataclass(frozen=True)
class Line:
    """One aspect of how a dialect counts."""

    dialect: str
    endpoints: tuple[str, ...]
    aspect: str
    words: str
    rule: Callable[[Seen], Pair]


CHAT, LEGACY, RESPONSES = ("chat.completions",), ("completions",), ("responses",)
MESSAGES, GEMINI = ("messages", "vertex.raw_predict"), ("gemini.generate", "gemini.stream")
CONVERSE, INVOKE = ("bedrock.converse", "bedrock.converse_stream"), ("bedrock.invoke", "bedrock.invoke_stream")
LINES: tuple[Line, ...] = (
    Line("openai_chat", CHAT, "cached", "inside prompt_tokens", rules.chat_cached),
    Line("openai_chat", CHAT, "cache writes", "inside prompt_tokens", rules.chat_written),
    Line(
        "openai_chat",
        CHAT,
        "reasoning",
        "inside completion_tokens, or outside where the total says so",
        rules.chat_reasoning,
    ),
    Line("openai_chat", CHAT, "audio", "inside prompt_tokens, or outside where the total says so", rules.chat_audio),
    Line("openai_chat", CHAT, "images", "inside prompt_tokens", rules.chat_pictures),
    Line("openai_chat", CHAT, "server tools", "counted as searches, beside the tokens", rules.chat_searches),
    Line("openai_chat", CHAT, "deltas", "cumulative: the last report that counts holds", rules.chat_deltas),
    Line("openai_chat", CHAT, "total", "prompt + output = total_tokens", rules.chat_total),
    Line("openai_completions", LEGACY, "total", "prompt + output = total_tokens", rules.chat_total),
    Line("openai_responses", RESPONSES, "cached", "inside input_tokens", rules.responses_cached),
    Line("openai_responses", RESPONSES, "cache writes", "inside input_tokens", rules.responses_written),
    Line("openai_responses", RESPONSES, "reasoning", "inside output_tokens", rules.responses_reasoning),
    Line("openai_responses", RESPONSES, "total", "prompt + output = total_tokens", rules.media_total),
    Line(
        "anthropic_messages",
        MESSAGES,
        "cached",
        "outside input_tokens: read and written are added",
        rules.messages_cached,
    ),
    Line(
        "anthropic_messages",
        MESSAGES,
        "cache writes",
        "split by time to live; what names none is of 5 minutes",
        rules.messages_written,
    ),
    Line("anthropic_messages", MESSAGES, "reasoning", "inside output_tokens", rules.messages_reasoning),
    Line(
        "anthropic_messages",
        MESSAGES,
        "server tools",
        "counted as searches, beside the tokens",
        rules.messages_searches,
    ),
    Line(
        "anthropic_messages",
        MESSAGES,
        "deltas",
        "cumulative: message_delta replaces message_start",
        rules.messages_deltas,
    ),
    Line("anthropic_messages", MESSAGES, "compaction", "additive: its passes are billed on top", rules.messages_passes),
    Line("gemini", GEMINI, "cached", "inside promptTokenCount", rules.gemini_cached),
    Line("gemini", GEMINI, "reasoning", "outside candidatesTokenCount: thoughts are added", rules.gemini_thoughts),
    Line("gemini", GEMINI, "server tools", "outside promptTokenCount: tool results are added", rules.gemini_tools),
    Line("gemini", GEMINI, "audio", "inside promptTokenCount, by modality", rules.gemini_modality("AUDIO")),
    Line("gemini", GEMINI, "images", "inside promptTokenCount, by modality", rules.gemini_modality("IMAGE")),
    Line("gemini", GEMINI, "deltas", "cumulative: the last report holds", rules.gemini_deltas),
    Line("gemini", GEMINI, "total", "prompt + output = totalTokenCount", rules.gemini_total),
    Line(
        "bedrock_converse", CONVERSE, "cached", "outside inputTokens: read and written are added", rules.converse_cached
    ),
    Line("bedrock_converse", CONVERSE, "cache writes", "split by time to live in cacheDetails", rules.converse_written),
    Line("bedrock_converse", CONVERSE, "total", "prompt + output = totalTokens", rules.converse_total),
    Line(
        "bedrock_invoke",
        INVOKE,
        "counts",
        "headers or metrics first, else the family's own members",
        rules.invoke_counts,
    ),
    Line("cohere_chat", ("cohere.chat_v2",), "billed", "billed_units hold, not tokens", rules.cohere_billed),
    Line("cohere_chat", ("cohere.chat_v2",), "cached", "inside billed input; billed as any other", rules.cohere_cached),
    Line("cohere_chat", ("cohere.chat_v2",), "reasoning", "inside billed output", rules.cohere_reasoning),
    Line("cohere_chat", ("cohere.chat_v2",), "images", "inside billed input", rules.cohere_pictures),
    Line("ollama_chat", ("ollama.chat",), "counts", "once, on the last line; no total is stated", rules.ollama_counts),
    Line("embeddings", ("embeddings",), "total", "all tokens are the prompt's", rules.vector_total),
    Line("embeddings", ("embeddings",), "billed", "texts and pictures are added", rules.vector_billed),
    Line("embeddings", ("gemini.embed",), "counts", "all tokens are the prompt's", rules.vector_counts),
    Line("rerank", ("rerank",), "total", "all tokens are the prompt's", rules.vector_total),
    Line("rerank", ("rerank",), "billed", "search units, no tokens", rules.searches_billed),
    Line("openai_images", ("images",), "images", "inside input_tokens", rules.media_pictures),
    Line("openai_images", ("images",), "total", "prompt + output = total_tokens", rules.media_total),
    Line(
        "openai_transcriptions",
        ("audio.transcriptions",),
        "audio",
        "inside input_tokens, or outside where the total says so",
        rules.media_audio,
    ),
    Line(
        "openai_transcriptions", ("audio.transcriptions",), "total", "prompt + output = total_tokens", rules.media_total
    ),
)
