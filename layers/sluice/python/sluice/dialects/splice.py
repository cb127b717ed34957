"""Reads a JSON object and remembers where its top-level members stand, so that one of them can be replaced in the
text while every other byte stays as the caller wrote it (architecture, decision 2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]

from sluice.dialects.base import REMOVED
from sluice.errors import BadRequest

_SPACE = " \t\n\r"


def _refuse_constant(word: str) -> object:
    raise BadRequest(f"{word} is not a JSON number.", code="invalid_json")


_scan = json.JSONDecoder(parse_constant=_refuse_constant).scan_once  # type: ignore[attr-defined]


class Document:
    """A parsed request body: `members` by name, and the text they came from."""

    __slots__ = ("_end", "_spans", "members", "text")

    def __init__(self, text: str) -> None:
        """Parse `text`. Raises BadRequest with the line and column of the fault."""
        self.text = text
        self.members: dict[str, object] = {}
        self._spans: dict[str, tuple[int, int, int]] = {}  # name -> start of the key, of the value, end of the value
        self._end = 0
        try:
            self._read()
        except json.JSONDecodeError as error:
            raise BadRequest(
                f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}.",
                code="invalid_json",
            ) from None
        except RecursionError:
            raise BadRequest("The body is nested too deeply.", code="invalid_json") from None

    def edited(self, edits: Mapping[str, object]) -> str:
        """Return the text with the members of `edits` replaced, added at the end, or taken away (REMOVED)."""
        changes: list[tuple[int, int, str]] = []
        added: list[str] = []
        for name, value in edits.items():
            span = self._spans.get(name)
            if value is REMOVED:
                if span is not None:
                    changes.append((*self._member(span), ""))
            elif span is not None:
                changes.append((span[1], span[2], _dump(value)))
            else:
                added.append(f"{_dump(name)}:{_dump(value)}")
        pieces: list[str] = []
        position = 0
        for start, stop, replacement in sorted(changes):
            pieces += (self.text[position:start], replacement)
            position = stop
        if added:
            kept = len(self._spans) - sum(
                1 for name, value in edits.items() if value is REMOVED and name in self._spans
            )
            pieces += (self.text[position : self._end], "," if kept else "", ",".join(added))
            position = self._end
        pieces.append(self.text[position:])
        return "".join(pieces)

    def _member(self, span: tuple[int, int, int]) -> tuple[int, int]:
        """Return the stretch to cut so that `"name": value` goes with one comma."""
        start, _, stop = span
        after = _skip(self.text, stop)
        if self.text[after] == ",":
            return start, _skip(self.text, after + 1)
        before = start - 1
        while self.text[before] in _SPACE:
            before -= 1
        return (before, stop) if self.text[before] == "," else (start, stop)

    def _read(self) -> None:
        text = self.text
        position = _skip(text, 0)
        if text[position : position + 1] != "{":
            if position < len(text):
                _scan_value(text, position)  # not JSON at all is said first
            raise BadRequest("The body must be a JSON object.", code="invalid_json")
        position = _skip(text, position + 1)
        if text[position : position + 1] == "}":
            self._end = position
        else:
            position = self._read_members(position)
        rest = _skip(text, position + 1)
        if rest != len(text):
            raise json.JSONDecodeError("Extra data", text, rest)

    def _read_members(self, position: int) -> int:
        text = self.text
        while True:
            start = position
            if text[position : position + 1] != '"':
                raise json.JSONDecodeError("Expecting property name enclosed in double quotes", text, position)
            name, position = scanstring(text, position + 1, True)
            position = _skip(text, position)
            if text[position : position + 1] != ":":
                raise json.JSONDecodeError("Expecting ':' delimiter", text, position)
            position = _skip(text, position + 1)
            value, stop = _scan_value(text, position)
            if name in self._spans:
                raise BadRequest(
                    f"The body names {name!r} twice; send it once.", param=name[:64], code="duplicate_parameter"
                )
            self.members[name] = value
            self._spans[name] = (start, position, stop)
            position = _skip(text, stop)
            mark = text[position : position + 1]
            if mark == "}":
                self._end = stop
                return position
            if mark != ",":
                raise json.JSONDecodeError("Expecting ',' delimiter", text, position)
            position = _skip(text, position + 1)


def parse_body(body: bytes) -> Document:
    """Return the parsed body of a request. Raises BadRequest."""
    try:
        text = body.decode("utf-8-sig" if body.startswith(b"\xef\xbb\xbf") else "utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"The body is not valid UTF-8 (byte {error.start}); encode it as UTF-8.", code="invalid_json"
        ) from None
    if not text.strip(_SPACE):
        raise BadRequest("The body is empty; send a JSON object.", code="invalid_json")
    return Document(text)


def to_bytes(value: object) -> bytes:
    """Return a JSON value as compact UTF-8; a lone surrogate, which UTF-8 has no bytes for, stays an escape."""
    try:
        return _dump(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def _scan_value(text: str, position: int) -> tuple[object, int]:
    try:
        value, stop = _scan(text, position)
    except StopIteration as stopped:
        raise json.JSONDecodeError("Expecting value", text, stopped.value) from None
    return value, stop


def _skip(text: str, position: int) -> int:
    while text[position : position + 1] in (" ", "\n", "\r", "\t"):
        position += 1
    return position


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
