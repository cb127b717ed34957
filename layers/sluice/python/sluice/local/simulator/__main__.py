"""Start the simulator: `python -m sluice.local.simulator --port 0`."""

from __future__ import annotations

import argparse
import json
import os
import sys

from sluice.local.simulator import server


def main(arguments: list[str] | None = None) -> int:
    """Serve until a signal ends it; print `{"port": N}` once connections are accepted."""
    parser = argparse.ArgumentParser(prog="python -m sluice.local.simulator", description="The simulated provider.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port (default)")
    pace = float(os.environ.get("SIMULATOR_PACE", "1"))
    parser.add_argument("--pace", type=float, default=pace, help="scales every wait; 0 is as fast as possible")
    chosen = parser.parse_args(arguments)
    try:
        listener = server.listen(chosen.port)
    except OSError as error:
        print(f"The simulator cannot listen on 127.0.0.1:{chosen.port}: {error.strerror}.", file=sys.stderr)
        return 1
    print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
    server.serve(listener, pace=chosen.pace)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
