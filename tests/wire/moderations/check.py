"""Holds moderations to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.moderations.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each
recording is one case: its request is replayed through the whole gateway, and the answer must pass byte for byte.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import dataclass, field

from tests.wire.embeddings.replay import differences
from tests.wire.recordings import Recording, folder, read

BAR = 0.99
ENDPOINTS = ("moderations",)
TONGUE = "openai_moderations"


@dataclass
class Tally:
    """Passed and failed cases by provider, and why each failure failed."""

    passed: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    reasons: list[str] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.passed.total() + self.failed.total()

    @property
    def share(self) -> float:
        return 1 - self.failed.total() / self.total if self.total else 1.0


def check_all() -> Tally:
    """Replay every recording of this endpoint."""
    tally = Tally()
    for recording in read(ENDPOINTS):
        if reason := outside(recording):
            tally.left_out[reason] += 1
        elif found := differences(recording, TONGUE):
            tally.failed[recording.provider] += 1
            tally.reasons.append(f"{recording.label}: {'; '.join(found)}")
        else:
            tally.passed[recording.provider] += 1
    return tally


def outside(recording: Recording) -> str:
    """Return why a recording of this endpoint cannot be replayed, "" when it can."""
    if recording.request is not None and recording.request.get("method") == "GET":
        return "a usage report of the vendor's administration API, no call of a model"
    return "" if isinstance(recording.request_body, dict) else "only its answer was published"


def main() -> int:
    """Print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = check_all()
    print(f"{'provider':<12}{'passed':>8}{'failed':>8}")
    for provider in sorted({*tally.passed, *tally.failed}):
        print(f"{provider:<12}{tally.passed[provider]:>8}{tally.failed[provider]:>8}")
    for reason in tally.reasons:
        print(f"  {reason}")
    for reason, count in tally.left_out.items():
        print(f"  left out {count}: {reason}")
    summary = {
        "check": "moderations",
        "cases": tally.total,
        "failed": tally.failed.total(),
        "share": round(tally.share, 5),
        "bar": BAR,
    }
    print(json.dumps(summary))
    return 0 if tally.total and tally.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
