"""Whose uploads a request may refer to, how often they are fetched, and what is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.dialects.splice import Document
from sluice.errors import BadRequest, NotFound, UploadTooLarge
from sluice.references import References, Resolved
from sluice.references.ids import is_id
from sluice.references.media import contradicts
from sluice.references.writing import REFERENCES_LIMIT
from sluice.types.uploads import SCHEME
from tests.unit.references.uploads_in_memory import NOW_MS, PDF, PNG, MemoryUploads

DAY_MS = 86_400_000


def picture(url: object) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


def chat(*parts: object, **more: object) -> Document:
    return Document(json.dumps({"messages": [{"role": "user", "content": list(parts)}], **more}))


def references(uploads: MemoryUploads, document: Document, *, team: str = "search", **access: Any) -> References:
    return References(uploads.access(**access), team, "openai_chat", document, now_ms=NOW_MS)


def resolve(uploads: MemoryUploads, document: Document, **options: Any) -> Resolved:
    return references(uploads, document, **options).resolved({})


def refusal(uploads: MemoryUploads, reference: str, **options: Any) -> NotFound | BadRequest:
    with pytest.raises((NotFound, BadRequest)) as raised:
        resolve(uploads, chat(picture(reference)), **options)
    return raised.value


def test_one_error_tells_of_another_team_s_upload_a_deleted_one_an_expired_one_and_one_that_never_was() -> None:
    uploads = MemoryUploads()
    another, deleted = uploads.add(PNG, "image/png", team="ads"), uploads.add(PNG, "image/png")
    uploads.delete("search", deleted.removeprefix(SCHEME))
    expired = uploads.add(PNG, "image/png", at_ms=NOW_MS - 8 * DAY_MS)
    never, malformed = SCHEME + "upl_" + "0" * 26, SCHEME + "../ads/upl_1"
    told = set()
    for reference in (another, deleted, expired, never, malformed):
        error = refusal(uploads, reference)
        assert (type(error), error.http_status, error.error_code) == (NotFound, 404, "upload_not_found")
        told.add(error.message.replace(reference.removeprefix(SCHEME), "ID"))
    assert len(told) == 1


def test_an_upload_that_was_declared_and_not_put_is_told_apart() -> None:
    uploads = MemoryUploads()
    reference = uploads.add(None, "image/png")
    error = refusal(uploads, reference)
    assert (error.http_status, error.error_code) == (400, "upload_not_ready")
    assert "5 bytes" in error.message
    assert error.param == "messages[0].content[0].image_url"


def test_another_team_does_not_learn_that_an_upload_waits() -> None:
    uploads = MemoryUploads()
    assert refusal(uploads, uploads.add(None, "image/png", team="ads")).error_code == "upload_not_found"


def test_bytes_that_are_not_of_the_declared_type_are_refused() -> None:
    uploads = MemoryUploads()
    error = refusal(uploads, uploads.add(PDF, "image/png"))
    assert error.error_code == "upload_wrong_type"
    assert "declared image/png, but its bytes are application/pdf" in error.message


@pytest.mark.parametrize(
    ("mime_type", "content", "instead"),
    [
        ("image/png", PNG, None),
        ("image/png", b"GIF89a", "image/gif"),
        ("image/webp", b"RIFF\x00\x00\x00\x00WEBPVP8 ", None),
        ("image/jpeg", b"hello", "something else"),
        ("application/pdf", b"\r\n\r\n%PDF-1.4", None),
        ("application/pdf", PNG, "image/png"),
        ("text/plain", PNG, None),
        ("image/heic", b"whatever", None),
    ],
)
def test_only_types_with_a_sign_of_their_own_can_be_contradicted(
    mime_type: str, content: bytes, instead: str | None
) -> None:
    assert contradicts(mime_type, content) == instead


def test_only_the_touched_members_change_and_edits_join_in() -> None:
    uploads = MemoryUploads()
    text = json.dumps(
        {"model": "m", "temperature": 1.0, "messages": [{"content": [picture(uploads.add(PNG, "image/png"))]}]}
    ).replace('"temperature": 1.0', '"temperature" :  1.00')
    edited = str(resolve(uploads, Document(text)).edited({"model": "n"}))
    assert '"temperature" :  1.00' in edited
    assert '"model": "n"' in edited
    assert "data:image/png;base64," in edited


def test_an_upload_that_stands_in_two_places_is_fetched_once_for_all_deployments() -> None:
    uploads = MemoryUploads()
    reference = uploads.add(PNG, "image/png")
    found = references(uploads, chat(picture(reference), picture(reference)))
    assert found.resolved({}) is found.resolved({"top_k": True})
    other = found.resolved({"input_urls": True})
    assert other is not found.resolved({})
    assert other.members == found.resolved({}).members
    assert [file.reads for file in uploads.opened] == [1]


def test_a_file_that_goes_by_url_is_not_read() -> None:
    uploads = MemoryUploads()
    found = references(uploads, chat(picture(uploads.add(PNG, "image/png"))), inline_limit=2)
    body = found.resolved({"input_urls": True})
    assert body.notes[0].startswith("presigned:upl_")
    assert [(file.reads, file.closed) for file in uploads.opened] == [(0, True)]


def test_the_next_deployment_may_get_bytes_of_what_an_earlier_one_would_have_fetched() -> None:
    uploads = MemoryUploads()
    reference = uploads.add(PNG, "image/png")
    found = references(uploads, chat(picture(reference), picture(reference)), inline_limit=len(PNG))
    first = found.resolved({"input_urls": True})
    assert [note.partition(":")[0] for note in first.notes] == ["inlined", "presigned"]
    with pytest.raises(UploadTooLarge, match=f"{len(PNG)} bytes of uploads stand in this request already"):
        found.resolved({})


def test_a_refusal_leaves_no_connection_open() -> None:
    uploads = MemoryUploads()
    refusal(uploads, uploads.add(PDF, "application/pdf"))
    assert [file.closed for file in uploads.opened] == [True]


def test_what_a_model_wrote_to_a_tool_stays_as_it_is() -> None:
    uploads = MemoryUploads()
    reference = uploads.add(PNG, "image/png")
    call = {"type": "tool_use", "input": {"type": "image", "source": {"url": reference}}}
    tools = [{"type": "function", "parameters": {"default": picture(reference)}}]
    document = Document(json.dumps({"messages": [{"content": [call]}], "tools": tools}))
    body = References(uploads.access(), "search", "anthropic_messages", document, now_ms=NOW_MS).resolved({})
    assert body.members == document.members
    assert body.notes == ()
    assert uploads.opened == []


def test_a_text_that_speaks_of_a_reference_is_only_a_text() -> None:
    uploads = MemoryUploads()
    document = chat({"type": "text", "text": uploads.add(PNG, "image/png")})
    assert resolve(uploads, document).members == document.members


def test_escaped_slashes_are_read_as_the_slashes_they_are() -> None:
    uploads = MemoryUploads()
    escaped = json.dumps(chat(picture(uploads.add(PNG, "image/png"))).members).replace("/", "\\/")
    assert resolve(uploads, Document(escaped)).notes[0].startswith("inlined:")


def test_a_request_may_not_refer_to_uploads_without_end() -> None:
    uploads = MemoryUploads()
    reference = uploads.add(PNG, "image/png")
    with pytest.raises(BadRequest, match=f"more than {REFERENCES_LIMIT} places"):
        resolve(uploads, chat(*[picture(reference)] * (REFERENCES_LIMIT + 1)), inline_limit=10**6)


def test_a_gateway_without_a_bucket_says_so() -> None:
    reference = MemoryUploads().add(PNG, "image/png")
    found = References(None, "search", "openai_chat", chat(picture(reference)), now_ms=NOW_MS)
    with pytest.raises(NotFound, match="SLUICE_UPLOAD_BUCKET"):
        found.resolved({})


@pytest.mark.parametrize(
    "text", ["", "upl_", "upl_" + "I" * 26, "upl_" + "0" * 25, "upl_" + "0" * 27, "req_" + "0" * 26]
)
def test_an_id_has_its_form(text: str) -> None:
    assert not is_id(text)
    assert is_id("upl_" + "0" * 26)
