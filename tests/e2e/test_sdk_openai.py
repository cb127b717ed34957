"""The official OpenAI SDK through the running gateway: to a model of its own dialect, and to one of Anthropic's."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel

from tests.e2e import ledger
from tests.stacks import Stack

pytestmark = pytest.mark.stack

MODELS = pytest.mark.parametrize("model", ["sim-fast", "sim-claude"], ids=["same-dialect", "translated"])
THINKERS = pytest.mark.parametrize("model", ["sim-reasoner", "sim-claude-thinking"], ids=["same-dialect", "translated"])
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Solution(BaseModel):
    explanation: str
    final_answer: int


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as opened:
        yield opened


def ask(question: str) -> Any:
    return [{"role": "user", "content": question}]


@MODELS
def test_a_whole_answer_is_entered_with_its_tokens_and_cost(stack: Stack, client: openai.OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(model=f"simulator/{model}", messages=ask("Hello there"))
    answer = raw.parse()
    assert (answer.choices[0].message.content or "").startswith(f"Hello from {model}")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer._request_id == raw.headers["x-request-id"]
    entry = ledger.paid(
        stack,
        raw.headers["x-request-id"],
        model,
        prompt=answer.usage.prompt_tokens,
        output=answer.usage.completion_tokens,
    )
    assert raw.headers["x-sluice-cost-usd"] == entry["cost_usd"]
    assert raw.headers["x-sluice-provider"] == "simulator"
    assert raw.headers["x-sluice-model"] == model
    assert raw.headers["x-sluice-attempts"] == "1"


@MODELS
def test_a_stream_says_and_costs_what_the_whole_answer_does(stack: Stack, client: openai.OpenAI, model: str) -> None:
    whole = client.chat.completions.create(model=model, messages=ask("Hello there"))
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=ask("Hello there"), stream=True, stream_options={"include_usage": True}
    )
    chunks = list(raw.parse())
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    usage, expected = chunks[-1].usage, whole.usage
    assert usage is not None
    assert expected is not None
    assert usage.total_tokens == expected.total_tokens
    assert chunks[-1].choices == []
    entry = ledger.paid(
        stack, raw.headers["x-request-id"], model, prompt=usage.prompt_tokens, output=usage.completion_tokens
    )
    assert entry["stream"] is True


@MODELS
def test_usage_nobody_asked_for_is_entered_all_the_same(stack: Stack, client: openai.OpenAI, model: str) -> None:
    whole = client.chat.completions.create(model=model, messages=ask("say good morning"))
    assert whole.usage is not None
    raw = client.chat.completions.with_raw_response.create(model=model, messages=ask("say good morning"), stream=True)
    chunks = list(raw.parse())
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    tokens = {"prompt": whole.usage.prompt_tokens, "output": whole.usage.completion_tokens}
    ledger.paid(stack, raw.headers["x-request-id"], model, **tokens)


@MODELS
def test_the_cost_stands_in_the_usage_of_a_stream_that_asks_for_it(
    stack: Stack, client: openai.OpenAI, model: str
) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=model,
        messages=ask("say hi"),
        stream=True,
        stream_options={"include_usage": True},
        extra_headers={"x-sluice-include-cost": "true"},
    )
    usage: Any = list(raw.parse())[-1].usage
    assert round(usage.cost * 1e9) == ledger.entry_of(stack, raw.headers["x-request-id"])["cost_nano_usd"] > 0


@MODELS
def test_parallel_tool_calls_are_streamed_and_their_results_come_back(
    stack: Stack, client: openai.OpenAI, model: str
) -> None:
    question = ask("What is the weather in Paris and Rome?")
    fragments = []
    with client.chat.completions.stream(model=model, messages=question, tools=[WEATHER]) as stream:
        for event in stream:
            if event.type == "tool_calls.function.arguments.delta":
                fragments.append((event.index, event.arguments_delta))
        message = stream.get_final_completion().choices[0].message
    calls = message.tool_calls or []
    assert [call.function.arguments for call in calls] == ['{"city": "Paris"}', '{"city": "Rome"}']
    assert len({call.id for call in calls}) == 2
    assert len(fragments) > len(calls)
    said = {
        "role": "assistant",
        "content": message.content,
        "tool_calls": [
            {"id": c.id, "type": "function", "function": {"name": c.function.name, "arguments": c.function.arguments}}
            for c in calls
        ],
    }
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"{degrees} degrees"}
        for degrees, call in enumerate(calls, start=18)
    ]
    after = client.chat.completions.create(model=model, messages=[*question, said, *results], tools=[WEATHER])
    assert after.choices[0].message.content == (
        "The tool get_weather answered: 18 degrees The tool get_weather answered: 19 degrees"
    )


@MODELS
def test_a_forced_call_ends_with_its_own_reason(client: openai.OpenAI, model: str) -> None:
    answer = client.chat.completions.create(
        model=model, messages=ask("Hello"), tools=[WEATHER], tool_choice="required", parallel_tool_calls=False
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls or []
    assert [call.function.name for call in calls if call.type == "function"] == ["get_weather"]


@MODELS
def test_structured_output_parses_into_the_callers_own_class(client: openai.OpenAI, model: str) -> None:
    asked = {"model": model, "messages": ask("Solve 8x + 7 = -23"), "response_format": Solution}
    whole = client.chat.completions.parse(**asked).choices[0].message.parsed
    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0].message.parsed
    assert isinstance(whole, Solution)
    assert streamed == whole


@MODELS
def test_an_image_reaches_the_model(client: openai.OpenAI, model: str) -> None:
    parts: Any = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
    ]
    answer = client.chat.completions.create(model=model, messages=[{"role": "user", "content": parts}])
    assert "I see an image (image/png, 1x1 pixels, 70 bytes)." in (answer.choices[0].message.content or "")


@THINKERS
def test_reasoning_goes_back_with_its_signature_or_is_refused(stack: Stack, client: openai.OpenAI, model: str) -> None:
    with client.chat.completions.stream(
        model=model, messages=ask("Why?"), reasoning_effort="low", stream_options={"include_usage": True}
    ) as stream:
        completion = stream.get_final_completion()
    message: Any = completion.choices[0].message.to_dict()
    assert completion.usage is not None
    assert completion.usage.completion_tokens_details is not None
    assert (completion.usage.completion_tokens_details.reasoning_tokens or 0) > 0
    assert message["reasoning_content"].startswith("The caller asks: Why?")
    kept = {name: message[name] for name in ("role", "content", "reasoning_content", "reasoning_details")}
    turns = [*ask("Why?"), kept, *ask("And then?")]
    raw = client.chat.completions.with_raw_response.create(model=model, messages=turns, reasoning_effort="low")
    assert "turn 2" in (raw.parse().choices[0].message.content or "")
    assert ledger.entry_of(stack, raw.headers["x-request-id"])["usage"]["reasoning"] > 0
    kept["reasoning_content"] += " (edited)"
    kept["reasoning_details"][0]["text"] = kept["reasoning_content"]
    # Only the model itself can tell: so the signature has come all the way, and so has the text.
    with pytest.raises(openai.BadRequestError, match="signature"):
        client.chat.completions.create(model=model, messages=turns, reasoning_effort="low")


@MODELS
def test_a_limit_and_a_stop_word_end_the_answer(client: openai.OpenAI, model: str) -> None:
    short = client.chat.completions.create(model=model, messages=ask("count to 50"), max_completion_tokens=5)
    assert short.choices[0].finish_reason == "length"
    assert short.usage is not None
    assert short.usage.completion_tokens == 5
    stopped = client.chat.completions.create(model=model, messages=ask("count to 50"), stop=[", 4"])
    assert (stopped.choices[0].finish_reason, stopped.choices[0].message.content) == ("stop", "1, 2, 3")


def test_embeddings_agree_in_base64_and_floats(stack: Stack, client: openai.OpenAI) -> None:
    texts = ["a cat on the mat", "quarterly revenue"]
    raw = client.embeddings.with_raw_response.create(model="simulator/sim-embed", input=texts, dimensions=64)
    packed = raw.parse()
    floats = client.embeddings.create(model="sim-embed", input=texts, dimensions=64, encoding_format="float")
    assert [len(item.embedding) for item in packed.data] == [64, 64]
    for one, other in zip(packed.data, floats.data, strict=True):
        assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(one.embedding, other.embedding, strict=True))
    entry = ledger.paid(stack, raw.headers["x-request-id"], "sim-embed", prompt=packed.usage.prompt_tokens, output=0)
    assert entry["operation"] == "embeddings"


def test_models_are_listed_and_found_by_either_name(client: openai.OpenAI) -> None:
    assert {"simulator/sim-fast", "simulator/sim-claude", "simulator/sim-embed"} <= {m.id for m in client.models.list()}
    assert client.models.retrieve("simulator/sim-fast").owned_by == "simulator"
    assert client.models.retrieve("sim-embed").id == "sim-embed"
    with pytest.raises(openai.NotFoundError, match="/v1/models"):
        client.models.retrieve("no-such-model")


@MODELS
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("status=400", openai.BadRequestError),
        ("status=401", openai.AuthenticationError),
        ("status=403", openai.PermissionDeniedError),
        ("status=404", openai.NotFoundError),
        ("status=422", openai.UnprocessableEntityError),
        ("status=503", openai.InternalServerError),
        ("status=529", openai.InternalServerError),
    ],
)
def test_a_providers_error_arrives_as_the_sdks_own_class(
    stack: Stack, client: openai.OpenAI, model: str, fault: str, expected: type[openai.APIStatusError]
) -> None:
    with pytest.raises(expected) as caught:
        client.chat.completions.create(model=model, messages=ask(f"[[fault: {fault}]] Hello"))
    error = caught.value
    assert f"status={error.status_code}" == fault
    assert isinstance(error.body, dict)
    assert {"message", "type", "param", "code"} <= error.body.keys()
    assert error.request_id is not None
    entry = ledger.entry_of(stack, error.request_id)
    assert (entry["status"], entry["outcome"], entry["cost_nano_usd"]) == (error.status_code, "error", 0)
    assert (error.response.headers["x-should-retry"] == "true") == (error.status_code >= 500)


@MODELS
def test_a_rate_limit_says_how_long_to_wait(client: openai.OpenAI, model: str) -> None:
    # Longer than the gateway itself would wait, so it tells the caller at once.
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=model, messages=ask("[[fault: status=429 retry_after=30]]"))
    assert caught.value.response.headers["retry-after"] == "30"
    assert caught.value.response.headers["x-should-retry"] == "true"


def test_the_gateways_own_refusals_name_the_remedy(stack: Stack, client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="/v1/models") as unknown:
        client.chat.completions.create(model="gpt-none", messages=ask("Hello"))
    assert unknown.value.request_id is not None
    assert ledger.entry_of(stack, unknown.value.request_id)["requested_model"] == "gpt-none"
    with pytest.raises(openai.AuthenticationError) as stranger:
        client.with_options(api_key="sk-sluice-" + "a" * 44).models.list()
    assert stranger.value.response.headers["x-should-retry"] == "false"
    with pytest.raises(openai.BadRequestError, match="messages") as empty:
        client.chat.completions.create(model="sim-fast", messages=[])
    assert empty.value.response.headers["x-should-retry"] == "false"


def test_retries_of_the_sdk_outlast_those_of_the_gateway(stack: Stack, client: openai.OpenAI) -> None:
    # Other tests have made the model fail; an answer shows the gateway that it can be asked again.
    client.chat.completions.create(model="sim-fast", messages=ask("say ready"))
    # The gateway tries twice, so the third try is the caller's second request.
    fault = f"[[fault: status=503 retry_after=0.01 times=2 id=openai-{stack.api_key[10:22]}]] say done"
    patient = client.with_options(max_retries=2)
    raw = patient.chat.completions.with_raw_response.create(model="sim-fast", messages=ask(fault))
    assert (raw.parse().choices[0].message.content, raw.retries_taken) == ("done", 1)
    assert len(ledger.entry_of(stack, raw.headers["x-request-id"])["attempts"]) == 1


@pytest.mark.parametrize("fault", ["status=400", "status=429 code=insufficient_quota"])
def test_the_sdk_does_not_retry_what_cannot_succeed(client: openai.OpenAI, fault: str) -> None:
    patient = client.with_options(max_retries=3)
    with pytest.raises(openai.APIStatusError) as caught:
        patient.chat.completions.create(model="sim-fast", messages=ask(f"[[fault: {fault}]]"))
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert caught.value.response.request.headers["x-stainless-retry-count"] == "0"


@MODELS
def test_a_stream_that_breaks_raises_in_the_middle(stack: Stack, client: openai.OpenAI, model: str) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model=model, messages=ask("[[fault: cut_after=5]] count to 50"), stream=True
    )
    received = []
    with pytest.raises(openai.APIError, match=r"(?i)cut|reset|broke|closed"):
        received.extend(raw.parse())
    assert received
    entry = ledger.entry_of(stack, raw.headers["x-request-id"])
    assert (entry["outcome"], entry["status"], entry["usage"]["estimated"]) == ("failed", 200, True)


def test_async_callers_stream_side_by_side(stack: Stack) -> None:
    async def said(opened: openai.AsyncOpenAI, model: str, word: str) -> str:
        stream = await opened.chat.completions.create(model=model, messages=ask(f"say {word}"), stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    async def everyone() -> list[str]:
        async with openai.AsyncOpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as opened:
            turns = [("sim-fast", "one"), ("sim-claude", "two"), ("sim-fast", "three")]
            return await asyncio.gather(*(said(opened, model, word) for model, word in turns))

    assert asyncio.run(everyone()) == ["one", "two", "three"]
