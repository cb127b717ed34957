"""Callers of OpenAI's images API get pictures of Gemini's models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import gemini_images, openai_images
from sluice.types.images import ImageRequest
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport

PATH = "/v1/images/generations"
ASK: dict[str, Any] = {"model": "gemini/gemini-2.5-flash-image", "prompt": "a red circle", "size": "1536x1024"}
USAGE = {
    "promptTokenCount": 7,
    "candidatesTokenCount": 1295,
    "totalTokenCount": 1302,
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
}


def answer(*parts: object, **more: object) -> bytes:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP", **more}
    return json.dumps({"candidates": [candidate], "usageMetadata": USAGE}).encode()


PNG = {"inlineData": {"mimeType": "image/png", "data": "aGVs"}}


def gateway(body: bytes, status: int = 200) -> tuple[Gateway, ScriptedTransport]:
    transport = ScriptedTransport(Scripted(status, body))
    return Gateway(transport, secrets=FixedSecrets(gemini="g-secret")), transport


def test_a_picture_is_asked_for_and_answered_in_the_other_format() -> None:
    asked, transport = gateway(answer({"text": "Here it is."}, PNG))
    response, body = asked.ask(PATH, ASK)
    told = json.loads(body)
    assert (response.status, told["data"], told["output_format"]) == (200, [{"b64_json": "aGVs"}], "png")
    assert told["usage"]["output_tokens_details"] == {"image_tokens": 1290, "text_tokens": 5}
    assert transport.calls[0].url.endswith("/v1beta/models/gemini-2.5-flash-image:generateContent")
    assert transport.sent() == {
        "contents": [{"role": "user", "parts": [{"text": "a red circle"}]}],
        "generationConfig": {"responseModalities": ["IMAGE"], "imageConfig": {"aspectRatio": "3:2"}},
    }
    assert response.headers["x-sluice-edits"] == "nearest:size=3:2"
    entry = asked.ledger.only
    assert (entry.usage.images, entry.usage.image_output, entry.usage.output) == (1, 1290, 1295)
    assert entry.cost == 7 * 300 + 5 * 2_500 + 1290 * 30_000


def test_what_gemini_cannot_be_told_is_left_out_and_reported() -> None:
    asked, _ = gateway(answer(PNG))
    response, _ = asked.ask(PATH, {**ASK, "quality": "high", "moderation": "low", "size": "auto", "user": "u"})
    assert response.headers["x-sluice-edits"] == "dropped:quality,dropped:user,dropped:moderation"


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"n": 2}, "n"),
        ({"stream": True}, "stream"),
        ({"background": "transparent"}, "background"),
        ({"size": "big"}, "size"),
    ],
)
def test_what_would_change_the_meaning_is_refused_before_a_call(change: dict[str, Any], param: str) -> None:
    asked, transport = gateway(answer(PNG))
    response, body = asked.ask(PATH, {**ASK, **change})
    error = json.loads(body)["error"]
    assert (response.status, error["param"], error["code"]) == (400, param, "unsupported_parameter")
    assert transport.calls == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (answer({"text": "I would rather not."}, finishReason="IMAGE_SAFETY"), "IMAGE_SAFETY"),
        (b'{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"}}', "PROHIBITED_CONTENT"),
        (answer({**PNG, "thought": True}, finishReason="NO_IMAGE"), "NO_IMAGE"),
    ],
)
def test_a_refusal_to_paint_is_a_400_with_its_reason(body: bytes, said: str) -> None:
    asked, _ = gateway(body)
    response, told = asked.ask(PATH, ASK)
    assert response.status == 400
    assert said in json.loads(told)["error"]["message"]
    assert asked.ledger.only.error_kind == "content_filter"


def test_an_error_of_gemini_reads_as_one_of_openai() -> None:
    asked, _ = gateway(b'{"error":{"code":400,"message":"Bad ratio","status":"INVALID_ARGUMENT"}}', 400)
    response, body = asked.ask(PATH, ASK)
    assert response.status == 400
    assert "Bad ratio" in json.loads(body)["error"]["message"]


def test_an_answer_of_another_kind_is_garbled() -> None:
    asked, _ = gateway(b'{"hello":1}')
    response, _ = asked.ask(PATH, ASK)
    assert (response.status, asked.ledger.only.error_kind) == (502, "garbled")


SIZES = st.tuples(st.integers(1, 4096), st.integers(1, 4096))


@given(SIZES)
def test_every_size_has_a_nearest_shape(size: tuple[int, int]) -> None:
    asked = ImageRequest("m", "x", size=f"{size[0]}x{size[1]}")
    config: Any = gemini_images.encode_request(asked, "m", {}, True).body["generationConfig"]
    width, height = map(int, config["imageConfig"]["aspectRatio"].split(":"))
    assert (width == height) or (width > height) == (size[0] > size[1])


@given(
    st.fixed_dictionaries(
        {"model": st.text(min_size=1), "prompt": st.text(min_size=1).filter(str.strip)},
        optional={"n": st.integers(1, 10), "size": st.just("1x1"), "stream": st.booleans(), "style": st.text()},
    )
)
def test_a_request_is_read_in_full(body: dict[str, Any]) -> None:
    read = openai_images.decode_request(body)
    assert (read.model, read.prompt, read.n) == (body["model"], body["prompt"], body.get("n", 1))
    assert (read.stream, read.size) == (body.get("stream", False), body.get("size"))
    assert dict(read.extras) == ({"style": body["style"]} if "style" in body else {})
