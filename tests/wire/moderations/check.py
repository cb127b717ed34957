"""Holds moderations to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.moderations.check`; `SLUICE_RECORDINGS` names another folder of recordings. Bodies
pass as they are (the replay through the whole gateway holds them to their bytes); here they are outlined and metered.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from functools import partial

from sluice.dialects import openai_moderations as wire
from sluice.errors import BadRequest, ProviderError
from sluice.types.usage import Usage
from tests.wire.recordings import Recording
from tests.wire.tally import Case, main, not_served, same

BAR = 0.99
ENDPOINTS = ("moderations",)


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    if (recording.request or {}).get("method") == "GET":
        yield "recording", not_served("a usage report of the vendor's administration API, no call of a model")
        return
    if isinstance(recording.request_body, dict):
        yield "request", partial(check_request, recording)
    if recording.status >= 400:
        yield "error", partial(check_error, recording)
    else:
        yield "answer", partial(check_answer, recording)


def check_request(recording: Recording) -> None:
    """A request that was served is accepted and passes unedited; without a model it asks for the vendor's own."""
    body = recording.request_body
    try:
        outline = wire.outline(body, 10)
    except BadRequest:
        if recording.status >= 400:
            return  # the provider refused it as well
        raise
    same("model", outline.model, body.get("model") or wire.DEFAULT_MODEL)
    same("stream", outline.stream, False)
    same("passing", wire.pass_edits(body), {})


def check_answer(recording: Recording) -> None:
    """What the answer states is counted; where it states nothing, the texts sent are estimated or free."""
    stated = json.loads(recording.body).get("usage")
    usage = wire.answer_usage(recording.body, recording.headers, recording.request_body or {}, {})
    same("estimated", usage.estimated, stated is None)
    if stated is not None:
        same("tokens", usage.prompt, stated["prompt_tokens"])
    same("unmetered", wire.read_usage(recording.body, {"unmetered": True}), Usage())
    same("error in passing", wire.stream_error(recording.body), None)


def check_error(recording: Recording) -> None:
    """An error keeps its status and has a kind and words; written for a caller it says the same."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError or not error.message or not error.kind:
        raise AssertionError(f"not an error with words: {error!r}")
    same("status", error.provider_status, recording.status)
    again = wire.decode_error(recording.status, {}, json.dumps(wire.encode_error(error, "req_1")).encode())
    same("second reading", (again.kind, again.message), (error.kind, error.message))


if __name__ == "__main__":
    sys.exit(main("moderations", ENDPOINTS, cases, BAR))
