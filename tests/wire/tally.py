"""Runs cases over recorded traffic, keeps what became of each recording, and prints the table.

A check module exports `ENDPOINTS`, `BAR` and `cases(recording)`, which yields (kind, callable without arguments). A
case passes when it returns, fails when it raises, and is left out when it raises `NotServed`, whose words say why.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from sluice.errors import BadRequest
from tests.wire.explained import explain
from tests.wire.recordings import Recording, folder, read, require

BAR = 0.99
"""The least share of cases, and of recordings, that must pass."""
LEAST = 3
"""How many recordings of each provider and endpoint the short form takes."""
Case = Callable[[], object]
Cases = Callable[[Recording], Iterable[tuple[str, Case]]]
Key = tuple[str, str, str]


class NotServed(Exception):
    """What was recorded is not served, or cannot be said in another dialect; the message says why."""


@dataclass
class Result:
    """What became of one recording: the kinds of its cases, and the words for those that did not pass."""

    recording: Recording
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """Whether the recording as a whole "failed", "passed" or was "left out" (nothing of it is served)."""
        if self.failed:
            return "failed"
        return "passed" if self.passed else "left out"


@dataclass
class Tally:
    """Results by the recording's name; counts by provider, endpoint and kind of case."""

    results: dict[str, Result] = field(default_factory=dict)
    passed: Counter[Key] = field(default_factory=Counter)
    failed: Counter[Key] = field(default_factory=Counter)
    left_out: Counter[Key] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """Cases that passed or failed."""
        return self.passed.total() + self.failed.total()

    @property
    def share(self) -> float:
        """The share of those that passed."""
        return 1 - self.failed.total() / self.total if self.total else 1.0

    @property
    def reasons(self) -> list[str]:
        """One line for each case that failed."""
        results = self.results.values()
        return [f"{kind} {each.recording.label}: {words}" for each in results for kind, words in each.failed.items()]

    @property
    def unserved(self) -> Counter[str]:
        """Why cases were left out, and how many."""
        results = self.results.values()
        return Counter(
            f"{each.recording.endpoint}, {kind}: {words}" for each in results for kind, words in each.left_out.items()
        )

    def examine(self, recording: Recording, cases: Cases) -> Result:
        """Run the cases of one recording."""
        result = self.results.setdefault(recording.label, Result(recording))
        try:
            for kind, case in cases(recording):
                self._one(result, kind, case)
        except Exception as error:
            self._fail(result, "cases", error)
        return result

    def _one(self, result: Result, kind: str, case: Case) -> None:
        key = (result.recording.provider, result.recording.endpoint, kind)
        try:
            case()
        except NotServed as reason:
            result.left_out[kind] = str(reason)
            self.left_out[key] += 1
        except Exception as error:
            self._fail(result, kind, error)
        else:
            result.passed.append(kind)
            self.passed[key] += 1

    def _fail(self, result: Result, kind: str, error: Exception) -> None:
        result.failed[kind] = f"{type(error).__name__}: {str(error)[:400]}"
        self.failed[result.recording.provider, result.recording.endpoint, kind] += 1

    def table(self) -> Iterator[str]:
        """Yield the lines of the table provider x endpoint x case, then the reasons."""
        yield f"{'provider':<18}{'endpoint':<24}{'case':<34}{'passed':>8}{'failed':>8}{'left out':>10}"
        for key in sorted({*self.passed, *self.failed, *self.left_out}):
            counts = f"{self.passed[key]:>8}{self.failed[key]:>8}{self.left_out[key]:>10}"
            yield f"{key[0]:<18}{key[1]:<24}{key[2]:<34}{counts}"
        yield from (f"  failed: {reason}" for reason in self.reasons)
        yield from (f"  left out {number}: {reason}" for reason, number in self.unserved.most_common())


def run(endpoints: Iterable[str], cases: Cases, least: int | None = None) -> Tally:
    """Run every case of the recordings of some endpoints; of `least` by provider and endpoint where it is given."""
    tally = Tally()
    for recording in some(read(endpoints), least):
        tally.examine(recording, cases)
    return tally


def some(recordings: Iterable[Recording], least: int | None) -> Iterator[Recording]:
    """Yield the recordings; with `least` the first of each provider, endpoint and set of kinds, up to that many."""
    seen: Counter[object] = Counter()
    for recording in recordings:
        key = (recording.provider, recording.endpoint, recording.stream, recording.status)
        seen[key] += 1
        if least is None or seen[key] <= least:
            yield recording


def main(name: str, endpoints: Iterable[str], cases: Cases, bar: float = BAR) -> int:
    """Run one check over all recordings, print the table and a summary in JSON; return 1 when the bar is missed."""
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was checked")
    tally = run(endpoints, cases)
    print("\n".join(tally.table()))
    summary: dict[str, object] = {"check": name, "recordings": len(tally.results), "cases": tally.total}
    summary |= {"failed": tally.failed.total(), "left_out": tally.left_out.total()}
    print(json.dumps({**summary, "share": round(tally.share, 5), "bar": bar}))
    return 0 if tally.total and tally.share >= bar else 1


def hold(endpoints: Iterable[str], cases: Cases, bar: float = BAR) -> Tally:
    """Run the short form of a check as a test: skipped without recordings, failing for what nothing explains."""
    require()
    tally = run(endpoints, cases, LEAST)
    print(f"passed {tally.passed.total()}, failed {tally.failed.total()}, left out {tally.left_out.total()}")
    unexplained = [each for each in tally.results.values() if each.failed and explain(each.recording) is None]
    share = 1 - len(unexplained) / max(len(tally.results), 1)
    assert tally.passed
    assert share >= bar, "\n".join(f"{each.recording.label}: {each.failed}" for each in unexplained[:20])
    return tally


def not_served(reason: str) -> Case:
    """Return a case that is left out for a reason."""

    def case() -> None:
        raise NotServed(reason)

    return case


def unless_refused(case: Case) -> Case:
    """Return a case that is left out when the gateway refuses, in words, what another dialect cannot say."""

    def told() -> None:
        try:
            case()
        except BadRequest as refusal:
            raise NotServed(refusal.message) from None

    return told


def sound(problems: Callable[[], Iterable[str]]) -> Case:
    """Return a case that fails with the problems found."""

    def case() -> None:
        found = list(problems())
        if found:
            raise AssertionError("; ".join(found))

    return case


def same(what: str, have: object, want: object) -> None:
    """Raise AssertionError with both values unless they are equal."""
    if have != want:
        raise AssertionError(f"{what}: {have!r}"[:600] + f" is not {want!r}"[:600])


def cut(body: bytes, seed: int | str = 0) -> list[bytes]:
    """Return the bytes in pieces of random length, many of a single byte: also inside UTF-8 sequences and CRLF."""
    chance = random.Random(seed)
    places = set(chance.sample(range(len(body) + 1), min(len(body), 40)))
    awkward = [at for at, byte in enumerate(body) if byte >= 0x80 or byte == 0x0D]
    for at in chance.sample(awkward, min(len(awkward), 10)):
        places.add(at + 1)
    ordered = sorted(places)
    return [body[start:stop] for start, stop in zip([0, *ordered], [*ordered, len(body)], strict=True) if start < stop]
