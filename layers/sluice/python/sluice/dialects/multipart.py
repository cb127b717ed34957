"""Reads multipart/form-data bodies and edits their text fields in place (RFC 7578, RFC 2046 section 5.1).

A body is scanned once and nothing of a file is copied or decoded; an edit leaves every other byte as it came. Reading
is strict: lines end in CRLF, the last delimiter must be there, and what a vendor might read otherwise than the gateway
(a model named twice) is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sluice.dialects.base import REMOVED
from sluice.errors import BadRequest
from sluice.types.http import Request

PART_LIMIT = 256
"""More parts than any documented request has: 16 pictures and each of the other fields."""
HEADER_LIMIT = 8192
"""Bytes of headers of one part."""
TEXT_LIMIT = 262_144
"""Bytes of one text field; a prompt has up to 32,000 characters (OpenAI API reference, 2026-11)."""
HEAD = 64
"""Bytes of a file that are kept with its description: enough to tell how long a WAV file lasts."""
SINGLE = ("model", "stream", "response_format", "prompt")
"""Fields that may be sent only once, because gateway and vendor must agree on which one holds."""

_MEDIA_TYPE = "multipart/form-data"
_BOUNDARY = re.compile(r";[ \t]*boundary=(?:\"([^\"]*)\"|([^\";,\s]+))", re.IGNORECASE)
_ALLOWED = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_ONE = r";[ \t]*([A-Za-z*]+)[ \t]*=[ \t]*(?:\"((?:[^\"\\]|\\.)*)\"|([^\";\s]+))[ \t]*"
_PARAMETER = re.compile(_ONE)
_DISPOSITION = re.compile(rf"form-data[ \t]*(?:{_ONE})*;?", re.IGNORECASE)
_PADDING = re.compile(rb"[ \t]*")
_LISTED = re.compile(r"\[\d{0,3}\]$")
"""How clients mark the items of a list: `image[]` (OpenAI's SDKs), `image[0]` (Ruby's)."""
_ESCAPED = re.compile(r"\\([\"\\])")
_TEXT_TYPES = ("text/", "application/json")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a form, described: `size` in bytes, `head` its first `HEAD` bytes."""

    name: str
    filename: str
    content_type: str
    size: int
    head: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Attachment(File):
    """A file to write into a form, where a field referred to it."""

    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class _Part:
    """Where one part stands in the body: its delimiter line, its content (both ends), and what it is called."""

    name: str
    start: int
    content: int
    stop: int


class Form:
    """A parsed form: `members` by name, and the bytes they came from.

    A field is its text; one that is repeated, or called `name[]` or `name[0]`, is a list under `name`; a file is a
    `File`.
    """

    __slots__ = ("_body", "_delimiter", "_end", "_parts", "members")

    def __init__(self, body: bytes, boundary: str) -> None:
        """Parse `body`. Raises BadRequest with the place of the fault."""
        self._body = body
        self._delimiter = b"--" + boundary.encode("ascii")
        self._parts: list[_Part] = []
        self._end = 0
        self.members: dict[str, object] = {}
        self._read()

    def edited(self, edits: Mapping[str, object]) -> bytes:
        """Return the body with the text fields of `edits` replaced, added at the end, or taken away (REMOVED).

        A list becomes one field per item. Raises BadRequest for a value that holds the boundary.
        """
        body, last = memoryview(self._body), 0
        pieces: list[bytes | memoryview] = []
        written: set[str] = set()
        for part in self._parts:
            plain = _LISTED.sub("", part.name)
            if plain not in edits:
                continue
            pieces.append(body[last : part.start])
            last = part.stop + 2  # with the CRLF that belongs to the next delimiter
            value = edits[plain]
            if plain in written or value is REMOVED or isinstance(value, list):
                continue
            if isinstance(value, Attachment):
                pieces += self._added(part.name, value)
            else:
                pieces += [self._head_of(part), self._text(value), b"\r\n"]
            written.add(plain)
        pieces.append(body[last : self._end])
        for name, value in edits.items():
            if name not in written and value is not REMOVED:
                pieces += self._added(name, value)
        pieces.append(body[self._end :])
        return b"".join(pieces)

    def _added(self, name: str, value: object) -> Iterator[bytes]:
        label = (name if not isinstance(value, list) else f"{name}[]").replace("\\", "\\\\").replace('"', '\\"')
        for item in value if isinstance(value, list) else [value]:
            yield self._delimiter + b'\r\nContent-Disposition: form-data; name="%b"' % label.encode()
            if isinstance(item, Attachment):
                filename = item.filename.replace("\\", "%5C").replace('"', "%22")
                yield f'; filename="{filename}"\r\nContent-Type: {item.content_type}'.encode()
            yield b"\r\n\r\n"
            yield self._content(item)
            yield b"\r\n"

    def _head_of(self, part: _Part) -> bytes:
        """Return a part's delimiter and headers, without a length that no longer holds."""
        head = self._body[part.start : part.content]
        if b"content-length" not in head.lower():
            return head
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
        return b"\r\n".join(lines)

    def _content(self, value: object) -> bytes:
        if not isinstance(value, Attachment):
            return self._text(value)
        if self._delimiter in value.content:
            raise BadRequest("A file holds the boundary of the form; choose another boundary.", code="invalid_form")
        return value.content

    def _text(self, value: object) -> bytes:
        text = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        if self._delimiter in text:
            raise BadRequest("A field holds the boundary of the form; choose another boundary.", code="invalid_form")
        return text

    def _read(self) -> None:
        place = self._find(0)
        while True:
            start, line, last = place
            if last:
                self._end = start
                return
            if len(self._parts) >= PART_LIMIT:
                raise _fault(f"The form has more than {PART_LIMIT} parts. Send fewer.")
            place = self._find(line)
            self._take(start, line, place[0] - 2)

    def _find(self, since: int) -> tuple[int, int, bool]:
        """Return where the next delimiter begins and its line ends, and whether it is the last one."""
        body, delimiter = self._body, self._delimiter
        at = 0 if since == 0 and body.startswith(delimiter) else -1
        search = since - 2 if since else 0  # a part without headers and content ends where its line does
        while True:
            if at < 0:
                found = body.find(b"\r\n" + delimiter, search)
                if found < 0:
                    raise self._cut()
                at = found + 2
            stop = at + len(delimiter)
            last = body.startswith(b"--", stop)
            stop += 2 if last else 0
            stop = _PADDING.match(body, stop).end()  # type: ignore[union-attr]  # it matches nothing as well
            ended = body.startswith(b"\r\n", stop)
            if ended or (last and stop == len(body)):
                return at, stop + 2 if ended else stop, last
            if stop >= len(body):
                raise self._cut()
            at, search = -1, stop  # the beginning of a longer line is no delimiter

    def _take(self, start: int, line: int, stop: int) -> None:
        """Note the part whose headers begin at `line` and whose content ends at `stop`."""
        number, body = len(self._parts) + 1, self._body
        if body.startswith(b"\r\n", line):
            raise _fault(f"Part {number} of the form has no headers; it needs Content-Disposition with a name.")
        headers = body.find(b"\r\n\r\n", line, min(stop, line + HEADER_LIMIT))
        if headers < 0:
            raise _fault(f"Part {number} of the form has no blank line after its headers within {HEADER_LIMIT} bytes.")
        content = headers + 4
        said = self._headers(number, line, headers)
        name, filename = _disposition(said.get("content-disposition", ""), number)
        kind = said.get("content-type", "")
        self._parts.append(_Part(name, start, content, stop))
        if filename is None and (not kind or kind.lower().startswith(_TEXT_TYPES)):
            self._set(name, self._decoded(name, content, stop, said))
        else:
            head = body[content : min(stop, content + HEAD)]
            self._set(name, File(name, filename or "", kind, stop - content, head))

    def _headers(self, number: int, line: int, stop: int) -> dict[str, str]:
        try:
            lines = self._body[line:stop].decode().split("\r\n")
        except UnicodeDecodeError:
            raise _fault(f"The headers of part {number} of the form are not UTF-8.") from None
        said: dict[str, str] = {}
        for each in lines:
            name, colon, value = each.partition(":")
            if not colon or not name or name != name.strip():
                raise _fault(f"Part {number} of the form has a header line without a name.")
            if name.lower() in said:
                raise _fault(f"Part {number} of the form has the header {name[:64]!r} twice.")
            said[name.lower()] = value.strip()
        return said

    def _decoded(self, name: str, content: int, stop: int, said: Mapping[str, str]) -> str:
        if stop - content > TEXT_LIMIT:
            raise _fault(f"The field {name[:64]!r} has {stop - content} bytes; the limit is {TEXT_LIMIT}.", name)
        if said.get("content-transfer-encoding", "").lower() in ("base64", "quoted-printable"):
            raise _fault(f"The field {name[:64]!r} is transfer-encoded; send its text as it is, in UTF-8.", name)
        try:
            return self._body[content:stop].decode()
        except UnicodeDecodeError:
            raise _fault(f"The field {name[:64]!r} is not valid UTF-8.", name) from None

    def _set(self, name: str, value: str | File) -> None:
        plain = _LISTED.sub("", name)
        held = self.members.get(plain)
        if held is None:
            self.members[plain] = [value] if plain != name else value
        elif plain in SINGLE:
            raise BadRequest(f"The form names {plain!r} twice; send it once.", param=plain, code="duplicate_parameter")
        elif isinstance(held, list):
            held.append(value)
        else:
            self.members[plain] = [held, value]

    def _cut(self) -> BadRequest:
        return _fault(
            f"The form is cut: its {len(self._body)} bytes do not end with the boundary that Content-Type names, "
            "followed by two hyphens. Send the whole body, with CRLF line ends."
        )


def parse_form(request: Request) -> Form:
    """Return the form that a request carries. Raises BadRequest."""
    kind = request.headers.get("content-type", "")
    if not is_form(request):
        raise BadRequest(
            f"This endpoint takes {_MEDIA_TYPE}, not {kind[:64] or 'a body without Content-Type'}.",
            code="unsupported_media_type",
        )
    found = _BOUNDARY.search(kind)
    if found is None:
        raise _fault(f"Content-Type names no boundary; send '{_MEDIA_TYPE}; boundary=...', or let the client set it.")
    boundary = found[1] if found[1] is not None else found[2]
    if _ALLOWED.fullmatch(boundary) is None:
        raise _fault("The boundary in Content-Type must have 1 to 70 of the characters that RFC 2046 allows.")
    if not request.body:
        raise _fault("The body is empty; send the form that Content-Type announces.")
    return Form(request.body, boundary)


def is_form(request: Request) -> bool:
    """Return whether the request says that it carries a form."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == _MEDIA_TYPE


def _disposition(value: str, number: int) -> tuple[str, str | None]:
    """Return the name and file name that a Content-Disposition states."""
    if _DISPOSITION.fullmatch(value) is None:
        raise _fault(f"Part {number} of the form needs 'Content-Disposition: form-data; name=\"...\"'.")
    said: dict[str, str] = {}
    for key, quoted, bare in _PARAMETER.findall(value):
        if key.lower() in said:
            raise _fault(f"Part {number} of the form states its {key.lower()[:64]} twice.")
        said[key.lower()] = bare or _ESCAPED.sub(r"\1", quoted).replace("%22", '"')
    if not said.get("name"):
        raise _fault(f"Part {number} of the form has no name.")
    return said["name"], said.get("filename", said.get("filename*"))


def _fault(message: str, param: str | None = None) -> BadRequest:
    return BadRequest(message, param=param and param[:64], code="invalid_form")
