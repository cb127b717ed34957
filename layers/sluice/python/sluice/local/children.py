"""Child processes that end with the stack, whatever ends the stack.

Every child leads a process group of its own, so that Ctrl-C in the terminal reaches only the stack (which then stops
its children in order) and so that a child's own children end with it. Where the kernel offers it, a child is sent
SIGTERM when its parent dies; elsewhere it notices the end of its stdin, which the parent holds open.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 3.0


def _death_signal() -> Callable[[int], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    # Loaded here: what runs between fork and exec must not import or allocate.
    prctl = ctypes.CDLL(None).prctl
    return lambda number: prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)


_SET_DEATH_SIGNAL = _death_signal()


def follow_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send this process `number` when its parent dies."""
    if _SET_DEATH_SIGNAL is not None:
        _SET_DEATH_SIGNAL(number)


async def start(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    output: BinaryIO | int,
    errors: BinaryIO,
    keep: Sequence[int] = (),
    death: int = signal.SIGTERM,
) -> asyncio.subprocess.Process:
    """Start a child whose stdin stays open as long as this process lives; `keep` lists descriptors it inherits.

    Raises OSError when it cannot be started.
    """
    parent = os.getpid()

    def bind_to_parent() -> None:
        follow_parent(death)
        if os.getppid() != parent:
            os._exit(1)

    return await asyncio.create_subprocess_exec(
        *command,
        env=dict(environ),
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=output,
        stderr=errors,
        pass_fds=keep,
        start_new_session=True,
        preexec_fn=bind_to_parent if _SET_DEATH_SIGNAL is not None else None,
    )


def signal_group(child: asyncio.subprocess.Process, number: int) -> None:
    """Send a signal to a child and all it has started; a child that is gone is left alone."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)


async def stop(child: asyncio.subprocess.Process, grace: float = GRACE_SECONDS) -> None:
    """End a child and its group: SIGTERM, and SIGKILL after `grace` seconds."""
    signal_group(child, signal.SIGTERM)
    try:
        await asyncio.wait_for(child.wait(), grace)
    except TimeoutError:
        signal_group(child, signal.SIGKILL)
        await child.wait()
    if child.stdin is not None:
        child.stdin.close()


def base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what every child may inherit: the way to programs, certificates and proxies; no key and no AWS setting."""
    names = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
    proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    kept = {name: environ[name] for name in (*names, *proxies) if environ.get(name)}
    beyond = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    # The emulator and the simulator are never behind a proxy.
    kept["NO_PROXY"] = kept["no_proxy"] = ",".join(filter(None, ("127.0.0.1", "localhost", beyond)))
    kept["LANG"] = "C.UTF-8"
    return kept
