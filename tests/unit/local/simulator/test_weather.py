"""Faults by chance, and the simulator's own count."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from sluice.local.simulator.directives import Directive
from sluice.local.simulator.playback import Playback, Reply
from sluice.local.simulator.server import Simulator
from sluice.local.simulator.weather import Weather

BODY = json.dumps({"model": "sim-fast", "messages": [{"role": "user", "content": "say yes"}]}).encode()
HEADERS = {"authorization": "Bearer sim-test"}


def forecast(*mix: tuple[float, str], seed: int = 1) -> bytes:
    return json.dumps({"seed": seed, "mix": [{"share": share, "directive": told} for share, told in mix]}).encode()


def asked(simulator: Simulator, times: int) -> list[int]:
    return [simulator.reply("POST", "/openai/v1/chat/completions", HEADERS, BODY).status for _ in range(times)]


def test_each_fault_comes_about_as_often_as_its_share_says() -> None:
    simulator = Simulator(pace=0)
    assert simulator.reply("PUT", "/weather", {}, forecast((0.3, "status=429"), (0.1, "status=500"))).status == 200
    counts = Counter(asked(simulator, 1000))
    assert 250 < counts[429] < 350
    assert 70 < counts[500] < 130
    assert counts[200] + counts[429] + counts[500] == 1000


def test_the_same_seed_brings_the_same_weather() -> None:
    first, second = Simulator(pace=0), Simulator(pace=0)
    for simulator in (first, second):
        simulator.reply("PUT", "/weather", {}, forecast((0.5, "status=503"), seed=7))
    assert asked(first, 50) == asked(second, 50)


def test_an_empty_mix_is_fair_weather() -> None:
    simulator = Simulator(pace=0)
    simulator.reply("PUT", "/weather", {}, forecast((1.0, "status=503")))
    assert asked(simulator, 1) == [503]
    simulator.reply("PUT", "/weather", {}, forecast())
    assert asked(simulator, 20) == [200] * 20


@pytest.mark.parametrize(
    "body",
    [b"{}", b"[]", b"no", forecast((0.7, "status=429"), (0.7, "hang")), forecast((0.1, "status=200")), b'{"mix": [1]}'],
)
def test_a_forecast_that_cannot_be_meant_is_refused(body: bytes) -> None:
    assert Simulator(pace=0).reply("PUT", "/weather", {}, body).status == 400


def test_fair_weather_draws_nothing() -> None:
    assert Weather().draw() == []


async def ending_of(reply: Reply, *, leaves: bool = False) -> str:
    import asyncio

    async def receive() -> dict[str, Any]:
        if not leaves:
            await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        return None

    return await Playback(reply, receive, send).play()


@pytest.mark.parametrize(
    ("reply", "ending"),
    [
        (Reply(200, {}, {"yes": 1}), "whole"),
        (Reply(429, {}, {"no": 1}), "429"),
        (Reply(200, {}, {"yes": 1}, directive=Directive(malformed=0)), "broken"),
    ],
)
def test_the_count_tells_how_each_call_ended(reply: Reply, ending: str) -> None:
    import asyncio

    assert asyncio.run(ending_of(reply)) == ending


def test_a_caller_who_hung_up_got_nothing() -> None:
    import asyncio

    assert asyncio.run(ending_of(Reply(200, {}, {}, directive=Directive(hang=True)), leaves=True)) == "left"
