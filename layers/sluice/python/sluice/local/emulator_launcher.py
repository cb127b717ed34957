"""Runs the AWS emulator so that its state survives a kill; started with the interpreter of `.venv-ministack`.

Reads the emulator's own environment variables and `SOCKET_FD`, a socket that is bound and listens already. The
emulator saves its state only when it is stopped in order; here a forked copy of the process saves it whenever something
was written, so that saving delays no request. It stops at SIGTERM and at the end of its stdin, when its parent is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import threading
import time
import warnings
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

SAVE_SECONDS = 2.0
SHARE_OF_TIME = 10
"""A save that takes long is followed by that many times as long a pause."""
READS = ("Get", "Query", "Scan", "Describe", "List", "BatchGet", "TransactGet")

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]


class Watched:
    """The emulator's application, and whether anything may have been written through it."""

    def __init__(self, application: Application) -> None:
        self.written = False
        self._application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve one request, then note whether it was more than a read."""
        await self._application(scope, receive, send)
        if scope["type"] == "http" and not _reads(scope):
            self.written = True


def _reads(scope: Scope) -> bool:
    for name, value in scope["headers"]:
        if name == b"x-amz-target":
            return bool(value.decode("latin-1").rpartition(".")[2].startswith(READS))
    return bool(scope["method"] == "GET")


def save_in_copy(save: Callable[[], None]) -> int:
    """Fork a copy that saves and ends; return its process id."""
    with warnings.catch_warnings():
        # Python warns that other threads' locks stay locked in the copy; saving takes none of theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        copy = os.fork()
    if copy:
        return copy
    try:
        _close_inherited()
        save()
    finally:
        os._exit(0)


def _close_inherited() -> None:
    """Close what is open but the standard streams: no connection may outlive its end in the emulator."""
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):
            if int(name) > 2:
                os.close(int(name))


async def keep_saved(watched: Watched, save: Callable[[], None]) -> None:
    """Save after writes until cancelled, then wait for the save that is under way."""
    while True:
        await asyncio.sleep(SAVE_SECONDS)
        if not watched.written:
            continue
        watched.written = False
        started = time.monotonic()
        copy = save_in_copy(save)
        try:
            while os.waitpid(copy, os.WNOHANG)[0] == 0:
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            os.waitpid(copy, 0)
            raise
        await asyncio.sleep((time.monotonic() - started) * SHARE_OF_TIME)


async def serve() -> None:
    """Run the emulator until it is told to stop."""
    import ministack.app
    from hypercorn.asyncio import serve as hypercorn_serve  # type: ignore[import-not-found]
    from hypercorn.config import Config  # type: ignore[import-not-found]
    from ministack.core import persistence

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    threading.Thread(target=_await_end_of_stdin, args=(loop, stop), daemon=True).start()
    watched = Watched(ministack.app.app)
    config = Config()
    config.bind = [f"fd://{os.environ['SOCKET_FD']}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"

    def save() -> None:
        persistence.save_all(ministack.app._build_persistence_save_dict())

    saver = loop.create_task(keep_saved(watched, save))

    async def stopped() -> None:
        await stop.wait()
        saver.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await saver

    await hypercorn_serve(watched, config, shutdown_trigger=stopped)


def _await_end_of_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        continue
    loop.call_soon_threadsafe(stop.set)


def main() -> None:
    """Wait for the emulator of a run that is still ending, then take over its state."""
    folder = Path(os.environ["STATE_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(serve())


if __name__ == "__main__":
    main()
