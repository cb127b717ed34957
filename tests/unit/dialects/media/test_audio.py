"""Speech and transcripts pass through the whole gateway untouched, and are paid by tokens, time or characters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import openai_transcriptions as wire
from sluice.dialects.media.lengths import of_file, of_subtitles
from sluice.dialects.multipart import File
from sluice.errors import ProviderUnreachable
from tests.fakes import Gateway, Scripted, events
from tests.unit.dialects.media.calls import FORM, SECOND, field, file, form, gateway, spoken, text

HEAR, ENGLISH, SPEAK = "/v1/audio/transcriptions", "/v1/audio/translations", "/v1/audio/speech"
TOKENS = {
    "type": "tokens",
    "total_tokens": 49,
    "input_tokens": 37,
    "input_token_details": {"text_tokens": 2, "audio_tokens": 35},
    "output_tokens": 12,
}
SRT = b"1\n00:00:00,000 --> 00:00:02,500\nHello\n\n2\n00:00:02,500 --> 01:01:03,700\nthere\n\n"
VTT = b"WEBVTT\n\n00:00.000 --> 00:02.500\nHello\n"


def hear(model: str = "openai/by-token", *more: bytes) -> bytes:
    return form(field("model", model), file(), *more)


def sent(asked: Gateway) -> Any:
    transport: Any = asked.transport
    return transport.calls[-1]


def listened(asked: Gateway, body: bytes, path: str = HEAR) -> Any:
    response, answer = asked.ask(path, body, content_type=FORM)
    assert response.status == 200, answer
    return asked.ledger.only


def test_a_form_reaches_the_provider_and_the_answer_the_caller_byte_for_byte() -> None:
    told = json.dumps({"text": "Hello friend.", "usage": TOKENS}, indent=2).encode()
    asked = gateway(Scripted(body=told))
    response, body = asked.ask(HEAR, hear(), content_type=FORM)
    assert (response.status, body) == (200, told)
    assert sent(asked).body == form(field("model", "by-token"), file())
    assert (sent(asked).headers["content-type"], sent(asked).headers["accept"]) == (FORM, "*/*")
    entry = asked.ledger.only
    assert (entry.usage.input, entry.usage.audio_input, entry.usage.output) == (37, 35, 12)
    assert entry.cost == 2 * 5_000 + 35 * 6_000 + 12 * 10_000


def test_a_model_that_is_billed_by_time_is_paid_by_its_seconds() -> None:
    told = b'{"text":"Hello","usage":{"type":"duration","seconds":4}}'
    entry = listened(gateway(Scripted(body=told)), hear("openai/by-hour"))
    assert (entry.usage.audio_ms, entry.cost, entry.usage.estimated) == (4_000, 400_000, False)


def test_the_length_of_a_detailed_answer_stands_in_for_missing_seconds() -> None:
    told = b'{"task":"transcribe","duration":3.7,"text":"Hello","segments":[]}'
    entry = listened(gateway(Scripted(body=told)), hear("openai/by-hour"))
    assert (entry.usage.audio_ms, entry.cost) == (3_700, 370_000)


def test_sound_that_mistral_counts_beside_its_prompt_is_counted_once() -> None:
    told = {
        "prompt_audio_seconds": 3,
        "prompt_tokens": 3,
        "total_tokens": 389,
        "completion_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 375},
    }
    found = wire.read_usage(json.dumps({"text": "x", "usage": told}).encode())
    assert found is not None
    assert (found.input, found.audio_input, found.output, found.audio_ms) == (378, 375, 11, 3_000)


def test_a_short_sound_is_charged_as_the_least_that_its_provider_charges() -> None:
    told = b'{"text":"Hello","usage":{"type":"duration","seconds":1}}'
    entry = listened(gateway(Scripted(body=told)), hear("openai/of-groq"))
    assert (entry.usage.audio_ms, entry.cost) == (10_000, 1_000_000)


@pytest.mark.parametrize(
    ("answer", "length"),
    [(text(b"Hello there\n"), 1_000), (text(SRT), 3_663_700), (text(VTT, "text/vtt"), 2_500)],
    ids=["text", "srt", "vtt"],
)
def test_plain_answers_pass_and_are_paid_by_a_guess(answer: Scripted, length: int) -> None:
    asked = gateway(answer)
    response, body = asked.ask(HEAR, hear("openai/by-hour", field("response_format", "x")), content_type=FORM)
    assert (body, response.headers["content-type"]) == (answer.body, answer.headers["content-type"])
    entry = asked.ledger.only
    assert (entry.usage.audio_ms, entry.usage.estimated, entry.cost) == (length, True, length * 100)


def test_an_answer_that_reports_nothing_is_charged_tokens_by_a_guess() -> None:
    entry = listened(gateway(Scripted(body=b'{"text":"Hello friend."}')), hear())
    assert (entry.usage.input, entry.usage.audio_input, entry.usage.output) == (10, 10, 4)
    assert (entry.usage.estimated, entry.cost) == (True, 10 * 6_000 + 4 * 10_000)


def test_an_empty_transcript_is_an_answer() -> None:
    asked = gateway(text(b""))
    response, body = asked.ask(HEAR, hear(), content_type=FORM)
    assert (response.status, body) == (200, b"")


def test_a_stream_passes_byte_for_byte_however_it_is_cut() -> None:
    done = json.dumps({"type": "transcript.text.done", "text": "Hello friend.", "usage": TOKENS})
    whole = b'data: {"type":"transcript.text.delta","delta":"Hello"}\n\n' + f"data: {done}\n\ndata: [DONE]\n\n".encode()
    for size in (1, 7, len(whole)):
        asked = gateway(events(*(whole[at : at + size] for at in range(0, len(whole), size))))
        response, body = asked.ask(HEAR, hear("openai/by-token", field("stream", "true")), content_type=FORM)
        assert (body, response.headers["content-type"]) == (whole, "text/event-stream; charset=utf-8")
        entry = asked.ledger.only
        assert (entry.stream, entry.usage.input, entry.usage.output) == (True, 37, 12)


def test_a_stream_without_usage_is_paid_by_a_guess_from_the_recording() -> None:
    asked = gateway(events(b'data: {"type":"transcript.text.delta","delta":"Hello friend"}\n\n', b"data: [DONE]\n\n"))
    asked.ask(HEAR, hear("openai/by-token", field("stream", "true")), content_type=FORM)
    usage = asked.ledger.only.usage
    assert (usage.audio_ms, usage.input, usage.output, usage.estimated) == (1_000, 10, 3, True)


def test_a_model_that_does_not_stream_may_answer_as_a_whole() -> None:
    told = b'{"text":"Hello","usage":{"type":"duration","seconds":1}}'
    asked = gateway(Scripted(body=told))
    response, body = asked.ask(HEAR, hear("openai/by-hour", field("stream", "true")), content_type=FORM)
    assert (response.headers["content-type"], body) == ("application/json", told)
    assert asked.ledger.only.cost == 100_000


def test_formats_that_do_not_stream_are_read_as_a_whole() -> None:
    asked = gateway(text(SRT))
    more = (field("stream", "true"), field("response_format", "srt"))
    response, body = asked.ask(HEAR, hear("openai/by-hour", *more), content_type=FORM)
    assert (response.status, body, asked.ledger.only.stream) == (200, SRT, False)


def test_an_error_inside_a_200_is_an_error_and_a_spoken_one_is_none() -> None:
    told = b'{"error":{"message":"Audio file is too short","type":"invalid_request_error"}}'
    response, body = gateway(Scripted(body=told)).ask(HEAR, hear(), content_type=FORM)
    assert response.status >= 400
    assert body == told
    said = b'{"text":"he said \\"error\\"","usage":{"type":"duration","seconds":1}}'
    assert listened(gateway(Scripted(body=said)), hear()).outcome == "ok"


def test_a_translation_is_a_form_of_its_own_path() -> None:
    asked = gateway(Scripted(body=b'{"text":"Hello","usage":{"type":"duration","seconds":2}}'))
    entry = listened(asked, hear("openai/by-hour", field("stream", "true")), ENGLISH)
    assert sent(asked).url.endswith("/audio/translations")
    assert (entry.operation, entry.stream, entry.cost) == ("translations", False, 200_000)


@pytest.mark.parametrize(
    ("body", "param", "said"),
    [
        (form(file()), "model", "speech-to-text model"),
        (form(field("model", "openai/by-hour")), "file", "'file' is missing"),
        (form(field("model", "openai/by-hour"), field("file", "a.wav")), "file", "a part with a filename"),
        (form(field("model", "openai/by-hour"), file(), file()), "file", "one file"),
        (form(field("model", "openai/by-hour"), file(content=b"")), "file", "'file' is empty"),
        (hear("openai/by-hour", field("stream", "perhaps")), "stream", "true or false"),
        (hear("openai/by-hour", field("model", "openai/by-token")), "model", "twice"),
        (hear()[:-9], None, "is cut"),
    ],
)
def test_a_wrong_form_is_told_what_to_send(body: bytes, param: str | None, said: str) -> None:
    asked = gateway(Scripted(body=b"{}"))
    response, answer = asked.ask(HEAR, body, content_type=FORM)
    error = json.loads(answer)["error"]
    assert (response.status, error["param"]) == (400, param)
    assert said in error["message"]
    assert asked.ledger.only.outcome == "error"


def test_json_is_refused_where_a_form_is_needed() -> None:
    response, body = gateway(Scripted()).ask(HEAR, {"model": "openai/by-hour"}, content_type="application/json")
    error = json.loads(body)["error"]
    assert (response.status, error["code"]) == (400, "unsupported_media_type")
    assert "multipart/form-data" in error["message"]


@pytest.mark.parametrize(
    ("described", "length"),
    [
        (File("file", "a.wav", "", len(SECOND), SECOND[:64]), 1_000),
        (File("file", "a.wav", "", 32_000, b"RIFX"), 1_000),
        (File("file", "a.MP3", "", 8_000), 1_000),
        (File("file", "a.webm", "", 8_000), 2_000),
        (File("file", "noname", "", 1), 1),
        (None, 0),
    ],
)
def test_how_long_a_file_lasts_is_told_or_guessed(described: object, length: int) -> None:
    assert of_file(described) == length


def test_the_last_caption_tells_how_long_the_sound_is() -> None:
    assert of_subtitles(SRT.decode()) == 3_663_700
    assert of_subtitles("no captions") == 0


SAY: dict[str, Any] = {"model": "openai/by-character", "voice": "alloy", "input": "Hello there"}
SOUND = (b"ID3\x04\x00\xff\xfb", bytes(range(256)), b"\r\n\r\n\x00rror")


def test_sound_passes_as_it_comes_in_the_providers_own_type() -> None:
    asked = gateway(spoken(*SOUND))
    response = asked.call(SPEAK, SAY)
    assert response.headers["content-type"] == "audio/mpeg"
    assert not isinstance(response.body, bytes)
    assert list(response.body) == list(SOUND)
    assert response.after is not None
    response.after()
    entry = asked.ledger.only
    assert (sent(asked).headers["accept"], json.loads(sent(asked).body)) == ("*/*", {**SAY, "model": "by-character"})
    assert (entry.usage.characters, entry.cost, entry.stream) == (11, 165_000, True)


def test_spoken_tokens_are_guessed_from_the_characters() -> None:
    asked = gateway(spoken(*SOUND))
    asked.ask(SPEAK, {**SAY, "model": "openai/by-token", "input": "x" * 100, "instructions": "y" * 20})
    usage = asked.ledger.only.usage
    assert (usage.input, usage.output, usage.audio_output, usage.estimated) == (30, 130, 130, True)


def test_spoken_events_pass_and_their_tokens_are_read() -> None:
    done = b'data: {"type":"speech.audio.done","usage":{"input_tokens":14,"output_tokens":101,"total_tokens":115}}\n\n'
    parts = (b'data: {"type":"speech.audio.delta","audio":"' + b"aGVs" * 9000, b'"}\n\n', done[:40], done[40:])
    asked = gateway(spoken(*parts, kind="text/event-stream"))
    response, body = asked.ask(SPEAK, {**SAY, "model": "openai/by-token", "stream_format": "sse"})
    assert (body, response.headers["content-type"]) == (b"".join(parts), "text/event-stream")
    usage = asked.ledger.only.usage
    assert (usage.input, usage.output, usage.audio_output, usage.estimated) == (14, 101, 101, False)


def test_sound_that_breaks_is_broken_off_and_entered() -> None:
    asked = gateway(spoken(SOUND[0], ProviderUnreachable("cut")))
    response = asked.call(SPEAK, SAY)
    assert not isinstance(response.body, bytes)
    assert next(response.body) == SOUND[0]
    with pytest.raises(ProviderUnreachable):
        next(response.body)
    assert response.after is not None
    response.after()
    entry = asked.ledger.only
    assert (entry.outcome, entry.error_code, entry.usage.characters) == ("failed", "provider_unreachable", 11)


def test_silence_puts_nothing_into_the_sound() -> None:
    asked = gateway(spoken(SOUND[0], b"", SOUND[1]))
    _, body = asked.ask(SPEAK, SAY)
    assert body == SOUND[0] + SOUND[1]


def test_sound_that_never_begins_is_an_error() -> None:
    response, _ = gateway(spoken()).ask(SPEAK, SAY)
    assert response.status == 502


def test_an_error_in_the_place_of_sound_keeps_its_words() -> None:
    told = b'{"error":{"message":"Unknown voice","type":"invalid_request_error","param":"voice","code":null}}'
    response, body = gateway(Scripted(400, told)).ask(SPEAK, SAY)
    assert (response.status, body) == (400, told)
    streamed = b'event: error\ndata: {"type":"error","error":{"message":"Slow down","type":"rate_limit_error"}}\n\n'
    response, _ = gateway(spoken(streamed, kind="text/event-stream")).ask(SPEAK, SAY)
    assert response.status == 429


@pytest.mark.parametrize(
    ("change", "param"), [({"model": 1}, "model"), ({"input": ""}, "input"), ({"input": ["x"]}, "input"),
                          ({"voice": 5}, "voice")],
)  # fmt: skip
def test_a_wrong_request_for_speech_is_told_what_to_send(change: dict[str, Any], param: str) -> None:
    response, body = gateway(spoken(*SOUND)).ask(SPEAK, {**SAY, **change})
    assert (response.status, json.loads(body)["error"]["param"]) == (400, param)


def test_a_custom_voice_is_taken_as_an_object() -> None:
    response, _ = gateway(spoken(*SOUND)).ask(SPEAK, {**SAY, "voice": {"id": "voice_1234"}})
    assert response.status == 200
