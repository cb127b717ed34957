"""Stored state of the Responses API, with the official OpenAI SDK: turns, look-ups, deletion, other teams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest
from openai import BadRequestError, NotFoundError, OpenAI
from openai.types.responses import Response

from tests.stacks import Stack

pytestmark = pytest.mark.stack
TRANSLATED = ("simulator/sim-fast", "simulator/sim-claude")
NATIVE = "simulator/sim-gpt"
MODELS = (*TRANSLATED, NATIVE)


@pytest.fixture
def client(stack: Stack) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def stranger(stack: Stack) -> Iterator[OpenAI]:
    """A client with the key of another team."""
    made = Request(
        f"{stack.url}/admin/keys",
        json.dumps({"team": "strangers", "name": "e2e"}).encode(),
        {"authorization": f"Bearer {stack.admin_key}", "content-type": "application/json"},
    )
    with urlopen(made) as answer:
        key = json.loads(answer.read())["key"]
    with OpenAI(base_url=f"{stack.url}/v1", api_key=key, max_retries=0) as sdk:
        yield sdk


def said(client: OpenAI, model: str, words: str, previous: str | None = None, *, stream: bool = False) -> Response:
    """Return the answer to one turn."""
    if not stream:
        return client.responses.create(model=model, input=words, previous_response_id=previous)
    events = list(client.responses.create(model=model, input=words, previous_response_id=previous, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    end = events[-1]
    assert end.type == "response.completed"
    return end.response


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_turns_follow_each_other_by_id(client: OpenAI, model: str, stream: bool) -> None:
    one = said(client, model, "Hello there, I am Ada.", stream=stream)
    two = said(client, model, "And who am I?", one.id, stream=stream)
    three = said(client, model, "Are you sure?", two.id, stream=stream)
    assert "turn 2" in two.output_text
    assert "turn 3" in three.output_text
    assert (three.previous_response_id, three.id.startswith("resp_")) == (two.id, True)


@pytest.mark.parametrize("model", MODELS)
def test_the_next_turn_comes_while_the_last_stream_is_still_open(client: OpenAI, model: str) -> None:
    """So another environment serves it, and finds what the first one stored."""
    with client.responses.create(model=model, input="Hello there, I am Ada.", stream=True) as stream:
        end = next(event for event in stream if event.type == "response.completed")
        assert "turn 2" in said(client, model, "And who am I?", end.response.id).output_text


def test_a_conversation_moves_between_providers(client: OpenAI) -> None:
    one = said(client, "simulator/sim-fast", "Hello there, I am Ada.")
    two = said(client, "simulator/sim-claude", "And who am I?", one.id)
    three = said(client, NATIVE, "Are you sure?", two.id)
    assert "turn 3" in three.output_text
    assert "turn 4" in said(client, NATIVE, "Really?", three.id).output_text
    with pytest.raises(BadRequestError, match="kept by simulator"):
        said(client, "simulator/sim-fast", "Really?", three.id)


@pytest.mark.parametrize("model", MODELS)
def test_a_response_is_read_listed_and_deleted(client: OpenAI, model: str) -> None:
    made = said(client, model, "Say hello.")
    found = client.responses.retrieve(made.id)
    assert (found.id, found.output_text, found.usage) == (made.id, made.output_text, made.usage)
    (item,) = client.responses.input_items.list(made.id).data
    assert item.type == "message"
    assert item.id
    assert item.content[0].text == "Say hello."  # type: ignore[union-attr]
    client.responses.delete(made.id)
    for gone in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list):
        with pytest.raises(NotFoundError, match="not found"):
            gone(made.id)  # type: ignore[operator]
    with pytest.raises(BadRequestError, match="Previous response with id"):
        said(client, model, "Go on.", made.id)


@pytest.mark.parametrize("model", MODELS)
def test_for_another_team_there_is_no_such_response(client: OpenAI, stranger: OpenAI, model: str) -> None:
    made = said(client, model, "Say hello.")
    with pytest.raises(NotFoundError, match=made.id):
        stranger.responses.retrieve(made.id)
    with pytest.raises(NotFoundError):
        stranger.responses.delete(made.id)
    with pytest.raises(NotFoundError):
        stranger.responses.cancel(made.id)
    with pytest.raises(NotFoundError):
        stranger.responses.input_items.list(made.id)
    with pytest.raises(BadRequestError, match="Previous response with id"):
        said(stranger, model, "Go on.", made.id)
    assert client.responses.retrieve(made.id).id == made.id


@pytest.mark.parametrize("model", TRANSLATED)
def test_a_response_is_told_again_as_a_stream(client: OpenAI, model: str) -> None:
    made = said(client, model, "Say hello.")
    events = list(client.responses.retrieve(made.id, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == made.output_text
    rest = list(client.responses.retrieve(made.id, stream=True, starting_after=2))
    assert [event.model_dump() for event in rest] == [event.model_dump() for event in events[3:]]


@pytest.mark.parametrize("model", MODELS)
def test_a_response_that_is_no_background_one_cannot_be_cancelled(client: OpenAI, model: str) -> None:
    made = said(client, model, "Say hello.")
    with pytest.raises(BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(made.id)


def test_a_background_response_is_polled_and_another_cancelled(client: OpenAI) -> None:
    made = client.responses.create(model=NATIVE, input="Say hello.", background=True)
    statuses = [made.status, *(client.responses.retrieve(made.id).status for _ in range(2))]
    assert statuses == ["queued", "in_progress", "completed"]
    events = list(client.responses.retrieve(made.id, stream=True, starting_after=1))
    assert (events[0].sequence_number, events[-1].type) == (2, "response.completed")
    other = client.responses.create(model=NATIVE, input="Say hello.", background=True)
    assert client.responses.cancel(other.id).status == "cancelled"
    with pytest.raises(BadRequestError, match="background"):
        client.responses.create(model=TRANSLATED[0], input="Say hello.", background=True)


@pytest.mark.parametrize("model", MODELS)
def test_input_tokens_are_counted(client: OpenAI, model: str) -> None:
    raw = client.responses.input_tokens.with_raw_response.count(model=model, input="Say hello to everyone here.")
    counted = raw.parse()
    assert counted.object == "response.input_tokens"
    assert 3 <= counted.input_tokens <= 60
    assert ("x-sluice-estimated" in raw.headers) == (model != NATIVE)
    made = said(client, model, "A longer story of which nothing else is known. " * 20)
    longer = client.responses.input_tokens.count(model=model, input="Go on.", previous_response_id=made.id)
    assert longer.input_tokens > 100


@pytest.mark.parametrize("model", MODELS)
def test_what_was_not_stored_is_nowhere(client: OpenAI, model: str) -> None:
    made = client.responses.create(model=model, input="Say hello.", store=False)
    with pytest.raises(NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(BadRequestError, match="Previous response with id"):
        said(client, model, "Go on.", made.id)


@pytest.mark.parametrize("model", MODELS)
def test_what_codex_sends_is_served_without_state(client: OpenAI, model: str) -> None:
    asked = {"role": "user", "content": [{"type": "input_text", "text": "Say hello."}]}
    with client.responses.stream(
        model=model,
        instructions="You are Codex.",
        input=[asked],  # type: ignore[list-item]
        store=False,
        include=["reasoning.encrypted_content"],
        reasoning={"effort": "low"},
        parallel_tool_calls=False,
        prompt_cache_key="thread-1",
        extra_headers={"x-codex-turn-metadata": "{}"},
    ) as stream:
        final = stream.get_final_response()
    assert final.usage is not None
    assert final.usage.input_tokens_details.cached_tokens == 0
    assert final.usage.output_tokens_details.reasoning_tokens >= 0
    history = [asked, *(item.model_dump(exclude_none=True) for item in final.output), asked]
    again = client.responses.create(model=model, input=history, store=False, include=["reasoning.encrypted_content"])  # type: ignore[arg-type]
    assert "hello" in again.output_text.lower()
