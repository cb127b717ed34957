"""Every way in which a provider can be called pays: money is set aside before the call, and entry and counter agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sluice.errors import ProviderUnreachable
from sluice.ports import UpstreamAnswer, UpstreamCall
from sluice.types.budgets import Budget, Scope, Window
from sluice.types.routes import RetryPolicy, Route, RouteTarget
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom, events
from tests.unit.batches.test_batches import LIVE, Provider, requests
from tests.unit.batches.test_batches import PATH as BATCHES
from tests.unit.stored_responses.answers import PATH as RESPONSES
from tests.unit.stored_responses.answers import native, native_stream

ENOUGH = 10**12
BUDGET = Budget("all", Scope("organisation"), ENOUGH, Window("month"), strict=True)
MESSAGES = [{"role": "user", "content": "Hello"}]
CHAT = "/v1/chat/completions"
USED = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
GPT, CLAUDE, NATIVE = "openai/test-gpt", "anthropic/test-claude", "openai/native-gpt"
Step = Callable[[Gateway], object]


def said(**more: object) -> Scripted:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": USED}
    return told({**answer, **more})


def told(answer: object) -> Scripted:
    return Scripted(body=json.dumps(answer).encode())


def streamed() -> Scripted:
    delta = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    usage = {"choices": [], "usage": USED}
    parts = [f"data: {json.dumps(each)}\n\n".encode() for each in (delta, usage)]
    return events(*parts, b"data: [DONE]\n\n")


def claude() -> Scripted:
    text = [{"type": "text", "text": "Hi"}]
    usage = {"input_tokens": 10, "output_tokens": 5}
    answer = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": text}
    return told({**answer, "stop_reason": "end_turn", "usage": usage})


def claude_streamed() -> Scripted:
    start: dict[str, Any] = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "content": [],
        "stop_reason": None,
    }
    found: list[dict[str, Any]] = [
        {"type": "message_start", "message": {**start, "usage": {"input_tokens": 10, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    return events(*(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in found))


def asked(path: str, body: object, **headers: str) -> Step:
    return lambda served: served.ask(path, body, **headers)


def chat(model: str = GPT, **more: object) -> Step:
    return asked(CHAT, {"model": model, "messages": MESSAGES, "max_tokens": 100, **more})


def left(served: Gateway) -> None:
    """A caller hangs up after the first bytes."""
    response = served.call(CHAT, {"model": GPT, "messages": MESSAGES, "stream": True})
    body: Any = response.body
    if not isinstance(body, bytes):
        next(body)
        body.close()
    assert response.after is not None
    response.after()


def background(served: Gateway) -> None:
    body = {"model": NATIVE, "input": "Hello", "background": True, "max_output_tokens": 100}
    served.ask(RESPONSES, body)
    served.ask(f"{RESPONSES}/resp_openai1", None, method="GET")


def batch(served: Gateway) -> None:
    body = requests(CLAUDE, CLAUDE, "anthropic/other-claude")
    for each in body["requests"]:
        each["params"]["max_tokens"] = 2_000
    served.ask(BATCHES, body)
    provider = served.transport.inner.answers[0]  # type: ignore[attr-defined]
    if provider.batches:
        provider.end()
    served.ask(f"{BATCHES}/msgbatch_1/results", None, method="GET")


def form(path: str, **fields: str) -> Step:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    file = (
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n' + "x" * 20_000 + "\r\n--b--\r\n"
    )
    return asked(path, ("".join(parts) + file).encode(), content_type="multipart/form-data; boundary=b")


EMBEDDED = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}
PICTURED = {"created": 1, "data": [{"b64_json": "eA=="}]}
SEEN = {"input_tokens": 10, "output_tokens": 50, "total_tokens": 60, "input_tokens_details": {"text_tokens": 10}}
HEARD = {"text": "Hi", "usage": {"type": "duration", "seconds": 12}}
RANKED = {"id": "r", "results": [{"index": 0, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 1}}}
DOWN = ProviderUnreachable("down")
BUSY = Scripted(500, b'{"error":{"message":"no"}}')

PATHS: dict[str, tuple[Step, list[Any]]] = {
    "passed on": (chat(), [said()]),
    "passed on, streamed": (chat(stream=True), [streamed()]),
    "streamed, its caller gone": (left, [streamed()]),
    "Anthropic's, passed on": (
        asked("/v1/messages", {"model": CLAUDE, "messages": MESSAGES, "max_tokens": 100}),
        [claude()],
    ),
    "translated": (chat(CLAUDE), [claude()]),
    "translated, streamed": (chat(CLAUDE, stream=True), [claude_streamed()]),
    "completions": (
        asked("/v1/completions", {"model": "openai/gpt-3.5-turbo-instruct", "prompt": "Hello", "max_tokens": 50}),
        [said(object="text_completion", choices=[{"index": 0, "text": "Hi", "finish_reason": "stop"}])],
    ),
    "responses": (asked(RESPONSES, {"model": NATIVE, "input": "Hello", "max_output_tokens": 100}), [native()]),
    "responses, streamed": (
        asked(RESPONSES, {"model": NATIVE, "input": "Hello", "stream": True, "max_output_tokens": 100}),
        [native_stream()],
    ),
    "in the background": (background, [native(status="queued", output=[], usage=None, background=True), native()]),
    "a batch": (batch, [Provider()]),
    "tried again": (chat("pair"), [BUSY, said()]),
    "fallen back": (chat("both"), [DOWN, DOWN, claude()]),
    "embeddings": (
        asked(
            "/v1/embeddings", {"model": "openai/text-embedding-3-small", "input": "Hello, how are you this morning?"}
        ),
        [told({**EMBEDDED, "usage": {"prompt_tokens": 10, "total_tokens": 10}})],
    ),
    "pictures": (
        asked("/v1/images/generations", {"model": "openai/gpt-image-1.5", "prompt": "A cat", "n": 1}),
        [told({**PICTURED, "usage": SEEN})],
    ),
    "speech": (
        asked("/v1/audio/speech", {"model": "openai/tts-1", "input": "Hello", "voice": "alloy"}),
        [Scripted(headers={"content-type": "audio/mpeg"}, body=b"x" * 100)],
    ),
    "transcription": (form("/v1/audio/transcriptions", model="openai/whisper-1"), [told(HEARD)]),
    "rerank": (
        asked("/v2/rerank", {"model": "cohere/rerank-v3.5", "query": "q", "documents": ["a", "b"]}),
        [told(RANKED)],
    ),
}


@dataclass
class Watching:
    """A provider that notes, at each call, what is set aside."""

    inner: ScriptedTransport
    held: list[int] = field(default_factory=list)
    served: Gateway | None = None

    def send(self, call: UpstreamCall) -> UpstreamAnswer:
        assert self.served is not None
        holds = [hold for state in self.served.counters.items.values() for hold in state.holds.values()]
        self.held.append(sum(hold.amount for hold in holds))
        return self.inner.send(call)


def gateway(*answers: Any) -> tuple[Gateway, Watching]:
    models = {name: custom(name) for name in (GPT, CLAUDE, "openai/other-gpt")}
    models[NATIVE] = custom(NATIVE, dialects=("openai_responses",))
    batched = {name: model for name, model in LIVE.models.items() if name not in models}
    twice = RetryPolicy(attempts=2)
    live = configuration(
        budgets={"all": BUDGET},
        models={**models, **batched, CLAUDE: LIVE.models.get(CLAUDE, models[CLAUDE])},
        routes={
            "pair": Route("pair", (RouteTarget(GPT),), retry=twice),
            "both": Route("both", (RouteTarget(GPT), RouteTarget(CLAUDE)), retry=twice),
        },
    )
    watching = Watching(ScriptedTransport(*answers))
    secrets = FixedSecrets(openai="sk-1", anthropic="sk-2", cohere="sk-3")
    served = Gateway(watching, live=live, secrets=secrets)
    watching.served = served
    return served, watching


@pytest.mark.parametrize("name", PATHS)
def test_what_a_call_may_cost_is_held_before_it_and_entry_and_counter_agree_after_it(name: str) -> None:
    step, answers = PATHS[name]
    served, watching = gateway(*answers)
    step(served)
    charged = [entry for entry in served.ledger.entries.values() if entry.cost]
    cost = sum(entry.cost for entry in charged)
    (state,) = served.counters.items.values()
    assert cost > 0, [(entry.status, entry.error_code) for entry in served.ledger.entries.values()]
    assert len(charged) == 1
    assert sum(nano for entry in charged for _, nano in entry.holds) == cost
    assert (state.spent, state.committed, state.holds) == (cost, cost, {})
    assert watching.held[0] >= cost, "held before the provider is called"
    assert all(amount >= cost for amount in watching.held), "and until it is charged"


@pytest.mark.parametrize("name", PATHS)
def test_without_money_no_provider_is_called(name: str) -> None:
    step, answers = PATHS[name]
    served, watching = gateway(*answers)
    served.configurations.live = replace(served.configurations.live, budgets={"all": replace(BUDGET, amount=1)})
    step(served)
    assert watching.held == []
    assert 402 in [entry.status for entry in served.ledger.entries.values()]
    assert all(entry.cost == 0 for entry in served.ledger.entries.values())
