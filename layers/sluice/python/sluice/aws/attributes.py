"""Values in DynamoDB's JSON, both ways; integers are exact.

str, int, bool, None, bytes, list or tuple, mapping, and set or frozenset of str, int or bytes. Floats are refused:
money and tokens are integers, and a float would come back as something else. A number with a fraction that another
program wrote is read as a Decimal.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from typing import Any

Item = dict[str, Any]
"""One item or one map, as Python values."""

Typed = dict[str, Any]
"""One value with its type, as it goes over the wire: {"S": "text"}."""

_LIMIT = 10**38
"""DynamoDB keeps 38 digits of a number."""


def marshal(value: object) -> Typed:
    """Return the wire form of a value. Raises TypeError or ValueError for what a table cannot hold exactly."""
    writer = _WRITERS.get(type(value))
    if writer is None:
        if isinstance(value, Mapping):
            return {"M": marshal_item(value)}
        if isinstance(value, str):
            return {"S": str(value)}
        raise TypeError(f"A table holds no {type(value).__name__}; store text, integers, bytes, lists, maps or sets.")
    return writer(value)


def marshal_item(item: Mapping[str, object]) -> Typed:
    """Return the wire form of an item. Raises TypeError or ValueError as `marshal` does."""
    return {name: marshal(value) for name, value in item.items()}


def unmarshal(typed: Typed) -> Any:
    """Return the value of its wire form. Raises ValueError for a type that DynamoDB does not have."""
    for kind, value in typed.items():
        reader = _READERS.get(kind)
        if reader is not None:
            return reader(value)
    raise ValueError("A value came without a type that DynamoDB has.")


def unmarshal_item(item: Mapping[str, Typed]) -> Item:
    """Return an item as Python values."""
    return {name: unmarshal(typed) for name, typed in item.items()}


def _number(value: int) -> Typed:
    if not -_LIMIT < value < _LIMIT:
        raise ValueError("A table holds integers of up to 38 digits.")
    return {"N": str(value)}


def _binary(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _set(value: frozenset[Any] | set[Any]) -> Typed:
    kinds = {type(member) for member in value}
    if kinds == {str}:
        return {"SS": sorted(value)}
    if kinds == {int}:
        return {"NS": [_number(member)["N"] for member in sorted(value)]}
    if kinds == {bytes}:
        return {"BS": [_binary(member) for member in sorted(value)]}
    if not kinds:
        raise ValueError("A table holds no empty set; leave the attribute out.")
    raise TypeError("A set in a table holds only text, only integers or only bytes.")


def _read_number(text: str) -> Any:
    if text.lstrip("-").isdigit():
        return int(text)
    from decimal import Decimal

    return Decimal(text)


_WRITERS: dict[type, Callable[[Any], Typed]] = {
    str: lambda value: {"S": value},
    int: _number,
    bool: lambda value: {"BOOL": value},
    type(None): lambda _: {"NULL": True},
    bytes: lambda value: {"B": _binary(value)},
    list: lambda value: {"L": [marshal(member) for member in value]},
    tuple: lambda value: {"L": [marshal(member) for member in value]},
    dict: lambda value: {"M": marshal_item(value)},
    set: _set,
    frozenset: _set,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "S": lambda value: value,
    "N": _read_number,
    "BOOL": lambda value: value,
    "NULL": lambda _: None,
    "B": binascii.a2b_base64,
    "L": lambda value: [unmarshal(member) for member in value],
    "M": unmarshal_item,
    "SS": frozenset,
    "NS": lambda value: frozenset(_read_number(member) for member in value),
    "BS": lambda value: frozenset(binascii.a2b_base64(member) for member in value),
}
