from __future__ import annotations

import asyncio

import pytest

from sluice.local.invocation import HIGH_WATER, FunctionFailed, Invocation


def test_pieces_that_arrived_together_are_read_together() -> None:
    async def scenario() -> None:
        invocation = Invocation(b"{}")
        invocation.begin(streamed=True)
        invocation.feed(b"one ")
        invocation.feed(b"two")
        assert await invocation.read() == b"one two"
        invocation.finish()
        assert await invocation.read() == b""

    asyncio.run(scenario())


def test_a_reader_waits_for_the_next_piece() -> None:
    async def scenario() -> None:
        invocation = Invocation(b"{}")
        reading = asyncio.ensure_future(invocation.read())
        await asyncio.sleep(0)
        assert not reading.done()
        invocation.feed(b"late")
        assert await reading == b"late"

    asyncio.run(scenario())


def test_what_came_before_a_failure_is_read_before_it_is_raised() -> None:
    async def scenario() -> None:
        invocation = Invocation(b"{}")
        invocation.feed(b"begun")
        invocation.fail(FunctionFailed("Runtime.ExitError", "killed"))
        assert await invocation.read() == b"begun"
        with pytest.raises(FunctionFailed, match=r"Runtime\.ExitError: killed"):
            await invocation.read()

    asyncio.run(scenario())


def test_the_first_ending_counts() -> None:
    async def scenario() -> None:
        invocation = Invocation(b"{}")
        invocation.feed(b"all")
        invocation.finish()
        invocation.fail(FunctionFailed("Runtime.ExitError", "too late"))
        invocation.feed(b"too late")
        assert await invocation.whole() == b"all"

    asyncio.run(scenario())


def test_a_slow_reader_makes_the_function_wait_and_go_on() -> None:
    async def scenario() -> None:
        invocation = Invocation(b"{}")
        flow: list[bool] = []
        invocation.on_flow = flow.append
        invocation.feed(b"x" * HIGH_WATER)
        assert flow == []
        invocation.feed(b"x")
        invocation.feed(b"x")
        assert flow == [False]
        assert len(await invocation.read()) == HIGH_WATER + 2
        assert flow == [False, True]

    asyncio.run(scenario())
