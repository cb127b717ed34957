"""The official Anthropic SDK through the running gateway: to a model of its own dialect, and to one of OpenAI's."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from pydantic import BaseModel

from tests.e2e import ledger
from tests.stacks import Stack

pytestmark = pytest.mark.stack

MODELS = pytest.mark.parametrize("model", ["sim-claude", "sim-fast"], ids=["same-dialect", "translated"])
THINKERS = pytest.mark.parametrize("model", ["sim-claude-thinking", "sim-reasoner"], ids=["same-dialect", "translated"])
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PAPER = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
WEATHER: Any = {
    "name": "get_weather",
    "description": "Get the weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
THINKING: Any = {"type": "enabled", "budget_tokens": 1024}


class Solution(BaseModel):
    explanation: str
    final_answer: int


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=stack.url, api_key=stack.api_key, max_retries=0) as opened:
        yield opened


def ask(question: str) -> Any:
    return [{"role": "user", "content": question}]


def prompt_of(usage: Any) -> int:
    """Return all input tokens of a usage report, in which cached ones stand apart."""
    return usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)


@MODELS
def test_a_whole_answer_is_entered_with_its_tokens_and_cost(
    stack: Stack, client: anthropic.Anthropic, model: str
) -> None:
    raw = client.messages.with_raw_response.create(
        model=f"simulator/{model}", max_tokens=500, messages=ask("Hello there")
    )
    answer = raw.parse()
    assert answer.content[0].to_dict()["text"].startswith(f"Hello from {model}")
    assert (answer.stop_reason, answer.role, answer.type) == ("end_turn", "assistant", "message")
    assert answer._request_id == raw.headers["request-id"] == raw.headers["x-request-id"]
    entry = ledger.paid(
        stack, answer._request_id, model, prompt=prompt_of(answer.usage), output=answer.usage.output_tokens
    )
    assert raw.headers["x-sluice-cost-usd"] == entry["cost_usd"]
    assert entry["dialect"] == "anthropic_messages"


@MODELS
def test_a_stream_says_and_costs_what_the_whole_answer_does(
    stack: Stack, client: anthropic.Anthropic, model: str
) -> None:
    asked: Any = {"model": model, "max_tokens": 500, "messages": ask("Hello there")}
    whole = client.messages.create(**asked)
    with client.messages.stream(**asked) as stream:
        text = "".join(stream.text_stream)
        streamed = stream.get_final_message()
        request_id = stream.response.headers["request-id"]
    assert text == whole.content[0].to_dict()["text"]
    assert (streamed.stop_reason, streamed.usage.output_tokens) == (whole.stop_reason, whole.usage.output_tokens)
    assert prompt_of(streamed.usage) == prompt_of(whole.usage)
    entry = ledger.paid(stack, request_id, model, prompt=prompt_of(whole.usage), output=streamed.usage.output_tokens)
    assert entry["stream"] is True


@MODELS
def test_a_stream_has_the_events_in_the_vendors_order(client: anthropic.Anthropic, model: str) -> None:
    events = client.messages.create(model=model, max_tokens=500, messages=ask("say hi"), stream=True)
    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


@MODELS
def test_the_cost_stands_in_the_usage_of_a_stream_that_asks_for_it(
    stack: Stack, client: anthropic.Anthropic, model: str
) -> None:
    headers = {"x-sluice-include-cost": "true"}
    with client.messages.stream(model=model, max_tokens=50, messages=ask("say hi"), extra_headers=headers) as stream:
        costs = [event.usage.cost for event in stream if event.type == "message_delta"]  # type: ignore[attr-defined]
        request_id = stream.response.headers["request-id"]
    assert [round(cost * 1e9) for cost in costs] == [ledger.entry_of(stack, request_id)["cost_nano_usd"]]


@MODELS
def test_parallel_tool_calls_are_streamed_and_their_results_come_back(client: anthropic.Anthropic, model: str) -> None:
    question = ask("What is the weather in Paris and Rome?")
    fragments = 0
    with client.messages.stream(model=model, max_tokens=500, messages=question, tools=[WEATHER]) as stream:
        for event in stream:
            fragments += event.type == "input_json"
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    assert len({call.id for call in calls}) == 2
    assert fragments > len(calls)
    results: Any = [
        {"type": "tool_result", "tool_use_id": call.id, "content": "it hails", "is_error": place == 1}
        for place, call in enumerate(calls)
    ]
    after = client.messages.create(
        model=model,
        max_tokens=500,
        tools=[WEATHER],
        messages=[*question, message.to_param(), {"role": "user", "content": results}],
    )
    assert after.content[0].to_dict()["text"].count("it hails") == 2


@MODELS
def test_a_forced_call_ends_with_its_own_reason(client: anthropic.Anthropic, model: str) -> None:
    answer = client.messages.create(
        model=model,
        max_tokens=500,
        messages=ask("Hello"),
        tools=[WEATHER],
        tool_choice={"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
    )
    assert answer.stop_reason == "tool_use"
    assert [block.name for block in answer.content if block.type == "tool_use"] == ["get_weather"]


@MODELS
def test_structured_output_parses_into_the_callers_own_class(client: anthropic.Anthropic, model: str) -> None:
    asked: Any = {"model": model, "max_tokens": 500, "messages": ask("Solve 8x + 7 = -23")}
    whole = client.messages.parse(**asked, output_format=Solution).parsed_output
    with client.messages.stream(**asked, output_format=Solution) as stream:
        streamed = stream.get_final_message().parsed_output
    assert isinstance(whole, Solution)
    assert streamed == whole


@MODELS
def test_images_and_documents_reach_the_model(client: anthropic.Anthropic, model: str) -> None:
    parts: Any = [
        {"type": "text", "text": "What are these?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PAPER}},
    ]
    answer = client.messages.create(model=model, max_tokens=500, messages=[{"role": "user", "content": parts}])
    text = answer.content[0].to_dict()["text"]
    assert "image (image/png, 1x1 pixels, 70 bytes)" in text
    assert "(application/pdf, 15 bytes)" in text


@THINKERS
def test_thinking_goes_back_with_its_signature_or_is_refused(
    stack: Stack, client: anthropic.Anthropic, model: str
) -> None:
    settings: Any = {"model": model, "max_tokens": 3000, "thinking": THINKING}
    with client.messages.stream(messages=ask("Why?"), **settings) as stream:
        message = stream.get_final_message()
    first = message.content[0]
    assert first.type == "thinking"
    assert first.thinking.startswith("The caller asks: Why?")
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens > 0
    again = client.messages.create(messages=[*ask("Why?"), message.to_param(), *ask("And then?")], **settings)
    assert "turn 2" in again.content[-1].to_dict()["text"]
    assert again._request_id is not None
    assert ledger.entry_of(stack, again._request_id)["usage"]["reasoning"] > 0
    edited: Any = {"role": "assistant", "content": [block.to_dict() for block in message.content]}
    edited["content"][0]["thinking"] += " (edited)"
    # Only the model itself can tell: so the signature has come all the way, and so has the text.
    with pytest.raises(anthropic.BadRequestError, match="signature"):
        client.messages.create(messages=[*ask("Why?"), edited, *ask("And then?")], **settings)


def test_a_cached_prompt_is_charged_by_what_was_written_and_read(stack: Stack, client: anthropic.Anthropic) -> None:
    system: Any = [{"type": "text", "text": "You know the manual. " * 50, "cache_control": {"type": "ephemeral"}}]
    asked: Any = {"model": "sim-claude", "max_tokens": 300, "system": system}
    first = client.messages.create(messages=ask("Hello"), **asked)
    second = client.messages.create(messages=[*ask("Hello"), first.to_param(), *ask("Go on")], **asked)
    written, read = first.usage.cache_creation_input_tokens, second.usage.cache_read_input_tokens
    assert written == read
    entries = [
        ledger.paid(
            stack,
            str(answer._request_id),
            "sim-claude",
            prompt=prompt_of(answer.usage),
            output=answer.usage.output_tokens,
        )
        for answer in (first, second)
    ]
    assert [entry["usage"]["cache_write_5m"] for entry in entries] == [written, 0]
    assert [entry["usage"]["cache_read"] for entry in entries] == [0, read]


@MODELS
def test_a_limit_and_a_stop_word_end_the_answer(client: anthropic.Anthropic, model: str) -> None:
    short = client.messages.create(model=model, max_tokens=5, messages=ask("count to 50"))
    assert (short.stop_reason, short.usage.output_tokens) == ("max_tokens", 5)
    stopped = client.messages.create(model=model, max_tokens=99, messages=ask("count to 50"), stop_sequences=[", 4"])
    assert stopped.content[0].to_dict()["text"] == "1, 2, 3"
    # OpenAI's dialect does not say whether a stop word ended an answer.
    assert stopped.stop_reason == ("stop_sequence" if model == "sim-claude" else "end_turn")


def test_tokens_are_counted_by_the_provider_or_estimated_and_free(stack: Stack, client: anthropic.Anthropic) -> None:
    prompt: Any = {"system": "Be brief.", "messages": ask("Hello there"), "tools": [WEATHER]}
    counted = client.messages.with_raw_response.count_tokens(model="sim-claude", **prompt)
    used = client.messages.create(model="sim-claude", max_tokens=10, **prompt).usage
    assert counted.parse().input_tokens == prompt_of(used)
    assert "x-sluice-estimated" not in counted.headers
    estimated = client.messages.with_raw_response.count_tokens(model="sim-fast", **prompt)
    assert estimated.parse().input_tokens > 0
    assert estimated.headers["x-sluice-estimated"] == "true"
    for answer in (counted, estimated):
        entry = ledger.entry_of(stack, answer.headers["request-id"])
        assert (entry["operation"], entry["outcome"], entry["cost_nano_usd"]) == ("count_tokens", "ok", 0)


def test_models_are_listed_page_by_page_and_found(client: anthropic.Anthropic) -> None:
    listed = [model.id for model in client.models.list(limit=2)]
    assert {"simulator/sim-fast", "simulator/sim-claude"} <= set(listed)
    assert len(listed) == len(set(listed)) > 2
    found = client.models.retrieve("simulator/sim-claude")
    assert (found.type, found.id, found.display_name, found.max_tokens) == (
        "model",
        "simulator/sim-claude",
        "sim-claude",
        32_000,
    )
    with pytest.raises(anthropic.NotFoundError, match="/v1/models"):
        client.models.retrieve("no-such-model")


@MODELS
@pytest.mark.parametrize(
    ("fault", "expected", "word"),
    [
        ("status=400", anthropic.BadRequestError, "invalid_request_error"),
        ("status=401", anthropic.AuthenticationError, "authentication_error"),
        ("status=403", anthropic.PermissionDeniedError, "permission_error"),
        ("status=404", anthropic.NotFoundError, "not_found_error"),
        ("status=503", anthropic.InternalServerError, None),
        ("status=529", anthropic.OverloadedError, "overloaded_error"),
    ],
)
def test_a_providers_error_arrives_as_the_sdks_own_class(
    stack: Stack,
    client: anthropic.Anthropic,
    model: str,
    fault: str,
    expected: type[anthropic.APIStatusError],
    word: str | None,
) -> None:
    with pytest.raises(expected) as caught:
        client.messages.create(model=model, max_tokens=10, messages=ask(f"[[fault: {fault}]] Hello"))
    error = caught.value
    assert f"status={error.status_code}" == fault
    assert isinstance(error.body, dict)
    assert error.body["type"] == "error"
    assert word in (None, error.body["error"]["type"])
    assert error.request_id is not None
    entry = ledger.entry_of(stack, error.request_id)
    assert (entry["status"], entry["outcome"], entry["cost_nano_usd"]) == (error.status_code, "error", 0)
    assert (error.response.headers["x-should-retry"] == "true") == (error.status_code >= 500)


@MODELS
def test_a_rate_limit_says_how_long_to_wait(client: anthropic.Anthropic, model: str) -> None:
    # Longer than the gateway itself would wait, so it tells the caller at once.
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(model=model, max_tokens=9, messages=ask("[[fault: status=429 retry_after=30]]"))
    assert caught.value.response.headers["retry-after"] == "30"
    assert caught.value.response.headers["x-should-retry"] == "true"


def test_the_gateways_own_refusals_name_the_remedy(stack: Stack, client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="/v1/models") as unknown:
        client.messages.create(model="claude-none", max_tokens=10, messages=ask("Hello"))
    assert unknown.value.request_id is not None
    assert ledger.entry_of(stack, unknown.value.request_id)["requested_model"] == "claude-none"
    stranger = client.with_options(api_key="sk-sluice-" + "a" * 44)
    with pytest.raises(anthropic.AuthenticationError) as refused:
        stranger.messages.create(model="sim-claude", max_tokens=10, messages=ask("Hello"))
    assert refused.value.response.headers["x-should-retry"] == "false"
    with pytest.raises(anthropic.BadRequestError, match="messages"):
        client.messages.create(model="sim-claude", max_tokens=10, messages=[])


def test_a_key_may_come_as_a_bearer_token(stack: Stack) -> None:
    with anthropic.Anthropic(base_url=stack.url, api_key=None, auth_token=stack.api_key, max_retries=0) as opened:
        assert opened.messages.create(model="sim-claude", max_tokens=10, messages=ask("say hi")).content


def test_beta_calls_reach_the_model(client: anthropic.Anthropic) -> None:
    answer = client.beta.messages.create(
        model="sim-claude", max_tokens=10, messages=ask("say hi"), betas=["context-management-2025-06-27"]
    )
    assert answer.content[0].to_dict()["text"] == "hi"


def test_retries_of_the_sdk_outlast_those_of_the_gateway(stack: Stack, client: anthropic.Anthropic) -> None:
    # The gateway tries twice, so the third try is the caller's second request.
    fault = f"[[fault: status=503 retry_after=0.01 times=2 id=anthropic-{stack.api_key[10:22]}]] say done"
    patient = client.with_options(max_retries=2)
    raw = patient.messages.with_raw_response.create(model="sim-claude", max_tokens=50, messages=ask(fault))
    assert (raw.parse().content[0].to_dict()["text"], raw.retries_taken) == ("done", 1)
    assert len(ledger.entry_of(stack, raw.headers["request-id"])["attempts"]) == 1


@pytest.mark.parametrize("fault", ["status=400", "status=429 code=insufficient_quota"])
def test_the_sdk_does_not_retry_what_cannot_succeed(client: anthropic.Anthropic, fault: str) -> None:
    patient = client.with_options(max_retries=3)
    with pytest.raises(anthropic.APIStatusError) as caught:
        patient.messages.create(model="sim-fast", max_tokens=10, messages=ask(f"[[fault: {fault}]]"))
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.response.request.headers["x-stainless-retry-count"] == "0"


@MODELS
def test_a_stream_that_breaks_raises_in_the_middle(stack: Stack, client: anthropic.Anthropic, model: str) -> None:
    received = []
    with (
        pytest.raises(anthropic.APIStatusError) as broken,
        client.messages.stream(
            model=model, max_tokens=500, messages=ask("[[fault: cut_after=6]] count to 50")
        ) as stream,
    ):
        request_id = stream.response.headers["request-id"]
        received.extend(stream.text_stream)
    assert received
    assert isinstance(broken.value.body, dict)
    assert broken.value.body["type"] == "error"
    entry = ledger.entry_of(stack, request_id)
    assert (entry["outcome"], entry["status"], entry["usage"]["estimated"]) == ("failed", 200, True)


def test_async_callers_stream_side_by_side(stack: Stack) -> None:
    async def said(opened: anthropic.AsyncAnthropic, model: str, word: str) -> str:
        async with opened.messages.stream(model=model, max_tokens=50, messages=ask(f"say {word}")) as stream:
            return await stream.get_final_text()

    async def everyone() -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=stack.url, api_key=stack.api_key, max_retries=0) as opened:
            turns = [("sim-claude", "one"), ("sim-fast", "two"), ("sim-claude", "three")]
            return await asyncio.gather(*(said(opened, model, word) for model, word in turns))

    assert asyncio.run(everyone()) == ["one", "two", "three"]
