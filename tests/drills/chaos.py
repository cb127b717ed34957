"""A route over two providers while the first of them has every fault there is: who notices, is anything paid twice?

5,000 requests, by four dialects, streamed or not. The first provider (OpenAI's dialect) has weather of 30 % 429, 10 %
server errors, hangs, slow first bytes, garbage and cut streams, and is down for a while, first refusing connections and
later taking them without an answer. The second one (Anthropic's dialect) has little faults of its own.

A request succeeds when its caller gets the whole answer, word for word. A stream that its provider breaks after the
first token cannot succeed: some of it is with the caller and paid, so asking anybody again would show and charge a text
twice. Those are counted apart; each must end with the dialect's error event and be charged for what came. All other
requests count, and `success_percent_of_all` has the broken ones as failures too.

Bars: 99.95 % of the requests that a provider did not break; every broken one told as such; one ledger entry for each
request; no answer that is charged and no provider gave.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from sluice.types.ledger import LedgerEntry
from tests.drills.chaos_books import Vendor, entries_of, logged, vendors
from tests.drills.chaos_callers import SPEECHES, Crowd, Told, Wish, percentile
from tests.drills.faults import Drill
from tests.stacks import Stack, missing, running

BAR_PER_CENT = 99.95
CALLERS = 6
ROUTE = "both"
MODELS = ("openai/sim-fast", "anthropic/sim-claude")
TIMEOUTS = {"connect": 0.5, "first_byte": 1.0, "idle": 1.0, "total": 20, "request": 30}
STORM: tuple[tuple[float, str], ...] = (
    (0.24, "status=429"),
    (0.05, "status=429 retry_after=0.05"),
    (0.01, "status=429 retry_after=2"),
    (0.04, "status=500"),
    (0.02, "status=502 body=html"),
    (0.02, "status=503"),
    (0.02, "error_event_at=0"),
    (0.01, "hang"),
    (0.03, "delay=0.3"),
    (0.02, "stall=0.2"),
    (0.02, "cut_after=0"),
    (0.01, "malformed=0"),
    (0.01, "cut_after=8"),
    (0.005, "close_after=8"),
    (0.005, "error_event_at=8"),
    (0.003, "hang_after=8"),
)
"""The first provider's: shares of its calls, and what becomes of them."""
DRIZZLE: tuple[tuple[float, str], ...] = (
    (0.02, "status=429"),
    (0.01, "status=529"),
    (0.02, "delay=0.3"),
    (0.002, "cut_after=8"),
)
"""The second provider's."""
SILENCE: tuple[tuple[float, str], ...] = ((1.0, "hang"),)
RATES = {"input": 1_000, "output": 5_000}
"""Nano-USD a token, of both models."""


@dataclass
class Result:
    """What the drill came to."""

    calm: list[Told] = field(default_factory=list)
    stormy: list[Told] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)

    def expect(self, holds: bool, words: str) -> None:
        """Note what is wrong."""
        if not holds:
            self.wrong.append(words)


def wishes(count: int, seed: int) -> Iterator[Wish]:
    """Yield requests of all dialects, two in three streamed, each with words of its own."""
    dice = random.Random(seed)
    for number in range(count):
        words = f"answer {number} of part {seed} is for one caller and for nobody else"
        yield Wish(dice.choice(SPEECHES), ROUTE, words, dice.random() < 0.66)


def play(stack: Stack, primary: Vendor, secondary: Vendor, total: int) -> Result:
    """Send everything and return what came of it."""
    publish(stack)
    result, crowd = Result(), Crowd(stack.url, stack.api_key, CALLERS)
    crowd.ask(wishes(CALLERS * 4, 1))  # environments start
    result.calm = told("fair weather", crowd.ask(wishes(max(total // 10, 30), 2)))
    secondary.weather(DRIZZLE, seed=11)
    outage = total // 10

    primary.weather(STORM, seed=12)
    storm = told("storm", crowd.ask(wishes(total - 3 * outage, 3)))
    primary.stop()
    refused = told("first provider is gone", crowd.ask(wishes(outage, 4)))
    primary.start()
    primary.weather(STORM, seed=13)
    again = told("storm again", crowd.ask(wishes(outage, 5)))
    primary.weather(SILENCE, seed=14)
    silent = told("first provider is silent", crowd.ask(wishes(outage, 6)))
    crowd.close()
    result.stormy = [*storm, *refused, *again, *silent]
    result.figures["served_by_first_after_outage"] = sum(
        each.headers.get("x-sluice-provider") == "openai" for each in again
    )
    result.figures["p99_ms_by_part"] = {
        name: round(p99(part)) for name, part in (("storm", storm), ("gone", refused), ("silent", silent))
    }
    return result


def told(part: str, answers: list[Told]) -> list[Told]:
    """Print one part's figures."""
    counts = Counter("odd" if ":" in a.verdict or " " in a.verdict else a.verdict for a in answers)
    by = Counter(answer.headers.get("x-sluice-provider", "nobody") for answer in answers)
    print(
        f"{part:25} {len(answers):5} sent: {counts['whole']} whole, {counts['broken']} broken, {counts['odd']} odd, "
        f"p50 {p50(answers):.0f} ms, p99 {p99(answers):.0f} ms; {dict(by)}",
        flush=True,
    )
    return answers


def p50(answers: Sequence[Told]) -> float:
    """Return the median of whole answers in ms."""
    return 1000 * percentile((each.seconds for each in answers if each.verdict == "whole"), 0.5)


def p99(answers: Sequence[Told]) -> float:
    """Return the 99th percentile of whole answers in ms."""
    return 1000 * percentile((each.seconds for each in answers if each.verdict == "whole"), 0.99)


def judge(result: Result, entries: Sequence[LedgerEntry], charged: int, answered: int) -> None:
    """Hold the answers to the bars and the ledger to the answers; `answered` is the providers' own count."""
    everything = [*result.calm, *result.stormy]
    broken = [each for each in result.stormy if each.verdict == "broken"]
    others = [each for each in result.stormy if each.verdict != "broken"]
    failed = [each for each in others if each.verdict != "whole"]
    success = 100 * (1 - len(failed) / max(len(others), 1))
    result.expect(all(each.verdict == "whole" for each in result.calm), "not all was well in fair weather")
    result.expect(success >= BAR_PER_CENT, f"success {success:.3f} %: {Counter(e.verdict for e in failed)}")
    by_id = {entry.request_id: entry for entry in entries}
    result.expect(len(by_id) == len(entries), "a request has two entries")
    asked = {each.request_id for each in everything if each.request_id}
    result.expect(asked <= set(by_id), f"{len(asked - set(by_id))} requests without an entry")
    for each in broken:
        entry = by_id.get(each.request_id)
        paid = entry is not None and entry.outcome == "failed" and entry.cost > 0
        result.expect(paid, f"a broken stream is entered as {entry.outcome if entry else 'nothing'}")
    for entry in entries:
        oks = sum(attempt.outcome == "ok" for attempt in entry.attempts)
        due = sum(getattr(entry.usage, name) * rate for name, rate in RATES.items())
        result.expect(oks <= 1, f"{entry.request_id} was answered {oks} times")
        result.expect(entry.cost == (due if oks else 0), f"{entry.request_id} costs {entry.cost}, not {due}")
    result.expect(charged <= answered, f"{charged} answers were charged, and providers gave {answered}")
    result.figures |= {
        "success_percent": round(success, 3),
        "success_percent_of_all": round(100 * (1 - (len(failed) + len(broken)) / len(result.stormy)), 3),
        "broken_after_first_token": len(broken),
        "failed": len(failed),
        "p99_calm_ms": round(p99(result.calm)),
        "p99_storm_ms": round(p99(result.stormy)),
        "added_p99_ms": round(p99(result.stormy) - p99(result.calm)),
        "added_p50_ms": round(p50(result.stormy) - p50(result.calm)),
    }


def books(stack: Stack, result: Result, parties: Sequence[Vendor], before: int) -> None:
    """Read the ledger when it is complete, and judge."""
    settings = Drill(stack).settings()
    assert settings.endpoint_url is not None
    entries: list[LedgerEntry] = []
    wanted = len(result.calm) + len(result.stormy) + before
    deadline = time.monotonic() + 20
    while len(entries) < wanted and time.monotonic() < deadline:
        time.sleep(0.2)
        entries = entries_of(settings.endpoint_url, settings.region, settings.table("ledger"))
    whole = sum(vendor.tally["whole"] for vendor in parties)
    paid = sum(entry.outcome == "ok" for entry in entries)
    judge(result, entries, paid, whole)
    result.expect(len(entries) == wanted, f"{len(entries)} entries for {wanted} requests")
    attempts = Counter(attempt.outcome for entry in entries for attempt in entry.attempts)
    changes = Counter(str(line["state"]) for line in logged(stack.logs, "streaming", "health"))
    result.figures |= {
        "entries": len(entries),
        "answers_charged": paid,
        "answers_given": whole,
        "given_after_the_gateway_had_left": whole - paid,
        "attempts": dict(sorted(attempts.items())),
        "ejected": changes["ejected"],
        "restored": changes["restored"],
    }


def publish(stack: Stack) -> None:
    """Make the drill's route live."""
    headers = {"authorization": f"Bearer {stack.admin_key}"}
    route = {
        "targets": [{"model": model} for model in MODELS],
        "timeouts": TIMEOUTS,
        "retry": {"attempts": 3, "base": 0.02, "longest": 0.5},
    }
    prices = [{"tiers": [{"rates": {name: rate * 1_000_000 for name, rate in RATES.items()}}]}]
    with httpx.Client(base_url=stack.url, headers=headers, timeout=30) as admin:
        document = admin.get("/admin/configuration").raise_for_status().json()["document"]
        wanted = {**document, "routes": {ROUTE: route}, "models": {model: {"prices": prices} for model in MODELS}}
        published = admin.post("/admin/configuration/versions", json=wanted)
        version = published.raise_for_status().json()["version"]
        admin.post(f"/admin/configuration/versions/{version}/promote").raise_for_status()


def drill(home: Path, total: int) -> Result:
    """Run the drill in a stack of its own."""
    with (
        vendors(2) as (primary, secondary),
        running(
            home,
            OPENAI_BASE_URL=f"{primary.url}/openai/v1",
            OPENAI_API_KEY="sim-chaos",
            ANTHROPIC_BASE_URL=f"{secondary.url}/anthropic",
            ANTHROPIC_API_KEY="sim-chaos",
        ) as stack,
    ):
        result = play(stack, primary, secondary, total)
        primary.weather(())
        books(stack, result, (primary, secondary), before=CALLERS * 4)
    return result


def main() -> int:
    """Print the figures and the summary; 1 when a bar was missed. An argument is the number of requests."""
    reason = missing()
    if reason is not None:
        print(f"the drill cannot run: {reason}", file=sys.stderr)
        return 1
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-chaos-") as folder:
        result = drill(Path(folder), total)
    for wrong in result.wrong[:40]:
        print(f"WRONG {wrong}")
    seconds = round(time.monotonic() - begun)
    summary = {"drill": "chaos", "requests": len(result.stormy), **result.figures, "bar_percent": BAR_PER_CENT}
    print(json.dumps({**summary, "wrong": len(result.wrong), "seconds": seconds}))
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
