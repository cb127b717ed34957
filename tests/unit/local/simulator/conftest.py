"""The simulator as a process of its own, and in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sluice.local.simulator.playback import Reply
from sluice.local.simulator.server import Simulator

Post = Callable[..., Reply]


@pytest.fixture(scope="session")
def simulator_url() -> Iterator[str]:
    """Start the simulator without waits; yield `http://127.0.0.1:<port>`."""
    command = [sys.executable, "-m", "sluice.local.simulator", "--port", "0", "--pace", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        yield f"http://127.0.0.1:{json.loads(running.stdout.readline())['port']}"
        running.terminate()
        running.wait(timeout=10)


@pytest.fixture
def post() -> Post:
    """Return a function that asks a simulator in memory: `post(path, body, **headers)`."""
    simulator = Simulator(pace=0)

    def ask(path: str, body: Any, *, key: str = "sim-test", **headers: str) -> Reply:
        sent = {"authorization": f"Bearer {key}", "anthropic-version": "2023-06-01"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return simulator.reply("POST", path, sent, raw)

    return ask


@pytest.fixture
def chat(post: Post) -> Callable[..., Any]:
    """Return a function that sends a chat request and returns the answer's JSON."""

    def ask(question: Any = "Hello", **members: Any) -> Any:
        messages = question if isinstance(question, list) else [{"role": "user", "content": question}]
        body = {"model": "sim-fast", "messages": messages, **members}
        return json.loads(post("/openai/v1/chat/completions", body).payload)

    return ask


@pytest.fixture
def messages(post: Post) -> Callable[..., Any]:
    """Return a function that sends a messages request and returns the answer's JSON."""

    def ask(question: Any = "Hello", **members: Any) -> Any:
        turns = question if isinstance(question, list) else [{"role": "user", "content": question}]
        body = {"model": "sim-fast", "max_tokens": 2000, "messages": turns, **members}
        return json.loads(post("/anthropic/v1/messages", body).payload)

    return ask
