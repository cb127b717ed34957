"""Checks the members of image and audio requests, which come as JSON or as the text fields of a form."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.multipart import File
from sluice.errors import BadRequest, UnsupportedParameter


def model_of(body: JsonObject, kind: str) -> str:
    """Return the model's name; `kind` says in the refusal what it should be a model for."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest(f"'model' must be the name of {kind}.", param="model")
    return model


def text_of(body: JsonObject, name: str) -> str:
    """Return a text that must be there."""
    text = body.get(name)
    if not isinstance(text, str) or not text.strip():
        raise BadRequest(f"'{name}' must be text that is not empty.", param=name)
    return text


def flag_of(body: JsonObject, name: str) -> bool:
    """Return a yes or no, which a form states as text."""
    value = body.get(name)
    if isinstance(value, str) and value.lower() in ("true", "false", "1", "0", ""):
        return value.lower() in ("true", "1")
    if value is not None and not isinstance(value, bool):
        raise BadRequest(f"'{name}' must be true or false.", param=name)
    return value is True


def count_of(body: JsonObject, name: str) -> int:
    """Return how many were asked for, 1 where nothing is said."""
    value = body.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if value is None or value == "":
        return 1
    if type(value) is not int or not 1 <= value <= 100:
        raise BadRequest(f"'{name}' must be a whole number of at least 1.", param=name)
    return value


def word_of(*places: tuple[Mapping[str, object], str]) -> str | None:
    """Return the first text that stands in one of the places and says more than "auto"."""
    for members, name in places:
        value = members.get(name)
        if isinstance(value, str) and value and value != "auto":
            return value[:32]
    return None


def files_in(value: object) -> int:
    """Return how many files or pictures a member names, on its own or in a list."""
    if isinstance(value, list):
        return len(value)
    return 0 if value in (None, "") else 1


def pass_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:
    """Return no edits: the request goes on as it came.

    Raises:
        UnsupportedParameter: the request holds files, and the provider takes no forms.
    """
    if quirks.get("forms") is False:
        for name, value in body.items():
            if any(isinstance(item, File) for item in (value if isinstance(value, list) else (value,))):
                raise UnsupportedParameter(
                    f"This provider takes no uploaded files; send '{name}' in a JSON body, as a URL or data URL.",
                    param=name,
                )
    return {}
