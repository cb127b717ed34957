"""The official OpenAI SDK paints, speaks and listens through the running gateway; the ledger says what it cost."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.e2e import ledger
from tests.stacks import Stack

pytestmark = pytest.mark.stack

PROMPT = "a red circle on a white ground"
SAID = "The quick brown fox jumps over the lazy dog."


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def recording(client: openai.OpenAI) -> bytes:
    """The spoken sentence, as a WAV file."""
    with client.audio.speech.with_streaming_response.create(model="sim-speech", voice="alloy", input=SAID) as answer:
        return answer.read()


def size_of(file: bytes) -> tuple[int, int]:
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(file[16:20], "big"), int.from_bytes(file[20:24], "big")


def settled(stack: Stack, request_id: str, operation: str, model: str) -> Any:
    entry = ledger.entry_of(stack, request_id)
    assert (entry["operation"], entry["status"], entry["outcome"]) == (operation, 200, "ok")
    assert entry["deployment"] == f"simulator/{model}"
    assert entry["price_version"].startswith("simulated#")
    return entry


def test_pictures_are_painted_and_paid_by_their_tokens(stack: Stack, client: openai.OpenAI) -> None:
    raw = client.images.with_raw_response.generate(model="sim-image", prompt=PROMPT, n=2, quality="low")
    answer = raw.parse()
    assert [size_of(base64.b64decode(image.b64_json or "")) for image in answer.data or ()] == [(1024, 1024)] * 2
    entry = settled(stack, raw.headers["x-request-id"], "images", "sim-image")
    usage = entry["usage"]
    assert (usage["images"], usage["image_size"], usage["image_quality"]) == (2, "1024x1024", "low")
    assert answer.usage is not None
    assert (usage["input"], usage["output"], usage["image_output"]) == (answer.usage.input_tokens, 544, 544)
    assert entry["cost_nano_usd"] == usage["input"] * 5_000 + 544 * 30_000
    assert raw.headers["x-sluice-cost-usd"] == entry["cost_usd"]


def test_a_picture_comes_in_parts_when_it_is_streamed(stack: Stack, client: openai.OpenAI) -> None:
    raw = client.images.with_raw_response.generate(model="sim-image", prompt=PROMPT, stream=True, partial_images=2)
    events: list[Any] = list(raw.parse())
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert size_of(base64.b64decode(events[-1].b64_json)) == (1024, 1024)
    entry = settled(stack, raw.headers["x-request-id"], "images", "sim-image")
    assert entry["stream"] is True
    assert (entry["usage"]["images"], entry["usage"]["image_output"]) == (1, events[-1].usage.output_tokens)


def test_a_picture_is_edited_from_an_uploaded_file(stack: Stack, client: openai.OpenAI) -> None:
    first = client.images.generate(model="sim-image", prompt=PROMPT, size="auto")
    file = base64.b64decode((first.data or [])[0].b64_json or "")
    raw = client.images.with_raw_response.edit(
        model="sim-image", prompt="turn it green", image=[("a.png", file, "image/png"), ("b.png", file, "image/png")]
    )
    answer = raw.parse()
    assert size_of(base64.b64decode((answer.data or [])[0].b64_json or "")) == (1024, 1024)
    entry = settled(stack, raw.headers["x-request-id"], "image_edits", "sim-image")
    assert (entry["usage"]["images_sent"], entry["usage"]["image_input"]) == (2, 2 * 194)


def test_speech_arrives_byte_for_byte_and_is_paid_by_the_character(stack: Stack, client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="simulator/sim-speech", voice="alloy", input=SAID, response_format="wav"
    ) as answer:
        assert answer.headers["content-type"] == "audio/wav"
        sound = b"".join(answer.iter_bytes())
        request_id = answer.headers["x-request-id"]
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getnframes() == len(SAID) * 1000  # a sixteenth of a second for each character
    entry = settled(stack, request_id, "speech", "sim-speech")
    assert entry["usage"]["characters"] == len(SAID)
    assert entry["cost_nano_usd"] == len(SAID) * 15_000


def test_speech_comes_as_events_too(client: openai.OpenAI, recording: bytes) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="sim-speech", voice="alloy", input=SAID, stream_format="sse"
    ) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line[6:] for line in answer.iter_lines() if line.startswith("data: ")]
    events = [json.loads(line) for line in lines]
    assert b"".join(base64.b64decode(event["audio"]) for event in events[:-1]) == recording
    assert events[-1]["usage"]["output_tokens"] > 0


def test_what_was_spoken_is_written_down(stack: Stack, client: openai.OpenAI, recording: bytes) -> None:
    seconds = len(SAID) / 16
    raw = client.audio.transcriptions.with_raw_response.create(
        model="sim-transcribe", file=("said.wav", recording, "audio/wav")
    )
    answer: Any = raw.parse()
    assert answer.text == f"This recording is {seconds:.2f} seconds long."
    entry = settled(stack, raw.headers["x-request-id"], "transcriptions", "sim-transcribe")
    usage = entry["usage"]
    assert (usage["input"], usage["audio_input"], usage["output"]) == (
        answer.usage.input_tokens,
        answer.usage.input_tokens,
        answer.usage.output_tokens,
    )
    assert entry["cost_nano_usd"] == usage["input"] * 6_000 + usage["output"] * 10_000


def test_subtitles_are_paid_by_the_time_they_show(stack: Stack, client: openai.OpenAI, recording: bytes) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="sim-whisper", file=("said.wav", recording, "audio/wav"), response_format="srt"
    )
    assert "-->" in str(raw.parse())
    entry = settled(stack, raw.headers["x-request-id"], "transcriptions", "sim-whisper")
    assert (entry["usage"]["audio_ms"], entry["usage"]["estimated"]) == (2750, True)
    assert entry["cost_nano_usd"] == 275_000


def test_a_transcript_is_streamed_word_by_word(stack: Stack, client: openai.OpenAI, recording: bytes) -> None:
    raw = client.audio.transcriptions.with_raw_response.create(
        model="sim-transcribe", file=("said.wav", recording, "audio/wav"), stream=True
    )
    events: list[Any] = list(raw.parse())
    said = "".join(event.delta for event in events if event.type == "transcript.text.delta")
    assert said == events[-1].text
    entry = settled(stack, raw.headers["x-request-id"], "transcriptions", "sim-transcribe")
    assert (entry["stream"], entry["usage"]["output"]) == (True, events[-1].usage.output_tokens)


def test_a_form_that_is_cut_is_refused_in_words(stack: Stack) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nsim-transcribe\r\n'
    answer = httpx.post(
        f"{stack.url}/v1/audio/transcriptions",
        content=body,
        headers={"authorization": f"Bearer {stack.api_key}", "content-type": "multipart/form-data; boundary=b"},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_form")
    assert "is cut" in answer.json()["error"]["message"]


def test_a_recording_that_is_too_large_is_told_where_to_upload(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError, match="POST /v1/uploads") as caught:
        client.audio.transcriptions.create(model="sim-whisper", file=("long.wav", bytes(5_000_000), "audio/wav"))
    assert caught.value.status_code == 413
