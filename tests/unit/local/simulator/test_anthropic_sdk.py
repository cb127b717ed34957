"""The official Anthropic SDK against the simulator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

WEATHER: Any = {
    "name": "get_weather",
    "description": "Get the weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
THINKING: Any = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture(scope="module")
def client(simulator_url: str) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(api_key="sim-test", base_url=f"{simulator_url}/anthropic", max_retries=0) as opened:
        yield opened


def ask(question: str) -> Any:
    return [{"role": "user", "content": question}]


def test_stream_says_what_the_whole_answer_says(client: anthropic.Anthropic) -> None:
    whole = client.messages.create(model="sim-fast", max_tokens=500, messages=ask("Hello there"))
    with client.messages.stream(model="sim-fast", max_tokens=500, messages=ask("Hello there")) as stream:
        streamed = stream.get_final_message()
    assert streamed.content[0].to_dict()["text"] == whole.content[0].to_dict()["text"]
    assert (streamed.id, streamed.stop_reason) == (whole.id, "end_turn")
    assert streamed.usage.output_tokens == whole.usage.output_tokens
    assert streamed.usage.input_tokens == whole.usage.input_tokens


def test_stream_has_the_events_in_the_vendors_order(client: anthropic.Anthropic) -> None:
    events = client.messages.create(model="sim-fast", max_tokens=500, messages=ask("say hi"), stream=True)
    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]


def test_tools_are_called_in_parallel_and_their_results_quoted(client: anthropic.Anthropic) -> None:
    question = ask("What is the weather in Paris and Rome?")
    with client.messages.stream(model="sim-fast", max_tokens=500, messages=question, tools=[WEATHER]) as stream:
        message = stream.get_final_message()
    assert message.stop_reason == "tool_use"
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.input for call in calls] == [{"city": "Paris"}, {"city": "Rome"}]
    results: Any = [{"type": "tool_result", "tool_use_id": c.id, "content": "sunny"} for c in calls]
    after = client.messages.create(
        model="sim-fast",
        max_tokens=500,
        tools=[WEATHER],
        messages=[*question, message.to_param(), {"role": "user", "content": results}],
    )
    assert after.content[0].to_dict()["text"].count("The tool get_weather answered: sunny") == 2


def test_thinking_goes_back_unchanged_or_is_refused(client: anthropic.Anthropic) -> None:
    settings: Any = {"model": "sim-reasoner", "max_tokens": 2000, "thinking": THINKING}
    with client.messages.stream(messages=ask("Why?"), **settings) as stream:
        message = stream.get_final_message()
    assert message.content[0].type == "thinking"
    assert message.usage.output_tokens_details is not None
    assert message.usage.output_tokens_details.thinking_tokens == 64
    back: Any = message.to_param()
    assert client.messages.create(messages=[*ask("Why?"), back, *ask("Go on")], **settings).content
    edited: Any = {"role": "assistant", "content": [block.to_dict() for block in message.content]}
    edited["content"][0]["thinking"] += "!"
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
        client.messages.create(messages=[*ask("Why?"), edited, *ask("Go on")], **settings)


def test_redacted_thinking_goes_back_unchanged_or_is_refused(client: anthropic.Anthropic) -> None:
    settings: Any = {"model": "sim-large", "max_tokens": 2000, "thinking": THINKING}
    message = client.messages.create(messages=ask("[[simulate: redacted]] Why?"), **settings)
    assert message.content[0].type == "redacted_thinking"
    back: Any = {"role": "assistant", "content": [block.to_dict() for block in message.content]}
    assert client.messages.create(messages=[*ask("Why?"), back, *ask("Go on")], **settings).content
    back["content"][0]["data"] = "AAAA"
    with pytest.raises(anthropic.BadRequestError, match="redacted_thinking"):
        client.messages.create(messages=[*ask("Why?"), back, *ask("Go on")], **settings)


def test_omitted_thinking_has_a_signature_and_no_text(client: anthropic.Anthropic) -> None:
    hidden: Any = {**THINKING, "display": "omitted"}
    message = client.messages.create(model="sim-large", max_tokens=2000, messages=ask("Why?"), thinking=hidden)
    block = message.content[0]
    assert block.type == "thinking"
    assert block.thinking == ""
    assert block.signature


def test_prompt_cache_is_written_by_the_first_turn_and_read_by_the_next(client: anthropic.Anthropic) -> None:
    system: Any = [{"type": "text", "text": "You know the manual. " * 50, "cache_control": {"type": "ephemeral"}}]
    settings: Any = {"model": "sim-fast", "max_tokens": 500, "system": system}
    first = client.messages.create(messages=ask("Hello"), **settings)
    assert first.usage.cache_read_input_tokens == 0
    assert first.usage.cache_creation is not None
    written = first.usage.cache_creation.ephemeral_5m_input_tokens
    assert written > 200
    back: Any = first.to_param()
    second = client.messages.create(messages=[*ask("Hello"), back, *ask("Go on")], **settings)
    assert second.usage.cache_read_input_tokens == written
    assert second.usage.cache_creation_input_tokens == 0


def test_count_tokens_agrees_with_the_usage_of_the_same_prompt(client: anthropic.Anthropic) -> None:
    prompt: Any = {"model": "sim-fast", "system": "Be brief.", "messages": ask("Hello"), "tools": [WEATHER]}
    counted = client.messages.count_tokens(**prompt).input_tokens
    assert counted == client.messages.create(max_tokens=10, **prompt).usage.input_tokens > 0


def test_refusal_has_its_own_stop_reason(client: anthropic.Anthropic) -> None:
    message = client.messages.create(model="sim-fast", max_tokens=100, messages=ask("[[simulate: refuse]]"))
    assert message.stop_reason == "refusal"


def test_models_are_listed_and_found(client: anthropic.Anthropic) -> None:
    listed = {m.id for m in client.models.list()}
    assert "sim-claude" in listed
    assert "sim-embed" not in listed
    assert client.models.retrieve("sim-large").display_name == "Simulated large"


def test_errors_arrive_as_the_sdks_own_classes(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="model: claude-none"):
        client.messages.create(model="claude-none", max_tokens=10, messages=ask("Hello"))
    with pytest.raises(anthropic.AuthenticationError):
        client.with_options(api_key="sk-wrong").models.list()
    with pytest.raises(anthropic.APIStatusError) as overloaded:
        client.messages.create(model="sim-fast", max_tokens=10, messages=ask("[[fault: status=529]]"))
    assert overloaded.value.status_code == 529
