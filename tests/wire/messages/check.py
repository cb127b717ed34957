"""Holds the Messages dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.messages.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each
recording is up to two cases: its request, and its answer (whole or streamed) or error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from sluice.dialects import anthropic_messages as wire
from sluice.dialects.sse import Blocks
from sluice.errors import BadRequest, ProviderError
from sluice.types.chat import ChatRequest
from sluice.types.stream import StreamFailed
from sluice.types.usage import Usage
from tests.wire.messages import said
from tests.wire.recordings import Recording
from tests.wire.stated import error_of, words_of
from tests.wire.tally import Case, cut, main, same

BAR = 0.99
ENDPOINTS = ("messages", "vertex.raw_predict")
ASKED = ChatRequest(model="m", messages=())


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    if isinstance(recording.request_body, dict):
        yield "request", partial(check_request, recording)
    if recording.status >= 400:
        yield "error", partial(check_error, recording)
    elif recording.body.lstrip().startswith(b"{"):
        yield "answer", partial(check_answer, recording)
    else:
        yield "stream", partial(check_stream, recording)


def check_request(recording: Recording) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    body = recording.request_body
    if recording.endpoint == "vertex.raw_predict":
        body = {"model": recording.model or "m", **body}  # the vendor's address names it
    try:
        outline = wire.outline(body, 100)
        request = wire.decode_request(body)
    except BadRequest:
        if recording.status >= 400:
            return  # the provider refused it as well
        raise
    same("model", outline.model, body["model"])
    same("stream", outline.stream, body.get("stream") is True)
    same("max_tokens", outline.max_output, body["max_tokens"])
    found = said.canonically(part for message in request.messages for part in message.parts)
    same("content", found, said.request_plainly(body))
    same("tools", [tool.name for tool in request.tools], [tool.get("name", "") for tool in body.get("tools") or ()])
    encoded = wire.encode_request(request, body["model"], {}, True)
    same("edits", encoded.edits, ())
    again = wire.decode_request(json.loads(json.dumps(encoded.body)))
    same("second reading", again, request)
    if recording.status == 200:
        same("written members", _meaning(encoded.body), _meaning(body))


def _meaning(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body without what may be written in two ways: null members, one text as a string, `stream: false`."""
    meaning = {name: _blocks(value) for name, value in body.items() if value is not None and value != []}
    if meaning.get("stream") is False:
        del meaning["stream"]
    config, older = dict(meaning.get("output_config") or {}), meaning.pop("output_format", None)
    if older is not None:
        config.setdefault("format", older)
    if config:
        meaning["output_config"] = config
    return meaning


def _blocks(value: Any) -> Any:
    if isinstance(value, list):
        items = [_blocks(item) for item in value]
        if len(items) == 1 and isinstance(items[0], dict) and items[0].keys() == {"type", "text"}:
            return items[0]["text"]
        return items
    if isinstance(value, dict):
        kept = {name: _blocks(item) for name, item in value.items() if item is not None}
        if kept.get("type") == "tool_result":
            if kept.get("is_error") is False:
                del kept["is_error"]
            if kept.get("content") in ([], ""):
                del kept["content"]
        if kept.get("citations") in ({"enabled": False}, []):
            del kept["citations"]
        return kept
    return value


def check_answer(recording: Recording) -> None:
    """A whole answer is read in full, with the provider's usage, and says the same after another round."""
    body = json.loads(recording.body)
    response = wire.decode_response(body)
    plain = said.plainly(body["content"])
    plain.stop = said.STOPS.get(body["stop_reason"], body["stop_reason"])
    same("content", said.response_canonically(response), plain)
    expected = said.usage_plainly(body.get("usage"))
    same("usage", response.usage, expected)
    same("usage read in passing", wire.read_usage(recording.body), expected)
    same("error in passing", wire.stream_error(recording.body), None)
    again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, ASKED))))
    same("second reading", again.choices, response.choices)
    same("second usage", again.usage, _without_cost(response.usage))


def check_stream(recording: Recording) -> None:
    """A stream is read in full however it is cut, with the provider's usage, and says the same after another round."""
    decoded = list(wire.decode_stream([recording.body]))
    if any(isinstance(event, StreamFailed) for event in decoded):
        if "stream_error" not in recording.kinds:
            raise AssertionError("an error was read where none was sent")
        return
    plain, raw = said.stream_plainly(recording.body)
    found, usage, ended = said.stream_canonically(decoded)
    same("content", found, plain)
    same("usage", usage, said.usage_plainly(raw))
    same("end", ended, b"message_stop" in recording.body)
    for seed in range(3):
        same("events of the cut stream", list(wire.decode_stream(cut(recording.body, seed))), decoded)
    same("metered usage", _metered(recording.body).usage, usage)
    same("metered end", _metered(recording.body).finished, ended)
    written = b"".join(wire.encode_stream(decoded, ASKED))
    again, usage_again, _ = said.stream_canonically(wire.decode_stream([written]))
    if ended:
        same("second reading", again, found)
        same("second usage", usage_again, _without_cost(usage))


def _metered(body: bytes) -> Any:
    meter, blocks = wire.meter(), Blocks()
    for chunk in cut(body, 7):
        if whole := blocks.feed(chunk):
            meter.feed(whole)
    meter.feed(blocks.rest())
    return meter


def check_error(recording: Recording) -> None:
    """An error keeps its status and words and has a kind; written for a caller it says the same."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError:
        raise AssertionError(f"not a provider error: {error!r}")
    same("status", error.provider_status, recording.status)
    reported, words = error_of(recording.body), words_of(recording.body)
    if words is not None:
        same("message", error.message[:20], words[:20])  # a key quoted in it is masked
    same("type", error.provider_type, reported.get("type", error.provider_type))
    same("retry", error.may_retry, recording.status in (408, 429) or recording.status >= 500)
    written: Any = wire.encode_error(error, "req_1")
    same("envelope", written["error"]["type"], reported.get("type", written["error"]["type"]))


def _without_cost(usage: Usage | None) -> Usage | None:
    """The provider's own figure is not handed on; the gateway's is."""
    return None if usage is None else replace(usage, provider_cost_usd=None)


if __name__ == "__main__":
    sys.exit(main("messages", ENDPOINTS, cases, BAR))
