"""Errors as the runtime API and the log want them; imported only once something has gone wrong."""

from __future__ import annotations

import json
import traceback
from types import TracebackType

from streaming_runtime.runtime_api import Fault

FRAMES = 50
# Trailers are header lines, which a server may limit to 8 KB.
TRAILER_FRAMES = 8
TRAILER_MESSAGE = 500
TRAILER_BYTES = 4096


class RuntimeFault(Exception):
    """A failure of the loop's own, with the `error_type` that Lambda knows it by."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


def describe(error: BaseException, request_id: str = "") -> Fault:
    """The error document of the runtime API: errorType, errorMessage, requestId, stackTrace (innermost frames)."""
    return {
        "errorMessage": _message(error),
        "errorType": error_type(error),
        "requestId": request_id,
        "stackTrace": [] if isinstance(error, RuntimeFault) else _stack(error.__traceback__),
    }


def error_type(error: BaseException) -> str:
    """The error's name, fit for a header."""
    name = error.error_type if isinstance(error, RuntimeFault) else type(error).__name__
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name)


def trailers(fault: Fault) -> bytes:
    """The trailer lines that tell of a failure after the first byte, with the fault cut to fit into header lines."""
    from binascii import b2a_base64

    stack = fault["stackTrace"]
    short = {
        **fault,
        "errorMessage": str(fault["errorMessage"])[:TRAILER_MESSAGE],
        "stackTrace": stack[-TRAILER_FRAMES:] if isinstance(stack, list) else [],
    }
    body = _encode(short)
    if len(body) > TRAILER_BYTES:
        body = _encode({**short, "stackTrace": []})
    return b"Lambda-Runtime-Function-Error-Type: %b\r\nLambda-Runtime-Function-Error-Body: %b\r\n" % (
        str(fault["errorType"]).encode(),
        b2a_base64(body, newline=False),
    )


def _encode(fault: Fault) -> bytes:
    return json.dumps(fault, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as unprintable:
        return f"<str() of the error raised {type(unprintable).__name__}>"


def _stack(trace: TracebackType | None) -> list[str]:
    """Formatted frames from the first that is not this package's, without marks under columns (as AWS's loop)."""
    folder = __file__.rpartition("/")[0] + "/"
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(folder):
        trace = trace.tb_next
    frames = traceback.extract_tb(trace, limit=-FRAMES)
    return traceback.format_list((frame.filename, frame.lineno or 0, frame.name, frame.line) for frame in frames)
