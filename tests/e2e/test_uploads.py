"""Files over the limit of a request: put to the store by signed URL, then used as if they stood in the body."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from tests.e2e import ledger
from tests.stacks import Stack

pytestmark = pytest.mark.stack

MB = 1024 * 1024
SIZE = 8 * MB
MODELS = pytest.mark.parametrize("model", ["sim-fast", "sim-claude"], ids=["openai", "anthropic"])


def png(size: int) -> bytes:
    """Return a picture of 640 x 480 by its header, `size` bytes long."""
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII5B", 13, b"IHDR", 640, 480, 8, 6, 0, 0, 0)
    return head + b"\0" * (size - len(head))


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def messenger(stack: Stack) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=stack.url, api_key=stack.api_key, max_retries=0) as opened:
        yield opened


def call(stack: Stack, method: str, path: str, body: object = None, key: str = "") -> tuple[int, dict[str, Any]]:
    headers = {"authorization": f"Bearer {key or stack.api_key}", "content-type": "application/json"}
    payload = None if body is None else json.dumps(body).encode()
    return send(method, stack.url + path, payload, headers)


def send(method: str, url: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            status, read = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            status, read = error.code, error.read()
    try:
        return status, json.loads(read)
    except ValueError:
        return status, read


def declare(stack: Stack, content: bytes, mime_type: str = "image/png", **more: object) -> dict[str, Any]:
    wanted = {"filename": "cat.png", "bytes": len(content), "mime_type": mime_type, "purpose": "vision", **more}
    status, card = call(stack, "POST", "/v1/uploads", wanted)
    assert status == 200, card
    return card


def put(card: dict[str, Any], content: bytes, **changed: str) -> int:
    return send("PUT", card["upload"]["url"], content, {**card["upload"]["headers"], **changed})[0]


def uploaded(stack: Stack, content: bytes, mime_type: str = "image/png") -> str:
    card = declare(stack, content, mime_type)
    assert put(card, content) == 200
    return str(card["reference"])


@pytest.fixture(scope="module")
def picture(stack: Stack) -> str:
    """A reference to a picture that no request could carry."""
    return uploaded(stack, png(SIZE))


def looked_at(client: openai.OpenAI, url: str, model: str = "sim-fast") -> str:
    parts: Any = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url}}]
    answer = client.chat.completions.create(
        model=f"simulator/{model}", messages=[{"role": "user", "content": parts}], max_tokens=200
    )
    return answer.choices[0].message.content or ""


@MODELS
def test_openai_s_sdk_shows_a_model_a_picture_that_fits_into_no_request(
    stack: Stack, client: openai.OpenAI, picture: str, model: str
) -> None:
    parts: Any = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": picture}}]
    raw = client.chat.completions.with_raw_response.create(
        model=f"simulator/{model}", messages=[{"role": "user", "content": parts}], max_tokens=200
    )
    assert f"I see an image (image/png, 640x480 pixels, {SIZE:,} bytes)." in str(raw.parse().choices[0].message.content)
    assert raw.headers["x-sluice-edits"].startswith(f"inlined:{picture.rpartition('/')[2]}")
    assert ledger.entry_of(stack, raw.headers["x-request-id"])["outcome"] == "ok"


@MODELS
def test_anthropic_s_sdk_shows_a_model_the_same_picture_streamed(
    messenger: anthropic.Anthropic, picture: str, model: str
) -> None:
    parts: Any = [
        {"type": "image", "source": {"type": "url", "url": picture}},
        {"type": "text", "text": "What is this?"},
    ]
    with messenger.messages.stream(
        model=f"simulator/{model}", max_tokens=200, messages=[{"role": "user", "content": parts}]
    ) as stream:
        told = stream.get_final_text()
    assert f"I see an image (image/png, 640x480 pixels, {SIZE:,} bytes)." in told


def test_openai_s_sdk_declares_an_upload_with_its_own_method(stack: Stack, client: openai.OpenAI) -> None:
    content = png(1000)
    card: Any = client.uploads.create(filename="cat.png", bytes=len(content), mime_type="image/png", purpose="vision")
    assert (card.object, card.status, card.bytes) == ("upload", "pending", 1000)
    assert send("PUT", card.upload["url"], content, card.upload["headers"])[0] == 200
    assert call(stack, "GET", f"/v1/uploads/{card.id}")[1]["status"] == "completed"
    assert "1,000 bytes" in looked_at(client, card.reference)


def test_a_document_reaches_a_model_of_either_dialect(stack: Stack, messenger: anthropic.Anthropic) -> None:
    content = b"%PDF-1.7\n" + b"x" * 5000
    reference = uploaded(stack, content, "application/pdf")
    parts: Any = [
        {"type": "document", "source": {"type": "url", "url": reference}},
        {"type": "text", "text": "What is this?"},
    ]
    for model in ("sim-claude", "sim-fast"):
        answer = messenger.messages.create(
            model=f"simulator/{model}", max_tokens=200, messages=[{"role": "user", "content": parts}]
        )
        assert f"I see a document (application/pdf, {len(content):,} bytes)." in str(answer.content[0])


def asked(model: str, *parts: object) -> dict[str, Any]:
    return {"model": f"simulator/{model}", "messages": [{"role": "user", "content": list(parts)}]}


TEXT = {"type": "text", "text": "What is this?"}
DIALECTS: dict[str, Any] = {
    "/v1/responses": {
        "model": "simulator/sim-fast",
        "input": [{"role": "user", "content": [{"type": "input_image", "image_url": "REF"}]}],
    },
    "/v1beta/models/simulator/sim-fast:generateContent": {
        "contents": [{"role": "user", "parts": [{"text": "What is this?"}, {"fileData": {"fileUri": "REF"}}]}]
    },
    "/model/simulator%2Fsim-fast/converse": {
        "messages": [{"role": "user", "content": [{"text": "What?"}, {"image": {"source": {"bytes": "REF"}}}]}]
    },
    "/v2/chat": asked("sim-fast", TEXT, {"type": "image_url", "image_url": {"url": "REF"}}),
    "/api/chat": {
        "model": "simulator/sim-fast",
        "stream": False,
        "messages": [{"role": "user", "content": "What is this?", "images": ["REF"]}],
    },
}


@pytest.mark.parametrize("path", DIALECTS, ids=lambda path: path.split("/")[1] + path.split("/")[2])
def test_every_other_dialect_refers_to_the_picture_in_its_own_place(stack: Stack, picture: str, path: str) -> None:
    body = json.loads(json.dumps(DIALECTS[path]).replace("REF", picture))
    status, answer = call(stack, "POST", path, body)
    assert (status, f"(image/png, 640x480 pixels, {SIZE:,} bytes)" in str(answer)) == (200, True), answer


@pytest.mark.parametrize("path", DIALECTS, ids=lambda path: path.split("/")[1] + path.split("/")[2])
def test_every_other_dialect_tells_of_a_missing_upload_in_its_own_envelope(stack: Stack, path: str) -> None:
    missing = "sluice://uploads/upl_" + "0" * 26
    status, answer = call(stack, "POST", path, json.loads(json.dumps(DIALECTS[path]).replace("REF", missing)))
    assert (status, "There is no upload" in str(answer)) == (404, True), answer


def test_a_stored_response_is_gone_on_from_with_its_picture(client: openai.OpenAI, picture: str) -> None:
    content: Any = [{"type": "input_image", "image_url": picture}, {"type": "input_text", "text": "What is this?"}]
    first = client.responses.create(model="simulator/sim-fast", input=[{"role": "user", "content": content}])
    assert f"{SIZE:,} bytes" in first.output_text
    second = client.responses.create(model="simulator/sim-fast", previous_response_id=first.id, input="And now?")
    assert second.usage is not None
    assert first.usage is not None
    assert second.usage.input_tokens > first.usage.input_tokens  # the picture is in the prompt again


def test_a_recording_is_written_down_where_the_form_refers_to_it(stack: Stack) -> None:
    sound = b"RIFF" + struct.pack("<I4s4sIHHIIHH", 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    sound += b"data" + struct.pack("<I", 16_000) + b"\x80" * 16_000  # two seconds
    form = {
        "model": (None, "simulator/sim-whisper"),
        "file": (None, uploaded(stack, sound, "audio/wav")),
        "response_format": (None, "json"),
    }
    headers = {"authorization": f"Bearer {stack.api_key}"}
    answer = httpx.post(f"{stack.url}/v1/audio/transcriptions", files=form, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-sluice-edits"].startswith("inlined:upl_")
    assert answer.json()["usage"] == {"type": "duration", "seconds": 2}


def test_above_the_inline_limit_a_provider_that_takes_urls_gets_one_that_works(
    stack: Stack, client: openai.OpenAI
) -> None:
    content = png(17 * MB)
    told = looked_at(client, uploaded(stack, content))
    found = re.search(r"I see an image \(at (http\S+)\)\.", told)
    assert found is not None, told
    assert "X-Amz-Expires=900" in found[1]
    assert send("GET", found[1], None, {})[1] == content


def refused(client: openai.OpenAI, reference: str) -> tuple[int, str | None]:
    with pytest.raises(openai.APIStatusError) as raised:
        looked_at(client, reference)
    assert raised.value.response.headers["x-sluice-attempts"] == "0"  # nobody was called, so nothing is charged
    return raised.value.status_code, raised.value.code


def test_another_team_cannot_use_see_or_delete_an_upload(stack: Stack, picture: str) -> None:
    status, made = call(stack, "POST", "/admin/keys", {"team": "ads", "name": "stranger"}, key=stack.admin_key)
    assert status == 201
    path = f"/v1/uploads/{picture.rpartition('/')[2]}"
    for method in ("GET", "DELETE"):
        status, told = call(stack, method, path, key=made["key"])
        assert (status, told["error"]["code"]) == (404, "upload_not_found")
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=made["key"], max_retries=0) as stranger:
        assert refused(stranger, picture) == (404, "upload_not_found")
    with anthropic.Anthropic(base_url=stack.url, api_key=made["key"], max_retries=0) as other:
        parts: Any = [{"type": "image", "source": {"type": "url", "url": picture}}]
        with pytest.raises(anthropic.NotFoundError) as raised:
            other.messages.create(
                model="simulator/sim-claude", max_tokens=9, messages=[{"role": "user", "content": parts}]
            )
    assert "There is no upload" in str(raised.value)
    assert call(stack, "GET", path)[1]["state"] == "ready"


def test_a_deleted_upload_is_gone(stack: Stack, client: openai.OpenAI) -> None:
    reference = uploaded(stack, png(1000))
    path = f"/v1/uploads/{reference.rpartition('/')[2]}"
    assert call(stack, "DELETE", path)[1]["deleted"] is True
    assert call(stack, "GET", path)[0] == 404
    assert refused(client, reference) == (404, "upload_not_found")


def test_an_upload_that_was_not_put_yet_says_so(stack: Stack, client: openai.OpenAI) -> None:
    card = declare(stack, png(1000))
    assert call(stack, "GET", f"/v1/uploads/{card['id']}")[1]["state"] == "waiting"
    assert refused(client, card["reference"]) == (400, "upload_not_ready")


def test_a_file_of_the_wrong_type_is_refused_at_every_turn(stack: Stack, client: openai.OpenAI) -> None:
    paper = b"%PDF-1.7\n" + b"x" * 1000
    assert refused(client, uploaded(stack, paper, "application/pdf")) == (400, "upload_wrong_type")
    assert refused(client, uploaded(stack, paper, "image/png")) == (400, "upload_wrong_type")
    assert put(declare(stack, paper, "application/pdf"), paper, **{"content-type": "image/png"}) == 403


def test_the_address_takes_the_declared_file_and_no_other(stack: Stack) -> None:
    content = png(1000)
    card = declare(stack, content, sha256=hashlib.sha256(content).hexdigest())
    assert put(card, content[:-1] + b"!") == 400
    assert put(card, content + b"!", **{"content-length": "1001"}) == 403
    assert put(card, content) == 200
    assert call(stack, "GET", f"/v1/uploads/{card['id']}")[1]["state"] == "ready"
