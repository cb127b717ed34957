"""The Responses API of the official OpenAI SDK against models that speak other dialects."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from tests.stacks import Stack

pytestmark = pytest.mark.stack
MODELS = ("simulator/sim-fast", "simulator/sim-claude")
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as sdk:
        yield sdk


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_comes_whole_with_the_usage_that_codex_needs(client: OpenAI, model: str) -> None:
    answer = client.responses.create(model=model, input="Say hello.", instructions="Be brief.")
    assert answer.status == "completed"
    assert "hello" in answer.output_text.lower()
    assert answer.usage is not None
    assert answer.usage.input_tokens > 0
    assert answer.usage.input_tokens_details.cached_tokens == 0
    assert answer.usage.output_tokens_details.reasoning_tokens == 0


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_has_its_events_in_order(client: OpenAI, model: str) -> None:
    with client.responses.stream(model=model, input="Say hello.") as stream:
        events = list(stream)
        final = stream.get_final_response()
    numbers = [event.sequence_number for event in events]
    assert numbers == sorted(numbers)
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == final.output_text


@pytest.mark.parametrize("model", MODELS)
def test_a_tool_is_called_and_its_result_answered(client: OpenAI, model: str) -> None:
    asked = [{"role": "user", "content": "What is the weather in Paris?"}]
    first = client.responses.create(model=model, input=asked, tools=[WEATHER], tool_choice="required")  # type: ignore[call-overload]
    call = next(item for item in first.output if item.type == "function_call")
    assert (call.name, "city" in json.loads(call.arguments)) == ("get_weather", True)
    history = [*asked, call.model_dump(exclude_none=True)]
    history.append({"type": "function_call_output", "call_id": call.call_id, "output": "17 degrees"})
    second = client.responses.create(model=model, input=history, tools=[WEATHER])  # type: ignore[call-overload]
    assert "17 degrees" in second.output_text


def test_errors_are_the_sdks_own(client: OpenAI) -> None:
    with pytest.raises(NotFoundError):
        client.responses.create(model="nobody/nothing", input="x")
    with pytest.raises(BadRequestError):
        client.responses.create(model=MODELS[0], input="x", max_output_tokens=-1)
    with pytest.raises(BadRequestError, match=r"Previous response with id .resp_1. not found"):
        client.responses.create(model=MODELS[0], input="x", previous_response_id="resp_1")
