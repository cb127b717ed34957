"""Show where the function spends its time.

    python -m benchmarks.profile [request|burst|paced|cold] [--cumulative] [--tls]

One environment runs under cProfile. Its clock makes small functions look dearer than they are: compare lines, and
take totals from `make bench`.
"""

from __future__ import annotations

import asyncio
import pstats
import sys
from collections.abc import Sequence

from benchmarks import certificates, gateway, gauges, targets, workload
from benchmarks.gateway import Surroundings

WISHES = {"request": None, "cold": None, "burst": workload.BURST, "paced": workload.PACED}
CALLS = {"request": 1000, "cold": 1, "burst": 100, "paced": 20}
STATS = targets.LOGS / "profile.stats"


async def _drive(kind: str, around: Surroundings) -> None:
    command = [gateway.interpreter(), "-m", "cProfile", "-o", str(STATS), *gateway.command()[1:]]
    environment = await targets.start_environment(command, gateway.environ(around), gauges.cores()[0], "profile")
    event = gateway.OPENAI.event(WISHES[kind])
    await environment.stub.idle()
    for _ in range(CALLS[kind]):
        await environment.stub.call(event)
        await environment.stub.idle()
    targets.end(environment.child)
    environment.stub.close()


def main(arguments: Sequence[str]) -> int:
    """Profile one kind of call and print the forty dearest functions."""
    kind = next((word for word in arguments if word in WISHES), "request")
    targets.LOGS.mkdir(parents=True, exist_ok=True)
    secure = certificates.make(targets.LOGS / "tls") if "--tls" in arguments else None
    around = gateway.surroundings(set(), secure)
    try:
        asyncio.run(_drive(kind, around))
    finally:
        around.close()
    order = "cumulative" if "--cumulative" in arguments else "tottime"
    pstats.Stats(str(STATS)).sort_stats(order).print_stats(40)
    print(f"{CALLS[kind]} calls")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
