"""What the local API Gateway and the execution environments do to requests, good and ill."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.stacks import Stack, missing, running

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc"),
]
CHAT = "/v1/chat/completions"
Connection = http.client.HTTPConnection


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose sweep runs every second and waits for nothing."""
    seconds = {"SLUICE_RECONCILE_SECONDS": "1", "SLUICE_SWEEP_GRACE_SECONDS": "1"}
    with running(tmp_path_factory.mktemp("swept"), **seconds) as started:
        yield started


def connect(stack: Stack) -> Connection:
    return Connection(stack.url.removeprefix("http://"), timeout=60)


def ask(connection: Connection, stack: Stack, content: str, **more: object) -> None:
    body = {"model": "simulator/sim-fast", "messages": [{"role": "user", "content": content}], **more}
    send(connection, stack, CHAT, json.dumps(body).encode())


def send(connection: Connection, stack: Stack, path: str, body: bytes) -> None:
    headers = {"authorization": f"Bearer {stack.api_key}", "content-type": "application/json"}
    connection.request("POST", path, body, headers)


def until(condition: Callable[[], Any], what: str, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"did not happen: {what}"
        time.sleep(0.05)
    return found


def entry(stack: Stack, request_id: str) -> Any:
    """Return the ledger entry of a request, None while there is none."""
    with closing(connect(stack)) as connection:
        connection.request("GET", f"/v1/requests/{request_id}", headers={"authorization": f"Bearer {stack.api_key}"})
        answer = connection.getresponse()
        found = json.loads(answer.read())
    return found if answer.status == 200 else None


def busy(stack: Stack) -> int:
    """Return the streaming environment that is at work: the only one there is."""
    (pid,) = stack.environments("streaming")
    return pid


def answers(stack: Stack) -> bool:
    with closing(connect(stack)) as connection:
        ask(connection, stack, "say hello")
        return connection.getresponse().status == 200


def test_pieces_reach_the_caller_before_the_stream_has_an_end(swept: Stack) -> None:
    with closing(connect(swept)) as connection:
        ask(connection, swept, "[[fault: hang_after=3]]", stream=True)
        answer = connection.getresponse()
        # The provider will never say more, so what is read here was passed on as it came.
        assert answer.read1().startswith(b"data: {")
        os.kill(busy(swept), signal.SIGKILL)


def test_an_environment_killed_in_mid_stream_is_replaced_and_the_request_is_entered(swept: Stack) -> None:
    assert answers(swept)
    with closing(connect(swept)) as connection:
        ask(connection, swept, "[[fault: hang_after=3]]", stream=True)
        answer = connection.getresponse()
        request_id = str(answer.getheader("x-request-id"))
        answer.read1()
        killed = busy(swept)
        os.kill(killed, signal.SIGKILL)
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
    assert answers(swept)
    assert killed not in swept.environments("streaming")
    found = until(lambda: entry(swept, request_id), "the sweep enters the request")
    assert found["outcome"] == "lost"


def test_an_environment_killed_before_the_first_byte_is_a_502_in_the_envelope(swept: Stack) -> None:
    assert answers(swept)
    opened = open_lines(swept)
    with closing(connect(swept)) as connection:
        ask(connection, swept, "[[fault: hang]]")
        until(lambda: open_lines(swept) > opened, "the request is on its way to the provider")
        os.kill(busy(swept), signal.SIGKILL)
        answer = connection.getresponse()
        document = json.loads(answer.read())
    assert answer.status == 502
    assert document["type"] == "error"
    assert document["error"]["code"] == "internal_error"
    assert answers(swept)
    assert "signal: SIGKILL" in swept.console


def open_lines(stack: Stack) -> int:
    return (stack.logs / "streaming.jsonl").read_text().count('{"kind":"open"')


def test_a_caller_that_hangs_up_does_not_stop_its_request(stack: Stack) -> None:
    with closing(connect(stack)) as connection:
        ask(connection, stack, "[[simulate: pace=1 slow=5 tokens=100]]", stream=True)
        answer = connection.getresponse()
        request_id = str(answer.getheader("x-request-id"))
        answer.read1()
    found = until(lambda: entry(stack, request_id), "the request is entered")
    assert found["outcome"] == "ok"
    assert found["usage"]["output"] == 100


def test_one_caller_keeps_few_environments_busy(stack: Stack) -> None:
    before = len(stack.environments("streaming"))  # of tests in front of this one
    assert all(answers(stack) for _ in range(20))
    # A second one is started while the first still settles; more would mean that they are not used again.
    assert len(stack.environments("streaming")) <= max(before + 1, 3)


@pytest.mark.parametrize("megabytes", [7, 11])
@pytest.mark.parametrize("path", [CHAT, "/v1/messages"])
def test_a_body_that_is_too_large_is_a_413_and_the_connection_stays_usable(
    stack: Stack, path: str, megabytes: int
) -> None:
    with closing(connect(stack)) as connection:
        send(connection, stack, path, b"x" * (megabytes * 1_000_000))
        answer = connection.getresponse()
        document = json.loads(answer.read())
        assert answer.status == 413
        assert document["type"] == "error"
        assert document["error"]["type"] == "request_too_large"
        ask(connection, stack, "say hello")
        assert connection.getresponse().status == 200


def test_paths_and_methods_that_are_unknown_are_answered_in_the_envelope(stack: Stack) -> None:
    with closing(connect(stack)) as connection:
        for method, path, status in (("GET", "/v1/nothing", 404), ("PUT", CHAT, 405), ("DELETE", "/", 404)):
            connection.request(method, path)
            answer = connection.getresponse()
            assert answer.status == status
            assert json.loads(answer.read())["error"]["message"]


def test_a_model_name_with_an_escaped_slash_is_found(stack: Stack) -> None:
    with closing(connect(stack)) as connection:
        connection.request(
            "GET", "/v1/models/simulator%2Fsim-fast", headers={"authorization": f"Bearer {stack.api_key}"}
        )
        answer = connection.getresponse()
        assert json.loads(answer.read())["id"] == "simulator/sim-fast"
