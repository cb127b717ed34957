"""Puts together the arguments of a function call that arrive in pieces (Vertex, `streamFunctionCallArguments`).

A piece names its place by a JSON path such as `$.files[0].name` or `$['a b']`; pieces of one string are joined.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from sluice.dialects.gemini.casing import camel
from sluice.types.chat import Json

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\]")
_VALUES = ("stringValue", "numberValue", "boolValue")
_MOST = 10_000


class PartialCall:
    """A function call that is still growing."""

    __slots__ = ("_open", "arguments", "extras", "identity", "name", "signature")

    def __init__(self, name: str, identity: Json, signature: str | None) -> None:
        self.name = name
        self.identity = identity
        self.signature = signature
        self.arguments: dict[str, Json] = {}
        self.extras: dict[str, Json] = {}
        self._open: str | None = None

    def take(self, call: Mapping[str, Json]) -> None:
        """Take the next piece of the call."""
        args = call.get("args")
        if isinstance(args, Mapping):
            self.arguments.update(args)
        pieces = call.get("partialArgs")
        for piece in pieces if isinstance(pieces, list) else ():
            self._piece(camel(piece))

    def whole(self) -> dict[str, Json]:
        """Return the call as one that came in one piece."""
        identity = {"id": self.identity} if self.identity else {}
        return {**identity, "name": self.name, "args": self.arguments}

    def _piece(self, piece: Mapping[str, Json]) -> None:
        path = piece.get("jsonPath")
        if not isinstance(path, str):
            return
        value: Json = next((piece[name] for name in _VALUES if name in piece), None)
        joined = path == self._open and isinstance(value, str)
        _put(self.arguments, _steps(path), value, joined)
        self._open = path if piece.get("willContinue") is True else None


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    for found in _STEP.finditer(path):
        name, number, single, double = found.groups()
        if number is not None:
            steps.append(min(int(number), _MOST))
        else:
            steps.append(
                name if name is not None else re.sub(r"\\(.)", r"\1", single if single is not None else double)
            )
    return steps


def _put(root: dict[str, Json], steps: list[str | int], value: Json, joined: bool) -> None:
    if not steps or isinstance(steps[0], int):
        return
    holder: Json = root
    for step, following in pairwise(steps):
        inner = _get(holder, step)
        if not isinstance(inner, list if isinstance(following, int) else dict):
            inner = [] if isinstance(following, int) else {}
            _set(holder, step, inner)
        holder = inner
    last = steps[-1]
    known = _get(holder, last)
    _set(holder, last, known + value if joined and isinstance(known, str) and isinstance(value, str) else value)


def _get(holder: Json, step: str | int) -> Json:
    if isinstance(holder, dict):
        return holder.get(str(step))
    return holder[step] if isinstance(holder, list) and isinstance(step, int) and step < len(holder) else None


def _set(holder: Json, step: str | int, value: Json) -> None:
    if isinstance(holder, dict):
        holder[str(step)] = value
    elif isinstance(holder, list) and isinstance(step, int):
        holder.extend([None] * (step + 1 - len(holder)))
        holder[step] = value
