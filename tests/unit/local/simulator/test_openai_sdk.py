"""The official OpenAI SDK against the simulator."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Step(BaseModel):
    explanation: str
    output: float


class Solution(BaseModel):
    steps: list[Step]
    final_answer: int
    parent: Step | None


@pytest.fixture(scope="module")
def client(simulator_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sim-test", base_url=f"{simulator_url}/openai/v1", max_retries=0) as opened:
        yield opened


def ask(question: str) -> Any:
    return [{"role": "user", "content": question}]


def test_first_request_gets_a_friendly_answer_that_names_the_simulator(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="sim-fast", messages=ask("What is the capital of France?"))
    text = answer.choices[0].message.content or ""
    assert "simulated" in text
    assert "What is the capital of France?" in text
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_stream_says_what_the_whole_answer_says_and_ends_with_usage(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="sim-fast", messages=ask("Hello there"))
    chunks = list(
        client.chat.completions.create(
            model="sim-fast", messages=ask("Hello there"), stream=True, stream_options={"include_usage": True}
        )
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert {c.id for c in chunks} == {whole.id}


def test_stream_without_include_usage_reports_none(client: openai.OpenAI) -> None:
    chunks = client.chat.completions.create(model="sim-fast", messages=ask("Hello"), stream=True)
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_parallel_tool_calls_are_streamed_and_their_results_quoted(client: openai.OpenAI) -> None:
    question = ask("What is the weather in Paris and Rome?")
    with client.chat.completions.stream(model="sim-fast", messages=question, tools=[WEATHER]) as stream:
        message = stream.get_final_completion().choices[0].message
    calls = message.tool_calls or []
    assert [c.function.arguments for c in calls] == ['{"city": "Paris"}', '{"city": "Rome"}']
    results: Any = [
        {"role": "tool", "tool_call_id": c.id, "content": f"{n} degrees"} for n, c in enumerate(calls, start=18)
    ]
    said: Any = message.to_dict()
    after = client.chat.completions.create(
        model="sim-fast", messages=[*question, _sendable(said), *results], tools=[WEATHER]
    )
    assert after.choices[0].message.content == (
        "The tool get_weather answered: 18 degrees The tool get_weather answered: 19 degrees"
    )


def _sendable(message: dict[str, Any]) -> Any:
    calls = [{k: c[k] for k in ("id", "type", "function")} for c in message["tool_calls"]]
    return {"role": "assistant", "content": message["content"], "tool_calls": calls}


def test_structured_output_parses_into_the_callers_model(client: openai.OpenAI) -> None:
    parsed = client.chat.completions.parse(
        model="sim-fast", messages=ask("Solve 8x + 7 = -23"), response_format=Solution
    )
    solution = parsed.choices[0].message.parsed
    assert solution is not None
    assert solution.steps
    assert solution.final_answer == 7


def test_reasoning_goes_back_unchanged_or_is_refused(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(model="sim-reasoner", messages=ask("Why is the sky blue?"))
    message: Any = first.choices[0].message.to_dict()
    assert "The caller asks" in message["reasoning_content"]
    assert first.usage is not None
    assert first.usage.completion_tokens_details is not None
    assert first.usage.completion_tokens_details.reasoning_tokens == 64
    turns = [*ask("Why is the sky blue?"), message, *ask("And at night?")]
    again = client.chat.completions.create(model="sim-reasoner", messages=turns)
    assert "turn 2" in (again.choices[0].message.content or "")
    message["reasoning_details"][0]["text"] += " (edited)"
    with pytest.raises(openai.BadRequestError, match="Invalid signature"):
        client.chat.completions.create(model="sim-reasoner", messages=turns)


def test_streamed_reasoning_carries_a_signature_that_verifies(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="sim-reasoner", messages=ask("Think")) as stream:
        message: Any = stream.get_final_completion().choices[0].message.to_dict()
    kept = {k: message[k] for k in ("role", "content", "reasoning_details")}
    turns = [*ask("Think"), kept, *ask("Go on")]
    assert client.chat.completions.create(model="sim-reasoner", messages=turns).choices


def test_refusal_stands_in_its_own_member(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="sim-fast", messages=ask("[[simulate: refuse]] Hello"))
    assert answer.choices[0].message.content is None
    assert answer.choices[0].message.refusal == "I'm sorry, but I can't help with that."


def test_several_answers_and_log_probabilities(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="sim-fast", messages=ask("say hi"), n=2, logprobs=True, top_logprobs=2
    )
    assert [c.message.content for c in answer.choices] == ["hi", "hi (Answer 2 of 2.)"]
    assert answer.choices[0].logprobs is not None
    assert [t.token for t in answer.choices[0].logprobs.content or ()] == ["hi"]


def test_embeddings_agree_in_floats_and_base64_and_similar_texts_lie_close(client: openai.OpenAI) -> None:
    texts = ["a cat on the mat", "the cat on a mat", "quarterly revenue"]
    packed = client.embeddings.create(model="sim-embed", input=texts, dimensions=128)
    floats = client.embeddings.create(model="sim-embed", input=texts, dimensions=128, encoding_format="float")
    one, two, three = (item.embedding for item in floats.data)
    assert len(one) == 128
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(one, packed.data[0].embedding, strict=True))
    assert sum(a * b for a, b in zip(one, two, strict=True)) > 0.99
    assert sum(a * b for a, b in zip(one, three, strict=True)) < 0.5


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    assert {"sim-fast", "sim-large", "sim-reasoner", "sim-embed"} <= {m.id for m in client.models.list()}
    assert client.models.retrieve("sim-fast").owned_by == "simulator"


def test_errors_arrive_as_the_sdks_own_classes(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.chat.completions.create(model="gpt-none", messages=ask("Hello"))
    with pytest.raises(openai.AuthenticationError, match="starts with 'sim-'"):
        client.with_options(api_key="sk-wrong").models.list()
    with pytest.raises(openai.RateLimitError) as limited:
        client.chat.completions.create(model="sim-fast", messages=ask("[[fault: status=429 retry_after=7]]"))
    assert limited.value.response.headers["retry-after"] == "7"


def test_retries_of_the_sdk_outlast_a_fault_of_one_attempt(client: openai.OpenAI) -> None:
    patient = client.with_options(max_retries=1)
    fault = "[[fault: status=503 retry_after=0 times=1 id=openai-sdk-retries]] say done"
    assert patient.chat.completions.create(model="sim-fast", messages=ask(fault)).choices[0].message.content == "done"
