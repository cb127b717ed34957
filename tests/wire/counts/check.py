"""Holds token counting to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.counts.check`; `SLUICE_RECORDINGS` names another folder of recordings. A count is a
chat request that is not answered: it must be accepted, pass as it is, and cost nothing. Bedrock's counts are held by
the check of Bedrock.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from sluice.dialects import anthropic_count_tokens, openai_responses
from sluice.errors import BadRequest, ProviderError
from sluice.types.usage import Usage
from tests.wire.recordings import Recording
from tests.wire.tally import Case, main, not_served, same

BAR = 0.99
ENDPOINTS = ("messages.count_tokens", "responses.input_tokens", "gemini.count_tokens")
WIRES: dict[str, Any] = {
    "messages.count_tokens": anthropic_count_tokens,
    "responses.input_tokens": openai_responses,
}


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    wire = WIRES.get(recording.endpoint)
    if wire is None:
        yield "recording", not_served("the gateway counts tokens in the forms of Messages, Responses and Bedrock only")
        return
    if isinstance(recording.request_body, dict):
        yield "request", partial(check_request, recording, wire)
    yield (
        ("error", partial(check_error, recording, wire))
        if recording.status >= 400
        else (
            "answer",
            partial(check_answer, recording, wire),
        )
    )


def check_request(recording: Recording, wire: Any) -> None:
    """A request that was served is accepted and passes unedited."""
    body = recording.request_body
    try:
        outline = wire.outline(body, len(json.dumps(body)))
    except BadRequest:
        if recording.status >= 400:
            return  # the provider refused it as well
        raise
    same("model and stream", (outline.model, outline.stream), (body["model"], False))
    same("passing", wire.pass_edits(body, {}), {})


def check_answer(recording: Recording, wire: Any) -> None:
    """A count is an answer and no error; what is counted is not what is used."""
    body = json.loads(recording.body)
    same("a count", isinstance(body["input_tokens"], int) and body["input_tokens"] > 0, True)
    same("error in passing", wire.stream_error(recording.body), None)
    same("tokens charged", wire.read_usage(recording.body, {}) or Usage(), Usage())


def check_error(recording: Recording, wire: Any) -> None:
    """An error keeps its status and has a kind and words; written for a caller it says the same."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError or not error.message or not error.kind:
        raise AssertionError(f"not an error with words: {error!r}")
    same("status", error.provider_status, recording.status)
    again = wire.decode_error(recording.status, {}, json.dumps(wire.encode_error(error, "req_1")).encode())
    same("second reading", (again.kind, again.message), (error.kind, error.message))


if __name__ == "__main__":
    sys.exit(main("counts", ENDPOINTS, cases, BAR))
