"""Whether a region stands after it was deployed: it answers, serves a call, and its alarms stay quiet."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

ANSWER_SECONDS = 60.0
PAUSE_SECONDS = 15.0


class RegionFailed(RuntimeError):
    """A region does not stand; the message says what was asked, and what came."""


def answers(
    url: str,
    *,
    transport: httpx.BaseTransport | None = None,
    limit: float = ANSWER_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Call a region: its health must be good, and a caller without a key turned away.

    Asked again for `limit` seconds, since a new name or certificate takes a moment. Raises RegionFailed.
    """
    until = now() + limit
    while True:
        problem = _problem(url, transport)
        if problem is None:
            return
        if now() >= until:
            raise RegionFailed(problem)
        sleep(min(5.0, limit))


def smoked(url: str, environ: Mapping[str, str], run: Callable[[Sequence[str]], int] | None = None) -> bool:
    """Run `sluice smoke` against a region where a virtual key is at hand (SLUICE_API_KEY); return whether it ran.

    A first deployment has no key yet. `run` returns the exit status of a command. Raises RegionFailed.
    """
    if not environ.get("SLUICE_API_KEY"):
        return False
    status = (run or _status)([str(Path(sys.executable).with_name("sluice")), "smoke", url])
    if status != 0:
        raise RegionFailed(f"sluice smoke {url} ended with status {status}; it has said why.")
    return True


def _status(command: Sequence[str]) -> int:
    return subprocess.run(command, check=False).returncode


def _problem(url: str, transport: httpx.BaseTransport | None) -> str | None:
    expected = {"/health": 200, "/v1/models": 401}
    with httpx.Client(base_url=url, timeout=10, transport=transport, trust_env=True) as client:
        for path, status in expected.items():
            try:
                got = client.get(path).status_code
            except httpx.HTTPError as error:
                return f"{url}{path} did not answer: {type(error).__name__}."
            if got != status:
                return f"{url}{path} answered {got}; it must answer {status}."
    return None


def quiet(
    prefix: str,
    region: str,
    seconds: float,
    *,
    client: Any = None,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Look at the region's alarms for `seconds`. Raises RegionFailed as soon as one of the stage's is in alarm.

    `client` is boto3's of CloudWatch; by default one is made with the credentials that deploy.
    """
    watched = client or _cloudwatch(region)
    until = now() + seconds
    while True:
        raised = sorted(
            alarm["AlarmName"]
            for page in watched.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix, StateValue="ALARM")
            for alarm in page["MetricAlarms"]
        )
        if raised:
            raise RegionFailed(f"In alarm in {region}: {', '.join(raised)}.")
        left = until - now()
        if left <= 0:
            return
        sleep(min(PAUSE_SECONDS, left))


def _cloudwatch(region: str) -> Any:
    import boto3

    return boto3.client("cloudwatch", region_name=region)
