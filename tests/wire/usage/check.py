"""Holds how each dialect counts to the totals that vendors reported, and prints a table of what holds.

Run it with `python -m tests.wire.usage.check`; `SLUICE_RECORDINGS` names another folder of recordings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial

from tests.wire.explained import explain
from tests.wire.recordings import Recording
from tests.wire.tally import Case, NotServed, Tally, main, same
from tests.wire.usage.lines import LINES, Line
from tests.wire.usage.reported import ENDPOINTS as REPORTING
from tests.wire.usage.reported import counted, reports
from tests.wire.usage.rules import Seen

BAR = 0.99
ENDPOINTS = REPORTING


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield a case for each line that says something of this recording."""
    lines = [line for line in LINES if recording.endpoint in line.endpoints]
    told = reports(recording) if recording.status == 200 and lines else []
    usage = counted(recording) if told else None
    if usage is None:
        return
    seen = Seen(recording, told, usage)
    for line in lines:
        if line.rule(seen) is not None:
            yield f"{line.dialect} {line.aspect}", partial(check, seen, line)


def check(seen: Seen, line: Line) -> None:
    """What the gateway counted is what the report comes to, or the vendor's own figures are known not to add up."""
    pair = line.rule(seen)
    if pair is None or pair[0] == pair[1]:
        return
    words = unsound(seen, line)
    if words is not None:
        raise NotServed(words)
    same(line.words, *pair)


def unsound(seen: Seen, line: Line) -> str | None:
    """Return why a vendor's own figures do not add up, in words; None when they should."""
    cached = seen.number("prompt_tokens_details.cached_tokens")
    written = seen.number("prompt_tokens_details.cache_write_tokens")
    parts = seen.number("promptTokenCount") + seen.number("candidatesTokenCount")
    if line.aspect == "cache writes" and cached + written > seen.number("prompt_tokens") > 0:
        return "the vendor states more tokens read from and written to the cache than the prompt has; reads hold"
    if line.dialect == "gemini" and line.aspect == "total" and seen.number("totalTokenCount") < parts:
        return "the stated total is less than the prompt and the answer together; the parts hold"
    return explain(seen.recording)


def table(tally: Tally) -> Iterator[str]:
    """Yield how each dialect counts, with the number of recorded answers that say so."""
    yield f"{'dialect':<24}{'aspect':<14}{'how it is counted':<66}{'holds':>7}{'fails':>7}{'excepted':>10}"
    for line in LINES:
        kind = f"{line.dialect} {line.aspect}"
        holds, fails, excepted = (
            sum(count for (_, endpoint, other), count in counts.items() if other == kind and endpoint in line.endpoints)
            for counts in (tally.passed, tally.failed, tally.left_out)
        )
        yield f"{line.dialect:<24}{line.aspect:<14}{line.words:<66}{holds:>7}{fails:>7}{excepted:>10}"


if __name__ == "__main__":
    sys.exit(main("usage", ENDPOINTS, cases, BAR))
