"""Faults on request, seen from the wire."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from sluice.local.simulator.directives import Directive
from sluice.local.simulator.models import MODELS
from sluice.local.simulator.playback import Reply
from sluice.local.simulator.server import Simulator, listen
from tests.unit.local.simulator.conftest import Post

PATHS = {"openai": "/openai/v1/chat/completions", "anthropic": "/anthropic/v1/messages"}
DIALECTS = pytest.mark.parametrize("dialect", ["openai", "anthropic"])


class Wire:
    """One connection to the simulator that shows what really arrives."""

    def __init__(self, url: str) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)

    def ask(self, dialect: str, question: str, *, stream: bool = True, simulate: str = "") -> http.client.HTTPResponse:
        """Send one question and return the answer's head."""
        body = {"model": "sim-fast", "max_tokens": 500, "stream": stream}
        body["messages"] = [{"role": "user", "content": question}]
        headers = {"authorization": "Bearer sim-test", "anthropic-version": "2023-06-01"}
        headers |= {"x-simulate": simulate} if simulate else {}
        self.connection.request("POST", PATHS[dialect], json.dumps(body), headers)
        return self.connection.getresponse()


@pytest.fixture
def wire(simulator_url: str) -> Iterator[Wire]:
    opened = Wire(simulator_url)
    yield opened
    opened.connection.close()


def events(raw: bytes) -> list[str]:
    """Return the data of each whole event."""
    blocks = raw.decode().split("\n\n")[:-1]
    return [line[6:] for block in blocks for line in block.split("\n") if line.startswith("data: ")]


@DIALECTS
def test_status_comes_with_retry_after_and_the_dialects_envelope(wire: Wire, dialect: str) -> None:
    answer = wire.ask(dialect, "Hello", simulate="status=429 retry_after=2.5")
    assert (answer.status, answer.headers["retry-after"]) == (429, "2.5")
    assert "error" in json.loads(answer.read())


@DIALECTS
def test_code_of_an_error_can_be_chosen(wire: Wire, dialect: str) -> None:
    answer = wire.ask(dialect, "Hello", simulate="status=429 code=insufficient_quota")
    assert json.loads(answer.read())["error"]["type"] == "insufficient_quota"


def test_error_may_come_without_json(wire: Wire) -> None:
    page = wire.ask("openai", "Hello", simulate="status=502 body=html")
    assert (page.headers["content-type"], page.read()[:6]) == ("text/html", b"<html>")
    assert wire.ask("openai", "Hello", simulate="status=503 body=empty").read() == b""


@DIALECTS
def test_reset_in_mid_stream_follows_the_events_before_it(wire: Wire, dialect: str) -> None:
    answer = wire.ask(dialect, "[[fault: cut_after=3]] Hello")
    received = b""
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        while True:
            received += answer.read1(1)
            assert received
    assert len(events(received)) == 3


@DIALECTS
def test_close_in_mid_stream_leaves_the_body_without_its_end(wire: Wire, dialect: str) -> None:
    with pytest.raises(http.client.IncompleteRead) as cut:
        wire.ask(dialect, "[[fault: close_after=2]] Hello").read()
    assert len(events(cut.value.partial)) == 2


@DIALECTS
def test_whole_answer_can_be_cut_too(wire: Wire, dialect: str) -> None:
    with pytest.raises(http.client.IncompleteRead):
        wire.ask(dialect, "[[fault: close_after=0]] Hello", stream=False).read()


@DIALECTS
def test_malformed_event_keeps_its_place_and_the_stream_goes_on(wire: Wire, dialect: str) -> None:
    listed = events(wire.ask(dialect, "[[fault: malformed=2]] Hello").read())
    with pytest.raises(json.JSONDecodeError):
        json.loads(listed[2])
    assert json.loads(listed[1])
    assert json.loads(listed[3])


@DIALECTS
def test_malformed_whole_answer_is_half_of_its_json(wire: Wire, dialect: str) -> None:
    answer = wire.ask(dialect, "[[fault: malformed=0]] Hello", stream=False)
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.read())


@DIALECTS
def test_error_event_ends_the_stream(wire: Wire, dialect: str) -> None:
    listed = events(wire.ask(dialect, "[[fault: error_event_at=2]] Hello").read())
    assert len(listed) == 3
    assert "error" in json.loads(listed[-1])


@DIALECTS
def test_error_may_hide_in_an_answer_with_status_200(wire: Wire, dialect: str) -> None:
    answer = wire.ask(dialect, "[[fault: error_event_at=0]] Hello", stream=False)
    assert (answer.status, "error" in json.loads(answer.read())) == (200, True)


@DIALECTS
@pytest.mark.parametrize("stream", [True, False])
def test_usage_can_be_withheld(wire: Wire, dialect: str, *, stream: bool) -> None:
    raw = wire.ask(dialect, "[[fault: no_usage]] Hello", stream=stream).read()
    assert b'"usage"' not in raw


@pytest.mark.parametrize("fault", ["hang", "hang_after=2", "stall=60", "delay=60"])
def test_silent_simulator_lets_a_caller_go_and_serves_the_next(simulator_url: str, wire: Wire, fault: str) -> None:
    impatient = Wire(simulator_url)
    impatient.connection.timeout = 0.2
    with pytest.raises(TimeoutError):
        impatient.ask("openai", f"[[fault: {fault}]] Hello").read()
    impatient.connection.close()
    assert wire.ask("openai", "say still here", stream=False).status == 200


def test_fault_is_over_after_its_times_and_other_ids_are_untouched(post: Post) -> None:
    def status(directive: str) -> int:
        messages = [{"role": "user", "content": f"[[fault: {directive}]] Hello"}]
        return post(PATHS["openai"], {"model": "sim-fast", "messages": messages}).status

    assert [status("status=500 times=2 id=a") for _ in range(4)] == [500, 500, 200, 200]
    assert status("status=500 times=2 id=b") == 500


def test_fault_may_name_one_model_or_one_dialect(post: Post) -> None:
    def status(dialect: str, model: str, only: str) -> int:
        messages = [{"role": "user", "content": f"[[fault: status=500 only={only}]] Hello"}]
        return post(PATHS[dialect], {"model": model, "max_tokens": 9, "messages": messages}).status

    assert status("openai", "sim-fast", "sim-fast") == 500
    assert status("openai", "sim-large", "sim-fast") == 200
    assert status("anthropic", "sim-fast", "anthropic") == 500
    assert status("openai", "sim-fast", "anthropic") == 200


def test_directives_of_earlier_turns_are_over(post: Post) -> None:
    turns = [{"role": "user", "content": "[[fault: status=500]]"}, {"role": "assistant", "content": "Sorry."}]
    messages = [*turns, {"role": "user", "content": "And now?"}]
    assert post(PATHS["openai"], {"model": "sim-fast", "messages": messages}).status == 200


def test_directive_survives_tool_results_that_follow_it(post: Post) -> None:
    called = [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]
    turns = [
        {"role": "user", "content": "[[fault: status=500]] look"},
        {"role": "assistant", "content": called},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
    ]
    assert post(PATHS["anthropic"], {"model": "sim-fast", "max_tokens": 9, "messages": turns}).status == 500


def test_embeddings_obey_directives_in_their_input(post: Post) -> None:
    body = {"model": "sim-embed", "input": "[[fault: status=503]] text"}
    assert post("/openai/v1/embeddings", body).status == 503


def test_unreadable_directive_is_a_clear_400(post: Post) -> None:
    messages = [{"role": "user", "content": "[[fault: explode]]"}]
    reply = post(PATHS["openai"], {"model": "sim-fast", "messages": messages})
    assert reply.status == 400
    assert "knows no directive 'explode'" in reply.body["error"]["message"]


def test_cached_tokens_can_be_told(post: Post) -> None:
    messages = [{"role": "user", "content": "[[simulate: cached=3]] Hello"}]
    reply = post(PATHS["anthropic"], {"model": "sim-fast", "max_tokens": 9, "messages": messages})
    assert json.loads(reply.payload)["usage"]["cache_read_input_tokens"] == 3


def test_content_filter_and_length_of_the_text_can_be_chosen(post: Post) -> None:
    messages = [{"role": "user", "content": "[[simulate: filter tokens=50]] Hello"}]
    reply = post(PATHS["openai"], {"model": "sim-fast", "messages": messages})
    answer = json.loads(reply.payload)
    assert answer["choices"][0]["finish_reason"] == "content_filter"
    assert answer["usage"]["completion_tokens"] == 50


def test_pace_scales_every_wait_and_slow_sets_its_own() -> None:
    reply = Reply(200, {}, b"", model=MODELS["sim-fast"])
    assert (reply.first_token, reply.per_token) == (0.15, 1 / 80)
    assert (reply.slowed(0).first_token, reply.slowed(0).per_token) == (0, 0)
    assert reply.slowed(2).first_token == 0.3
    slow = Reply(200, {}, b"", model=MODELS["sim-fast"], directive=Directive(slow=20))
    assert slow.per_token == 0.02


def test_pace_of_one_request_can_be_chosen() -> None:
    body = {"model": "sim-fast", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": "Bearer sim-x", "x-simulate": "pace=0"}
    reply = Simulator(pace=1).reply("POST", PATHS["openai"], headers, json.dumps(body).encode())
    assert reply.pace == 0


def test_body_over_the_limit_is_refused() -> None:
    headers = {"authorization": "Bearer sim-x", "anthropic-version": "2023-06-01"}
    assert Simulator().reply("POST", PATHS["anthropic"], headers, None).status == 413


def test_health_needs_no_key() -> None:
    assert Simulator().reply("GET", "/health", {}, b"").status == 200


def test_tokens_leave_at_once_because_the_listener_names_tcp() -> None:
    with listen(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_port_in_use_is_told() -> None:
    with listen(0) as taken, pytest.raises(OSError, match="in use"):
        listen(taken.getsockname()[1])
