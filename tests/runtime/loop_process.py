"""Starts a runtime loop as a process of its own, as Lambda would, with a clean environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.runtime.stub_runtime_api import StubRuntimeApi

REPOSITORY = Path(__file__).parents[2]
LAYER = REPOSITORY / "layers" / "runtime"
HANDLERS = Path(__file__).parent / "handlers"
STREAMING = (sys.executable, "-m", "streaming_runtime")


class LoopProcess:
    """One execution environment that serves `handler` from the handlers folder; ends with the `with` block."""

    def __init__(
        self,
        api: StubRuntimeApi,
        handler: str = "cases.handler",
        *,
        command: Sequence[str] = STREAMING,
        task_root: Path = HANDLERS,
        **environment: str,
    ) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self.process = subprocess.Popen(
            command,
            cwd=task_root,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(LAYER / "python"),
                "PYTHONDONTWRITEBYTECODE": "1",
                "AWS_LAMBDA_RUNTIME_API": api.address,
                "AWS_LAMBDA_FUNCTION_NAME": "streaming",
                "AWS_LAMBDA_FUNCTION_VERSION": "7",
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
                "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/streaming",
                "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[7]abc",
                "LAMBDA_TASK_ROOT": str(task_root),
                "_HANDLER": handler,
                **environment,
            },
        )

    def __enter__(self) -> LoopProcess:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        if error is not None:
            sys.stderr.write(self.output())
        self._output.close()

    def exit_status(self, timeout: float = 20) -> int:
        """Wait for the process to end by itself."""
        return self.process.wait(timeout)

    def output(self) -> str:
        """What it has written so far."""
        self._output.flush()
        return os.pread(self._output.fileno(), 10_000_000, 0).decode()

    def lines(self, kind: str) -> list[Any]:
        """The loop's own log lines of one type, without its prefix."""
        written = [json.loads(line) for line in self.output().splitlines() if line.startswith("{")]
        return [line for line in written if line.get("type") == f"streaming_runtime.{kind}"]
