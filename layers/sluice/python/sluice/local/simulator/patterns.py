"""Make a text that matches a regular expression (the kind that stands in JSON Schemas)."""

from __future__ import annotations

import importlib
import re
import string
from typing import Any

_parser: Any = importlib.import_module("re._parser")
_LIKELY = string.ascii_lowercase + string.digits + string.ascii_uppercase + " -_.:/@" + string.punctuation
_CATEGORIES = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_WORD": string.ascii_lowercase + string.digits + "_",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_DIGIT": string.ascii_lowercase,
    "CATEGORY_NOT_WORD": "-",
    "CATEGORY_NOT_SPACE": string.ascii_lowercase,
}


def example(pattern: str) -> str:
    """Return a matching text; "" where the pattern cannot be read or uses look-around."""
    try:
        text = _sequence(_parser.parse(pattern))
    except (re.error, KeyError):
        return ""
    return text if re.search(pattern, text) else ""


def _sequence(nodes: Any) -> str:
    return "".join(_node(str(code), value) for code, value in nodes)


def _node(code: str, value: Any) -> str:
    if code == "LITERAL":
        return chr(value)
    if code in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inner = value
        return _sequence(inner) * min(max(int(least), 1), int(most))
    if code == "SUBPATTERN":
        return _sequence(value[3])
    if code == "BRANCH":
        return _sequence(value[1][0])
    if code == "IN":
        return _one_of(value)
    if code == "ANY":
        return "a"
    if code == "NOT_LITERAL":
        return next(c for c in _LIKELY if ord(c) != value)
    if code == "AT":
        return ""
    raise KeyError(code)


def _one_of(members: Any) -> str:
    negated = str(members[0][0]) == "NEGATE"
    allowed = [c for c in _LIKELY if any(_holds(str(code), value, c) for code, value in members)]
    if negated:
        return next(c for c in _LIKELY if c not in allowed)
    if allowed:
        return allowed[0]
    code, value = members[0]
    return chr(value[0] if str(code) == "RANGE" else value)


def _holds(code: str, value: Any, char: str) -> bool:
    if code == "LITERAL":
        return bool(value == ord(char))
    if code == "RANGE":
        return bool(value[0] <= ord(char) <= value[1])
    return code == "CATEGORY" and char in _CATEGORIES[str(value)]
