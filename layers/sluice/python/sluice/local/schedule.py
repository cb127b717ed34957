"""Jobs that run by the clock, as EventBridge would run them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid

from sluice.local.functions import ACCOUNT, PREFIX, REGION
from sluice.local.gateway.application import Invoker
from sluice.local.invocation import FunctionFailed


def scheduled_event(rule: str) -> bytes:
    """Return the event that a scheduled rule sends."""
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{PREFIX}-{rule}"],
        "detail": {},
    }
    return json.dumps(event).encode()


async def every(seconds: float, pool: Invoker) -> None:
    """Invoke a function now and each `seconds` after its last run, until cancelled. Its failures are on the console."""
    while True:
        invocation = pool.invoke(scheduled_event(pool.function.name))
        with contextlib.suppress(FunctionFailed):
            await invocation.whole()
        await asyncio.sleep(seconds)
