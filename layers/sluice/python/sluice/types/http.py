"""What comes in from a caller and what goes back, independent of API Gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from sluice.types.clock import Millis


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    `headers` has lower-case names; `query` the last value of each name; `received_ms` is epoch milliseconds
    and `deadline` a `time.monotonic()` second after which the environment is cut off (None: no limit known).
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    query: Mapping[str, str] = field(default_factory=dict)
    source_ip: str = ""
    gateway_request_id: str = ""
    received_ms: Millis = 0
    started: float = 0.0
    deadline: float | None = None
    cold_start: bool = False
    members: Mapping[str, object] = field(default_factory=dict)
    """Members of the body that this dialect states in its path (Gemini: model and stream)."""
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """All values of the query parameters that were sent more than once."""
    principal: str = ""
    """ARN of the AWS principal whose signature API Gateway verified; "" where it verified none. No header sets it."""


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer.

    `body` is all of it, or an iterator of byte strings that are forwarded one by one; `after` runs once the
    last byte is out (or the caller is gone) and before the environment takes its next request.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes | Iterator[bytes] = b""
    after: Callable[[], None] | None = None
