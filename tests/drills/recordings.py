"""Drill: all recorded provider traffic, decoded by every dialect and replayed through the whole gateway.

It prints a table provider x endpoint, how each dialect counts, every failure with its explanation, what is not served
and why, and last one line of JSON. It ends with 1 under the bar. `SLUICE_RECORDINGS` names another folder of
recordings; without any the drill fails with the remedy, unless `--absent-ok` says that this is no fault.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType

from tests.wire import unserved
from tests.wire.batches import check as batches
from tests.wire.bedrock import across as bedrock_across
from tests.wire.bedrock import check as bedrock
from tests.wire.chat_completions import check as chat_completions
from tests.wire.cohere import check as cohere
from tests.wire.completions import check as completions
from tests.wire.counts import check as counts
from tests.wire.embeddings import check as embeddings
from tests.wire.explained import explain
from tests.wire.gemini import across as gemini_across
from tests.wire.gemini import check as gemini
from tests.wire.media import check as media
from tests.wire.messages import across as messages_across
from tests.wire.messages import check as messages
from tests.wire.moderations import check as moderations
from tests.wire.ollama import check as ollama
from tests.wire.recordings import DEFAULT, Recording, folder, listed, read
from tests.wire.replay import Outcome, replay_all
from tests.wire.rerank import check as rerank
from tests.wire.responses import across as responses_across
from tests.wire.responses import check as responses
from tests.wire.tally import BAR, Case, Cases, Tally, not_served, some
from tests.wire.usage import check as usage

CHECKS: tuple[ModuleType, ...] = (
    batches, bedrock, chat_completions, cohere, completions, counts, embeddings, gemini, media, messages, moderations,
    ollama, rerank, responses,
)  # fmt: skip
ACROSS: tuple[ModuleType, ...] = (bedrock_across, gemini_across, messages_across, responses_across)
CASES: Mapping[str, Cases] = {endpoint: check.cases for check in CHECKS for endpoint in check.ENDPOINTS}
STEP = 500
"""Recordings between two signs of life."""
COLUMNS = ("recordings", "decoded", "failed", "exact", "edited", "failed", "not sent", "not served")


@dataclass
class Survey:
    """What became of every recording: decoded, counted, told in other dialects, replayed."""

    decoded: Tally = field(default_factory=Tally)
    counted: Tally = field(default_factory=Tally)
    told: Tally = field(default_factory=Tally)
    replayed: Outcome = field(default_factory=Outcome)
    missing: int = 0
    """Recordings that the index names and no file holds."""

    @property
    def recordings(self) -> dict[str, Recording]:
        """All recordings by name."""
        return {label: result.recording for label, result in self.decoded.results.items()}

    def state(self, label: str) -> str:
        """Return "failed", "passed", or "not served" where nothing of a recording is."""
        decoded, sent = self.decoded.results[label].state, self.replayed.state(label)
        counts = self.counted.results.get(label)
        if "failed" in (decoded, sent) or (counts is not None and counts.failed):
            return "failed"
        return "not served" if decoded == "left out" and not sent else "passed"

    def words(self, label: str) -> list[str]:
        """Return what failed of a recording."""
        found = [f"{kind}: {words}" for kind, words in self.decoded.results[label].failed.items()]
        if label in self.counted.results:
            found += [f"usage of {kind}: {words}" for kind, words in self.counted.results[label].failed.items()]
        return [*found, f"replay: {self.replayed.failed[label]}"] if label in self.replayed.failed else found


def survey(least: int | None = None) -> Survey:
    """Decode, count and replay all recordings, or `least` of each sort; tell on stderr how far it is."""
    found = Survey()
    names = set[str]()
    for number, recording in enumerate(some(read(None), least), 1):
        found.decoded.examine(recording, CASES.get(recording.endpoint, _unread))
        if recording.endpoint in usage.ENDPOINTS:
            found.counted.examine(recording, usage.cases)
        for check in ACROSS:
            if recording.endpoint in check.ENDPOINTS:
                found.told.examine(recording, check.cases)
        names.add(recording.id)
        _progress("decoded", number)
    found.replayed = replay_all(least, lambda number: _progress("replayed", number))
    index = listed() if least is None else None
    found.missing = 0 if index is None else len(index - names)
    return found


def _unread(recording: Recording) -> Iterator[tuple[str, Case]]:
    yield "recording", not_served(unserved.not_served(recording))


def _progress(what: str, number: int) -> None:
    if number % STEP == 0:
        print(f"{number} recordings {what}", file=sys.stderr, flush=True)


def table(found: Survey) -> Iterator[str]:
    """Yield provider x endpoint x what became of its recordings, and the sums."""
    rows: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for label, recording in found.recordings.items():
        row, state, sent = rows[recording.provider, recording.endpoint], found.state(label), found.replayed.state(label)
        row["recordings"] += 1
        row[f"decoded {found.decoded.results[label].state}"] += 1
        row[f"replay {sent}" if sent else "not served" if state == "not served" else "not sent"] += 1
    sums = sum(rows.values(), Counter())
    heads = "".join(f"{name:>12}" for name in COLUMNS)
    yield f"{'':<42}{'':>12}{'decoded':>24}{'replayed':>36}"
    yield f"{'provider':<18}{'endpoint':<24}{heads}"
    for (provider, endpoint), row in [*sorted(rows.items()), (("all", ""), sums)]:
        names = ("recordings", "decoded passed", "decoded failed", "replay exact", "replay edited", "replay failed")
        yield f"{provider:<18}{endpoint:<24}" + "".join(f"{row[name]:>12}" for name in (*names, *COLUMNS[-2:]))


def told(found: Survey) -> Iterator[str]:
    """Yield recorded endpoint x other dialect x how many parts kept their meaning, then each that did not."""
    yield f"{'recorded':<26}{'told in':<24}{'same':>8}{'failed':>8}{'refused':>8}"
    tally = found.told
    states = (tally.passed, tally.failed, tally.left_out)
    ways: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0] * len(states))
    for place, counted in enumerate(states):
        for (_, endpoint, kind), number in counted.items():
            ways[endpoint, kind.rpartition(" in ")[2]][place] += number
    for (endpoint, other), numbers in sorted(ways.items()):
        yield f"{endpoint:<26}{other:<24}" + "".join(f"{number:>8}" for number in numbers)
    for label, result in tally.results.items():
        for kind, words in result.failed.items():
            yield f"  {label}, {kind}: {explain(result.recording) or words[:300]}"


def explained(found: Survey) -> Iterator[str]:
    """Yield each failure with what in the recording explains it."""
    for label, recording in found.recordings.items():
        if found.state(label) == "failed":
            yield f"  {label}: {explain(recording) or 'NOT EXPLAINED, a fault until it is understood'}"
            yield from (f"      {words[:300]}" for words in found.words(label))


def left_out(found: Survey) -> Iterator[str]:
    """Yield why recordings are not served, or not sent, with their numbers."""
    reasons: Counter[str] = Counter()
    for label, recording in found.recordings.items():
        result, where = found.decoded.results[label], recording.endpoint
        if found.state(label) == "not served":
            reasons[f"not served, {where}: {next(iter(result.left_out.values()), unserved.not_served(recording))}"] += 1
        elif not found.replayed.state(label):
            reasons[f"read but not sent, {where}: {unserved.not_replayed(recording)}"] += 1
        reasons.update(f"in part, {where} {kind}: {words}" for kind, words in result.left_out.items() if result.passed)
    yield from (f"  {number:>4} {reason}" for reason, number in sorted(reasons.items()))


def summary(found: Survey) -> dict[str, object]:
    """Return the figures that are printed last."""
    states = Counter(found.state(label) for label in found.recordings)
    covered = states["passed"] + states["failed"]
    unexplained = sum(
        1 for label, recording in found.recordings.items() if found.state(label) == "failed" and not explain(recording)
    )
    return {
        "records": len(found.recordings),
        "covered": covered,
        "passed": states["passed"],
        "failed": states["failed"],
        "unexplained": unexplained,
        "not_served": states["not served"],
        "missing": found.missing,
        "cases": found.decoded.total,
        "usage_cases": found.counted.total,
        "told_cases": found.told.total,
        "told_share": round(found.told.share, 5),
        "replayed": found.replayed.total,
        "exact": found.replayed.exact,
        "edited": found.replayed.edited.total(),
        "share": round(states["passed"] / covered, 5) if covered else 0.0,
        "bar": BAR,
    }


def report(found: Survey) -> int:
    """Print everything, the summary last; return 1 under the bar."""
    print("== Recordings by provider and endpoint", *table(found), sep="\n")
    print("== Declared edits of replays")
    print(*(f"  {number:>4} {name}" for name, number in found.replayed.edited.most_common()), sep="\n")
    print("== How each dialect counts, and how many answers bear it out", *usage.table(found.counted), sep="\n")
    print(*(f"  excepted {number}: {words}" for words, number in found.counted.unserved.most_common()), sep="\n")
    print("== Told in other dialects: text, calls, stop reason and tokens", *told(found), sep="\n")
    print("== Failures, each with its explanation", *explained(found), sep="\n")
    print("== What is not served or not sent, and why", *left_out(found), sep="\n")
    figures = summary(found)
    print(json.dumps(figures))
    good = min(float(str(figures["share"])), found.told.share) >= BAR
    return 0 if figures["covered"] and good and not found.missing else 1


def main(arguments: list[str] | None = None) -> int:
    """Run the drill."""
    parser = argparse.ArgumentParser(prog="python -m tests.drills.recordings", description=__doc__)
    parser.add_argument("--absent-ok", action="store_true", help="end with 0 where there are no recordings")
    options = parser.parse_args(arguments)
    if folder() is None:
        place = f"../{DEFAULT.relative_to(DEFAULT.parents[2])}"
        print(f"No recorded provider traffic: {place} is not there. Put the recordings there, or name their folder in")
        print("SLUICE_RECORDINGS; --absent-ok makes their absence no fault.")
        print(json.dumps({"records": 0, "skipped": True}))
        return 0 if options.absent_ok else 1
    return report(survey())


if __name__ == "__main__":
    sys.exit(main())
