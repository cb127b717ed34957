"""W3C Trace Context: the trace that a request belongs to, and the ids of its spans.

A caller's `traceparent` is taken when it is valid (https://www.w3.org/TR/trace-context-2/, read 2026-11), and its
`tracestate` with it. Without one the trace is the one that API Gateway put into `x-amzn-trace-id`, so that X-Ray and
other tracers show the same trace; without that it is made of the request's id. Span ids are made of the request's id
too, so whoever reads the ledger finds the same ids again, and an entry that is exported twice is one span.

Providers are companies of their own: they get a `traceparent` only where the configuration says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
X_RAY = "x-amzn-trace-id"
SAMPLED = "01"
STATE_MEMBERS = 32
STATE_CHARACTERS = 512
"""A longer `tracestate` may be cut (section 3.3.1.5); it is dropped whole, which is allowed as well."""
_HEX = frozenset("0123456789abcdef")
_KEY = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-*/@")


class Trace(NamedTuple):
    """Where a request stands in a trace: ids in lower-case hex, `parent` "" where the trace begins here."""

    trace_id: str
    parent: str = ""
    flags: str = SAMPLED
    state: str = ""

    def header(self, span: str) -> str:
        """Return the `traceparent` that names a span of this trace."""
        return f"00-{self.trace_id}-{span}-{self.flags}"


UNTRACED = Trace("")


def trace_of(headers: Mapping[str, str], request_id: str) -> Trace:
    """Return the trace of a request; header names are lower-case. What cannot be read is as if it were not there."""
    told = headers.get(TRACEPARENT)
    found = None if told is None else parse(told)
    if found is not None:
        state = headers.get(TRACESTATE, "")
        return found._replace(state=state) if state and valid_state(state) else found
    told = headers.get(X_RAY)
    found = None if told is None else parse_x_ray(told)
    return found or Trace(own_trace_id(request_id))


def parse(header: str) -> Trace | None:
    """Return what a `traceparent` says; None where it is not valid. Of later versions the known part is read."""
    parts = header.strip(" \t").split("-")
    if len(parts) < 4:
        return None
    version, trace_id, parent, flags = parts[:4]
    if not (_hex(version, 2) and _hex(trace_id, 32) and _hex(parent, 16) and _hex(flags, 2)):
        return None
    if version == "ff" or (version == "00" and len(parts) != 4) or not trace_id.strip("0") or not parent.strip("0"):
        return None
    # Of the flags of another version only the first bit means the same; bit two says that the id is random.
    known = int(flags, 16) & 0x03
    return Trace(trace_id, parent, f"{known:02x}")


def valid_state(header: str) -> bool:
    """Return whether a `tracestate` may be passed on."""
    if len(header) > STATE_CHARACTERS:
        return False
    members = [each.strip(" \t") for each in header.split(",")]
    named = [each for each in members if each]
    keys = [each.partition("=")[0] for each in named]
    return 0 < len(named) <= STATE_MEMBERS and len(set(keys)) == len(keys) and all(map(_member, named))


def parse_x_ray(header: str) -> Trace | None:
    """Return what an `x-amzn-trace-id` says (X-Ray guide, "Tracing header", 2026-11): `Root=1-<8 hex>-<24 hex>;...`."""
    fields = dict(part.strip().partition("=")[::2] for part in header.split(";"))
    version, _, rest = fields.get("Root", "").partition("-")
    trace_id = rest.replace("-", "", 1)
    if version != "1" or not _hex(trace_id, 32) or not trace_id.strip("0"):
        return None
    # Without sampling there is no segment that could be anybody's parent.
    parent = fields.get("Parent", "") if fields.get("Sampled") == "1" else ""
    return Trace(trace_id, parent if _hex(parent, 16) and parent.strip("0") else "")


def own_trace_id(request_id: str) -> str:
    """Return the trace id of a request that brought none."""
    return hashlib.sha256(f"trace/{request_id}".encode()).hexdigest()[:32]


def span_id(request_id: str, attempt: int = 0) -> str:
    """Return the id of a request's own span, or of its n-th attempt, counted from 1."""
    return hashlib.sha256(f"span/{attempt}/{request_id}".encode()).hexdigest()[:16]


def _hex(text: str, length: int) -> bool:
    return len(text) == length and _HEX.issuperset(text)


def _member(member: str) -> bool:
    key, equals, value = member.partition("=")
    if (
        not equals
        or not value
        or not 1 <= len(key) <= 256
        or not _KEY.issuperset(key)
        or key[0] not in _KEY - set("_-*/@")
    ):
        return False
    return len(value) <= 256 and all(" " <= each <= "~" and each not in ",=" for each in value)
