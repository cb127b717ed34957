from __future__ import annotations

import asyncio
import json
from pathlib import Path

from sluice.local.functions import Function
from sluice.local.invocation import FunctionFailed, Invocation
from sluice.local.schedule import every, scheduled_event


class Job:
    """Answers the first run with a failure and then stops the clock."""

    def __init__(self) -> None:
        self.function = Function("reconcile", Path("/nowhere"))
        self.events: list[bytes] = []
        self.enough = asyncio.Event()

    def invoke(self, event: bytes) -> Invocation:
        self.events.append(event)
        invocation = Invocation(event)
        if len(self.events) == 1:
            invocation.fail(FunctionFailed("ValueError", "boom"))
        else:
            self.enough.set()
        return invocation


def test_a_scheduled_event_is_that_of_eventbridge() -> None:
    event = json.loads(scheduled_event("reconcile"))
    assert event["source"] == "aws.events"
    assert event["detail-type"] == "Scheduled Event"
    assert event["resources"] == ["arn:aws:events:us-east-1:000000000000:rule/sluice-local-reconcile"]
    assert "httpMethod" not in event


def test_a_job_runs_again_after_a_failure() -> None:
    async def scenario() -> None:
        job = Job()
        running = asyncio.ensure_future(every(0, job))
        await job.enough.wait()
        running.cancel()
        assert len(job.events) == 2

    asyncio.run(asyncio.wait_for(scenario(), 10))
