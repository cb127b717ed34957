"""Read and check an Anthropic Messages request as Anthropic does (API reference, 2026-11)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.local.simulator import anthropic_blocks as blocks
from sluice.local.simulator import conversation, directives
from sluice.local.simulator.conversation import Ask, Offer, Prompt, Segment
from sluice.local.simulator.directives import Directive
from sluice.local.simulator.models import Model
from sluice.local.simulator.shape import Json, Object, expect, number, one_of, optional, required, typed

_WORDS = """
cache_control compaction container context_management diagnostics fallback_credit_token fallbacks inference_geo
max_tokens mcp_servers messages metadata model output_config output_format service_tier speed stop_sequences stream
system temperature thinking tool_choice tools top_k top_p user_profile_id
"""
_MEMBERS = frozenset(_WORDS.split())
_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")
_MOST_MARKS = 4
_THOUGHT = 64
_EFFORTS = {"low": 32, "medium": 64, "high": 128, "xhigh": 256, "max": 512}


@dataclass(slots=True)
class _Turns:
    """What has been read of the messages so far."""

    reading: blocks.Reading = field(default_factory=blocks.Reading)
    segments: list[Segment] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)


def read(body: Object, model: Model, directive: Directive) -> Ask:
    """Return what the request asks for.

    Raises:
        Refused: Anthropic would answer 400.
    """
    for name in body:
        expect(name in _MEMBERS, f"{name}: Extra inputs are not permitted")
    expect("max_tokens" in body, "max_tokens: Field required", "max_tokens")
    max_tokens = typed(body["max_tokens"], int, "max_tokens")
    expect(max_tokens >= 1, "max_tokens: Input should be greater than or equal to 1", "max_tokens")
    expect(
        max_tokens <= model.max_output,
        f"max_tokens: {max_tokens} > {model.max_output}, which is the maximum allowed number of output tokens for "
        f"{model.id}",
        "max_tokens",
    )
    turns, prompt, offers = _prompt(body)
    choice, forced, parallel = _choice(optional(body, "tool_choice", dict), offers)
    thinking, shown = _thinking(body, directive, choice)
    _settings(body, thinking)
    return Ask(
        model=model,
        digest=conversation.digest(body),
        question=turns.questions[-1] if turns.questions else "",
        directive=directive,
        prompt=conversation.with_cached(prompt, directive.cached),
        turn=max(1, len(turns.questions)),
        attachments=tuple(turns.reading.attachments),
        outcomes=tuple(turns.reading.outcomes),
        offers=offers,
        choice=choice,
        forced=forced,
        parallel=parallel,
        schema=_schema(body),
        thinking=thinking,
        show_thinking=shown,
        max_tokens=max_tokens,
        stops=_stops(body),
        stream=bool(optional(body, "stream", bool)),
    )


def count(body: Object) -> int:
    """Return the prompt tokens of a count_tokens request."""
    for name in body:
        expect(name in _MEMBERS, f"{name}: Extra inputs are not permitted")
    return _prompt(body)[1].total


def _prompt(body: Object) -> tuple[_Turns, Prompt, tuple[Offer, ...]]:
    """Read tools, system and messages, in the order in which the prompt cache sees them."""
    messages = required(body, "messages", list)
    expect(messages, "messages: at least one message is required", "messages")
    again = any(isinstance(m, dict) and m.get("role") == "assistant" for m in messages)
    segments, offers = [], []
    for position, tool in enumerate(optional(body, "tools", list) or ()):
        offers.extend(_offer(typed(tool, dict, f"tools.{position}"), f"tools.{position}"))
        segments.append(Segment(conversation.size_of(tool), blocks.mark(tool, f"tools.{position}"), again))
    segments.extend(_system(body.get("system"), again))
    turns = _messages(messages)
    segments.extend(turns.segments)
    whole = blocks.mark(body, "") if "cache_control" in body else None
    if whole:
        segments[-1] = Segment(segments[-1].tokens, whole, segments[-1].seen)
    marks = sum(1 for s in segments if s.mark)
    expect(
        marks <= _MOST_MARKS,
        f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. Found {marks}.",
    )
    return turns, conversation.cached_by_marks(segments), tuple(offers)


def _offer(tool: Object, path: str) -> list[Offer]:
    """Read one tool; server tools, whose type carries a date, are accepted and never used."""
    if tool.get("type") not in (None, "custom"):
        typed(tool["type"], str, f"{path}.type")
        return []
    name = required(tool, "name", str, f"{path}.")
    expect(_NAME.match(name), f"{path}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
    expect("input_schema" in tool, f"{path}.custom.input_schema: Field required")
    parameters = typed(tool["input_schema"], dict, f"{path}.custom.input_schema")
    expect(parameters.get("type") == "object", f"{path}.custom.input_schema.type: Input should be 'object'")
    return [Offer(name, optional(tool, "description", str) or "", parameters)]


def _system(system: Json, again: bool) -> list[Segment]:
    if system is None:
        return []
    if isinstance(system, str):
        return [Segment(blocks.text_size(system), None, again)]
    listed = typed(system, list, "system")
    for position, block in enumerate(listed):
        one_of(typed(block, dict, f"system.{position}").get("type"), {"text"}, f"system.{position}.type")
        expect(required(block, "text", str), f"system.{position}: text content blocks must be non-empty")
    return [Segment(blocks.text_size(b["text"]), blocks.mark(b, f"system.{i}"), again) for i, b in enumerate(listed)]


def _messages(messages: list[Json]) -> _Turns:
    turns = _Turns()
    answered = [i for i, m in enumerate(messages) if isinstance(m, dict) and m.get("role") == "assistant"]
    for position, message in enumerate(messages):
        path = f"messages.{position}"
        role = one_of(typed(message, dict, path).get("role"), {"user", "assistant", "system"}, f"{path}.role")
        expect("content" in message, f"{path}.content: Field required", f"{path}.content")
        content = message["content"]
        listed = (
            [{"type": "text", "text": content}] if isinstance(content, str) else typed(content, list, f"{path}.content")
        )
        is_last = position == len(messages) - 1
        expect(
            (listed and content != "") or (is_last and role == "assistant"),
            f"{path}: all messages must have non-empty content except for the optional final assistant message",
        )
        text, sizes = turns.reading.message(role, listed, path)
        seen = bool(answered) and position < answered[-1]
        turns.segments.extend(Segment(size, mark, seen) for size, mark in sizes)
        asked = directives.without(text)
        if role == "user" and asked:
            turns.questions.append(asked)
    turns.reading.finish(f"messages.{len(messages) - 1}")
    return turns


def last_user_text(body: Mapping[str, Json]) -> str:
    """Return the text of the last user message that has any; "" when the body is not what it should be."""
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if isinstance(message, dict) and message.get("role") == "user":
            text = _plain(message.get("content"))
            if text:
                return text
    return ""


def _plain(content: Json) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(p["text"]) for p in parts if isinstance(p, dict) and p.get("type") == "text" and "text" in p)


def _choice(choice: Object | None, offers: tuple[Offer, ...]) -> tuple[Json, str | None, bool]:
    if choice is None:
        return "auto", None, True
    kind = one_of(choice.get("type"), {"auto", "any", "tool", "none"}, "tool_choice.type")
    expect(
        offers or kind in ("none", "auto"), "tool_choice: may only be specified while providing tools.", "tool_choice"
    )
    parallel = optional(choice, "disable_parallel_tool_use", bool, "tool_choice.") is not True
    if kind == "tool":
        name = required(choice, "name", str, "tool_choice.")
        expect(name in {o.name for o in offers}, f"tool_choice.tool.name: Tool '{name}' not found in provided tools")
        return "required", name, parallel
    return {"any": "required"}.get(kind, kind), None, parallel


def _thinking(body: Object, directive: Directive, choice: str) -> tuple[int, bool]:
    """Return the thinking tokens wanted and whether their text is shown."""
    wanted = optional(body, "thinking", dict)
    effort = (optional(body, "output_config", dict) or {}).get("effort")
    tokens = _EFFORTS[one_of(effort, _EFFORTS, "output_config.effort")] if effort is not None else _THOUGHT
    if wanted is None:
        return directive.think or 0, True
    kind = one_of(wanted.get("type"), {"enabled", "disabled", "adaptive", "between_tools"}, "thinking.type")
    if kind == "disabled":
        return 0, True
    if kind == "enabled":
        budget = required(wanted, "budget_tokens", int, "thinking.enabled.")
        expect(budget >= 1024, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
        expect(budget < body["max_tokens"], "`max_tokens` must be greater than `thinking.budget_tokens`.")
        _starts_with_thinking(body["messages"])
    expect(choice != "required", "Thinking may not be enabled when tool_choice forces tool use.")
    display = one_of(wanted.get("display") or "summarized", {"summarized", "omitted"}, "thinking.display")
    return tokens if directive.think is None else directive.think, display != "omitted"


def _starts_with_thinking(messages: list[Object]) -> None:
    """In a tool loop the turn that called the tools must still carry its thinking."""
    last = messages[-1]
    content = last.get("content")
    answers = isinstance(content, list) and any(b.get("type") == "tool_result" for b in content)
    if not answers or len(messages) < 2 or not isinstance(messages[-2].get("content"), list):
        return
    first = messages[-2]["content"][0].get("type")
    expect(
        first in ("thinking", "redacted_thinking"),
        f"messages.{len(messages) - 2}.content.0: Expected `thinking` or `redacted_thinking`, but found `{first}`. "
        "When `thinking` is enabled, a final `assistant` message must start with a thinking block.",
    )


def _settings(body: Object, thinking: int) -> None:
    temperature = number(body, "temperature", 0, 1)
    number(body, "top_p", 0, 1)
    top_k = number(body, "top_k", 0, 1_000_000, whole=True)
    on = thinking and body.get("thinking")
    expect(
        not on or temperature in (None, 1),
        "`temperature` may only be set to 1 when thinking is enabled.",
        "temperature",
    )
    expect(not on or not top_k, "`top_k` must be unset when thinking is enabled.", "top_k")
    for name in ("metadata", "context_management", "output_config"):
        optional(body, name, dict)
    one_of(body.get("service_tier") or "auto", {"auto", "standard_only"}, "service_tier")


def _stops(body: Object) -> tuple[str, ...]:
    stops = optional(body, "stop_sequences", list) or []
    for position, stop in enumerate(stops):
        expect(
            typed(stop, str, f"stop_sequences.{position}").strip(),
            f"stop_sequences.{position}: each stop sequence must contain non-whitespace",
        )
    return tuple(stops)


def _schema(body: Object) -> Mapping[str, Json] | None:
    config = optional(body, "output_config", dict) or {}
    wanted = config.get("format") or body.get("output_format")
    if wanted is None:
        return None
    one_of(typed(wanted, dict, "output_config.format").get("type"), {"json_schema"}, "output_config.format.type")
    schema = required(wanted, "schema", dict, "output_config.format.")
    return schema or {"type": "object"}
