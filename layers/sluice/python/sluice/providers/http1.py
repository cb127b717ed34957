"""HTTP/1.1 framing: request heads, answer heads, chunked and compressed bodies; no sockets."""

from __future__ import annotations

from collections.abc import Iterator

from sluice.errors import ProviderGarbled, ProviderUnreachable
from sluice.ports import UpstreamCall

HEAD_LIMIT = 65_536
CHUNK_LINE_LIMIT = 1024
INFLATE_PIECE = 262_144
"""Bytes that are inflated at once: deflate makes up to 1,032 bytes of one, so 64 KB of the wire could become 67 MB."""
LENGTH_DIGITS = 18
"""A longer Content-Length is none; the interpreter would refuse to read 4,301 digits with an error of its own."""


def split_url(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host, port and request target of an absolute http(s) URL."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    host, port = authority, 443 if scheme == "https" else 80
    if authority.startswith("["):
        literal, _, tail = authority[1:].partition("]")
        host = literal
        if tail.startswith(":"):
            port = int(tail[1:])
    elif ":" in authority:
        host, _, digits = authority.partition(":")
        port = int(digits)
    if scheme not in ("http", "https") or not host:
        raise ProviderUnreachable("The provider's base URL is not an absolute http or https URL.")
    return scheme, host, port, slash + path or "/"


def request_head(call: UpstreamCall, host: str, port: int, scheme: str, target: str) -> bytes:
    """Return the request line and headers. Raises ProviderUnreachable for a line break in any of them."""
    default = 443 if scheme == "https" else 80
    name = f"[{host}]" if ":" in host else host
    authority = name if port == default else f"{name}:{port}"
    lines = [f"{call.method} {target} HTTP/1.1", f"host: {authority}"]
    lines.extend(f"{key}: {value}" for key, value in call.headers.items())
    if call.body or call.method in ("POST", "PUT", "PATCH"):
        lines.append(f"content-length: {len(call.body)}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ProviderUnreachable("A header or path for the provider holds a line break; it was not sent.")
    return head.encode("latin-1", "replace") + b"\r\n\r\n"


def parse_head(head: bytes) -> tuple[int, dict[str, str], bytes]:
    """Return status, lower-case headers (repeated ones joined by ", ") and version. Raises ProviderGarbled."""
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    code = rest[:3]
    if not version.startswith("HTTP/1.") or not code.isdigit():
        raise ProviderGarbled("The provider did not answer in HTTP/1.1.")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(code), headers, version.encode("ascii")


def take_chunks(buffer: bytes, left: int) -> tuple[bytes, bytes, int, bool]:
    """Take what `buffer` holds of a chunked body.

    `left` counts the bytes of the current chunk still to come, its CRLF included. Returns the payload, the rest of
    the buffer, the new `left`, and whether the body is over. Raises ProviderGarbled.
    """
    position = 0
    parts: list[bytes] = []
    size = len(buffer)
    while position < size:
        if left:
            stop = min(position + left, size)
            # The last two bytes of a chunk are its CRLF.
            payload_end = min(stop, position + left - 2) if left > 2 else position
            if payload_end > position:
                parts.append(buffer[position:payload_end])
            left -= stop - position
            position = stop
            continue
        line = buffer.find(b"\r\n", position)
        if line < 0:
            if size - position > CHUNK_LINE_LIMIT:
                raise ProviderGarbled("The provider sent a chunk header that does not end.")
            break
        length = _chunk_size(buffer[position:line])
        if length == 0:
            trailer = buffer.find(b"\r\n", line + 2)
            while trailer > line + 2:  # trailer fields: skip to the empty line
                line, trailer = trailer, buffer.find(b"\r\n", trailer + 2)
            if trailer < 0:
                if size - position > HEAD_LIMIT:
                    raise ProviderGarbled("The provider sent trailer fields that do not end.")
                break
            return b"".join(parts), buffer[trailer + 2 :], 0, True
        position, left = line + 2, length + 2
    return parts[0] if len(parts) == 1 else b"".join(parts), buffer[position:], left, False


def _chunk_size(line: bytes) -> int:
    digits = line if line.isalnum() else line.partition(b";")[0].strip()
    try:
        if not digits.isalnum() or digits[1:2] in (b"x", b"X"):  # int() would also take a sign, "_" and "0x"
            raise ValueError
        return int(digits, 16)
    except ValueError:
        raise ProviderGarbled("The provider sent a chunk whose length is not a number.") from None


def inflated(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the chunks decompressed, in pieces of a bounded size; what follows the compressed body is dropped.

    Raises ProviderGarbled for an unknown encoding or damaged bytes.
    """
    import zlib

    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise ProviderGarbled(f"The provider compressed its answer with {encoding[:20]!r}, which was not asked for.")
    inflater = zlib.decompressobj(wbits=47)  # gzip or zlib, by its header
    for chunk in chunks:
        rest, full = chunk, True
        while full and not inflater.eof:
            try:
                piece = inflater.decompress(rest, INFLATE_PIECE)
            except zlib.error:
                raise ProviderGarbled("The provider's compressed answer is damaged.") from None
            rest = inflater.unconsumed_tail
            full = bool(rest) or len(piece) == INFLATE_PIECE
            yield piece
