"""Holds the bound of input tokens to what vendors counted, over all recordings that report usage.

A record is left out only for what is not in it: parts of the request that the recorder cut away, references and server
tools (they are open: the caller adds a declared allowance), and reports that no vendor counted.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.dialects import chat_dialect
from sluice.errors import BadRequest
from sluice.metering.bounds import InputBound, input_bound
from sluice.metering.worst_case import output_beyond, output_bound
from sluice.types.catalogue import Model
from sluice.types.usage import Usage
from tests.wire.recordings import Recording, read
from tests.wire.usage.reported import DIALECTS, ENDPOINTS, counted, dialect_of

BAR = 3.0
"""The most that all bounds may come to against all that was used: a hold is given back within seconds, so a budget with
room for three times what runs at one moment loses nothing; beyond that, requests near the cap are refused in vain."""
BAR_EACH = 8.0
"""The same for the mean of single requests, most of which here are a few words: a template's allowance alone, worth
thousandths of a cent, is several times such a prompt."""
CHATS = frozenset(DIALECTS) - {"images", "audio.transcriptions", "moderations"}
HIDDEN = {"venice": 4_096}
"""What a host outside the catalogue would have to be configured with: it puts a prompt of its own before chats."""
_LEAST_CACHED = 1_024
"""Anthropic caches no prefix shorter than this (vendor docs, "Prompt caching", 2026-11)."""


@dataclass(frozen=True)
class Case:
    """One record: the bound, what was counted, and why the bound need not hold (in words), if so."""

    recording: Recording
    bound: InputBound
    usage: Usage
    excused: str

    @property
    def ratio(self) -> float:
        return self.bound.tokens / self.usage.prompt

    @property
    def holds(self) -> bool:
        return self.bound.tokens >= self.usage.prompt

    @property
    def answer_fits(self) -> bool:
        """Whether the answer kept to the bound that was asked for, as far as holds count on it."""
        asked, choices = asked_of(self.recording)
        model = Model(self.recording.model or "", self.recording.provider)
        bound = output_bound(asked, choices, model) + output_beyond(asked, choices, model)
        return asked is None or self.usage.output <= bound


@dataclass
class Report:
    """All cases by provider and endpoint, and what was left out."""

    cases: dict[tuple[str, str], list[Case]] = field(default_factory=lambda: defaultdict(list))
    open: Counter[str] = field(default_factory=Counter)
    open_over: int = 0
    excused: Counter[str] = field(default_factory=Counter)
    violations: list[Case] = field(default_factory=list)
    answers: int = 0
    long_answers: list[Case] = field(default_factory=list)

    @property
    def every(self) -> list[Case]:
        return [case for cases in self.cases.values() for case in cases]


def cases() -> Iterator[Case]:
    """Yield a case for each record with a JSON request and a report of input tokens."""
    for recording in read(ENDPOINTS):
        body = recording.request_body
        if recording.status != 200 or not isinstance(body, dict):
            continue
        usage = counted(recording)
        if usage is None or not usage.prompt:
            continue
        yield Case(recording, bound_of(recording, body), usage, excuse(recording, usage))


def bound_of(recording: Recording, body: dict[str, Any]) -> InputBound:
    """Return the bound for the model as the caller named it."""
    model = str(body.get("model") or recording.model or "")
    hidden = HIDDEN.get(recording.provider, 0) if recording.endpoint == "chat.completions" else 0
    return input_bound(body, model, quirks={"hidden_prompt": hidden})


def excuse(recording: Recording, usage: Usage) -> str:
    """Return why no bound can be held to this report, "" where one can."""
    if recording.elided.get("request"):
        return "the recorder cut data out of the request"
    kept = usage.cache_read + usage.cache_write_5m + usage.cache_write_1h
    if DIALECTS.get(recording.endpoint) == "anthropic_messages" and kept > 0 and usage.prompt < _LEAST_CACHED // 2:
        return "a report that no vendor counted: less was cached than can be"
    return ""


def asked_of(recording: Recording) -> tuple[int | None, int]:
    """Return the bound on output that a request asks for, and how many answers."""
    outline: Any = getattr(chat_dialect(str(dialect_of(recording))), "outline", None)
    if outline is None or recording.endpoint not in CHATS:
        return None, 1
    try:
        found = outline({"model": "m", **recording.request_body}, 0)
    except BadRequest:
        return None, 1
    return found.max_output, found.choices


def report() -> Report:
    """Return what all recordings come to."""
    found = Report()
    for case in cases():
        found.answers += 1
        if not case.answer_fits:
            found.long_answers.append(case)
        if case.bound.open:
            found.open.update(case.bound.open)
            found.open_over += not case.holds
        elif not case.holds and case.excused:
            found.excused[case.excused] += 1
        else:
            found.cases[case.recording.provider, case.recording.endpoint].append(case)
            if not case.holds:
                found.violations.append(case)
    return found


def table(found: Report) -> Iterator[str]:
    """Yield a line for each provider and endpoint, and one for all."""
    yield f"{'provider':<18}{'endpoint':<26}{'records':>8}{'under':>7}{'total':>7}{'mean':>7}{'p50':>7}{'p99':>8}"
    for (provider, endpoint), some in sorted(found.cases.items()):
        yield _line(provider, endpoint, some)
    yield _line("all", "", found.every)
    long = [case for case in found.every if case.usage.prompt >= 256]
    yield _line("all", "of 256 tokens or more", long)
    for words, count in (*found.open.most_common(), *found.excused.most_common()):
        yield f"left out: {words}: {count}"
    yield f"with references or server tools, and above the bound without an allowance: {found.open_over}"
    for case in found.violations:
        yield f"UNDER {case.recording.label} {case.recording.model}: {case.bound.tokens} < {case.usage.prompt}"
    for case in found.long_answers:
        yield f"LONG {case.recording.label} {case.recording.model}: {case.usage.output} > {asked_of(case.recording)}"


def summary(found: Report) -> dict[str, object]:
    """Return the figures of all records together."""
    ratios = sorted(case.ratio for case in found.every)
    return {
        "records": len(ratios),
        "violations": len(found.violations),
        "answers": found.answers,
        "longer_than_asked": len(found.long_answers),
        "total_ratio": round(total_ratio(found.every), 2),
        "mean_ratio": round(sum(ratios) / len(ratios), 2) if ratios else 0,
        "p50": round(_part(ratios, 50), 2),
        "p99": round(_part(ratios, 99), 2),
        "open": sum(found.open.values()),
        "excused": sum(found.excused.values()),
    }


def total_ratio(some: list[Case]) -> float:
    """Return all bounds together over all that was used."""
    return sum(case.bound.tokens for case in some) / max(sum(case.usage.prompt for case in some), 1)


def passed(found: Report) -> bool:
    """Whether every bound held and none was wasteful together."""
    figures = summary(found)
    return (
        not found.violations
        and not found.long_answers
        and total_ratio(found.every) <= BAR
        and float(str(figures["mean_ratio"])) <= BAR_EACH
    )


def main() -> int:
    """Print the table and the summary; 1 where a bound was under the truth, or all are over the bar."""
    found = report()
    print("\n".join(table(found)))
    print(json.dumps(summary(found)))
    return 0 if found.every and passed(found) else 1


def _line(provider: str, endpoint: str, some: list[Case]) -> str:
    ratios = sorted(case.ratio for case in some) or [0.0]
    under = sum(not case.holds for case in some)
    mean = sum(ratios) / len(ratios)
    return (
        f"{provider:<18}{endpoint:<26}{len(some):>8}{under:>7}{total_ratio(some):>7.2f}{mean:>7.2f}"
        f"{_part(ratios, 50):>7.2f}{_part(ratios, 99):>8.2f}"
    )


def _part(ratios: list[float], per_cent: int) -> float:
    return ratios[min(len(ratios) - 1, len(ratios) * per_cent // 100)] if ratios else 0.0
