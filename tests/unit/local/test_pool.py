"""Pools with real processes: small handlers on the real runtime loop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sluice.local import children, functions
from sluice.local.environments import Settings
from sluice.local.invocation import FunctionFailed, Invocation
from sluice.local.options import ROOT
from sluice.local.pool import Pool

HANDLER = """
import json, os, sys, time
class Answer:
    def __init__(self, body, after=None):
        self.prelude, self.body, self.after = {"statusCode": 200}, body, after
def stream(event):
    yield b"begun"
    if event.get("die"):
        os._exit(7)
    while not os.path.exists(event["until"]):
        time.sleep(0.01)
    yield b"ended"
def handler(event, context):
    if event.get("until"):
        after = (lambda: time.sleep(30)) if event.get("linger") else None
        return Answer(stream(event), after)
    if event.get("raise"):
        raise ValueError("boom")
    if event.get("say"):
        print(event["say"], flush=True)
    left = context.get_remaining_time_in_millis()
    return {"pid": os.getpid(), "left": left, "name": context.function_name, "env": dict(os.environ)}
"""
Scenario = Callable[[Pool], Awaitable[None]]


class Console:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, words: str) -> None:
        self.lines.append(words)


class Workshop:
    """Runs a scenario against a pool of its own, and closes it after."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.console = Console()

    def run(
        self, scenario: Scenario, handler: str = HANDLER, timeout: float = 20.0, limit: int = 3, **more: float
    ) -> None:
        task = self.folder / "function"
        task.mkdir(exist_ok=True)
        (task / "handler.py").write_text(handler)
        function = functions.Function("sample", task, timeout=timeout, limit=limit, events="any")
        variables = {
            **children.base_environment(os.environ),
            **functions.variables(ROOT, self.logs, "http://127.0.0.1:1"),
        }

        async def guarded() -> None:
            pool = Pool(function, Settings(variables, self.logs, self.console), **more)
            try:
                await asyncio.wait_for(scenario(pool), 60)
            finally:
                await pool.close()

        asyncio.run(guarded())


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def event(**fields: object) -> bytes:
    return json.dumps({"kind": "test", **fields}).encode()


async def answer(invocation: Invocation) -> dict[str, object]:
    return dict(json.loads(await invocation.whole()))


async def begun(invocation: Invocation) -> None:
    """Return once the stream has begun."""
    seen = b""
    while b"begun" not in seen:
        seen += await invocation.read()


async def gone(pid: int) -> None:
    """Return once no such process is there."""
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        await asyncio.sleep(0.01)


async def rested(pool: Pool, count: int) -> None:
    """Return once that many environments wait for an event."""
    while pool.idle != count:
        await asyncio.sleep(0.01)


def test_an_environment_is_kept_for_the_next_request(workshop: Workshop) -> None:
    async def scenario(pool: Pool) -> None:
        first = await answer(pool.invoke(event()))
        await rested(pool, 1)
        second = await answer(pool.invoke(event()))
        assert first["pid"] == second["pid"]
        assert pool.pids == (first["pid"],)

    workshop.run(scenario)


def test_the_environment_is_that_of_a_lambda_function(workshop: Workshop) -> None:
    async def scenario(pool: Pool) -> None:
        told = await answer(pool.invoke(event()))
        environ = told["env"]
        assert isinstance(environ, dict)
        assert told["name"] == "sluice-local-sample"
        assert environ["_HANDLER"] == "handler.handler"
        assert environ["LAMBDA_TASK_ROOT"] == str(workshop.folder / "function")
        assert environ["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/sluice-local-sample"
        assert environ["AWS_ACCESS_KEY_ID"] == "test"
        assert isinstance(told["left"], int)
        assert 0 < told["left"] <= 20_000

    workshop.run(scenario)


def test_keys_of_the_person_at_the_machine_do_not_reach_functions(workshop: Workshop) -> None:
    kept = children.base_environment({"OPENAI_API_KEY": "sk-x", "AWS_PROFILE": "mine", "PATH": "/bin", "NO_PROXY": "x"})
    assert kept["PATH"] == "/bin"
    assert kept["NO_PROXY"] == "127.0.0.1,localhost,x"
    assert not {"OPENAI_API_KEY", "AWS_PROFILE"} & set(kept)


def test_requests_at_once_have_an_environment_each(workshop: Workshop) -> None:
    go = workshop.folder / "go"

    async def scenario(pool: Pool) -> None:
        both = [pool.invoke(event(until=str(go))) for _ in range(2)]
        for invocation in both:
            await begun(invocation)
        assert len(pool.pids) == 2
        go.touch()
        assert [await invocation.whole() for invocation in both] == [b"ended", b"ended"]

    workshop.run(scenario)


def test_a_request_that_comes_while_an_environment_settles_waits_for_it(workshop: Workshop) -> None:
    go = workshop.folder / "go"
    go.touch()

    async def scenario(pool: Pool) -> None:
        for _ in range(5):
            assert (await pool.invoke(event(until=str(go))).whole()).endswith(b"ended")
        assert len(pool.pids) == 1

    workshop.run(scenario, patience=30.0)


def test_requests_over_the_cap_wait_for_an_environment(workshop: Workshop) -> None:
    go = workshop.folder / "go"

    async def scenario(pool: Pool) -> None:
        first, second = pool.invoke(event(until=str(go))), pool.invoke(event())
        await begun(first)
        assert len(pool.pids) == 1
        assert second.streamed is None
        go.touch()
        assert await first.whole() == b"ended"
        assert (await answer(second))["pid"] == pool.pids[0]

    workshop.run(scenario, limit=1)


def test_a_killed_environment_fails_its_request_and_is_replaced(workshop: Workshop) -> None:
    async def scenario(pool: Pool) -> None:
        broken = pool.invoke(event(until="/nowhere"))
        await begun(broken)
        killed = pool.pids[0]
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(FunctionFailed):
            await broken.whole()
        await gone(killed)
        assert (await answer(pool.invoke(event())))["pid"] != killed

    workshop.run(scenario)
    assert "signal: SIGKILL" in workshop.console.lines[0]


def test_an_environment_that_exits_before_its_answer_fails_the_request_with_the_reason(workshop: Workshop) -> None:
    async def scenario(pool: Pool) -> None:
        with pytest.raises(FunctionFailed, match="exit status 7"):
            await pool.invoke(event()).whole()

    workshop.run(scenario, handler="import os\ndef handler(event, context):\n    os._exit(7)\n")


def test_a_handler_that_cannot_be_loaded_fails_the_request_and_is_shown(workshop: Workshop) -> None:
    async def scenario(pool: Pool) -> None:
        with pytest.raises(FunctionFailed, match="no_such_module"):
            await pool.invoke(event()).whole()

    workshop.run(scenario, handler="import no_such_module\n")
    assert "no_such_module" in workshop.console.lines[0]


def test_a_handler_that_fails_is_shown_with_its_trace(workshop: Workshop) -> None:
    async def scenario(pool: Pool) -> None:
        with pytest.raises(FunctionFailed, match="ValueError: boom"):
            await pool.invoke(event(**{"raise": True})).whole()

    workshop.run(scenario)
    assert "ValueError: boom" in workshop.console.lines[0]
    assert "handler.py" in workshop.console.lines[0]


def test_a_request_over_the_time_limit_is_ended_with_its_environment(workshop: Workshop) -> None:
    async def scenario(pool: Pool) -> None:
        await answer(pool.invoke(event()))
        slow = pool.pids[0]
        with pytest.raises(FunctionFailed, match=r"Sandbox\.Timedout.*timed out after 1\.00 seconds"):
            await pool.invoke(event(until="/nowhere")).whole()
        await gone(slow)

    workshop.run(scenario, timeout=1.0)


def test_idle_environments_are_reaped_all_but_one(workshop: Workshop) -> None:
    go = workshop.folder / "go"

    async def scenario(pool: Pool) -> None:
        both = [pool.invoke(event(until=str(go))) for _ in range(2)]
        for invocation in both:
            await begun(invocation)
        pids = pool.pids
        go.touch()
        await rested(pool, 2)
        pool.reap(idle_seconds=3600)
        assert pool.idle == 2
        pool.reap(idle_seconds=0)
        assert pool.idle == 1
        while len(pool.pids) > 1:
            await asyncio.sleep(0.01)
        assert set(pool.pids) < set(pids)

    workshop.run(scenario)
    assert workshop.console.lines == []


def test_recycled_environments_finish_their_request_first(workshop: Workshop) -> None:
    go = workshop.folder / "go"

    async def scenario(pool: Pool) -> None:
        invocation = pool.invoke(event(until=str(go)))
        await begun(invocation)
        old = pool.pids[0]
        pool.recycle()
        go.touch()
        assert await invocation.whole() == b"ended"
        await gone(old)
        assert (await answer(pool.invoke(event())))["pid"] != old

    workshop.run(scenario)
    assert workshop.console.lines == []


def test_closing_ends_every_process_even_one_that_lingers_after_its_answer(workshop: Workshop) -> None:
    go = workshop.folder / "go"
    go.touch()

    async def scenario(pool: Pool) -> None:
        lingering = pool.invoke(event(until=str(go), linger=True))
        assert (await lingering.whole()).endswith(b"ended")
        await answer(pool.invoke(event()))
        pids = pool.pids
        assert len(pids) == 2
        await pool.close(grace=0.2)
        for pid in pids:
            await gone(pid)

    workshop.run(scenario)


def test_what_a_function_prints_is_in_its_log(workshop: Workshop) -> None:
    async def scenario(pool: Pool) -> None:
        await answer(pool.invoke(event(say='{"kind":"request"}')))

    workshop.run(scenario)
    assert (workshop.logs / "sample.jsonl").read_text().splitlines()[0] == '{"kind":"request"}'


def test_a_warm_pool_has_an_environment_before_the_first_request(workshop: Workshop) -> None:
    async def scenario(pool: Pool) -> None:
        pool.warm()
        await rested(pool, 1)
        pid = pool.pids[0]
        assert (await answer(pool.invoke(event())))["pid"] == pid

    workshop.run(scenario)
