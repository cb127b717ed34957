"""Uploads from declaration to use: the endpoints, and references in requests through the whole gateway."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from sluice.types.routes import Route, RouteTarget
from sluice.types.tenancy import VirtualKey
from sluice.uploads import SIZE_LIMIT
from tests.fakes import KEY, OTHER_KEY, Gateway, Scripted, ScriptedTransport, configuration, custom, virtual_key
from tests.unit.references.uploads_in_memory import PDF, PNG, MemoryUploads

NOW_S = 1_790_000_000
OPENAI_ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "A cat."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
}
ANTHROPIC_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "A cat."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 10, "output_tokens": 2},
}
NEW = {"filename": "cat.png", "bytes": 8_000_000, "mime_type": "image/png", "purpose": "vision"}


class Fixture:
    """A gateway with uploads in memory; its references are declared now, as the gateway's clock tells it."""

    def __init__(self, *answers: object, keys: tuple[VirtualKey, ...] = (), **access: Any) -> None:
        self.uploads = MemoryUploads()
        answered = [Scripted(body=json.dumps(answer).encode()) for answer in answers] or [Scripted()]
        self.transport = ScriptedTransport(*answered)
        live = configuration(
            routes={"both": Route("both", (RouteTarget("anthropic/test-claude"), RouteTarget("openai/test-gpt")))},
            models={m: custom(m) for m in ("openai/test-gpt", "anthropic/test-claude")},
        )
        self.gateway = Gateway(self.transport, uploads=self.uploads.access(**access), live=live, keys=keys)

    def ask(self, path: str, body: object, **options: Any) -> tuple[int, dict[str, Any]]:
        response, read = self.gateway.ask(path, body, **options)
        self.headers = response.headers
        return response.status, json.loads(read)

    def add(self, content: bytes | None, mime_type: str, **options: Any) -> str:
        import time

        return self.uploads.add(content, mime_type, at_ms=int(time.time() * 1000), **options)


def chat(url: str, model: str = "openai/test-gpt", **more: object) -> dict[str, object]:
    parts = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": model, "messages": [{"role": "user", "content": parts}], **more}


def messages(url: str, model: str = "anthropic/test-claude") -> dict[str, object]:
    parts = [{"type": "image", "source": {"type": "url", "url": url}}]
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": parts}]}


# --- the endpoints --------------------------------------------------------------------------------------------------
def test_a_declared_upload_says_where_to_put_it_and_how_to_refer_to_it() -> None:
    status, card = Fixture().ask("/v1/uploads", NEW)
    assert status == 200
    assert card["id"].startswith("upl_")
    assert card["object"] == "upload"
    assert card["reference"] == f"sluice://uploads/{card['id']}"
    assert (card["state"], card["status"]) == ("waiting", "pending")
    assert (card["bytes"], card["mime_type"], card["filename"]) == (8_000_000, "image/png", "cat.png")
    assert card["expires_at"] == card["created_at"] + 7 * 86_400
    upload = card["upload"]
    assert upload["method"] == "PUT"
    assert upload["headers"] == {"content-type": "image/png", "content-length": "8000000"}
    assert upload["url"].endswith("good=3600")
    assert upload["expires_at"] == card["created_at"] + 3600


def test_an_upload_is_waiting_until_it_was_put_and_gone_once_deleted() -> None:
    fixture = Fixture()
    card = fixture.ask("/v1/uploads", NEW)[1]
    path = f"/v1/uploads/{card['id']}"
    assert fixture.ask(path, None, method="GET")[1]["state"] == "waiting"
    fixture.uploads.files["search", card["id"]] = (PNG, "image/png")
    shown = fixture.ask(path, None, method="GET")[1]
    assert (shown["state"], shown["bytes"], shown["mime_type"]) == ("ready", len(PNG), "image/png")
    assert "upload" not in shown
    assert fixture.ask(path, None, method="DELETE")[1] == {"id": card["id"], "object": "upload", "deleted": True}
    status, told = fixture.ask(path, None, method="GET")
    assert (status, told["error"]["code"]) == (404, "upload_not_found")


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_another_team_s_upload_is_not_found(method: str) -> None:
    fixture = Fixture()
    card = fixture.ask("/v1/uploads", NEW)[1]
    status, told = fixture.ask(f"/v1/uploads/{card['id']}", None, method=method, key=OTHER_KEY)
    assert (status, told["error"]["code"]) == (404, "upload_not_found")
    assert len(fixture.uploads.declarations) == 1


@pytest.mark.parametrize("upload_id", ["upl_1", "upl_" + "0" * 26, "..", "x" * 300])
def test_an_id_that_no_upload_has_is_not_found(upload_id: str) -> None:
    status, told = Fixture().ask(f"/v1/uploads/{upload_id}", None, method="GET")
    assert (status, told["error"]["code"]) == (404, "upload_not_found")


def test_an_upload_needs_a_key() -> None:
    assert Fixture().ask("/v1/uploads", NEW, key="")[0] == 401


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"bytes": 0}, "bytes"),
        ({"bytes": "8"}, "bytes"),
        ({"bytes": True}, "bytes"),
        ({"bytes": 1.5}, "bytes"),
        ({"filename": ""}, "filename"),
        ({"filename": "a\nb"}, "filename"),
        ({"filename": "x" * 256}, "filename"),
        ({"filename": None}, "filename"),
        ({"mime_type": "png"}, "mime_type"),
        ({"mime_type": "image/png\r\nx-evil: 1"}, "mime_type"),
        ({"mime_type": 7}, "mime_type"),
        ({"purpose": ""}, "purpose"),
        ({"purpose": 7}, "purpose"),
        ({"sha256": "abc"}, "sha256"),
        ({"sha256": "g" * 64}, "sha256"),
    ],
)
def test_a_declaration_that_cannot_be_kept_is_refused_by_name(change: dict[str, object], param: str) -> None:
    fixture = Fixture()
    status, told = fixture.ask("/v1/uploads", {**NEW, **change})
    assert (status, told["error"]["param"]) == (400, param)
    assert fixture.uploads.declarations == {}


def test_a_file_over_the_limit_is_refused_with_the_number() -> None:
    status, told = Fixture().ask("/v1/uploads", {**NEW, "bytes": SIZE_LIMIT + 1})
    assert status == 413
    assert str(SIZE_LIMIT) in told["error"]["message"]


def test_a_path_in_a_file_name_is_left_out_and_a_type_is_kept_without_its_parameters() -> None:
    fixture = Fixture()
    odd = {**NEW, "filename": "C:\\me\\dir/cat.png", "mime_type": "Image/JPG; q=1", "sha256": "AB" * 32}
    card = fixture.ask("/v1/uploads", odd)[1]
    assert (card["filename"], card["mime_type"]) == ("cat.png", "image/jpeg")
    (upload,) = fixture.uploads.declarations.values()
    assert upload.sha256 == "ab" * 32


def test_a_gateway_without_a_bucket_says_so() -> None:
    gateway = Gateway(ScriptedTransport(Scripted()))
    for path, method in (("/v1/uploads", "POST"), ("/v1/uploads/upl_" + "0" * 26, "GET")):
        response, read = gateway.ask(path, NEW, method=method)
        assert (response.status, json.loads(read)["error"]["code"]) == (404, "uploads_not_offered")


# --- in requests ----------------------------------------------------------------------------------------------------
def test_a_pass_through_carries_the_bytes_and_leaves_the_rest_as_it_was_written() -> None:
    fixture = Fixture(OPENAI_ANSWER)
    body = json.dumps(chat(fixture.add(PNG, "image/png"), "openai/test-gpt"))[:-1] + ',  "top_p" :  1.00}'
    status, answer = fixture.ask("/v1/chat/completions", body.encode())
    assert (status, answer) == (200, OPENAI_ANSWER)
    sent = fixture.transport.calls[0].body
    assert b',  "top_p" :  1.00}' in sent
    assert b"sluice:" not in sent
    part = fixture.transport.sent()["messages"][0]["content"][1]  # type: ignore[index]
    assert part == {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"},
    }
    assert fixture.headers["x-sluice-edits"].startswith("inlined:upl_")


def test_a_translation_carries_the_bytes_in_the_other_dialect() -> None:
    fixture = Fixture(ANTHROPIC_ANSWER)
    reference = fixture.add(PNG, "image/png")
    status, _ = fixture.ask("/v1/chat/completions", chat(reference, "anthropic/test-claude"))
    assert status == 200
    part = fixture.transport.sent()["messages"][0]["content"][1]  # type: ignore[index]
    data = base64.b64encode(PNG).decode()
    assert part == {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def test_an_anthropic_caller_reaches_an_openai_model() -> None:
    fixture = Fixture(OPENAI_ANSWER)
    status, answer = fixture.ask("/v1/messages", messages(fixture.add(PNG, "image/png"), "openai/test-gpt"))
    assert (status, answer["content"][0]["text"]) == (200, "A cat.")
    part = fixture.transport.sent()["messages"][0]["content"][0]  # type: ignore[index]
    assert part["image_url"]["url"].startswith("data:image/png;base64,")


def test_a_large_picture_goes_by_a_signed_url_where_the_provider_takes_urls() -> None:
    fixture = Fixture(OPENAI_ANSWER, inline_limit=3)
    reference = fixture.add(PNG, "image/png")
    assert fixture.ask("/v1/chat/completions", chat(reference))[0] == 200
    url = fixture.transport.sent()["messages"][0]["content"][1]["image_url"]["url"]  # type: ignore[index]
    assert url == f"https://store.example/search/{reference.rpartition('/')[2]}?good=900"
    assert fixture.headers["x-sluice-edits"].startswith("presigned:upl_")


def test_the_next_deployment_is_tried_with_the_same_upload() -> None:
    failing = Scripted(500, body=b'{"type":"error","error":{"type":"api_error","message":"x"}}')
    fixture = Fixture(OPENAI_ANSWER)
    fixture.transport.answers[:0] = [failing, failing]
    status, _ = fixture.ask("/v1/chat/completions", chat(fixture.add(PNG, "image/png"), "both"))
    assert status == 200
    assert [call.url.partition("/v1")[0] for call in fixture.transport.calls] == [
        "https://anthropic.example",
        "https://anthropic.example",
        "https://openai.example",
    ]
    assert [file.reads for file in fixture.uploads.opened] == [1]


REFUSALS = [
    (lambda fixture: fixture.add(PNG, "image/png", team="ads"), 404, "upload_not_found"),
    (lambda fixture: "sluice://uploads/upl_" + "0" * 26, 404, "upload_not_found"),
    (lambda fixture: fixture.add(None, "image/png"), 400, "upload_not_ready"),
    (lambda fixture: fixture.add(PDF, "application/pdf"), 400, "upload_wrong_type"),
    (lambda fixture: fixture.add(PDF, "image/png"), 400, "upload_wrong_type"),
]


@pytest.mark.parametrize(("make", "status", "code"), REFUSALS)
def test_a_refusal_in_openai_s_dialect_names_the_place_and_costs_nothing(make: Any, status: int, code: str) -> None:
    fixture = Fixture()
    found, told = fixture.ask("/v1/chat/completions", chat(make(fixture)))
    assert (found, told["error"]["code"]) == (status, code)
    assert told["error"]["param"] == "messages[0].content[1].image_url"
    assert fixture.transport.calls == []
    entry = fixture.gateway.ledger.only
    assert (entry.cost, entry.status, entry.attempts) == (0, status, ())


@pytest.mark.parametrize(("make", "status", "code"), REFUSALS)
def test_a_refusal_in_anthropic_s_dialect_costs_nothing(make: Any, status: int, code: str) -> None:
    fixture = Fixture()
    found, told = fixture.ask("/v1/messages", messages(make(fixture)))
    assert (found, told["type"]) == (status, "error")
    assert told["error"]["type"] == ("not_found_error" if status == 404 else "invalid_request_error")
    assert fixture.transport.calls == []
    assert fixture.gateway.ledger.only.cost == 0


def test_a_file_that_fits_nowhere_is_a_413_with_both_numbers() -> None:
    fixture = Fixture(inline_limit=3)
    part = {"type": "file", "file": {"file_data": fixture.add(PDF, "application/pdf")}}
    status, told = fixture.ask(
        "/v1/chat/completions", {"model": "openai/test-gpt", "messages": [{"role": "user", "content": [part]}]}
    )
    assert (status, told["error"]["code"]) == (413, "upload_too_large")
    assert f"has {len(PDF)} bytes" in told["error"]["message"]
    assert "at most 3" in told["error"]["message"]
    assert fixture.transport.calls == []
    assert fixture.gateway.ledger.only.cost == 0


def test_a_request_that_only_speaks_of_sluice_passes_byte_for_byte() -> None:
    fixture = Fixture(OPENAI_ANSWER)
    body = {"model": "test-gpt", "messages": [{"role": "user", "content": "what is sluice://uploads/upl_1?"}]}
    raw = json.dumps(body).encode()
    assert fixture.ask("/v1/chat/completions", raw)[0] == 200
    assert fixture.transport.calls[0].body == raw
    assert "x-sluice-edits" not in fixture.headers


def test_nothing_of_uploads_is_loaded_for_a_request_without_a_reference() -> None:
    import subprocess
    import sys

    code = (
        "import sys, sluice.aws.entry, sluice.dialects.openai_chat;"
        "print([m for m in sys.modules if 'references' in m or 'uploads' in m or m == 'sluice.aws.s3'])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_expired_key_reaches_no_upload() -> None:
    fixture = Fixture(keys=(replace(virtual_key(KEY), revoked_ms=1),))
    assert fixture.ask("/v1/uploads", NEW)[0] == 401
