"""The names of members in request bodies, of all dialects, by what becomes of them in a prompt."""

from __future__ import annotations

SETTINGS = frozenset(
    (
        "model", "stream", "stream_options", "max_tokens", "max_completion_tokens", "max_output_tokens", "temperature",
        "top_p", "top_k", "n", "seed", "stop", "stop_sequences", "logprobs", "top_logprobs", "logit_bias", "user",
        "metadata", "store", "include", "presence_penalty", "frequency_penalty", "parallel_tool_calls", "tool_choice",
        "toolChoice", "service_tier", "serviceTier", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
        "encoding_format", "dimensions", "inferenceConfig", "safetySettings", "safety_settings", "options",
        "anthropic_version", "anthropic_beta", "thinking", "reasoning", "reasoning_effort", "truncation", "truncate",
        "keep_alive", "user_location", "input_type", "embedding_types", "top_n", "return_documents", "modalities",
        "audio", "verbosity", "modelId", "performanceConfig", "requestMetadata", "additionalModelResponseFieldPaths",
        "guardrailConfig", "provider", "models", "transforms", "usage", "background", "think", "raw", "best_of", "echo",
        "size", "quality", "response_modalities", "labels", "strict_tools", "safety_mode", "citation_options",
        "output_dimensionality", "outputDimensionality", "taskType", "task_type", "autoTruncate",
    )
)  # fmt: skip
"""Members at the top that no model reads."""
QUIET = frozenset(
    (
        "role", "content", "type", "text", "parts", "name", "id", "input", "arguments", "function", "messages",
        "contents", "message", "input_text", "tool_call_id", "tool_use_id", "call_id", "toolUseId", "status",
    )
)  # fmt: skip
"""Names of members that become marks of the template, which the family's figures cover."""
MARKS = frozenset(
    (
        "image_url", "source", "inlineData", "inline_data", "fileData", "file_data", "file", "file_id", "file_url",
        "input_audio", "image", "images", "video", "video_url", "document_url", "cache_control", "cachePoint",
        "audio_url",
    )
)  # fmt: skip
"""Members that may hold media, or mark what is to be cached."""
