"""Reads a JSON object and remembers where its top-level members stand, so that one of them can be replaced in the
text while every other byte stays as the caller wrote it (architecture, decision 2)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from json.decoder import scanstring  # type: ignore[attr-defined]

from sluice.dialects.base import REMOVED
from sluice.errors import BadRequest

_SPACE = " \t\n\r"
_KEPT: object = object()


def _refuse_constant(word: str) -> object:
    raise BadRequest(f"{word} is not a JSON number.", code="invalid_json")


def _finite(text: str) -> float:
    # 1e999 is JSON, but becomes infinity, which neither counts nor can be written as JSON again.
    value = float(text)
    if value - value != 0:
        raise BadRequest(f"{text[:32]} is too large for a number.", code="invalid_json")
    return value


_scan = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).scan_once  # type: ignore[attr-defined]


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
        except ValueError:
            # The interpreter reads no whole number of more than 4,300 digits.
            raise BadRequest("The body holds a number with too many digits.", code="invalid_json") from None

    def edited(self, edits: Mapping[str, object]) -> str:
        """Return the text with the members of `edits` replaced, added at the end, or taken away (REMOVED)."""
        text, pieces, last = self.text, [], 0
        first = True
        for name, (start, value, stop) in self._spans.items():
            edit = edits.get(name, _KEPT)
            if last == 0:
                pieces.append(text[:start])  # the brace and what stands before the first member
            if edit is not REMOVED:
                if not first:
                    pieces.append(text[last:start])  # one comma, with its spaces
                pieces.append(text[start:stop] if edit is _KEPT else text[start:value] + _dump(edit))
                first = False
            last = stop
        for name, edit in edits.items():
            if name not in self._spans and edit is not REMOVED:
                pieces.append(f"{'' if first else ','}{_dump(name)}:{_dump(edit)}")
                first = False
        opening = "" if self._spans else text[: self._end]
        return "".join((opening, *pieces, text[self._end :]))

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
