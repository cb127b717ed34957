"""Check JSON as a strict vendor does: a wrong type, a value out of range or an unknown member is a 400."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Collection, Mapping
from typing import Any

from sluice.local.simulator.conversation import Attachment, Refused

Json = Any
Object = dict[str, Any]
_NAMES = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", int: "an integer", float: "a number"}


def expect(holds: object, message: str, param: str | None = None, code: str | None = None) -> None:
    """Refuse the request with 400 unless `holds`."""
    if not holds:
        raise Refused(400, message, param=param, code=code)


def parsed(body: bytes) -> Object:
    """Return the request's JSON object."""
    try:
        value = json.loads(body)
    except ValueError:
        raise Refused(400, "The body of the request is not valid JSON.") from None
    expect(isinstance(value, dict), "The body of the request must be a JSON object.")
    return dict(value)


def typed(value: Json, kind: type, param: str) -> Json:
    """Return the value when it is of the kind; an integer is a number, a boolean is not."""
    fits = isinstance(value, kind) or (kind is float and isinstance(value, int))
    if kind in (int, float) and isinstance(value, bool):
        fits = False
    expect(
        fits, f"Invalid type for '{param}': expected {_NAMES[kind]}, but got {_kind_of(value)}.", param, "invalid_type"
    )
    return value


def optional(body: Mapping[str, Json], name: str, kind: type, path: str = "") -> Json:
    """Return a member of the kind, or None when it is absent or null."""
    value = body.get(name)
    return None if value is None else typed(value, kind, f"{path}{name}")


def required(body: Mapping[str, Json], name: str, kind: type, path: str = "") -> Json:
    """Return a member of the kind that must be there."""
    expect(name in body, f"Missing required parameter: '{path}{name}'.", f"{path}{name}", "missing_required_parameter")
    return typed(body[name], kind, f"{path}{name}")


def number(body: Mapping[str, Json], name: str, low: float, high: float, *, whole: bool = False) -> Json:
    """Return an optional number within its bounds."""
    value = optional(body, name, int if whole else float)
    if value is not None:
        expect(low <= value <= high, f"Invalid '{name}': {value} is not from {low:g} to {high:g}.", name)
    return value


def one_of(value: Json, allowed: Collection[str], param: str) -> str:
    """Return a word that is one of those allowed."""
    options = ", ".join(f"'{word}'" for word in sorted(allowed))
    expect(
        isinstance(value, str) and value in allowed,
        f"Invalid value for '{param}': {value!r}. Supported values are: {options}.",
        param,
        "invalid_value",
    )
    return str(value)


def _kind_of(value: Json) -> str:
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)


def attachment(kind: str, encoded: Json, media_type: str, param: str) -> Attachment:
    """Read base64 content.

    Raises:
        Refused: it is not base64, or empty.
    """
    try:
        raw = base64.b64decode(typed(encoded, str, param), validate=True)
    except binascii.Error:
        raise Refused(400, f"'{param}' is not valid base64.", param=param) from None
    expect(raw, f"'{param}' is empty.", param)
    width, height = _pixels(raw)
    return Attachment(kind, media_type, len(raw), width, height)


def by_url(kind: str, url: Json, param: str) -> Attachment:
    """Read content given by its address; nothing is fetched."""
    text = str(typed(url, str, param))
    expect(text.startswith(("http://", "https://")), f"'{param}' must be an http(s) or a data URL.", param)
    return Attachment(kind, "", source=text)


def data_url(kind: str, url: Json, param: str) -> Attachment:
    """Read content given by a `data:` URL or by its address."""
    text = str(typed(url, str, param))
    if not text.startswith("data:"):
        return by_url(kind, text, param)
    head, comma, encoded = text[5:].partition(",")
    media_type, _, coding = head.partition(";")
    expect(comma and coding == "base64", f"'{param}' must look like data:image/png;base64,....", param)
    return attachment(kind, encoded, media_type, param)


def _pixels(raw: bytes) -> tuple[int | None, int | None]:
    """Return width and height where the first bytes tell them (PNG, GIF)."""
    if raw.startswith(b"\x89PNG\r\n\x1a\n") and len(raw) >= 24:
        width, height = struct.unpack(">II", raw[16:24])
        return width, height
    if raw[:6] in (b"GIF87a", b"GIF89a") and len(raw) >= 10:
        width, height = struct.unpack("<HH", raw[6:10])
        return width, height
    return None, None
