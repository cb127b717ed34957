"""What providers answer in these tests: Claude, and OpenAI with stored state."""

from __future__ import annotations

import json
from typing import Any

from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, custom, events

PATH = "/v1/responses"
CLAUDE = "anthropic/test-claude"
OPENAI = "openai/test-gpt"


def said(text: str, **more: object) -> Scripted:
    """Claude's whole answer."""
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "test-claude",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
        **more,
    }
    return Scripted(body=json.dumps(body).encode())


def _event(body: dict[str, object]) -> bytes:
    return f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode()


def told(text: str) -> Scripted:
    """Claude's streamed answer."""
    usage = {"input_tokens": 10, "output_tokens": 1}
    delta = {"type": "text_delta", "text": text}
    return events(
        *map(
            _event,
            (
                {"type": "message_start", "message": {"id": "msg_1", "model": "c", "content": [], "usage": usage}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": delta},
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
                {"type": "message_stop"},
            ),
        )
    )


def native_answer(identity: str = "resp_openai1", **more: object) -> dict[str, object]:
    """OpenAI's answer object."""
    text = {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [text]}
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    return {
        "id": identity,
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "error": None,
        "model": "test-gpt",
        "output": [message],
        "store": True,
        "usage": usage,
        **more,
    }


def native(identity: str = "resp_openai1", **more: object) -> Scripted:
    """OpenAI's whole answer."""
    return Scripted(body=json.dumps(native_answer(identity, **more)).encode())


def native_stream(identity: str = "resp_openai1", **more: object) -> Scripted:
    """OpenAI's streamed answer."""
    begun = native_answer(identity, status="in_progress", output=[], usage=None, **more)
    delta = {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "delta": "Hi"}
    return events(
        _event({"type": "response.created", "sequence_number": 0, "response": begun}),
        _event(delta),
        _event({"type": "response.completed", "sequence_number": 2, "response": native_answer(identity, **more)}),
    )


def gateway(*answers: Scripted, **changes: Any) -> Gateway:
    """A gateway with one model that is translated and two that speak Responses themselves."""
    models = {
        CLAUDE: custom(CLAUDE),
        OPENAI: custom(OPENAI, dialects=("openai_responses",)),
        "openai/other-gpt": custom("openai/other-gpt", dialects=("openai_responses",)),
    }
    live = configuration(**{"models": models, **changes})
    return Gateway(ScriptedTransport(*answers), live=live)


def last_event(body: bytes) -> dict[str, Any]:
    """The last event of a stream."""
    return dict(json.loads(body.rstrip().rpartition(b"data: ")[2]))


def numbers(body: bytes) -> list[int]:
    """The sequence numbers of a stream."""
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line)["sequence_number"] for line in lines]
