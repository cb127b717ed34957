"""A handler whose behaviour the event chooses; runs on the streaming loop and, unmodified, on AWS's own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

JOURNAL: list[Any] = []
CALLS: list[str] = []


@dataclass
class Streamed:
    prelude: Any
    body: Iterable[Any]
    after: Callable[[], None] | None = None


class Body:
    """An iterable that is not its own iterator and wants to be closed."""

    def __init__(self, chunks: list[Any]) -> None:
        self.chunks = chunks

    def __iter__(self) -> Iterator[Any]:
        return iter(self.chunks)

    def close(self) -> None:
        JOURNAL.append("body closed")


def handler(event: Any, context: Any) -> Any:
    CALLS.append(context.aws_request_id)
    return globals()["case_" + event["case"]](event, context)


def case_journal(event: Any, context: Any) -> Any:
    entries, JOURNAL[:] = list(JOURNAL), []
    return entries


def case_context(event: Any, context: Any) -> Any:
    client = context.client_context
    return {
        "aws_request_id": context.aws_request_id,
        "invoked_function_arn": context.invoked_function_arn,
        "tenant_id": context.tenant_id,
        "function_name": context.function_name,
        "function_version": context.function_version,
        "memory_limit_in_mb": context.memory_limit_in_mb,
        "log_group_name": context.log_group_name,
        "log_stream_name": context.log_stream_name,
        "remaining": context.get_remaining_time_in_millis(),
        "custom": client.custom if client else None,
        "app_title": client.client.app_title if client and client.client else None,
        "cognito": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
        "w3c": context.w3c(),
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
    }


def case_answer(event: Any, context: Any) -> Any:
    """What a gateway's adapter does: stream where the loop can, else collect."""
    chunks = [chunk.encode() for chunk in event["chunks"]]
    prelude = {"statusCode": 200, "headers": {"content-type": "text/event-stream"}}

    def after() -> None:
        JOURNAL.append(["after", time.perf_counter()])

    if getattr(context, "response_streaming", False):
        return Streamed(prelude, iter(chunks), after)
    after()
    return {**prelude, "body": b"".join(chunks).decode(), "isBase64Encoded": False}


def case_gated(event: Any, context: Any) -> Any:
    """The second chunk comes once something was written to the named pipe."""

    def body() -> Iterator[bytes]:
        try:
            yield b"first"
            with open(event["pipe"], "rb") as pipe:
                yield pipe.read()
        except GeneratorExit:
            JOURNAL.append("body closed early")
            raise

    return Streamed({"statusCode": 200}, body(), lambda: JOURNAL.append("after"))


def case_endless(event: Any, context: Any) -> Any:
    def body() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
        finally:
            JOURNAL.append("body closed")

    return Streamed({"statusCode": 200}, body(), lambda: JOURNAL.append("after"))


def case_chunks(event: Any, context: Any) -> Any:
    return Streamed({"statusCode": 200}, Body([bytes.fromhex(chunk) for chunk in event["hex"]]))


def case_prelude(event: Any, context: Any) -> Any:
    return Streamed(event["prelude"], Body([b"x"]), lambda: JOURNAL.append("after"))


def case_fail(event: Any, context: Any) -> Any:
    raise KeyError("no such model")


def case_exit(event: Any, context: Any) -> Any:
    sys.exit(3)


def case_silent_error(event: Any, context: Any) -> Any:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    raise Unprintable


def case_unserialisable(event: Any, context: Any) -> Any:
    return {"answer": object()}


def case_fail_mid_stream(event: Any, context: Any) -> Any:
    def body() -> Iterator[bytes]:
        yield from (b"event: one\n\n",) * event["chunks"]
        try:
            raise ValueError("provider cut the stream " + "é" * event.get("length", 0))
        finally:
            JOURNAL.append("body ended")

    return Streamed({"statusCode": 200}, body(), lambda: JOURNAL.append("after"))


def case_fail_in_a_long_path(event: Any, context: Any) -> Any:
    def body() -> Iterator[bytes]:
        yield b"one"
        exec(compile("raise ValueError('far away')", "folder/" * 3000, "exec"))

    return Streamed({"statusCode": 200}, body())


def case_interrupt_mid_stream(event: Any, context: Any) -> Any:
    def body() -> Iterator[bytes]:
        yield b"one"
        raise KeyboardInterrupt

    return Streamed({"statusCode": 200}, body(), lambda: JOURNAL.append("after"))


def case_text_chunk(event: Any, context: Any) -> Any:
    return Streamed({"statusCode": 200}, Body([b"one", "two"]), lambda: JOURNAL.append("after"))


def case_no_iterator(event: Any, context: Any) -> Any:
    return Streamed({"statusCode": 200}, 7, lambda: JOURNAL.append("after"))  # type: ignore[arg-type]


def case_after_fails(event: Any, context: Any) -> Any:
    def after() -> None:
        sys.exit(9)

    return Streamed({"statusCode": 200}, [b"fine"], after)


def case_close_fails(event: Any, context: Any) -> Any:
    body = Body([b"fine"])
    body.close = lambda: 1 / 0  # type: ignore[method-assign]
    return Streamed({"statusCode": 200}, body, lambda: JOURNAL.append("after"))


def case_print(event: Any, context: Any) -> Any:
    sys.stdout.write("half a line")
    return None


def case_process(event: Any, context: Any) -> Any:
    import gc

    return {
        "modules": sorted(sys.modules),
        "path": sys.path,
        "arguments": sys.argv,
        "utf8_mode": sys.flags.utf8_mode,
        "frozen": gc.get_freeze_count(),
    }


def case_size(event: Any, context: Any) -> Any:
    return len(event["text"])


def case_any_event(event: Any, context: Any) -> Any:
    return event
