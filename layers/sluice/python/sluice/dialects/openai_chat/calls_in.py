"""Reads the deltas of tool calls, which hosts number, name and cut in different ways.

Seen: no index (Mistral), one index for several whole calls, empty ids (Alibaba), ids repeated in every fragment,
arguments all at once, as an object or as null, the name after the id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects.openai_chat.ids import synthetic_id
from sluice.dialects.openai_chat.messages_in import arguments_text, call_extras
from sluice.dialects.openai_chat.names import NAME
from sluice.types.chat import Json
from sluice.types.stream import ArgumentsDelta, PartStart, PartStop, StreamEvent


@dataclass(slots=True)
class _Call:
    id: str
    custom: bool
    name: str = ""
    part: int = -1
    stopped: bool = False
    fragments: list[str] = field(default_factory=list)

    def complete(self) -> bool:
        """Whether the arguments so far are a whole JSON value."""
        try:
            json.loads("".join(self.fragments))
        except (ValueError, RecursionError):
            return False
        return True


class CallsReader:
    """The tool calls of one choice."""

    __slots__ = ("_by_index", "_calls", "_number", "_seed")

    def __init__(self, number: int, seed: str) -> None:
        self._number = number
        self._seed = seed
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    @property
    def any(self) -> bool:
        """Whether a call began."""
        return any(call.part >= 0 for call in self._calls)

    def take(self, entry: Mapping[str, Json], part: int) -> Iterator[StreamEvent]:
        """Yield what one entry of `tool_calls` means; a call that begins becomes part number `part`."""
        function = entry.get("function")
        # Only the first delta of a free-text call names its type; Snowflake sends an empty `custom` next to a function.
        custom = isinstance(entry.get("custom"), Mapping) and not isinstance(function, Mapping)
        held = entry.get("custom") if custom else function
        said: Mapping[str, Json] = held if isinstance(held, Mapping) else {}
        name, fragment = said.get("name"), arguments_text(said.get("input") if custom else said.get("arguments"))
        call = self._find(entry, isinstance(name, str) and bool(name), fragment, custom)
        if call is None:
            return
        if not call.name and isinstance(name, str) and name:
            call.name, call.part = name, part
            yield from self._stop_others(call)
            yield self._start(call, entry)
            for held_back in call.fragments:
                yield ArgumentsDelta(part, held_back, self._number)
        if fragment:
            call.fragments.append(fragment)
            if call.part >= 0:
                yield ArgumentsDelta(call.part, fragment, self._number)

    def _start(self, call: _Call, entry: Mapping[str, Json]) -> PartStart:
        extras = call_extras(entry)
        return PartStart(
            call.part,
            "tool_call",
            id=call.id,
            name=call.name,
            payload=extras or None,
            choice=self._number,
            dialect=NAME if extras else "",
            custom=call.custom,
        )

    def close(self) -> Iterator[StreamEvent]:
        """Yield the ends of all calls that are open."""
        for call in self._calls:
            if call.part >= 0 and not call.stopped:
                call.stopped = True
                yield PartStop(call.part, self._number)

    def _find(self, entry: Mapping[str, Json], named: bool, fragment: str, custom: bool) -> _Call | None:
        """Return the call that an entry belongs to, a new one if it begins one."""
        index, call_id = entry.get("index"), entry.get("id")
        identity = call_id if isinstance(call_id, str) else ""
        if isinstance(index, int) and not isinstance(index, bool):
            known = self._by_index.get(index)
        elif identity:
            known = next((call for call in self._calls if call.id == identity), None)
        else:
            known = None if named or not self._calls else self._calls[-1]
            index = None
        if known is not None and not self._begins(known, identity, named, fragment):
            return known
        if not named and (self._calls or not identity):
            return self._calls[-1] if self._calls else None
        call = _Call(identity or synthetic_id(f"{self._seed}{len(self._calls)}"), custom)
        self._calls.append(call)
        if isinstance(index, int):
            self._by_index[index] = call
        return call

    @staticmethod
    def _begins(known: _Call, identity: str, named: bool, fragment: str) -> bool:
        """Whether an entry under a used index is another call: a new id, or a name before arguments that start anew."""
        if not named or not known.name:
            return False
        if identity:
            return identity != known.id
        return fragment[:1] == "{" and known.complete()

    def _stop_others(self, began: _Call) -> Iterator[StreamEvent]:
        # Fragments of parallel calls may alternate; a call ends early only when its arguments are whole.
        for call in self._calls:
            if call is not began and call.part >= 0 and not call.stopped and (call.complete() or not call.fragments):
                call.stopped = True
                yield PartStop(call.part, self._number)
