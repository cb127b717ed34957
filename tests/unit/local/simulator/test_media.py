"""The official OpenAI SDK paints, speaks and listens with the simulator."""

from __future__ import annotations

import base64
import io
import wave
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from sluice.local.simulator import pictures, sounds
from sluice.local.simulator.playback import Reply

Post = Callable[..., Reply]


@pytest.fixture(scope="module")
def client(simulator_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sim-test", base_url=f"{simulator_url}/openai/v1", max_retries=0) as opened:
        yield opened


def pixels(file: bytes) -> tuple[int, int, int]:
    """Return width, height and the bytes of the decoded rows."""
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = int.from_bytes(file[16:20], "big"), int.from_bytes(file[20:24], "big")
    length = int.from_bytes(file[33:37], "big")
    return width, height, len(zlib.decompress(file[41 : 41 + length]))


def test_pictures_are_real_and_cost_tokens_by_size_and_quality(client: openai.OpenAI) -> None:
    answer = client.images.generate(model="sim-image", prompt="a red circle", n=2, size="1024x1536", quality="low")
    files = [base64.b64decode(image.b64_json or "") for image in answer.data or ()]
    assert [pixels(file) for file in files] == [(1024, 1536, 1536 * (1 + 3 * 1024))] * 2
    assert files[0] != files[1]
    assert answer.usage is not None
    assert answer.usage.output_tokens == 2 * 272 * 3 // 2
    assert answer.usage.input_tokens_details.image_tokens == 0


def test_a_stream_of_pictures_ends_with_the_whole_one(client: openai.OpenAI) -> None:
    events: list[Any] = list(
        client.images.generate(model="sim-image", prompt="a red circle", stream=True, partial_images=2)
    )
    assert [event.type for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    whole = client.images.generate(model="sim-image", prompt="a red circle")
    assert events[-1].b64_json == (whole.data or [])[0].b64_json
    assert events[-1].usage.total_tokens == (whole.usage and whole.usage.total_tokens)


def test_an_edit_takes_files_or_data_urls(client: openai.OpenAI) -> None:
    file = pictures.png(8, 8, "logo")
    by_form = client.images.edit(model="sim-image", prompt="greener", image=[file, file], n=1)
    assert by_form.usage is not None
    assert by_form.usage.input_tokens_details.image_tokens == 2 * 194
    url = f"data:image/png;base64,{base64.b64encode(file).decode()}"
    by_json: Any = client.post(
        "/images/edits",
        body={"model": "sim-image", "prompt": "greener", "images": [{"image_url": url}]},
        cast_to=object,
    )
    assert by_json["data"][0]["b64_json"] == (by_form.data or [])[0].b64_json


def test_speech_is_a_wav_that_lasts_as_long_as_its_text(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="sim-speech", voice="alloy", input="x" * 80, response_format="wav"
    ) as answer:
        assert answer.headers["content-type"] == "audio/wav"
        sound = answer.read()
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes() / file.getframerate()) == (16_000, 1, 5.0)


def test_a_transcript_states_the_length_of_the_recording(client: openai.OpenAI) -> None:
    file = ("a.wav", sounds.wav(3.7), "audio/wav")
    answer = client.audio.transcriptions.create(model="sim-transcribe", file=file)
    assert answer.text == "This recording is 3.70 seconds long."
    assert answer.usage is not None
    assert answer.usage.type == "tokens"
    assert answer.usage.input_tokens == 37
    verbose = client.audio.transcriptions.create(model="sim-whisper", file=file, response_format="verbose_json")
    assert (verbose.duration, verbose.usage and verbose.usage.seconds) == (3.7, 4)
    srt = client.audio.transcriptions.create(model="sim-whisper", file=file, response_format="srt")
    assert "00:00:00,000 --> 00:00:03,700" in srt
    diarized = client.audio.transcriptions.create(
        model="sim-transcribe", file=file, response_format="diarized_json", chunking_strategy="auto"
    )
    assert diarized.segments[0].speaker == "A"
    with pytest.warns(DeprecationWarning, match="deprecated"):  # the SDK's own word on whisper-1's last operation
        english = client.audio.translations.create(model="sim-whisper", file=file)
    assert english.text == answer.text


def test_a_streamed_transcript_says_what_the_whole_one_says(client: openai.OpenAI) -> None:
    file = ("a.wav", sounds.wav(1.0), "audio/wav")
    events: list[Any] = list(client.audio.transcriptions.create(model="sim-transcribe", file=file, stream=True))
    said = "".join(event.delta for event in events if event.type == "transcript.text.delta")
    assert said == events[-1].text == "This recording is 1.00 seconds long."
    assert events[-1].usage.total_tokens > 0


def test_of_other_files_the_size_is_told(client: openai.OpenAI) -> None:
    answer = client.audio.transcriptions.create(model="sim-transcribe", file=("a.mp3", b"\xff\xfb" * 50, "audio/mpeg"))
    assert answer.text == "This recording is 100 bytes of audio/mpeg."


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("images/generations", {"model": "sim-image", "prompt": "x", "response_format": "url"}, "Unknown parameter"),
        ("images/generations", {"model": "sim-image", "prompt": "x", "size": "3x3"}, "Supported values"),
        ("images/generations", {"model": "sim-fast", "prompt": "x"}, "does not serve"),
        ("images/edits", {"model": "sim-image", "prompt": "x"}, "'image'"),
        ("audio/speech", {"model": "sim-speech", "input": "", "voice": "a"}, "empty string"),
        ("audio/speech", {"model": "sim-speech", "input": "x", "voice": "a", "response_format": "mp3"}, "'pcm'"),
        ("audio/transcriptions", {"model": "sim-transcribe"}, "'file'"),
        ("audio/translations", {"model": "sim-transcribe"}, "does not translate"),
    ],
)
def test_what_a_vendor_would_refuse_is_refused(post: Post, path: str, body: dict[str, Any], said: str) -> None:
    reply = post(f"/openai/v1/{path}", body)
    assert reply.status in (400, 404)
    assert said in reply.body["error"]["message"]


def test_a_cut_form_is_refused(post: Post) -> None:
    body = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nsim-transcribe\r\n'
    reply = post("/openai/v1/audio/transcriptions", body, content_type="multipart/form-data; boundary=b")
    assert (reply.status, reply.body["error"]["message"]) == (400, "Could not parse multipart form.")


def test_directives_stand_in_prompts_and_spoken_text(post: Post) -> None:
    told = "x [[fault: status=429]]"
    assert post("/openai/v1/images/generations", {"model": "sim-image", "prompt": told}).status == 429
    assert post("/openai/v1/audio/speech", {"model": "sim-speech", "voice": "a", "input": told}).status == 429
