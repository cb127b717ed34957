"""Forms as a vendor reads them, with the standard library's mail parser and not the gateway's own."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass

from sluice.local.simulator.conversation import Refused
from sluice.local.simulator.shape import Json, Object, expect

_FLAGS = {"true": True, "false": False}
_NUMBERS = ("n", "partial_images", "output_compression")
_REPEATED = ("image", "include", "timestamp_granularities", "known_speaker_names")


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of a form that is no picture."""

    filename: str
    media_type: str
    content: bytes


def parsed(body: bytes, content_type: str) -> Object:
    """Return the fields of a form: texts, numbers and flags as such, pictures as bytes, other files as `Recording`.

    Raises:
        Refused: it is no form, or one that is cut.
    """
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    expect(message.is_multipart(), "Could not parse multipart form.")
    expect(not any(part.defects for part in (message, *message.walk())), "Could not parse multipart form.")
    fields: Object = {}
    for part in message.iter_parts():
        name = str(part.get_param("name", "", header="content-disposition"))
        plain = name.removesuffix("[]")
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes):
            raise Refused(400, "Could not parse multipart form.")
        filename = part.get_filename()
        value: Json = (
            _typed(plain, content.decode())
            if filename is None
            else content
            if plain in ("image", "mask")
            else Recording(filename, part.get_content_type(), content)
        )
        if plain in _REPEATED:
            fields.setdefault(plain, []).append(value)
        else:
            expect(plain not in fields, f"Duplicate parameter: '{plain}'.", plain)
            fields[plain] = value
    return fields


def _typed(name: str, text: str) -> Json:
    if name in _NUMBERS and text.isdigit():
        return int(text)
    return _FLAGS.get(text, text) if name == "stream" else text
