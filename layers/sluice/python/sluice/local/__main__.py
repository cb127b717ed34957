"""`python -m sluice.local`: runs the local stack until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from sluice.local import children, options, stack

IMPATIENT_SECONDS = 1.0


def main(arguments: Sequence[str]) -> int:
    """Run the stack; return the exit code: 0 when it was told to stop, 1 when it could not start or go on."""
    if "MAKELEVEL" in os.environ:
        # A killed make must not leave its recipe behind.
        children.follow_parent(signal.SIGTERM)
    try:
        asyncio.run(_run(options.read(arguments, dict(os.environ))))
    except options.Unusable as reason:
        sys.stderr.write(f"sluice: {reason}\n")
        return 1
    return 0


async def _run(chosen: options.Options) -> None:
    running = stack.Stack(chosen)
    loop = asyncio.get_running_loop()
    first: list[float] = []

    def stop(number: int) -> None:
        running.stop()
        first.append(loop.time())
        # Whoever signals the group reaches this process twice, by make too; a second Ctrl-C comes later.
        if loop.time() - first[0] > IMPATIENT_SECONDS:
            os._exit(128 + number)  # children end with this process

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    await running.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
