"""A newcomer's first minutes: fresh clone, scrubbed environment, `make run`, the curl line, the README's snippets.

`--test` also runs `make test` in the clone, as CI does.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 180
SNIPPET = re.compile(r"<!-- snippet: (\w+) -->\n```python\n(.*?)```", re.DOTALL)


def snippets() -> dict[str, str]:
    """Return the README's runnable snippets by name."""
    return dict(SNIPPET.findall((ROOT / "README.md").read_text(encoding="utf-8")))


def scrubbed(home: Path) -> dict[str, str]:
    """Return an environment with nothing of this one but where programs lie."""
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8"}


def run_snippet(code: str, url: str, key: str) -> subprocess.CompletedProcess[str]:
    """Run one snippet as printed, with the interpreter of this environment."""
    environment = {**os.environ, "SLUICE_URL": url, "SLUICE_API_KEY": key}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def read_demo(path: Path) -> Mapping[str, str]:
    """Return what `.local/demo.env` says; empty while it is not there."""
    if not path.is_file():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name.removeprefix("export ").strip(): value.strip().strip("\"'") for name, _, value in pairs}


def _curl_line(output: str) -> str:
    """Return the curl line that was printed, its continued lines joined."""
    lines = output.splitlines()
    start = next((n for n, line in enumerate(lines) if line.strip().startswith("curl ")), None)
    if start is None:
        return ""
    taken = [lines[start].strip()]
    while taken[-1].endswith("\\"):
        start += 1
        taken[-1] = taken[-1][:-1]
        taken.append(lines[start].strip())
    return " ".join(taken)


def visit(clone: Path, home: Path, faults: list[str]) -> float:
    """Start the clone, use it, stop it; returns the seconds until it was ready."""
    port = free_port()
    log = home / "run.log"
    started = time.monotonic()
    with log.open("w") as out:
        stack = subprocess.Popen(
            ["make", "run", f"PORT={port}"],
            cwd=clone,
            env={**scrubbed(home), "PORT": str(port)},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not _curl_line(log.read_text()):
            if stack.poll() is not None or time.monotonic() - started > READY_SECONDS:
                faults.append(f"not ready: {log.read_text()[-2000:]}")
                return time.monotonic() - started
            time.sleep(0.2)
        ready = time.monotonic() - started
        demo = read_demo(clone / ".local/demo.env")
        answer = subprocess.run(
            ["sh", "-c", _curl_line(log.read_text())], capture_output=True, text=True, timeout=60, check=False
        )
        if "data: [DONE]" not in answer.stdout:
            faults.append(f"the curl line answered {answer.stdout[-300:]!r} {answer.stderr[-300:]!r}")
        for name, code in snippets().items():
            result = run_snippet(code, demo["SLUICE_URL"], demo["SLUICE_API_KEY"])
            print(f"snippet {name}: {result.stdout.strip()[:200]!r}")
            if result.returncode or "city" not in result.stdout:
                faults.append(f"snippet {name}: {result.stdout[-500:]} {result.stderr[-1500:]}")
        return ready
    finally:
        os.killpg(stack.pid, signal.SIGINT)
        try:
            stack.wait(30)
        except subprocess.TimeoutExpired:
            faults.append("SIGINT did not stop the stack within 30 s")
            os.killpg(stack.pid, signal.SIGKILL)


def main() -> int:
    """Print what happened and the summary; 1 when anything went wrong."""
    faults: list[str] = []
    with tempfile.TemporaryDirectory(prefix="sluice-clone-") as folder:
        clone, home = Path(folder) / "sluice", Path(folder) / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        first = visit(clone, home, faults)
        second = visit(clone, home, faults) if not faults else 0.0
        tested: float | None = None
        if "--test" in sys.argv and not faults:
            began = time.monotonic()
            result = subprocess.run(["make", "test"], cwd=clone, env=scrubbed(home), check=False)
            tested = round(time.monotonic() - began, 1)
            if result.returncode:
                faults.append(f"make test ended with {result.returncode}")
    for fault in faults:
        print(f"WRONG {fault}")
    times = {"first_start_s": round(first, 1), "second_start_s": round(second, 1), "test_s": tested}
    print(json.dumps({**times, "wrong": len(faults), "bar_s": READY_SECONDS}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
