"""The quirks a provider may declare in its catalogue file: every departure from a dialect that code acts on.

A quirk is data of the provider (or of one model, which overrides the provider), never a provider's name in code.
What is not declared is the dialect as its inventor documents it. `check` tells a catalogue's author about a
misspelt name or a wrong type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirk:
    """One declared departure: its `name`, the JSON types it takes, the dialects that read it, what it means."""

    name: str
    types: tuple[type, ...]
    dialects: tuple[str, ...]
    meaning: str
    values: tuple[str, ...] = ()
    """The words allowed for a string; empty means any."""


_CHAT = ("openai_chat",)
_MESSAGES = ("anthropic_messages",)
_BOTH = (*_CHAT, *_MESSAGES)
_GEMINI = ("gemini",)
_RESPONSES = ("openai_responses",)
_ALL = (*_BOTH, *_GEMINI, *_RESPONSES)

QUIRKS: tuple[Quirk, ...] = (
    Quirk(
        "max_tokens_field",
        (str,),
        _CHAT,
        "Name of the bound on output tokens. Undeclared: the caller's own name passes, translation writes max_tokens.",
        ("max_tokens", "max_completion_tokens"),
    ),
    Quirk("stream_options", (bool,), _CHAT, "False: rejects stream_options; usage comes unasked or not at all."),
    Quirk("rename", (dict,), (*_CHAT, *_RESPONSES), "Top-level members to rename, old name to new name."),
    Quirk("drop", (list,), _ALL, "Top-level members the provider rejects and that may be left out, reported."),
    Quirk("refuse", (list,), _ALL, "Top-level members the provider rejects and that may not be left out silently."),
    Quirk("defaults", (dict,), _ALL, "Top-level members to set where the caller sent none."),
    Quirk("developer_role", (bool,), _CHAT, "False: knows no role 'developer'; it becomes 'system'."),
    Quirk("content_parts", (bool,), _CHAT, "False: takes only strings as content; text parts are joined."),
    Quirk("cache_control", (bool,), _CHAT, "True: takes cache_control marks inside parts and tools."),
    Quirk(
        "prompt_cache_breakpoint",
        (bool,),
        (*_CHAT, *_RESPONSES),
        "True: takes prompt_cache_breakpoint marks inside parts.",
    ),
    Quirk("top_k", (bool,), _CHAT, "True: takes top_k."),
    Quirk(
        "tool_choice_required",
        (str,),
        (*_CHAT, *_RESPONSES),
        "The word that forces some tool call (undeclared: required).",
    ),
    Quirk("parallel_tool_calls", (bool,), _CHAT, "False: rejects parallel_tool_calls."),
    Quirk("strict_tools", (bool,), (*_BOTH, *_RESPONSES), "False: rejects `strict` in function tools."),
    Quirk("tool_id_length", (int,), _CHAT, "Tool call ids must be this many of [A-Za-z0-9]; others are mapped."),
    Quirk(
        "tool_images",
        (bool,),
        (*_CHAT, *_GEMINI),
        "True: takes pictures in tool messages; else they follow as user content.",
    ),
    Quirk("json_schema", (bool,), _ALL, "False: takes no JSON schema for its answer (json_object at most)."),
    Quirk("file_parts", (bool,), _CHAT, "False: takes no file parts."),
    Quirk("file_urls", (bool,), _CHAT, "True: a file part's file_data may be a URL."),
    Quirk("max_stop", (int,), _CHAT, "The most stop sequences it takes."),
    Quirk(
        "reasoning_request",
        (str,),
        _CHAT,
        "How it is told to think: effort = reasoning_effort (undeclared), object = reasoning{effort|max_tokens}, "
        "thinking = thinking{type}, enable_thinking = enable_thinking and thinking_budget, none = cannot be told.",
        ("effort", "object", "thinking", "enable_thinking", "none"),
    ),
    Quirk("reasoning_efforts", (list,), _ALL, "The effort words it takes; the nearest one is used."),
    Quirk(
        "reasoning_field",
        (str,),
        _CHAT,
        "Member in which earlier reasoning is sent back; '' = never. Undeclared: the member it came in, and reasoning "
        "that came from another dialect is left out.",
        ("reasoning_content", "reasoning", "reasoning_details", "content", ""),
    ),
    Quirk(
        "thinking_request",
        (str,),
        _MESSAGES,
        "How it is told to think: budget = thinking.budget_tokens (undeclared), adaptive = thinking.type adaptive and "
        "output_config.effort, none = cannot be told.",
        ("budget", "adaptive", "none"),
    ),
    Quirk(
        "reasoning_items",
        (str,),
        _RESPONSES,
        "Which earlier reasoning goes back to it: encrypted = what it can verify (undeclared), text = readable ones as "
        "well, none = no reasoning at all.",
        ("encrypted", "text", "none"),
    ),
    Quirk("min_output_tokens", (int,), _RESPONSES, "The least bound on output tokens it takes; a lower one is raised."),
    Quirk("system_turns", (bool,), _MESSAGES, "True: takes system messages between the turns."),
    Quirk("reasoning_outside_completion", (bool,), _CHAT, "True: completion_tokens leave out the reasoning tokens."),
    Quirk(
        "thinking_config",
        (str,),
        _GEMINI,
        "How it is told to think: budget = thinkingBudget (undeclared), level = thinkingLevel, none = cannot be told.",
        ("budget", "level", "none"),
    ),
    Quirk("least_thinking", (int,), _GEMINI, "The smallest thinkingBudget it takes; above 0 it cannot stop thinking."),
    Quirk("most_thinking", (int,), _GEMINI, "The largest thinkingBudget it takes."),
    Quirk(
        "openapi_schemas",
        (bool,),
        _GEMINI,
        "True: takes only the OpenAPI subset of schemas (parameters, responseSchema), no JSON Schema.",
    ),
    Quirk(
        "signed_calls",
        (bool,),
        _GEMINI,
        "False: takes function calls without a thought signature, so calls of other vendors get no placeholder.",
    ),
)
"""The table."""

_BY_NAME = {quirk.name: quirk for quirk in QUIRKS}


def check(quirks: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a catalogue's quirks, one sentence each; empty when all is well."""
    problems: list[str] = []
    for name, value in quirks.items():
        quirk = _BY_NAME.get(name)
        if quirk is None:
            problems.append(f"Unknown quirk {name!r}; known are {', '.join(sorted(_BY_NAME))}.")
        elif type(value) not in quirk.types:
            wanted = " or ".join(kind.__name__ for kind in quirk.types)
            problems.append(f"Quirk {name!r} must be {wanted}, not {type(value).__name__}.")
        elif quirk.values and value not in quirk.values:
            problems.append(f"Quirk {name!r} must be one of {', '.join(map(repr, quirk.values))}, not {value!r}.")
    return problems
