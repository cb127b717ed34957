"""From the start of the process to the first event: search path, handler, snapshot, signals, loop."""

from __future__ import annotations

import gc
import os
import sys

from streaming_runtime import log
from streaming_runtime.loading import load_handler, search_path
from streaming_runtime.loop import Loop
from streaming_runtime.runtime_api import RuntimeApi
from streaming_runtime.stopping import Stopping


def main() -> int:
    """Serve until told to stop; returns the status to exit with."""
    environment = os.environ
    address = environment.get("AWS_LAMBDA_RUNTIME_API")
    if not address:
        sys.stderr.write("streaming_runtime: AWS_LAMBDA_RUNTIME_API is not set. Lambda sets it to host:port.\n")
        return 1
    sys.path[:] = search_path(environment, sys.path)
    api = RuntimeApi(address)
    try:
        handler = load_handler(environment.get("_HANDLER", ""))
    except BaseException as error:
        from streaming_runtime.snapshot import report

        report(api.fail_init, error)
        return 1
    if environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        from streaming_runtime.snapshot import take

        if status := take(api):
            return status
    # What was imported stays for good: keep the collector from walking over it again and again.
    gc.freeze()
    stopping = Stopping()
    stopping.listen()
    every_event = environment.get("STREAMING_RUNTIME_EVENTS") == "any"
    return _serve(Loop(api, handler, stopping, every_event=every_event))


def _serve(loop: Loop) -> int:
    try:
        loop.run()
    except (OSError, ValueError) as error:
        log.write("ERROR", "api_unreachable", f"No next event could be had, so this environment ends: {error}")
        return 1
    return 0
