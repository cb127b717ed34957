"""Being told to stop, idle and at work."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.runtime.loop_process import LoopProcess
from tests.runtime.stub_runtime_api import StubRuntimeApi


@pytest.fixture
def pipe(tmp_path) -> Path:
    path = tmp_path / "gate"
    os.mkfifo(path)
    return path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_environment_ends_cleanly(number):
    with StubRuntimeApi() as api, LoopProcess(api) as loop:
        api.wait_for("/next")
        loop.process.send_signal(number)
        assert loop.exit_status() == 0
        assert loop.output() == ""


def test_the_first_signal_lets_the_answer_finish(pipe):
    with StubRuntimeApi() as api, LoopProcess(api) as loop:
        invocation = api.submit({"httpMethod": "POST", "case": "gated", "pipe": str(pipe)})
        invocation.wait_for_chunks(3)
        loop.process.send_signal(signal.SIGTERM)
        pipe.write_bytes(b" second")
        received = invocation.wait()
        assert received.body == b"first second"
        assert received.trailers == {}
        assert loop.exit_status() == 0


def test_the_second_signal_cuts_the_answer_short_and_still_runs_what_follows(pipe):
    with StubRuntimeApi() as api, LoopProcess(api, "stopped.handler") as loop:
        invocation = api.submit({"httpMethod": "POST", "pipe": str(pipe)})
        invocation.wait_for_chunks(3)
        loop.process.send_signal(signal.SIGTERM)
        loop.process.send_signal(signal.SIGINT)
        received = invocation.wait()
        assert received.trailers["lambda-runtime-function-error-type"] == "SystemExit"
        assert loop.exit_status() == 0
        assert loop.output().endswith("after\n")


def test_a_signal_that_the_function_has_taken_stays_with_it():
    with StubRuntimeApi() as api, LoopProcess(api, "stopped.handler", TAKE_SIGTERM="1") as loop:
        api.wait_for("/next")
        loop.process.send_signal(signal.SIGTERM)
        assert loop.exit_status() == 5
