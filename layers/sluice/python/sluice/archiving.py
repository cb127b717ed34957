"""Keeps what was asked and answered, for routes that say so, once the last byte is out.

Nothing here slows an answer down or fails it: its bytes are noted while they pass, and redacted, packed and put behind
them. Where putting fails, a line and a metric say so, and the payload is lost.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from sluice.dialects.masking import masked
from sluice.metering.tally import Tally
from sluice.ports import PayloadStore
from sluice.telemetry.payload_keys import payload_key
from sluice.telemetry.redaction import Redact, events_of, folded, redacted, redactor
from sluice.telemetry.traceparent import own_trace_id
from sluice.types.archives import ArchivePolicy
from sluice.types.http import Request, Response

LIMIT = 8 * 1024 * 1024
"""Bytes of an answer that are kept; a longer one is cut, and says so."""
LEVEL = 6
Report = Callable[[str, BaseException, str], None]


class NoArchive(Exception):
    """A route archives payloads, and the stage has no archive."""


def chosen(policy: ArchivePolicy, request_id: str) -> bool:
    """Return whether a request is among those that its route keeps."""
    return policy.sample >= 1 or int(own_trace_id(request_id)[-14:], 16) < policy.sample * 16**14


class Recorder:
    """Notes one request and its answer, and archives both after the last byte."""

    def __init__(
        self, policy: ArchivePolicy, request: Request, store: Callable[[], PayloadStore] | None, report: Report
    ) -> None:
        self._policy = policy
        self._request = request
        self._store = store
        self._report = report
        self._parts: list[bytes] = []
        self._size = 0

    def over(self, response: Response, tally: Tally) -> Response:
        """Return the response that is noted while it passes."""
        body = response.body
        if isinstance(body, bytes):
            self._note(body)
        else:
            body = _Noted(body, self._note)
        first, kind = response.after, response.headers.get("content-type", "")

        def after() -> None:
            if first is not None:
                first()
            self._keep(kind, tally)

        return replace(response, body=body, after=after)

    def _note(self, chunk: bytes) -> None:
        if self._size < LIMIT:
            self._parts.append(chunk)
        self._size += len(chunk)

    def _keep(self, kind: str, tally: Tally) -> None:
        try:
            if self._store is None:
                raise NoArchive
            policy, team = self._policy, tally.caller.team
            key = payload_key(policy.days, team, tally.user, tally.wall_ms, tally.request_id)
            record = self._record(kind, tally)
            packed = gzip.compress(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"), LEVEL)
            self._store().put(key, packed)
        except Exception as error:
            self._report("archive_failed", error, tally.request_id)

    def _record(self, kind: str, tally: Tally) -> dict[str, Any]:
        policy = self._policy
        keys = masked if "keys" in policy.redact else None
        redact = redactor(policy.patterns, emails="emails" in policy.redact, keys=keys)
        answer = b"".join(self._parts)[:LIMIT]
        return {
            "version": 1,
            "request_id": tally.request_id,
            "trace_id": tally.trace.trace_id,
            "team": tally.caller.team,
            "route": tally.route,
            "requested_model": tally.requested,
            "model": tally.deployment.name if tally.deployment is not None else "",
            "dialect": tally.dialect,
            "at_ms": tally.wall_ms,
            "status": tally.status,
            "outcome": tally.outcome,
            "region": tally.region,
            "redacted": [*policy.redact, *(f"pattern {number}" for number, _ in enumerate(policy.patterns, 1))],
            "request": kept(self._request.body, self._request.headers.get("content-type", ""), redact),
            "answer": kept(answer, kind, redact, cut=self._size > LIMIT),
        }


class _Noted:
    """Passes an answer on and notes its bytes."""

    def __init__(self, chunks: Iterator[bytes], note: Callable[[bytes], None]) -> None:
        self._chunks = chunks
        self._note = note

    def __iter__(self) -> _Noted:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self._note(chunk)
        return chunk

    def close(self) -> None:
        """Leave the rest unread."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def kept(body: bytes, kind: str, redact: Redact | None, *, cut: bool = False) -> dict[str, Any]:
    """Return what is archived of a body of a content type: JSON, a stream's texts, plain text, or its size alone."""
    found: dict[str, Any] = {"content_type": kind, "bytes": len(body), **({"cut": True} if cut else {})}
    value = _document(body)
    if value is not None:
        return {**found, "json": value if redact is None else redacted(value, redact)}
    events = events_of(body) if body else None
    if events:
        texts = folded(events)
        return {**found, "events": len(events), "stream": texts if redact is None else redacted(texts, redact)}
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return {**found, "left_out": "no text"}
    return {**found, "text": text if redact is None else redact(text)}


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
