"""Emulated AWS: a ministack of our own on loopback, its state under the stack's folder.

The stack binds the port and keeps the socket, so the emulator can be started again behind the same address; what
callers send meanwhile waits in the socket's queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from pathlib import Path

from sluice.local import children

LAUNCHER = Path(__file__).with_name("emulator_launcher.py")
START_SECONDS = 60.0


class Emulator:
    """The emulator process. `home` is the stack's folder, `root` the project's."""

    def __init__(self, root: Path, home: Path, environ: Mapping[str, str]) -> None:
        self._interpreter = root / ".venv-ministack" / "bin" / "python"
        self._home = home
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._environ = self._environment(environ)

    @property
    def url(self) -> str:
        """Its endpoint for every AWS service."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def start(self) -> asyncio.subprocess.Process:
        """Start it and wait until it answers. Raises OSError when it does not."""
        if not self._interpreter.exists():
            raise OSError("the AWS emulator is not installed; run make setup")
        child = await self._launch()
        answering = asyncio.ensure_future(self._answers())
        ending = asyncio.ensure_future(child.wait())
        await asyncio.wait([answering, ending], timeout=START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not answering.done() or answering.exception() is not None:
            answering.cancel()
            await children.stop(child)
            raise OSError(f"the AWS emulator did not start; {self._home / 'logs' / 'emulator.log'} says why")
        return child

    async def _answers(self) -> None:
        """Return when it has answered a request; until it is ready, the socket's queue holds it."""
        reader, writer = await asyncio.open_connection(*self._socket.getsockname()[:2])
        with contextlib.closing(writer):
            writer.write(b"GET /_ministack/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            if not await reader.readline():
                raise OSError("no answer")

    async def _launch(self) -> asyncio.subprocess.Process:
        with (self._home / "logs" / "emulator.log").open("ab") as log:
            return await children.start(
                [str(self._interpreter), "-I", str(LAUNCHER)],
                environ=self._environ,
                folder=self._home,
                output=log,
                errors=log,
                keep=(self._socket.fileno(),),
            )

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def _environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        scratch = self._home / "tmp"
        scratch.mkdir(parents=True, exist_ok=True)
        state = self._home / "state"
        return {
            **children.base_environment(environ),
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "SOCKET_FD": str(self._socket.fileno()),
            "GATEWAY_PORT": self.url.rpartition(":")[2],
            "BIND_HOST": "127.0.0.1",
            "PERSIST_STATE": "1",
            "STATE_DIR": str(state / "emulator"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(state / "s3"),
            "LAMBDA_EXECUTOR": "local",
            "LOG_LEVEL": "WARNING",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            # It would open further ports, and look after containers that other programs run.
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "DOCKER_HOST": f"unix://{scratch}/no-docker",
        }
