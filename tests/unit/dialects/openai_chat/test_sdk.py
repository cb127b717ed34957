"""What the official SDK makes of answers, streams and errors that this dialect wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import httpx2
import openai
import pytest

from sluice.dialects import openai_chat as wire
from sluice.errors import BudgetExceeded, ProviderError, ProviderUnreachable, RateLimited
from sluice.types.chat import ChatRequest, ChatResponse, Choice, Refusal, Text, Thinking, ToolCall
from sluice.types.stream import (
    ArgumentsDelta,
    End,
    Finish,
    Idle,
    PartStart,
    PartStop,
    SignatureDelta,
    Start,
    StreamEvent,
    StreamFailed,
    TextDelta,
    UsageReport,
)
from sluice.types.usage import Usage

ASKED = ChatRequest("gpt", (), stream=True, include_usage=True)
QUESTION: Any = [{"role": "user", "content": "Hello"}]
USAGE = Usage(input=3, cache_read=2, output=5, reasoning=2)


class Answers:
    """A client whose every request gets one prepared answer."""

    def __init__(self) -> None:
        self.status, self.kind, self.body = 200, "application/json", b""
        self.client = openai.OpenAI(
            api_key="k",
            base_url="http://gateway.test/v1",
            max_retries=0,
            http_client=httpx2.Client(transport=httpx2.MockTransport(self._answer)),
        )

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(self.status, headers={"content-type": self.kind}, content=self.body, request=request)

    def streamed(self, events: Iterable[StreamEvent]) -> Any:
        self.kind, self.body = "text/event-stream", b"".join(wire.encode_stream(events, ASKED))
        with self.client.chat.completions.stream(model="gpt", messages=QUESTION) as stream:
            return stream.get_final_completion()

    def whole(self, status: int, body: dict[str, Any]) -> Any:
        self.status, self.kind, self.body = status, "application/json", json.dumps(body).encode()
        return self.client.chat.completions.create(model="gpt", messages=QUESTION)


@pytest.fixture
def answers() -> Iterator[Answers]:
    prepared = Answers()
    yield prepared
    prepared.client.close()


def test_a_stream_with_thinking_text_and_parallel_calls_is_put_together(answers: Answers) -> None:
    completion = answers.streamed(
        [
            Idle(),
            Start("msg_1", "claude", 5),
            PartStart(0, "thinking"),
            TextDelta(0, "Hm. "),
            TextDelta(0, "Yes."),
            SignatureDelta(0, "sig"),
            PartStop(0),
            PartStart(1, "text"),
            TextDelta(1, "Let me "),
            Idle(),
            TextDelta(1, "look."),
            PartStop(1),
            PartStart(2, "tool_call", "toolu_1", "look"),
            ArgumentsDelta(2, '{"city":'),
            ArgumentsDelta(2, '"Rome"}'),
            PartStop(2),
            PartStart(3, "tool_call", "toolu_2", "wait"),
            PartStop(3),
            Finish("tool_calls"),
            UsageReport(USAGE),
            End(),
        ]
    )
    choice = completion.choices[0]
    assert (choice.message.role, choice.message.content, choice.finish_reason) == (
        "assistant",
        "Let me look.",
        "tool_calls",
    )
    calls = [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls]
    assert calls == [("toolu_1", "look", '{"city":"Rome"}'), ("toolu_2", "wait", "{}")]
    assert choice.message.reasoning_content == "Hm. Yes."
    (entry,) = choice.message.reasoning_details
    assert (entry["text"], entry["signature"]) == ("Hm. Yes.", "sig")
    assert completion.usage.total_tokens == 10
    assert completion.usage.prompt_tokens_details.cached_tokens == 2
    assert completion.usage.completion_tokens_details.reasoning_tokens == 2


def test_a_whole_answer_is_read(answers: Answers) -> None:
    parts = (Thinking("Hm.", signature="sig"), Text("Hi"), ToolCall("a", "f", '{"x":1}'))
    response = ChatResponse("msg_1", "claude", (Choice(parts, "tool_calls"),), USAGE, dialect="anthropic_messages")
    completion = answers.whole(200, wire.encode_response(response, ASKED))
    message = completion.choices[0].message
    assert (completion.object, message.content, message.tool_calls[0].function.arguments) == (
        "chat.completion",
        "Hi",
        '{"x":1}',
    )
    assert completion.usage.prompt_tokens == 5


def test_a_refusal_is_read(answers: Answers) -> None:
    response = ChatResponse("c", "gpt", (Choice((Refusal("No."),), "refusal"),))
    choice = answers.whole(200, wire.encode_response(response, ASKED)).choices[0]
    assert (choice.message.refusal, choice.message.content, choice.finish_reason) == ("No.", None, "stop")


def test_an_error_in_the_stream_is_raised(answers: Answers) -> None:
    failed = StreamFailed(ProviderUnreachable("The connection was cut."))
    with pytest.raises(openai.APIError, match="The connection was cut"):
        answers.streamed([Start("c", "gpt"), PartStart(0, "text"), TextDelta(0, "Hi"), failed])


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (BudgetExceeded("Budget 'a' is spent."), openai.APIStatusError),
        (RateLimited("Slow down."), openai.RateLimitError),
        (ProviderError("No such model.", provider_status=404, kind="not_found"), openai.NotFoundError),
        (ProviderError("x", provider_status=529, kind="overloaded"), openai.InternalServerError),
    ],
)
def test_errors_are_raised_with_their_message_type_and_code(
    answers: Answers, error: Any, raised: type[openai.APIStatusError]
) -> None:
    with pytest.raises(raised) as caught:
        answers.whole(error.http_status, wire.encode_error(error, "req_1"))
    assert error.message in caught.value.message
    assert caught.value.code == error.error_code
    assert caught.value.type
