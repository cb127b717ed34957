"""An execution environment: one process with a Runtime API of its own, one request at a time.

It ends when it is stopped, when its runtime exits or is killed, and when a request outlives the function's time-out.
Its stdout is the function's log, its stderr a file beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sluice.local import children
from sluice.local.functions import Function
from sluice.local.invocation import FunctionFailed, Invocation
from sluice.local.runtime_api import RuntimeConnection

INIT_SECONDS = 30.0

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What all environments share: the functions' own `variables`, the folder of their `logs`, the console."""

    variables: Mapping[str, str]
    logs: Path
    tell: Tell
    interpreter: str = sys.executable


class Environment:
    """One environment, from its start to its end; it knows its pool only by `on_idle` and `on_end`."""

    def __init__(
        self,
        function: Function,
        settings: Settings,
        on_idle: Callable[[Environment], None],
        on_end: Callable[[Environment, FunctionFailed | None], None],
    ) -> None:
        self.function = function
        self.invocation: Invocation | None = None
        self.ready = False
        self.retired = False
        self.idle_since = 0.0
        self._settings = settings
        self._on_idle = on_idle
        self._on_end = on_end
        self._child: asyncio.subprocess.Process | None = None
        self._server: asyncio.Server | None = None
        self._connection: RuntimeConnection | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._init_failure: FunctionFailed | None = None
        self._errors_from = 0

    @property
    def pid(self) -> int | None:
        """The process id, None before it was started."""
        return self._child.pid if self._child is not None else None

    async def run(self) -> None:
        """Start the process and stay with it to its end."""
        failure: FunctionFailed | None = None
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: RuntimeConnection(self), "127.0.0.1", 0)
            # Armed first: the runtime may ask for its first event while its start is still being awaited.
            self._arm(INIT_SECONDS, "Sandbox.Timedout", f"The handler was not loaded in {INIT_SECONDS:.0f} seconds.")
            self._child = await self._start(self._server.sockets[0].getsockname()[1])
            if self.retired:
                self.stop()
            failure = self._reason(await self._child.wait())
        except OSError as error:
            failure = FunctionFailed("Runtime.StartFailed", f"The environment could not be started: {error}")
        finally:
            self._disarm()
            if self._server is not None:
                self._server.close()
            invocation, self.invocation = self.invocation, None
            if invocation is not None and failure is not None:
                invocation.fail(failure)
            self._on_end(self, failure)

    async def _start(self, port: int) -> asyncio.subprocess.Process:
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[$LATEST]{uuid.uuid4().hex}"
        environ = self.function.environment(self._settings.variables, stream)
        environ["AWS_LAMBDA_RUNTIME_API"] = f"127.0.0.1:{port}"
        logs = self._settings.logs
        # Opened for appending by the child itself: what it wrote is in the file even when everything is killed.
        with (
            (logs / f"{self.function.name}.jsonl").open("ab") as output,
            (logs / f"{self.function.name}.stderr.log").open("ab") as errors,
        ):
            self._errors_from = errors.tell()
            return await children.start(
                [self._settings.interpreter, "-m", "streaming_runtime"],
                environ=environ,
                folder=self.function.folder,
                output=output,
                errors=errors,
                death=signal.SIGKILL,
            )

    # --- the Runtime API's side --------------------------------------------------------------------------------
    def asked(self, connection: RuntimeConnection) -> None:
        """The runtime wants an event: the last one is done, what ran after its answer included."""
        self._disarm()
        self._connection = connection
        self.ready = True
        self.idle_since = time.monotonic()
        invocation, self.invocation = self.invocation, None
        if invocation is not None:
            invocation.fail(
                FunctionFailed("Runtime.NoAnswer", "The runtime asked for the next event without an answer.")
            )
        if self.retired:
            self.stop()
        else:
            self._on_idle(self)

    def left(self, connection: RuntimeConnection) -> None:
        """The runtime hung up while it waited: its process is ending."""
        if self._connection is connection:
            self._connection = None
            self.retired = True

    def init_failed(self, failure: FunctionFailed) -> None:
        """The handler could not be loaded; the process ends by itself."""
        self._init_failure = failure

    def reported(self, failure: FunctionFailed) -> None:
        """The handler failed."""
        self._settings.tell(described(f"Function {self.function.name} failed", failure))

    # --- the pool's side -----------------------------------------------------------------------------------------
    @property
    def usable(self) -> bool:
        """Whether it waits for an event."""
        return self._connection is not None and not self.retired

    @property
    def settling(self) -> bool:
        """Whether it has answered and is busy with what follows."""
        return self.invocation is not None and self.invocation.settled and not self.retired

    def take(self, invocation: Invocation) -> None:
        """Hand the waiting runtime an event."""
        connection, self._connection = self._connection, None
        assert connection is not None  # noqa: S101 - only usable environments are given events
        self.invocation = invocation
        limit = self.function.timeout
        self._arm(limit, "Sandbox.Timedout", f"{invocation.id} Task timed out after {limit:.2f} seconds")
        now_ms = int(time.time() * 1000)
        connection.deliver(
            invocation,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(now_ms + int(limit * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": self.function.arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{now_ms // 1000:08x}-{uuid.uuid4().hex[:24]};Sampled=0",
            },
        )

    def stop(self) -> None:
        """Ask the process to end."""
        self.retired = True
        if self._child is not None:
            children.signal_group(self._child, signal.SIGTERM)

    def kill(self) -> None:
        """End the process now."""
        self.retired = True
        if self._child is not None:
            children.signal_group(self._child, signal.SIGKILL)

    def _arm(self, seconds: float, kind: str, message: str) -> None:
        self._disarm()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._expire, FunctionFailed(kind, message))

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self, failure: FunctionFailed) -> None:
        self._init_failure = self._init_failure or (None if self.ready else failure)
        if self.invocation is not None:
            self.invocation.fail(failure)
        self.reported(failure)
        self.kill()

    def _reason(self, code: int) -> FunctionFailed | None:
        if self._init_failure is not None:
            return self._init_failure
        if self.ready and self.invocation is None:
            return None
        how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        return FunctionFailed("Runtime.ExitError", f"The runtime ended with {how}.", self._last_errors())

    def _last_errors(self) -> tuple[str, ...]:
        path = self._settings.logs / f"{self.function.name}.stderr.log"
        with contextlib.suppress(OSError), path.open("rb") as errors:
            errors.seek(self._errors_from)
            return tuple(errors.read().decode("utf-8", "replace").splitlines()[-12:])
        return ()


def described(what: str, failure: FunctionFailed) -> str:
    """Return a failure as text for the console."""
    return "\n".join([f"{what}: {failure}", *(f"    {line.rstrip()}" for line in failure.stack[-12:])])
