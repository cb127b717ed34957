"""Holds the Message Batches dialect to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.batches.check`; `SLUICE_RECORDINGS` names another folder of recordings. Batches of
other vendors have other shapes (OpenAI's and xAI's go by files or by an empty batch that is filled) and are not read.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sluice.dialects import anthropic_batches as wire
from sluice.errors import ProviderError
from tests.wire.recordings import Recording, folder, read

BAR = 0.99


@dataclass
class Tally:
    """Passed and failed cases by kind, and why each failure failed."""

    passed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.passed.total() + self.failed.total()

    @property
    def share(self) -> float:
        return 1 - self.failed.total() / self.total if self.total else 1.0


def check_all() -> Tally:
    """Run every case of every recording of this endpoint."""
    tally = Tally()
    for recording in read(("messages.batches",)):
        for kind, case in _cases(recording):
            try:
                case(recording)
                tally.passed[kind] += 1
            except Exception as error:
                tally.failed[kind] += 1
                tally.reasons.append(f"{kind} {recording.label}: {type(error).__name__}: {str(error)[:300]}")
    return tally


def _cases(recording: Recording) -> Iterator[tuple[str, Callable[[Recording], None]]]:
    body, path = recording.request_body, (recording.request or {}).get("path") or ""
    if isinstance(body, dict) and "requests" in body:
        yield "creation", check_creation
    if recording.status >= 400:
        yield "error", check_error
    elif path.endswith("/results"):
        yield "results", check_results
    elif '"data"' in recording.body[:20].decode("utf-8", "replace"):
        yield "page", check_page
    else:
        yield "batch", check_batch


def check_creation(recording: Recording) -> None:
    """The requests of a batch are read in full and written back the same."""
    body = recording.request_body
    items = wire.decode_create(body, 100)
    _same("ids", [item.custom_id for item in items], [raw["custom_id"] for raw in body["requests"]])
    _same("models", [item.model for item in items], [raw["params"]["model"] for raw in body["requests"]])
    _same("second writing", wire.encode_create(items), body["requests"])


def check_batch(recording: Recording) -> None:
    """The description of a batch is read in full and written back the same."""
    body = json.loads(recording.body)
    batch = wire.decode_batch(body)
    _same("written", wire.encode_batch(batch), body)
    _same("status", batch.processing_status, body["processing_status"])


def check_page(recording: Recording) -> None:
    """A page of batches is read in full and written back the same."""
    body = json.loads(recording.body)
    _same("written", wire.encode_page(wire.decode_page(body), body["has_more"]), body)


def check_results(recording: Recording) -> None:
    """Each line is read and says the same after another round; the meter sums the tokens however they are cut."""
    lines = [line for line in recording.body.splitlines() if line.strip()]
    tokens: Counter[str] = Counter()
    for line in lines:
        found, result = json.loads(line), wire.decode_result(line)
        _same("line", json.loads(wire.encode_result(result)), found)
        usage = (found["result"].get("message") or {}).get("usage")
        if usage is not None:
            tokens.update({"output": usage["output_tokens"], "prompt": usage["input_tokens"]})
            tokens["prompt"] += usage["cache_creation_input_tokens"] + usage["cache_read_input_tokens"]
            _same("tier", result.usage.service_tier if result.usage else None, "batch")
    for seed in range(3):
        meter = wire.ResultMeter()
        for piece in _cut(recording.body, seed):
            meter.feed(piece)
        meter.close()
        _same("tokens", (meter.usage.prompt, meter.usage.output), (tokens["prompt"], tokens["output"]))
        _same("lines", (meter.kinds.total(), meter.unread), (len(lines), 0))


def check_error(recording: Recording) -> None:
    """An error keeps its status and words."""
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError or error.provider_status != recording.status or not error.message:
        raise AssertionError(f"{error!r} does not tell the recorded error")


def _cut(body: bytes, seed: int) -> list[bytes]:
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(body) + 1), min(len(body), 40)))
    return [body[start:stop] for start, stop in zip([0, *places], [*places, len(body)], strict=True) if start < stop]


def _same(what: str, have: object, want: object) -> None:
    if have != want:
        raise AssertionError(f"{what}: {have!r}"[:600] + f" is not {want!r}"[:600])


def main() -> int:
    """Print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = check_all()
    print(f"{'case':<10}{'passed':>8}{'failed':>8}")
    for kind in sorted({*tally.passed, *tally.failed}):
        print(f"{kind:<10}{tally.passed[kind]:>8}{tally.failed[kind]:>8}")
    for reason in tally.reasons:
        print(f"  {reason}")
    summary = {
        "check": "messages.batches",
        "cases": tally.total,
        "failed": tally.failed.total(),
        "share": round(tally.share, 5),
        "bar": BAR,
    }
    print(json.dumps(summary))
    return 0 if tally.total and tally.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
