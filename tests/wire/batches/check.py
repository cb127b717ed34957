"""Holds the Message Batches dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.batches.check`; `SLUICE_RECORDINGS` names another folder of recordings. Batches of
other vendors have other shapes (OpenAI's and xAI's go by files or by an empty batch that is filled) and are not read.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial

from sluice.dialects import anthropic_batches as wire
from sluice.errors import ProviderError
from tests.wire.recordings import Recording
from tests.wire.tally import Case, cut, main, same

BAR = 0.99
ENDPOINTS = ("messages.batches",)


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    body, path = recording.request_body, (recording.request or {}).get("path") or ""
    if isinstance(body, dict) and "requests" in body:
        yield "creation", partial(check_creation, recording)
    if recording.status >= 400:
        yield "error", partial(check_error, recording)
    elif path.endswith("/results"):
        yield "results", partial(check_results, recording)
    elif '"data"' in recording.body[:20].decode("utf-8", "replace"):
        yield "page", partial(check_page, recording)
    else:
        yield "batch", partial(check_batch, recording)


def check_creation(recording: Recording) -> None:
    """The requests of a batch are read in full and written back the same."""
    body = recording.request_body
    items = wire.decode_create(body, 100)
    same("ids", [item.custom_id for item in items], [raw["custom_id"] for raw in body["requests"]])
    same("models", [item.model for item in items], [raw["params"]["model"] for raw in body["requests"]])
    same("second writing", wire.encode_create(items), body["requests"])


def check_batch(recording: Recording) -> None:
    """The description of a batch is read in full and written back the same."""
    body = json.loads(recording.body)
    batch = wire.decode_batch(body)
    same("written", wire.encode_batch(batch), body)
    same("status", batch.processing_status, body["processing_status"])


def check_page(recording: Recording) -> None:
    """A page of batches is read in full and written back the same."""
    body = json.loads(recording.body)
    same("written", wire.encode_page(wire.decode_page(body), body["has_more"]), body)


def check_results(recording: Recording) -> None:
    """Each line is read and says the same after another round; the meter sums the tokens however they are cut."""
    lines = [line for line in recording.body.splitlines() if line.strip()]
    tokens: Counter[str] = Counter()
    for line in lines:
        found, result = json.loads(line), wire.decode_result(line)
        same("line", json.loads(wire.encode_result(result)), found)
        usage = (found["result"].get("message") or {}).get("usage")
        if usage is not None:
            tokens.update({"output": usage["output_tokens"], "prompt": usage["input_tokens"]})
            tokens["prompt"] += usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
            same("tier", result.usage.service_tier if result.usage else None, "batch")
    for seed in range(3):
        meter = wire.ResultMeter()
        for piece in cut(recording.body, seed):
            meter.feed(piece)
        meter.close()
        same("tokens", (meter.usage.prompt, meter.usage.output), (tokens["prompt"], tokens["output"]))
        same("lines", (meter.kinds.total(), meter.unread), (len(lines), 0))


def check_error(recording: Recording) -> None:
    """An error keeps its status and words."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError or error.provider_status != recording.status or not error.message:
        raise AssertionError(f"{error!r} does not tell the recorded error")


if __name__ == "__main__":
    sys.exit(main("messages.batches", ENDPOINTS, cases, BAR))
