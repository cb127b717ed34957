"""No secret, prompt or answer is ever in a log line, whatever happens to a request."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sluice.app import App
from sluice.aws.apigateway import ApiGatewayHandler, BrokenOff, Unworded
from sluice.aws.emf import attempt_lines, fault_line, open_line, request_line
from sluice.aws.stdout import StdoutLines
from sluice.dispatch import Clock
from sluice.errors import ProviderTimeout, ProviderUnreachable
from sluice.ports import UpstreamCall
from sluice.types.http import Request, Response
from sluice.wiring import Adapters, application
from tests.fakes import (
    KEY,
    FixedSecrets,
    MemoryConfigurations,
    MemoryKeys,
    MemoryLedger,
    Scripted,
    ScriptedTransport,
    configuration,
    events,
    virtual_key,
)

OPENAI, ANTHROPIC = "sk-proj-Provider0Key1Of2OpenAI3x", "0123456789abcdefKeyWithoutAnyPrefix"
PROMPT, ANSWER, SYSTEM = "zebraprompt", "zebraanswer", "zebrasystem"
FORBIDDEN = (OPENAI, ANTHROPIC, KEY, KEY[22:], PROMPT, ANSWER, SYSTEM)
SPOKEN = f"Invalid '{PROMPT}' and {SYSTEM} with key {OPENAI} or {ANTHROPIC} ({ANSWER})"


class BrokenLedger(MemoryLedger):
    """A ledger that fails with words."""

    def put(self, entry: object) -> bool:
        raise RuntimeError(SPOKEN)


class Echoing:
    """Answers as told, and puts the key that it was called with into the id of its answer."""

    def __init__(self, answers: tuple[Scripted | Exception, ...]) -> None:
        self._told = ScriptedTransport(*answers)

    def send(self, call: UpstreamCall) -> Scripted:
        answer = self._told.send(call)
        sent = call.headers.get("authorization") or call.headers["x-api-key"]
        return replace(answer, headers={**answer.headers, "x-request-id": f"up {sent} {sent.split()[-1]}"})


class Logged:
    """A gateway whose lines are those of a deployment."""

    def __init__(self, *answers: Scripted | Exception, ledger: MemoryLedger | None = None) -> None:
        self.text = io.StringIO()
        namespace = "Sluice/test"
        self.app: App = application(
            Adapters(
                keys=MemoryKeys(virtual_key(KEY)),
                configurations=MemoryConfigurations(configuration()),
                ledger=ledger or MemoryLedger(),
                secrets=FixedSecrets(openai=OPENAI, anthropic=ANTHROPIC),
                transport=Echoing(answers),
                lines=StdoutLines(self.text, already_masked=True),
                encode_line=partial(request_line, namespace=namespace),
                open_line=open_line,
                attempt_lines=partial(attempt_lines, namespace=namespace),
                fault_line=partial(fault_line, namespace=namespace, at_ms=1),
                region="us-east-1",
                clock=Clock(sleep=lambda _: None, random=lambda: 0.5),
            )
        )

    def ask(self, path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
        sent = {"authorization": f"Bearer {KEY}", **(headers or {})}
        response = self.app.handle(Request("POST", path, sent, json.dumps(body).encode()))
        if not isinstance(response.body, bytes):
            with suppress(BrokenOff):
                for _ in Unworded(response.body):
                    pass
        if response.after is not None:
            response.after()
        return response

    def check(self) -> list[dict[str, Any]]:
        lines = self.text.getvalue().splitlines()
        assert lines
        for line in lines:
            found = [word for word in FORBIDDEN if word.lower() in line.lower()]
            assert not found, line
        return [json.loads(line) for line in lines]


def chat(model: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
    return {"model": model, "messages": messages, **more}


def messages(model: str, **more: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": PROMPT}]
    return {"model": model, "system": SYSTEM, "max_tokens": 9, "messages": said, **more}


WHOLE = {
    "id": "c1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10},
}
PIECE = {"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": ANSWER}}]}
KINDS = {"content-type": "application/json", "retry-after": "0"}


def said(document: object) -> bytes:
    return json.dumps(document).encode()


def event(document: object) -> bytes:
    return b"data: " + said(document) + b"\n\n"


def error_body(code: str) -> bytes:
    words = {"message": SPOKEN, "type": SPOKEN, "code": code, "param": PROMPT}
    return said({"error": words, "type": "error", "detail": SPOKEN})


ERRORS = st.builds(
    lambda status, code: Scripted(status, error_body(code), KINDS),
    st.sampled_from([400, 401, 403, 404, 413, 422, 429, 500, 502, 503, 529]),
    st.sampled_from([SPOKEN, PROMPT, OPENAI, "invalid_api_key", "context_length_exceeded"]),
)
FAILURES = st.sampled_from(
    [
        ProviderUnreachable(SPOKEN),
        ProviderTimeout(SPOKEN, phase="first_byte"),
        RuntimeError(SPOKEN),
        ValueError(SPOKEN),
    ]
)
ANSWERS = st.sampled_from(
    [
        Scripted(200, said(WHOLE), KINDS),
        Scripted(200, SPOKEN.encode(), KINDS),
        Scripted(200, error_body(PROMPT), KINDS),
        Scripted(200, said({**WHOLE, "choices": SPOKEN}), KINDS),
    ]
)
STREAMS = st.lists(
    st.sampled_from(
        [
            event(PIECE),
            event({"error": {"message": SPOKEN, "code": PROMPT, "type": OPENAI}}),
            event(SPOKEN),
            f": {SPOKEN}\n\n".encode(),
            b"data: [DONE]\n\n",
            RuntimeError(SPOKEN),
            ProviderUnreachable(SPOKEN),
        ]
    ),
    min_size=1,
    max_size=4,
).map(lambda parts: events(*parts))
LEDGERS = st.sampled_from([MemoryLedger, BrokenLedger])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(ERRORS | FAILURES | ANSWERS | STREAMS, min_size=6, max_size=6),
    st.sampled_from(["openai/test-gpt", "anthropic/test-claude", "both", "pair", "nobody/model"]),
    st.booleans(),
    st.sampled_from([chat, messages]),
    LEDGERS,
)
def test_no_line_holds_a_secret_or_anything_that_was_said(
    answers: list[Any], model: str, stream: bool, body: Callable[..., dict[str, Any]], ledger: type[MemoryLedger]
) -> None:
    logged = Logged(*answers, ledger=ledger())
    path = "/v1/chat/completions" if body is chat else "/v1/messages"
    logged.ask(path, body(model, stream=stream, metadata={"user_id": "u1"}))
    assert {line["kind"] for line in logged.check()} <= {"open", "request", "attempts", "fault"}


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.sampled_from(["messages", "temperature", "tools", "stop", "n"]), st.just(SPOKEN), min_size=1))
def test_a_malformed_request_is_not_quoted(wrong: dict[str, Any]) -> None:
    logged = Logged(Scripted(200, said(WHOLE), KINDS))
    logged.ask("/v1/chat/completions", {**chat("openai/test-gpt"), **wrong})
    logged.ask("/v1/messages", {**messages("openai/test-gpt"), **wrong})
    logged.check()


def test_a_key_that_stands_where_a_name_belongs_is_masked() -> None:
    logged = Logged(Scripted(200, said(WHOLE), KINDS))
    logged.ask("/v1/chat/completions", chat(OPENAI), {"x-sluice-tags": f"env={OPENAI}", "x-sluice-session": KEY})
    lines = logged.check()
    assert "[masked]" in json.dumps(lines)


def test_what_breaks_an_answer_is_logged_without_its_words() -> None:
    def broken() -> Iterator[bytes]:
        yield b"first"
        raise ValueError(SPOKEN)

    handler = ApiGatewayHandler(lambda request: Response(200, {}, broken()))
    context = type("Context", (), {"response_streaming": True, "get_remaining_time_in_millis": lambda self: 9000})()
    event = {"httpMethod": "POST", "path": "/", "requestContext": {}, "headers": {}, "body": ""}
    body = iter(handler(event, context).body)  # type: ignore[union-attr]
    assert next(body) == b"first"
    with pytest.raises(BrokenOff) as raised:
        next(body)
    assert str(raised.value) == "The answer broke off (ValueError)."
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_a_line_is_masked_only_where_there_is_a_key() -> None:
    out = io.StringIO()
    for line in ('{"model":"task-master","edits":["risk-free"]}', f'{{"tag":"{OPENAI}"}}', "Bearer abcdefghijklmnop"):
        StdoutLines(out).write(line)
    written = out.getvalue().splitlines()
    assert written == ['{"model":"task-master","edits":["risk-free"]}', '{"tag":"[masked]"}', "Bearer [masked]"]
