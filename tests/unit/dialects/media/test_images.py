"""Pictures pass through the whole gateway untouched, made or edited, whole or in parts, and are paid for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects import openai_images as wire
from sluice.errors import ProviderUnreachable
from tests.fakes import Gateway, Scripted, events
from tests.unit.dialects.media.calls import FORM, field, file, form, gateway

PATH, EDITS = "/v1/images/generations", "/v1/images/edits"
ASK: dict[str, Any] = {"model": "openai/by-token", "prompt": "a red circle", "n": 2, "x_unknown": {"kept": [1.0]}}
USAGE = {
    "input_tokens": 221,
    "input_tokens_details": {"image_tokens": 194, "text_tokens": 27},
    "output_tokens": 415,
    "output_tokens_details": {"image_tokens": 272, "text_tokens": 143},
    "total_tokens": 636,
}
ANSWER = json.dumps(
    {
        "created": 1,
        "data": [{"b64_json": "aGVsbG8="}, {"b64_json": "aGVsbG8="}],
        "quality": "low",
        "size": "1024x1536",
        "usage": USAGE,
    },
    indent=1,
).encode()
PNG = b"\x89PNG\r\n\x1a\n\x00\xff"


def sent(asked: Gateway) -> Any:
    transport: Any = asked.transport
    return transport.calls[-1]


def completed(kind: str = "image_generation", **more: object) -> bytes:
    event = {"type": f"{kind}.completed", "b64_json": "aGVs", "size": "1024x1024", "quality": "high", **more}
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


PARTIAL = (
    b'event: image_generation.partial_image\ndata: {"type":"image_generation.partial_image","b64_json":"aA=="}\n\n'
)


def test_an_answer_passes_byte_for_byte_and_is_paid_by_its_tokens() -> None:
    asked = gateway(Scripted(body=ANSWER))
    response, body = asked.ask(PATH, ASK)
    assert (response.status, body, response.headers["content-type"]) == (200, ANSWER, "application/json")
    assert json.loads(sent(asked).body) == {**ASK, "model": "by-token"}
    entry = asked.ledger.only
    usage = entry.usage
    assert (usage.input, usage.image_input, usage.output, usage.image_output) == (221, 194, 415, 272)
    assert (usage.images, usage.image_size, usage.image_quality) == (2, "1024x1536", "low")
    assert entry.cost == 27 * 5_000 + 194 * 8_000 + 143 * 10_000 + 272 * 32_000
    assert response.headers["x-sluice-cost-usd"] == f"0.{entry.cost:09d}"


def test_output_without_details_is_all_drawn() -> None:
    told = json.dumps({"data": [{}], "usage": {"input_tokens": 5, "output_tokens": 4160, "total_tokens": 4165}})
    asked = gateway(Scripted(body=told.encode()))
    asked.ask(PATH, ASK)
    assert asked.ledger.only.usage.image_output == 4160


def test_a_picture_without_tokens_is_paid_by_the_piece_and_its_quality() -> None:
    told = b'{"created":1,"data":[{"url":"https://x.example/1.png"},{"url":"https://x.example/2.png"}]}'
    for quality, each in (("hd", 80_000_000), ("standard", 20_000_000)):
        asked = gateway(Scripted(body=told))
        asked.ask(PATH, {**ASK, "model": "openai/by-picture", "quality": quality, "size": "1024x1024"})
        entry = asked.ledger.only
        assert (entry.cost, entry.usage.image_quality, entry.usage.estimated) == (2 * each, quality, False)


def test_a_stated_cost_is_what_is_paid_where_the_provider_bills_so() -> None:
    told = b'{"data":[{"url":"https://x.example/1.jpeg"}],"usage":{"cost_in_usd_ticks":700000000}}'
    asked = gateway(Scripted(body=told))
    images = [{"type": "image_url", "url": "data:image/png;base64,aGVs"}] * 2
    asked.ask(EDITS, {"model": "openai/of-xai", "prompt": "green", "images": images, "resolution": "2k"})
    entry = asked.ledger.only
    assert (entry.cost, entry.price_version) == (70_000_000, "stated")
    assert (entry.usage.images_sent, entry.usage.image_size) == (2, "2k")


def test_the_size_may_be_asked_for_in_pixels() -> None:
    found = wire.answer_usage(b'{"data":[{}]}', {}, {"width": 1024, "height": 768})
    assert (found and found.image_size) == "1024x768"


def test_the_tokens_of_a_vector_drawing_are_counted_in() -> None:
    told = {
        "data": [{}],
        "usage": {"input_tokens": 10, "output_tokens": 100, "total_tokens": 110},
        "svg_usage": {"model": "m", "input_tokens": 7, "output_tokens": 9, "reasoning_tokens": 2, "total_tokens": 16},
    }
    found = wire.read_usage(json.dumps(told).encode())
    assert found is not None
    assert (found.input, found.output, found.image_output) == (17, 109, 100)


def test_a_stream_passes_byte_for_byte_however_it_is_cut() -> None:
    whole = PARTIAL + PARTIAL + completed(usage=USAGE)
    for size in (1, 7, 64, len(whole)):
        asked = gateway(events(*(whole[at : at + size] for at in range(0, len(whole), size))))
        response, body = asked.ask(PATH, {**ASK, "stream": True, "partial_images": 2})
        assert (body, response.headers["content-type"]) == (whole, "text/event-stream; charset=utf-8")
        entry = asked.ledger.only
        assert (entry.stream, entry.usage.images, entry.usage.image_size) == (True, 1, "1024x1024")
        assert (entry.usage.output, entry.usage.image_output, entry.usage.estimated) == (415, 272, False)


def test_each_finished_picture_of_a_stream_is_paid() -> None:
    asked = gateway(events(completed(usage=USAGE), PARTIAL, completed(usage=USAGE)))
    asked.ask(PATH, {**ASK, "stream": True})
    usage = asked.ledger.only.usage
    assert (usage.images, usage.input, usage.output, usage.image_output) == (2, 442, 830, 544)


def test_a_stream_that_breaks_ends_with_an_error_event() -> None:
    asked = gateway(events(PARTIAL, ProviderUnreachable("cut")))
    _, body = asked.ask(PATH, {**ASK, "stream": True})
    assert body.startswith(PARTIAL)
    assert json.loads(body.rpartition(b"data: ")[2])["error"]["code"] == "provider_unreachable"
    entry = asked.ledger.only
    assert (entry.outcome, entry.usage.estimated) == ("failed", True)


def test_an_error_as_the_first_event_has_its_own_status() -> None:
    told = b'event: error\ndata: {"type":"error","error":{"message":"Slow down","type":"rate_limit_error"}}\n\n'
    response, body = gateway(events(told)).ask(PATH, {**ASK, "stream": True})
    assert response.status == 429
    assert b"Slow down" in body


def test_an_edit_goes_on_as_the_form_it_came_in() -> None:
    parts = (field("prompt", "green"), file("image[]", PNG, "a.png", "image/png"), file("image[]", PNG, "b.png", ""))
    asked = gateway(Scripted(body=ANSWER))
    response, body = asked.ask(EDITS, form(field("model", "openai/by-token"), *parts), content_type=FORM)
    assert (response.status, body) == (200, ANSWER)
    assert sent(asked).body == form(field("model", "by-token"), *parts)
    assert sent(asked).headers["content-type"] == FORM
    assert sent(asked).url.endswith("/images/edits")
    entry = asked.ledger.only
    assert (entry.operation, entry.usage.images_sent, entry.edits) == ("image_edits", 2, ())


def test_a_streamed_edit_is_asked_for_in_a_form() -> None:
    asked = gateway(events(completed("image_edit", usage=USAGE)))
    parts = (field("model", "openai/by-token"), field("prompt", "green"), field("stream", "true"), file("image", PNG))
    response, _ = asked.ask(EDITS, form(*parts), content_type=FORM)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert sent(asked).headers["accept"] == "text/event-stream"
    assert asked.ledger.only.usage.image_output == 272


def test_files_are_not_sent_where_only_urls_are_taken() -> None:
    asked = gateway(Scripted(body=ANSWER))
    parts = (field("model", "openai/of-xai"), field("prompt", "green"), file("image", PNG))
    response, body = asked.ask(EDITS, form(*parts), content_type=FORM)
    error = json.loads(body)["error"]
    assert (response.status, error["param"], error["code"]) == (400, "image", "unsupported_parameter")
    assert "data URL" in error["message"]


def test_a_pictures_prompt_alone_counts_as_its_prompt() -> None:
    outlined = wire.outline({"model": "m", "prompt": "grün", "images": ["x" * 9999]}, 10_050)
    assert (outlined.prompt_bytes, outlined.stream, outlined.choices) == (5, False, 1)


@pytest.mark.parametrize(
    ("path", "change", "param", "said"),
    [
        (PATH, {"model": ""}, "model", "name of an image model"),
        (PATH, {"prompt": None}, "prompt", "text that is not empty"),
        (PATH, {"prompt": " "}, "prompt", "text that is not empty"),
        (PATH, {"n": 0}, "n", "at least 1"),
        (PATH, {"n": "two"}, "n", "at least 1"),
        (PATH, {"n": True}, "n", "at least 1"),
        (PATH, {"stream": "maybe"}, "stream", "true or false"),
        (EDITS, {}, "image", "'image' is missing"),
        (EDITS, {"images": [{"image_url": "x"}] * 17}, "image", "the limit is 16"),
    ],
)
def test_a_wrong_request_is_told_what_to_send(path: str, change: dict[str, Any], param: str, said: str) -> None:
    response, body = gateway(Scripted(body=ANSWER)).ask(path, {**ASK, **change})
    error = json.loads(body)["error"]
    assert (response.status, error["param"]) == (400, param)
    assert said in error["message"]


def test_an_error_of_the_provider_passes_in_its_own_words() -> None:
    told = b'{"error":{"message":"Invalid size","type":"image_generation_user_error","param":"size","code":"x"}}'
    response, body = gateway(Scripted(400, told)).ask(PATH, ASK)
    assert (response.status, body) == (400, told)


def test_a_200_that_is_no_picture_is_not_passed_on_as_one() -> None:
    for told in (b"<html>busy</html>", b'{"data":[{"b64_json":"aGVs'):
        asked = gateway(Scripted(body=told))
        response, _ = asked.ask(PATH, ASK)
        assert response.status == 502
        assert asked.ledger.only.error_kind == "garbled"


@pytest.mark.parametrize("operation", ["images", "image_edits", "transcriptions", "translations", "speech"])
def test_a_model_that_only_paints_or_speaks_is_described_and_planned(operation: str) -> None:
    asked = gateway(Scripted())
    response, body = asked.ask("/v1/models/openai/by-picture", None, method="GET")
    card = json.loads(body)
    assert (response.status, card["pricing"]["tiers"][0]["image/hd"]) == (200, "0.08")
    assert operation in card["operations"]
    response, body = asked.ask("/v1/route", {"model": "openai/by-picture", "operation": operation})
    assert response.status == 200
    assert json.loads(body)["deployments"][0]["deployment"] == "openai/by-picture"
