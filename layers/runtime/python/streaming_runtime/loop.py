"""The loop: ask for an event, run the handler, send the answer, do what follows the answer, ask again.

One bad invocation never ends it: whatever a handler raises, SystemExit included, is that invocation's error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from streaming_runtime import log, streaming
from streaming_runtime.connection import Reply
from streaming_runtime.context import Context
from streaming_runtime.runtime_api import ACCEPTED, Call, RuntimeApi
from streaming_runtime.stopping import Stopping

Handler = Callable[[object, Context], object]

EMPTY_ANSWER = {"statusCode": 200, "body": ""}
TRACE_ID = "_X_AMZN_TRACE_ID"


class Loop:
    """Serves one environment. `every_event` also hands events that are not HTTP requests to the handler."""

    def __init__(self, api: RuntimeApi, handler: Handler, stopping: Stopping, *, every_event: bool) -> None:
        self._api = api
        self._handler = handler
        self._stopping = stopping
        self._every_event = every_event
        self._ignored = 0

    def run(self) -> None:
        """Serve until asked to stop. Raises OSError or ValueError when the runtime API is of no more use."""
        stopping = self._stopping
        while True:
            stopping.waiting = True
            if stopping.requested:
                return
            status, headers, body = self._api.next()
            stopping.waiting = False
            if status != 200:
                raise ConnectionError(f"The runtime API answered {status} when asked for the next event.")
            self._serve(headers, body)
            _flush()

    def _serve(self, headers: dict[str, str], body: bytes | bytearray) -> None:
        call = Call(headers)
        set_trace_id(headers.get("lambda-runtime-trace-id"))
        try:
            event = _decode(body)
            if self._every_event or _is_http(event):
                result = self._handler(event, Context(headers))
            else:
                result = self._ignore(call, event)
            answer = None if streaming.is_streamed(result) else _encode(result)
        except BaseException as error:
            self._fail(call, error)
            return
        if streaming.is_streamed(result):
            streaming.answer(self._api, call, result, self._fail)
        elif answer is not None:
            self._post(call, "an answer", lambda: self._api.respond(call, answer))

    def _post(self, call: Call, what: str, send: Callable[[], Reply]) -> None:
        try:
            status, _, body = send()
        except (OSError, ValueError) as error:
            log.write(
                "ERROR", "api_unreachable", f"The runtime API did not take {what}: {error}", requestId=call.request_id
            )
            return
        if status != ACCEPTED:
            log.refused(call.request_id, what, status, body)

    def _fail(self, call: Call, error: BaseException) -> None:
        from streaming_runtime import faults

        fault = faults.describe(error, call.request_id)
        log.write("ERROR", "invocation_failed", "The invocation failed before the first byte of its answer.", **fault)
        self._post(call, "an error", lambda: self._api.fail(call, fault))

    def _ignore(self, call: Call, event: object) -> object:
        self._ignored += 1
        log.write(
            "WARN",
            "event_ignored",
            "An event that is not an HTTP request was answered with an empty 200.",
            requestId=call.request_id,
            ignoredEvents=self._ignored,
            eventFields=sorted(event)[:20] if isinstance(event, dict) else [],
        )
        return EMPTY_ANSWER


def _is_http(event: object) -> bool:
    # API Gateway has been reported to follow a stream with a second event of its own,
    # {"requestId": ..., "invokeCompletionStatus": ...} (turul-mcp-aws-lambda, 2026-03; AWS does not document it).
    return isinstance(event, dict) and ("requestContext" in event or "httpMethod" in event)


def _decode(body: bytes | bytearray) -> object:
    try:
        return json.loads(body)
    except ValueError as error:
        from streaming_runtime.faults import RuntimeFault

        raise RuntimeFault("Runtime.UnmarshalError", f"The event is not JSON: {error}") from error
    finally:
        # Up to 6 MB that would stay allocated until the next event.
        if isinstance(body, bytearray):
            body.clear()


def _encode(result: object) -> bytes:
    try:
        return json.dumps(result).encode()
    except (TypeError, ValueError) as error:
        from streaming_runtime.faults import RuntimeFault

        raise RuntimeFault(
            "Runtime.MarshalError", f"The handler's result cannot be written as JSON: {error}"
        ) from error


def set_trace_id(trace_id: str | None) -> None:
    """Let `os.environ` name the trace of this event, where X-Ray's SDK looks for it; None for no trace.

    The C library is not told: its setenv keeps every value that it ever saw, 120 bytes and more for each event (glibc).
    """
    known, key = os.environ._data, os.environ.encodekey(TRACE_ID)  # type: ignore[attr-defined]
    if trace_id is None:
        known.pop(key, None)
    else:
        known[key] = os.environ.encodevalue(trace_id)


def _flush() -> None:
    # The environment may be frozen while it waits, and what sits in a buffer with it.
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        return
