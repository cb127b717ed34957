"""20,000 requests through the whole local stack: does anything grow that should not?

Callers of three dialects, streamed or not, with budgets and rate limits in force, and a share of requests that are
wrong (bad bodies, unknown models and keys), because refusals must not leak either. After a warm-up, and at the end,
each process of the gateway is asked what it holds: memory (resident), file descriptors, threads; and the stack's folder
is counted. Memory is also followed from sample to sample.

Bars: no error; no process of the gateway grows by more than `GROWTH_KB` or a tenth, or steadily by more than `SLOPE_KB`
KB for 1,000 requests (the median from sample to sample); descriptors and threads as after the warm-up; no new files,
and no bytes but those of the ledger (the emulated tables) and the logs. The emulator keeps the ledger in memory and is
only reported.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

import httpx

from tests.drills.chaos_books import entries_of
from tests.drills.chaos_callers import CHAT, SPEECHES, Crowd, Told, Wish, percentile
from tests.drills.faults import Drill
from tests.stacks import Stack, missing, running

CALLERS = 6
SAMPLES = 20
GROWTH_KB = 3_072
SLOPE_KB = 150.0
LEAST_FOR_A_SLOPE = 5_000
"""Requests below which pools and caches that fill up once look like a slope."""
MODELS = ("simulator/sim-fast", "simulator/sim-claude")
WRONG: Mapping[str, str] = {"no/such-model": "status 404", "": "status 400"}
"""What is asked for that cannot be had, and what must come of it."""
RULES = {
    "budgets": {
        "all": {"scope": {"kind": "organisation"}, "amount": 1_000_000_000_000, "window": {"kind": "month"}},
    },
    "limits": {"fast": {"scope": {"kind": "team"}, "requests": {"per_minute": 6_000_000, "burst": 100_000}}},
}


@dataclass(frozen=True)
class Held:
    """What one process holds: resident KB, file descriptors, threads."""

    kb: int
    descriptors: int
    threads: int


@dataclass
class Sample:
    """What the stack holds after some requests."""

    requests: int
    held: Mapping[str, Held]
    files: Mapping[str, int]


@dataclass
class Result:
    """What the drill came to."""

    answers: list[Told] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, object] = field(default_factory=dict)

    def expect(self, holds: bool, words: str) -> None:
        """Note what is wrong."""
        if not holds:
            self.wrong.append(words)


def held_by(pid: int) -> Held:
    """Return what a process holds now."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Held(int(status["VmRSS"].split()[0]), descriptors, int(status["Threads"]))


def sample(stack: Stack, requests: int) -> Sample:
    """Return what the stack's processes and its folder hold."""
    held = {"gateway": held_by(stack.pid)}
    for function in ("streaming", "routing", "completion"):
        for number, pid in enumerate(stack.environments(function), 1):
            held[f"{function} {number}"] = held_by(pid)
    for pid, command in stack.children().items():
        if "emulator_launcher" in command:
            held["emulator"] = held_by(pid)
        elif "simulator" in command:
            held["simulator"] = held_by(pid)
    return Sample(requests, held, files_of(stack.home))


def files_of(home: Path) -> dict[str, int]:
    """Return the bytes of every file under the stack's folder."""
    sizes: dict[str, int] = {}
    for path in home.rglob("*"):
        try:
            if path.is_file():
                sizes[str(path.relative_to(home))] = path.stat().st_size
        except FileNotFoundError:
            continue  # a draft that has become the file
    return sizes


def wishes(count: int, seed: int) -> Iterator[Wish]:
    """Yield requests; one in twenty-five is wrong."""
    dice = random.Random(seed)
    for number in range(count):
        words = f"answer {number} of {seed}" + " and more of it" * dice.randrange(8)
        if dice.random() < 0.04:
            yield Wish(CHAT, dice.choice(tuple(WRONG)), words, dice.random() < 0.5)
        else:
            yield Wish(dice.choice(SPEECHES[:3]), dice.choice(MODELS), words, dice.random() < 0.6)


def due(wish: Wish) -> str:
    """Return the verdict that a wish must get."""
    return WRONG.get(wish.model, "whole")


def play(stack: Stack, total: int) -> Result:
    """Send everything, and take a sample now and then."""
    publish(stack)
    result, crowd = Result(), Crowd(stack.url, stack.api_key, CALLERS)
    step = max(total // SAMPLES, 1)
    for number in range(SAMPLES):
        begun = time.monotonic()
        result.answers += crowd.ask(wishes(step, number))
        strangers(stack, 10)
        result.samples.append(sample(stack, len(result.answers)))
        if number % 4 == 3:
            seconds = time.monotonic() - begun
            largest = max(held.kb for name, held in result.samples[-1].held.items() if name.startswith("streaming"))
            gateway = result.samples[-1].held["gateway"].kb
            print(
                f"{len(result.answers):6} requests, {step / seconds:.0f} a second, largest environment "
                f"{largest / 1024:.1f} MB, gateway {gateway / 1024:.1f} MB",
                flush=True,
            )
    crowd.close()
    return result


def strangers(stack: Stack, count: int) -> None:
    """Knock with keys that nobody has."""
    with httpx.Client(base_url=stack.url) as caller:
        for number in range(count):
            key = f"sk-sluice-{'a' * 11}{'abcdefghij'[number % 10]}{'x' * 32}"
            caller.get("/v1/models", headers={"authorization": f"Bearer {key}"})


def judge(result: Result, warm: int) -> None:
    """Compare the first sample after `warm` requests with the last one."""
    bad = [each for each in result.answers if each.verdict != due(each.wish)]
    result.expect(not bad, f"{len(bad)} wrong answers: {Counter(each.verdict for each in bad).most_common(4)}")
    after = [each for each in result.samples if each.requests >= warm]
    first, last = after[0], after[-1]
    result.expect(set(first.held) == set(last.held), f"processes changed: {sorted(set(first.held) ^ set(last.held))}")
    growths: dict[str, int] = {}
    slopes: dict[str, float] = {}
    for name in sorted(set(first.held) & set(last.held)):
        then, now = first.held[name], last.held[name]
        growths[name] = now.kb - then.kb
        slopes[name] = slope([(each.requests, each.held[name].kb) for each in after if name in each.held])
        if name in ("emulator", "simulator"):
            continue
        result.expect(growths[name] <= max(GROWTH_KB, then.kb // 10), f"{name} grew by {growths[name]} KB")
        long_enough = last.requests - first.requests >= LEAST_FOR_A_SLOPE
        result.expect(
            not long_enough or slopes[name] <= SLOPE_KB, f"{name} grows by {slopes[name]:.0f} KB for 1,000 requests"
        )
        result.expect(now.descriptors <= then.descriptors + 2, f"{name}: {then.descriptors} -> {now.descriptors} files")
        result.expect(now.threads <= then.threads, f"{name}: {then.threads} -> {now.threads} threads")
    new = sorted(name for name in set(last.files) - set(first.files) if not _expected(name))
    result.expect(not new, f"{len(new)} new files: {new[:5]}")
    more = {
        name: last.files[name] - size
        for name, size in first.files.items()
        if last.files.get(name, 0) > size and not _expected(name)
    }
    result.expect(not more, f"files grew: {more}")
    requests = max(last.requests - first.requests, 1)
    ours = [name for name in growths if name not in ("emulator", "simulator")]
    result.figures |= {
        "growth_kb_largest": max(growths[name] for name in ours),
        "slope_kb_per_1000_largest": round(max(slopes[name] for name in ours), 1),
        "growth_kb": growths,
        "environment_mb": round(max((last.held[name].kb for name in ours if name != "gateway"), default=0) / 1024, 1),
        "gateway_mb": round(last.held["gateway"].kb / 1024, 1),
        "descriptors": {name: last.held[name].descriptors for name in ours},
        "threads": {name: last.held[name].threads for name in ours},
        "log_bytes_per_request": _grown(first, last, "logs/") // requests,
        "table_bytes_per_request": _grown(first, last, "state/emulator") // requests,
        "new_files": len(new),
    }


def slope(points: Sequence[tuple[int, int]]) -> float:
    """Return how the second number grows for 1,000 of the first, by the median from one point to the next.

    What leaks grows all the time; a buffer that became larger once does not.
    """
    steps = [1000 * (now[1] - then[1]) / (now[0] - then[0]) for then, now in pairwise(points) if now[0] > then[0]]
    return median(steps) if steps else 0.0


def _expected(name: str) -> bool:
    """Return whether a file grows with the ledger: the emulated tables, and the functions' logs."""
    return name.startswith(("state/emulator", "logs/"))


def _grown(first: Sample, last: Sample, folder: str) -> int:
    return sum(size - first.files.get(name, 0) for name, size in last.files.items() if name.startswith(folder))


def books(stack: Stack, result: Result) -> None:
    """Expect one entry for each request."""
    settings = Drill(stack).settings()
    assert settings.endpoint_url is not None
    asked = {each.request_id for each in result.answers}
    deadline, ids = time.monotonic() + 20, set[str]()
    while not asked <= ids and time.monotonic() < deadline:
        entries = entries_of(settings.endpoint_url, settings.region, settings.table("ledger"))
        ids = {entry.request_id for entry in entries}
    result.expect(asked <= ids, f"{len(asked - ids)} requests without an entry")
    result.figures["entries"] = len(ids)


def publish(stack: Stack) -> None:
    """Make budgets and limits live."""
    headers = {"authorization": f"Bearer {stack.admin_key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=30) as admin:
        document = admin.get("/admin/configuration").raise_for_status().json()["document"]
        published = admin.post("/admin/configuration/versions", json={**document, **RULES})
        assert published.status_code < 300, published.text
        version = published.json()["version"]
        admin.post(f"/admin/configuration/versions/{version}/promote").raise_for_status()


def drill(home: Path, total: int) -> Result:
    """Run the drill in a stack of its own."""
    with running(home, SLUICE_MAX_ENVIRONMENTS=str(CALLERS)) as stack:
        result = play(stack, total)
        judge(result, total // 4)
        books(stack, result)
    return result


def main() -> int:
    """Print the figures and the summary; 1 when a bar was missed. An argument is the number of requests."""
    reason = missing() or (None if Path("/proc").is_dir() else "this system has no /proc, which tells what grows")
    if reason is not None:
        print(f"the drill cannot run: {reason}", file=sys.stderr)
        return 1
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sluice-soak-") as folder:
        result = drill(Path(folder), total)
    for wrong in result.wrong:
        print(f"WRONG {wrong}")
    seconds = time.monotonic() - begun
    p99 = 1000 * percentile((each.seconds for each in result.answers), 0.99)
    summary = {"drill": "soak", "requests": len(result.answers), "p99_ms": round(p99), **result.figures}
    print(json.dumps({**summary, "wrong": len(result.wrong), "seconds": round(seconds)}))
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
