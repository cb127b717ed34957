"""Gathers what an answer says, from canonical events, from canonical parts and, independently, from raw JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.types.chat import ChatResponse, Part, Refusal, Text, Thinking, ToolCall
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    PartStart,
    PartStop,
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage


@dataclass
class Said:
    """What one choice says."""

    text: str = ""
    thinking: str = ""
    refusal: str = ""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    stop: str = ""

    def without_ids(self) -> tuple[str, str, str, list[tuple[str, str]]]:
        """Everything but ids and the stop reason; missing arguments count as the empty object."""
        calls = [(name, arguments or "{}") for _, name, arguments in self.calls]
        return self.text, self.thinking, self.refusal, calls


@dataclass
class Answer:
    """What an answer says."""

    choices: dict[int, Said] = field(default_factory=dict)
    usage: Usage | None = None
    failed: Exception | None = None
    ended: bool = False

    def comparable(self) -> Any:
        """What must survive a round trip; ids of calls included."""
        return (
            {
                number: (
                    said.text,
                    said.thinking,
                    said.refusal,
                    [(i, n, a or "{}") for i, n, a in said.calls],
                    said.stop,
                )
                for number, said in self.choices.items()
            },
            self.usage,
            type(self.failed),
            self.ended,
        )


def of_events(events: Iterable[StreamEvent]) -> Answer:
    """Gather a stream."""
    answer = Answer()
    parts: dict[tuple[int, int], PartStart] = {}
    fragments: dict[tuple[int, int], list[str]] = {}
    for event in events:
        if isinstance(event, PartStart):
            parts[event.choice, event.part] = event
            answer.choices.setdefault(event.choice, Said())
        elif isinstance(event, TextDelta):
            said, kind = answer.choices[event.choice], parts[event.choice, event.part].kind
            attribute = {"text": "text", "thinking": "thinking", "refusal": "refusal"}[kind]
            setattr(said, attribute, getattr(said, attribute) + event.text)
        elif isinstance(event, ArgumentsDelta):
            fragments.setdefault((event.choice, event.part), []).append(event.fragment)
        elif isinstance(event, Finish):
            answer.choices.setdefault(event.choice, Said()).stop = event.stop
        elif isinstance(event, UsageReport):
            answer.usage = event.usage
        elif isinstance(event, StreamFailed):
            answer.failed = event.error
        elif isinstance(event, End):
            answer.ended = True
    for (choice, number), start in sorted(parts.items()):
        if start.kind == "tool_call":
            text = "".join(fragments.get((choice, number), ()))
            answer.choices[choice].calls.append((start.id, start.name, text))
    return answer


def of_response(response: ChatResponse) -> Answer:
    """Gather a whole answer."""
    answer = Answer(usage=response.usage, ended=True)
    for choice in response.choices:
        said = answer.choices[choice.index] = Said(stop=str(choice.stop))
        for part in choice.parts:
            _add(said, part)
    return answer


def _add(said: Said, part: Part) -> None:
    if isinstance(part, Text):
        said.text += part.text
    elif isinstance(part, Thinking):
        said.thinking += part.text
    elif isinstance(part, Refusal):
        said.refusal += part.text
    elif isinstance(part, ToolCall):
        said.calls.append((part.id, part.name, part.arguments))


def contract_problems(events: Iterable[StreamEvent]) -> list[str]:
    """Return where a stream breaks the order that `sluice.types.stream` promises."""
    problems: list[str] = []
    state: dict[tuple[int, int], str] = {}
    finished: set[int] = set()
    last: StreamEvent | None = None
    for event in events:
        if last is None and not isinstance(event, Start | StreamFailed):
            problems.append(f"begins with {type(event).__name__}")
        if isinstance(last, End | StreamFailed):
            problems.append(f"{type(event).__name__} after the end")
        key = (getattr(event, "choice", 0), getattr(event, "part", -1))
        if isinstance(event, PartStart):
            if key in state or key[1] != sum(1 for choice, _ in state if choice == key[0]):
                problems.append(f"part {key} begins out of order")
            if (
                any(value == "open" and other[0] == key[0] for other, value in state.items())
                and event.kind != "tool_call"
            ):
                problems.append(f"part {key} begins inside another")
            state[key] = "open"
        elif isinstance(event, PartStop):
            if state.get(key) != "open":
                problems.append(f"part {key} ends unopened")
            state[key] = "closed"
        elif key[1] >= 0 and state.get(key) != "open":
            problems.append(f"{type(event).__name__} for part {key}, which is {state.get(key)}")
        elif isinstance(event, Finish):
            finished.add(event.choice)
            if any(value == "open" and other[0] == event.choice for other, value in state.items()):
                problems.append(f"choice {event.choice} finishes with an open part")
        last = event
    if not isinstance(last, End | StreamFailed):
        problems.append("has no end")
    if isinstance(last, End) and {choice for choice, _ in state} - finished:
        problems.append("a choice has no finish")
    return problems


def chunks_of(body: bytes) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a stream, read the simple way: one `data:` line each."""
    for line in body.replace(b"\r\n", b"\n").split(b"\n"):
        data = line[5:].strip() if line.startswith(b"data:") else b""
        if data.startswith(b"{"):
            yield json.loads(data)


def raw_answer(messages: Iterable[tuple[int, Mapping[str, Any]]]) -> dict[int, Said]:
    """Gather messages or deltas (choice number, object) the simple way."""
    found: dict[int, Said] = {}
    by_index: dict[tuple[int, Any], int] = {}
    for number, message in messages:
        said = found.setdefault(number, Said())
        _raw_text(said, message)
        for call in message.get("tool_calls") or ():
            function = call.get("custom") if call.get("type") == "custom" else call.get("function")
            function = function or {}
            arguments = function.get("arguments", function.get("input"))
            text = (
                arguments
                if isinstance(arguments, str)
                else ""
                if arguments is None
                else json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
            )
            key = (number, call.get("index"))
            if function.get("name"):
                by_index[key] = len(said.calls)
                said.calls.append((call.get("id") or "", function["name"], text))
            elif said.calls:
                at = by_index.get(key, len(said.calls) - 1)
                call_id, name, so_far = said.calls[at]
                said.calls[at] = (call_id, name, so_far + text)
        old = message.get("function_call") or {}
        if old.get("name") and not message.get("tool_calls"):
            said.calls.append(("", old["name"], old.get("arguments") or ""))
        elif old.get("arguments") and said.calls:
            call_id, name, so_far = said.calls[-1]
            said.calls[-1] = (call_id, name, so_far + old["arguments"])
    return found


def _raw_text(said: Said, message: Mapping[str, Any]) -> None:
    content = message.get("content")
    if isinstance(content, list):
        for item in content:
            if item.get("type") == "thinking":
                said.thinking += "".join(inner.get("text") or "" for inner in item.get("thinking") or ())
            else:
                said.text += item.get("text") or ""
    else:
        said.text += content or ""
    thinking = message.get("reasoning_content") or message.get("reasoning")
    if not thinking:
        entries = message.get("reasoning_details") or ()
        thinking = "".join(entry.get("text") or entry.get("summary") or "" for entry in entries)
    said.thinking += thinking
    said.refusal += message.get("refusal") or ""
