"""What the official SDK makes of streams, answers and errors that this dialect wrote."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import httpx2
import openai
import pytest

from sluice.dialects import openai_responses as wire
from sluice.errors import BudgetExceeded, ProviderError
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

TOOL: Any = {
    "type": "function",
    "name": "look",
    "parameters": {"type": "object", "properties": {}},
    "strict": False,
}
ASKED = wire.decode_request({"model": "m", "input": "x", "tools": [TOOL], "instructions": "Be brief."})
USAGE = Usage(input=3, cache_read=2, output=5, reasoning=2)


class Answers:
    """A client whose every request gets one prepared answer."""

    def __init__(self) -> None:
        self.status = 200
        self.kind = "application/json"
        self.body = b""
        self.client = openai.OpenAI(
            api_key="k",
            base_url="http://gateway.test/v1",
            max_retries=0,
            http_client=httpx2.Client(transport=httpx2.MockTransport(self._answer)),
        )

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(self.status, headers={"content-type": self.kind}, content=self.body, request=request)

    def streamed(self, events: Iterable[StreamEvent], asked: ChatRequest = ASKED) -> Any:
        self.kind, self.body = "text/event-stream", b"".join(wire.encode_stream(events, asked))
        with self.client.responses.stream(model="m", input="x") as stream:
            return stream.get_final_response()

    def whole(self, status: int, body: dict[str, Any]) -> Any:
        self.status, self.kind, self.body = status, "application/json", json.dumps(body).encode()
        return self.client.responses.create(model="m", input="x")


@pytest.fixture
def answers() -> Iterator[Answers]:
    prepared = Answers()
    yield prepared
    prepared.client.close()


def test_the_sdk_gathers_reasoning_text_and_parallel_calls_from_a_stream(answers: Answers) -> None:
    final = answers.streamed(
        [
            Start("resp_1", "claude", 7),
            PartStart(0, "thinking"),
            TextDelta(0, "Let me "),
            TextDelta(0, "see."),
            SignatureDelta(0, "EqQB"),
            PartStop(0),
            Idle(),
            PartStart(1, "text"),
            TextDelta(1, "I "),
            TextDelta(1, "look."),
            PartStop(1),
            PartStart(2, "tool_call", "call_1", "look"),
            ArgumentsDelta(2, '{"a":'),
            PartStart(3, "tool_call", "call_2", "look"),
            ArgumentsDelta(3, "{}"),
            ArgumentsDelta(2, "1}"),
            PartStop(2),
            PartStop(3),
            Finish("tool_calls"),
            UsageReport(USAGE),
            End(),
        ]
    )
    thought, said, first, second = final.output
    assert thought.summary[0].text == "Let me see."
    assert said.content[0].text == final.output_text == "I look."
    assert [(call.call_id, call.name, call.arguments) for call in (first, second)] == [
        ("call_1", "look", '{"a":1}'),
        ("call_2", "look", "{}"),
    ]
    assert (final.id, final.model, final.status, final.created_at) == ("resp_1", "claude", "completed", 7)
    assert final.usage.input_tokens_details.cached_tokens == 2
    assert final.usage.output_tokens_details.reasoning_tokens == 2
    assert (final.usage.input_tokens, final.usage.output_tokens, final.usage.total_tokens) == (5, 5, 10)
    assert final.instructions == "Be brief."
    assert final.tools[0].name == "look"
    assert len({item.id for item in final.output}) == 4


def test_every_event_is_of_a_type_that_the_sdk_knows(answers: Answers) -> None:
    answers.kind = "text/event-stream"
    answers.body = b"".join(
        wire.encode_stream(
            [
                Start("r", "m"),
                PartStart(0, "thinking"),
                TextDelta(0, "Hm."),
                PartStop(0),
                PartStart(1, "text"),
                TextDelta(1, "Yes."),
                PartStop(1),
                PartStart(2, "refusal"),
                TextDelta(2, "No."),
                PartStop(2),
                PartStart(3, "tool_call", "c", "look"),
                PartStop(3),
                PartStart(4, "tool_call", "d", "patch", custom=True),
                ArgumentsDelta(4, "*** Begin"),
                PartStop(4),
                Finish("tool_calls"),
                End(),
            ],
            ASKED,
        )
    )
    events = list(answers.client.responses.create(model="m", input="x", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    for event in events:
        assert event.type.replace(".", "_") not in ("", "None")
        # An event the SDK does not know is built as another one, and its own members are then missing.
        type(event).model_validate(event.model_dump(), strict=False)
    assert [event.type for event in events if event.type.endswith(".done")] == [
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
        "response.output_text.done",
        "response.content_part.done",
        "response.refusal.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.custom_tool_call_input.done",
        "response.output_item.done",
    ]


def test_a_cut_answer_is_incomplete_and_says_why(answers: Answers) -> None:
    events: list[StreamEvent] = [Start("r", "m"), PartStart(0, "text"), TextDelta(0, "So"), PartStop(0)]
    answers.kind = "text/event-stream"
    answers.body = b"".join(wire.encode_stream([*events, Finish("length"), End()], ASKED))
    last = list(answers.client.responses.create(model="m", input="x", stream=True))[-1]
    assert last.type == "response.incomplete"
    assert last.response.incomplete_details is not None
    assert last.response.incomplete_details.reason == "max_output_tokens"
    assert last.response.output_text == "So"


def test_a_stream_that_breaks_raises_in_the_sdk_with_the_message(answers: Answers) -> None:
    broken = ProviderError("Overloaded, try later.", provider_status=529, kind="overloaded")
    with pytest.raises(openai.APIError, match=r"Overloaded, try later\."):
        answers.streamed([Start("r", "m"), PartStart(0, "text"), TextDelta(0, "So"), StreamFailed(broken)])


def test_a_whole_answer_fits_the_types_of_the_sdk(answers: Answers) -> None:
    parts = (
        Thinking("Hm.", signature="EqQB"),
        Text("Yes.", citations=({"type": "web", "url": "https://example.com", "title": "E"},)),
        Refusal("No."),
        ToolCall("call_1", "look", ""),
    )
    response = ChatResponse("r", "m", (Choice(parts, "tool_calls"),), USAGE, 5)
    final = answers.whole(200, wire.encode_response(response, ASKED))
    type(final).model_validate(final.model_dump())
    thought, said, call = final.output
    assert thought.summary[0].text == "Hm."
    assert [part.type for part in said.content] == ["output_text", "refusal"]
    assert said.content[0].annotations[0].url == "https://example.com"
    assert (call.call_id, call.arguments) == ("call_1", "{}")
    assert final.usage.output_tokens_details.reasoning_tokens == 2


def test_the_gateways_own_refusal_is_an_error_of_its_status(answers: Answers) -> None:
    error = BudgetExceeded("The budget of team a is spent.")
    with pytest.raises(openai.APIStatusError, match="budget of team a") as raised:
        answers.whole(402, wire.encode_error(error, "req_1"))
    assert raised.value.status_code == 402
    assert raised.value.code == "budget_exceeded"
