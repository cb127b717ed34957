"""The whole local stack as a process of a test: started in a folder, called, stopped, killed, started there again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.emulator import INTERPRETER, ROOT

READY_SECONDS = 90.0
STOP_SECONDS = 40.0


@dataclass(frozen=True)
class Stack:
    """A running stack. `home` holds its state, its logs and `demo.env`; its repr shows no key."""

    url: str
    api_key: str = field(repr=False)
    admin_key: str = field(repr=False)
    home: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def pid(self) -> int:
        """The stack's own process."""
        return self.process.pid

    @property
    def logs(self) -> Path:
        """The folder with `<function>.jsonl`, `emulator.log`, `simulator.log` and `console.log`."""
        return self.home / "logs"

    @property
    def console(self) -> str:
        """What it has told so far."""
        return (self.logs / "console.log").read_text()

    def children(self) -> dict[int, str]:
        """Return the command lines of its children by process id; empty where there is no /proc."""
        return {pid: command_of(pid) for pid in processes() if parent_of(pid) == self.pid}

    def environments(self, function: str) -> list[int]:
        """Return the process ids of one function's environments, oldest first."""
        return [
            pid
            for pid, command in sorted(self.children().items())
            if "streaming_runtime" in command and working_folder(pid).name == function
        ]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill it as the kernel would when memory runs out."""
        self.process.kill()
        self.process.wait()


def launch(home: Path, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
    """Start a stack in `home` on any free port and return at once; the simulator does not dawdle unless told to."""
    (home / "logs").mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        (home / "demo.env").unlink()  # of the run before: it appears when the gateway is ready
    with (home / "logs" / "console.log").open("ab") as console:
        return subprocess.Popen(
            [sys.executable, "-m", "sluice.local", "--home", str(home), "--port", "0", *arguments],
            cwd=ROOT,
            env={**scrubbed(), "SIMULATOR_PACE": "0", **environ},
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
        )


def ready(process: subprocess.Popen[bytes], home: Path) -> Stack:
    """Wait until a launched stack is ready. Raises AssertionError with what it told."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        told = demo(home)
        if told:
            return Stack(told["SLUICE_URL"], told["SLUICE_API_KEY"], told["SLUICE_ADMIN_KEY"], home, process)
        time.sleep(0.02)
    process.kill()
    process.wait()
    raise AssertionError(f"the stack did not become ready: {(home / 'logs' / 'console.log').read_text()[-3000:]}")


@contextlib.contextmanager
def running(home: Path, *arguments: str, **environ: str) -> Iterator[Stack]:
    """Run a stack in `home`, which may hold the state of an earlier one; it is stopped unless it has ended already."""
    stack = ready(launch(home, *arguments, **environ), home)
    try:
        yield stack
    finally:
        if stack.process.poll() is None:
            try:
                stack.stop()
            except subprocess.TimeoutExpired:
                stack.kill()


def missing() -> str | None:
    """Return why no stack can be started here, or None."""
    if not INTERPRETER.exists():
        return ".venv-ministack is absent; make setup installs it"
    return None


def demo(home: Path) -> Mapping[str, str]:
    """Return what `demo.env` says; empty while it is not there."""
    try:
        lines = (home / "demo.env").read_text().splitlines()
    except FileNotFoundError:
        return {}
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def scrubbed() -> dict[str, str]:
    """Return an environment without the keys and settings of whoever runs the tests."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}


def processes() -> list[int]:
    """Return every process id; none where there is no /proc."""
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def alive(pid: int) -> bool:
    """Return whether a process runs; one that ended and waits to be collected does not."""
    return _stat(pid)[:1] not in ([], ["Z"])


def parent_of(pid: int) -> int:
    """Return the parent's process id, 0 for a process that is gone."""
    return int((_stat(pid) or ["", "0"])[1])


def command_of(pid: int) -> str:
    """Return a process's command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def working_folder(pid: int) -> Path:
    """Return the folder that a process works in."""
    try:
        return Path(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        return Path()


def _stat(pid: int) -> list[str]:
    try:
        # The name in parentheses may hold anything; state and parent stand behind it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
