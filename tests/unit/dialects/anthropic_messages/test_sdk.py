"""What the official SDK makes of streams, answers and errors that this dialect wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import anthropic
import httpx2
import pytest

from sluice.dialects import anthropic_messages as wire
from sluice.errors import BudgetExceeded, ProviderError, ProviderUnreachable
from sluice.types.chat import ChatRequest, ChatResponse, Choice, Text, Thinking, ToolCall
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

ASKED = ChatRequest(model="m", messages=())
QUESTION: Any = [{"role": "user", "content": "Hello"}]
USAGE = Usage(input=3, cache_read=2, cache_write_1h=1, output=5, reasoning=2)


class Answers:
    """A client whose every request gets one prepared answer."""

    def __init__(self) -> None:
        self.status = 200
        self.kind = "application/json"
        self.body = b""
        self.client = anthropic.Anthropic(
            api_key="k",
            base_url="http://gateway.test",
            max_retries=0,
            http_client=httpx2.Client(transport=httpx2.MockTransport(self._answer)),
        )

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(self.status, headers={"content-type": self.kind}, content=self.body, request=request)

    def streamed(self, events: Iterable[StreamEvent]) -> Any:
        self.kind, self.body = "text/event-stream", b"".join(wire.encode_stream(events, ASKED))
        with self.client.messages.stream(model="m", max_tokens=10, messages=QUESTION) as stream:
            return stream.get_final_message()

    def whole(self, status: int, body: dict[str, Any]) -> Any:
        self.status, self.kind, self.body = status, "application/json", json.dumps(body).encode()
        return self.client.messages.create(model="m", max_tokens=10, messages=QUESTION)


@pytest.fixture
def answers() -> Iterator[Answers]:
    prepared = Answers()
    yield prepared
    prepared.client.close()


def test_a_stream_with_thinking_text_and_parallel_calls_is_put_together(answers: Answers) -> None:
    message = answers.streamed(
        [
            Idle(),
            Start("chatcmpl-1", "gpt"),
            PartStart(0, "thinking"),
            TextDelta(0, "Hm. "),
            TextDelta(0, "Yes."),
            SignatureDelta(0, "s1g+/="),
            PartStop(0),
            PartStart(1, "text"),
            TextDelta(1, "Let me "),
            Idle(),
            TextDelta(1, "look."),
            PartStop(1),
            PartStart(2, "tool_call", "call_a", "look"),
            PartStart(3, "tool_call", "call_b", "listen"),
            ArgumentsDelta(3, '{"b":'),
            ArgumentsDelta(2, '{"a":1}'),
            ArgumentsDelta(3, "[2]}"),
            Finish("tool_calls"),
            UsageReport(USAGE),
            End(),
        ]
    )
    thinking, text, first, second = message.content
    assert (thinking.thinking, thinking.signature) == ("Hm. Yes.", "s1g+/=")
    assert text.text == "Let me look."
    assert (first.id, first.name, first.input) == ("call_a", "look", {"a": 1})
    assert (second.id, second.name, second.input) == ("call_b", "listen", {"b": [2]})
    assert (message.stop_reason, message.model) == ("tool_use", "gpt")
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (3, 2, 1)
    assert (usage.output_tokens, usage.output_tokens_details.thinking_tokens) == (5, 2)


def test_a_call_without_arguments_has_an_empty_input(answers: Answers) -> None:
    message = answers.streamed(
        [Start("i", "m"), PartStart(0, "tool_call", "a", "look"), PartStop(0), Finish("tool_calls"), End()]
    )
    assert message.content[0].input == {}


def test_an_error_inside_a_stream_is_raised(answers: Answers) -> None:
    broken = [Start("i", "m"), PartStart(0, "text"), StreamFailed(ProviderUnreachable("The provider hung up."))]
    with pytest.raises(anthropic.APIStatusError, match="hung up"):
        answers.streamed(broken)


def test_a_stream_that_just_stops_is_not_taken_for_an_answer(answers: Answers) -> None:
    with pytest.raises(anthropic.APIStatusError, match="before the answer was complete"):
        answers.streamed([Start("i", "m"), PartStart(0, "text"), TextDelta(0, "Hel")])


def test_a_whole_answer_is_read(answers: Answers) -> None:
    parts = (Thinking("Hm."), Text("Yes."), ToolCall("call_a", "look", '{"a":1}'))
    response = ChatResponse("chatcmpl-1", "gpt", (Choice(parts, "tool_calls"),), USAGE, dialect="openai_chat")
    message = answers.whole(200, wire.encode_response(response, ASKED))
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert (message.stop_reason, message.usage.cache_creation.ephemeral_1h_input_tokens) == ("tool_use", 1)


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (BudgetExceeded("Budget 'team' is spent."), anthropic.APIStatusError),
        (ProviderError("Slow down.", provider_status=429, kind="rate_limit"), anthropic.RateLimitError),
        (ProviderError("Busy.", provider_status=529, kind="overloaded"), anthropic.OverloadedError),
    ],
)
def test_errors_are_raised_with_the_gateways_words(answers: Answers, error: Any, raised: type[Exception]) -> None:
    with pytest.raises(raised) as caught:
        answers.whole(error.http_status, wire.encode_error(error, "req_1"))
    assert error.message in str(caught.value)
