"""Load on a gateway that is deployed, in steps: `python -m benchmarks.deployed --url URL [--callers 1,8,32]`.

It sends a bounded number of streamed and whole requests from a growing number of callers, each waiting for its answer.
For each step it tells requests a second, errors by status, time to the first byte and to the last (p50, p95, p99), and
what the gateway says it spent itself (`x-sluice-overhead-ms`). It stops by itself when too many requests fail. The key
comes from SLUICE_API_KEY. Every request costs what its model costs. docs/load-test.md says what to look at meanwhile.

The steps' figures are lines of JSON on `--out`; one line of JSON comes last.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from sluice.cli.session import known_environment

MOST_CALLERS, MOST_REQUESTS = 500, 20_000
STOP_AT = 0.2
"""The share of failed requests after which no further step is taken."""
PATIENCE = 120.0


@dataclass
class Step:
    """What so many callers came to. Times in ms."""

    callers: int
    stream: bool
    seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)
    first: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    overhead: list[float] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many were sent."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> float:
        """The share that was not answered with 200."""
        return 1 - self.statuses["200"] / self.requests if self.requests else 0.0

    def card(self) -> dict[str, object]:
        """Return the figures."""
        return {
            "callers": self.callers,
            "stream": self.stream,
            "requests": self.requests,
            "per_second": round(self.requests / self.seconds, 1) if self.seconds else 0,
            "statuses": dict(sorted(self.statuses.items())),
            "first_ms": percentiles(self.first),
            "last_ms": percentiles(self.last),
            "overhead_ms": percentiles(self.overhead),
        }


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return p50, p95 and p99; empty where there is nothing."""
    ordered = sorted(values)
    return {f"p{p}": round(ordered[min(len(ordered) * p // 100, len(ordered) - 1)], 2) for p in (50, 95, 99) if ordered}


def run(client: httpx.Client, model: str, callers: int, requests: int, stream: bool, words: str) -> Step:
    """Send `requests` from `callers` threads, each one after the other."""
    step = Step(callers, stream)
    lock, left = threading.Lock(), iter(range(requests))
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": words}]}

    def call() -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            began = time.perf_counter()
            first = 0.0
            try:
                with client.stream("POST", "/v1/chat/completions", json=body) as answer:
                    for _ in answer.iter_raw():
                        first = first or time.perf_counter()
                    status, overhead = str(answer.status_code), answer.headers.get("x-sluice-overhead-ms")
            except httpx.HTTPError as error:
                status, overhead = type(error).__name__, None
            ended = time.perf_counter()
            with lock:
                step.statuses[status] += 1
                if status == "200":
                    step.first.append((first - began) * 1000)
                    step.last.append((ended - began) * 1000)
                if overhead is not None:
                    step.overhead.append(float(overhead))

    began = time.perf_counter()
    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    step.seconds = time.perf_counter() - began
    return step


def told(step: Step) -> str:
    """Return a step as a line for people."""
    card = step.card()
    times = "  ".join(f"{name} {card[f'{name}_ms']}" for name in ("first", "last", "overhead"))
    kind = "streams" if step.stream else "whole"
    return f"{step.callers:4} callers, {kind:7} {card['per_second']:>8}/s  {dict(step.statuses)}  ms: {times}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the steps; fails when one had too many errors."""
    known = known_environment()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deployed", description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=known.get("SLUICE_URL"), help="the gateway (default: SLUICE_URL)")
    parser.add_argument("--model", default="simulator/sim-fast")
    parser.add_argument("--callers", default="1,8,32", help=f"steps, each at most {MOST_CALLERS}")
    parser.add_argument("--requests", type=int, default=200, help=f"of each step, at most {MOST_REQUESTS}")
    parser.add_argument("--words", default="Say hello.", help="what is asked")
    parser.add_argument("--out", type=Path, help="a file that gets a line of JSON for each step")
    options = parser.parse_args(arguments)
    key = known.get("SLUICE_API_KEY")
    steps = [int(number) for number in options.callers.split(",")]
    if not options.url or not key:
        parser.error("name the gateway with --url and set SLUICE_API_KEY to a virtual key of it")
    if max(steps) > MOST_CALLERS or not 0 < options.requests <= MOST_REQUESTS:
        parser.error(f"at most {MOST_CALLERS} callers and {MOST_REQUESTS} requests a step")
    done: list[Step] = []
    limits = httpx.Limits(max_connections=None)
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=options.url, headers=headers, timeout=PATIENCE, limits=limits) as client:
        for callers in steps:
            for stream in (False, True):
                step = run(client, options.model, callers, options.requests, stream, options.words)
                done.append(step)
                print(told(step), flush=True)
                if options.out:
                    with options.out.open("a") as file:
                        file.write(json.dumps(step.card()) + os.linesep)
            if any(step.failed > STOP_AT for step in done[-2:]):
                print("Too many requests fail; no further step is taken.", file=sys.stderr)
                break
    failed = sum(step.requests - step.statuses["200"] for step in done)
    total = sum(step.requests for step in done)
    print(json.dumps({"requests": total, "failed": failed, "steps": [step.card() for step in done]}))
    return 1 if done[-1].failed > STOP_AT else 0


if __name__ == "__main__":
    sys.exit(main())
