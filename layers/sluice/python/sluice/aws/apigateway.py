"""API Gateway's REST proxy events in, answers out, streamed or buffered.

Under the streaming runtime (its context says `response_streaming`) a handler returns an object with `prelude`, `body`
and `after`; under any other runtime it returns the ordinary proxy result, for which the body is collected and `after`
run first. The application sees neither.
"""

from __future__ import annotations

import binascii
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from sluice.endpoints import SIGNED_PREFIX
from sluice.types.http import Request, Response

Event = Mapping[str, Any]
Application = Callable[[Request], Response]
_NO_BODY = (204, 304)


class StreamedResult:
    """What the streaming runtime forwards: the head, the body's chunks, and what to do after the last one."""

    __slots__ = ("after", "body", "prelude")

    def __init__(
        self, prelude: dict[str, object], body: Iterable[bytes], after: Callable[[], None] | None = None
    ) -> None:
        self.prelude = prelude
        self.body = body
        self.after = after


class ApiGatewayHandler:
    """A Lambda handler around an application. It also knows which request is its environment's first."""

    def __init__(
        self,
        application: Application,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._application = application
        self._now = now
        self._monotonic = monotonic
        self._cold = True

    def __call__(self, event: Event, context: object) -> StreamedResult | dict[str, object]:
        """Serve one event. What is no HTTP request gets an empty 200."""
        if "httpMethod" not in event or "requestContext" not in event:
            return buffered_result(Response(200, {}))
        cold, self._cold = self._cold, False
        started = self._monotonic()
        remaining = getattr(context, "get_remaining_time_in_millis", None)
        request = request_of(
            event,
            started=started,
            received_ms=int(self._now() * 1000),
            deadline=started + remaining() / 1000 if remaining is not None else None,
            cold_start=cold,
        )
        response = self._application(request)
        if getattr(context, "response_streaming", False) is True:
            return streamed_result(response)
        return buffered_result(response)


def request_of(
    event: Event,
    *,
    started: float = 0.0,
    received_ms: int = 0,
    deadline: float | None = None,
    cold_start: bool = False,
) -> Request:
    """Return the request of an event. A body that is not the Base64 it claims to be is read as an empty one."""
    about = event["requestContext"]
    principal = principal_of(event)
    path = _decoded(event.get("path") or "/")
    return Request(
        method=event["httpMethod"],
        path=path.removeprefix(SIGNED_PREFIX) if principal else path,
        headers=_headers(event),
        body=_body(event),
        query=_query(event),
        repeated=_repeated(event),
        source_ip=(about.get("identity") or {}).get("sourceIp") or "",
        gateway_request_id=about.get("requestId") or "",
        received_ms=received_ms,
        started=started,
        deadline=deadline,
        cold_start=cold_start,
        principal=principal,
    )


def principal_of(event: Event) -> str:
    """Return the ARN of the AWS principal that API Gateway verified for this request, "" for all others.

    Both the resource and the identity are API Gateway's own words; a caller writes headers, query and body. Only the
    resources under `SIGNED_PREFIX` demand a signature (AWS_IAM), so elsewhere nothing counts as one.
    """
    about = event["requestContext"]
    if not str(about.get("resourcePath") or "").startswith(SIGNED_PREFIX + "/"):
        return ""
    return str((about.get("identity") or {}).get("userArn") or "")


def streamed_result(response: Response) -> StreamedResult:
    """Return the answer as the streaming runtime takes it."""
    headers = dict(response.headers)
    body = response.body
    if not isinstance(body, bytes):
        return StreamedResult({"statusCode": response.status, "headers": headers}, Unworded(body), response.after)
    if body and response.status not in _NO_BODY and "content-length" not in headers:
        headers["content-length"] = str(len(body))
    chunks = (body,) if body else ()
    return StreamedResult({"statusCode": response.status, "headers": headers}, chunks, response.after)


def buffered_result(response: Response) -> dict[str, object]:
    """Return the answer as a proxy result, with its body collected and its `after` done."""
    try:
        body = response.body if isinstance(response.body, bytes) else _collected(response.body)
    finally:
        if response.after is not None:
            _settle(response.after)
    text, encoded = _text(body)
    return {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": text,
        "isBase64Encoded": encoded,
    }


class BrokenOff(Exception):
    """An answer ended before its last byte."""


class Unworded:
    """Passes an answer on; what breaks it is named without its words, for the runtime logs what it is told."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Unworded:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._chunks)
        except StopIteration:
            raise
        except Exception as error:
            raise BrokenOff(f"The answer broke off ({type(error).__name__}).") from None

    def close(self) -> None:
        """Leave the rest unread."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def _collected(chunks: Iterable[bytes]) -> bytes:
    try:
        return b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _settle(after: Callable[[], None]) -> None:
    try:
        after()
    except Exception as error:  # the answer stands, whatever becomes of the work behind it
        sys.stdout.write(f'{{"kind":"fault","event":"after_failed","error":"{type(error).__name__}"}}\n')


def _text(body: bytes) -> tuple[str, bool]:
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return binascii.b2a_base64(body, newline=False).decode("ascii"), True


def _headers(event: Event) -> dict[str, str]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    for name, values in (event.get("multiValueHeaders") or {}).items():
        if len(values) > 1 or name.lower() not in headers:
            headers[name.lower()] = ("; " if name.lower() == "cookie" else ", ").join(values)
    return headers


def _query(event: Event) -> dict[str, str]:
    query = dict(event.get("queryStringParameters") or {})
    for name, values in (event.get("multiValueQueryStringParameters") or {}).items():
        if values:
            query[name] = values[-1]
    return query


def _repeated(event: Event) -> dict[str, tuple[str, ...]]:
    values = event.get("multiValueQueryStringParameters") or {}
    return {name: tuple(each) for name, each in values.items() if len(each or ()) > 1}


def _body(event: Event) -> bytes:
    body = event.get("body")
    if not body:
        return b""
    if not event.get("isBase64Encoded"):
        # Half a surrogate pair stays what it is; the parser behind refuses it with a 400.
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return binascii.a2b_base64(body)
    except ValueError:
        return b""


def _decoded(path: str) -> str:
    """Undo the percent-encoding in which API Gateway leaves a path; what is no escape stays."""
    if "%" not in path:
        return path
    first, *rest = path.encode("utf-8", "surrogatepass").split(b"%")
    parts = [first]
    for piece in rest:
        try:
            parts.append(binascii.a2b_hex(piece[:2] or b"-") + piece[2:])
        except ValueError:
            parts.append(b"%" + piece)
    return b"".join(parts).decode("utf-8", "replace")
