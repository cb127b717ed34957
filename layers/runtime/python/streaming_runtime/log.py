"""The loop's own log lines: one JSON object each, on stdout."""

from __future__ import annotations

import json
import sys
import time


def write(level: str, kind: str, message: str, **fields: object) -> None:
    """Write one line; a log that cannot be written to is not a reason to stop."""
    now = time.time()
    line = {
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z",
        "level": level,
        "type": f"streaming_runtime.{kind}",
        "message": message,
        **fields,
    }
    try:
        sys.stdout.write(json.dumps(line, default=str) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        return


def refused(request_id: str, what: str, status: int, body: bytes | bytearray) -> None:
    """Write that the runtime API did not accept `what` with 202."""
    said = body[:200].decode("utf-8", "replace")
    write("ERROR", "answer_refused", f"The runtime API refused {what} with {status}: {said}", requestId=request_id)
