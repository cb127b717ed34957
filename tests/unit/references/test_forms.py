"""References in forms: a text field that refers to an upload becomes a file of the form."""

from __future__ import annotations

import json

import pytest

from sluice.dialects.multipart import Attachment, File, Form
from sluice.errors import BadRequest, UploadTooLarge
from sluice.references import References
from tests.unit.references.uploads_in_memory import NOW_MS, PDF, PNG, WAV, MemoryUploads

BOUNDARY = "edge"


def form(*fields: tuple[str, str]) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields
    ]
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()


def resolved(uploads: MemoryUploads, dialect: str, *fields: tuple[str, str], limit: int = 1000) -> Form:
    """Return the form that a provider gets, parsed again."""
    access = uploads.access(inline_limit=limit)
    body = References(access, "search", dialect, Form(form(*fields), BOUNDARY), now_ms=NOW_MS).resolved({})
    edited = body.edited({"model": "other"})
    assert isinstance(edited, bytes)
    return Form(edited, BOUNDARY)


@pytest.mark.parametrize("dialect", ["openai_transcriptions", "openai_translations"])
def test_a_recording_goes_on_as_a_file_with_its_name_and_type(dialect: str) -> None:
    uploads = MemoryUploads()
    reference = uploads.add(WAV, "audio/wav", filename='a "b"\\c.wav')
    found = resolved(uploads, dialect, ("model", "whisper-1"), ("file", reference), ("language", "de"))
    assert found.members == {
        "model": "other",
        "file": File("file", 'a "b"%5Cc.wav', "audio/wav", len(WAV), WAV),
        "language": "de",
    }
    assert b"\r\n\r\n" + WAV + b"\r\n" in found.edited({})


def test_pictures_to_edit_may_be_one_or_several() -> None:
    uploads = MemoryUploads()
    first, second = uploads.add(PNG, "image/png"), uploads.add(PNG, "image/png")
    mask = uploads.add(PNG, "image/png", filename="mask.png")
    one = resolved(uploads, "openai_image_edits", ("image", first), ("mask", mask))
    assert one.members["image"] == File("image", "file.bin", "image/png", len(PNG), PNG)
    assert one.members["mask"] == File("mask", "mask.png", "image/png", len(PNG), PNG)
    several = resolved(uploads, "openai_image_edits", ("image[]", first), ("image[]", second))
    assert [type(item) for item in several.members["image"]] == [File, File]  # type: ignore[attr-defined]


def test_a_list_of_references_and_something_else_is_refused() -> None:
    uploads = MemoryUploads()
    with pytest.raises(BadRequest, match="either all files or all references"):
        resolved(uploads, "openai_image_edits", ("image[]", uploads.add(PNG, "image/png")), ("image[]", "other"))


def test_a_paper_is_no_recording() -> None:
    uploads = MemoryUploads()
    with pytest.raises(BadRequest, match="application/pdf; this place takes audio or video") as raised:
        resolved(uploads, "openai_transcriptions", ("file", uploads.add(PDF, "application/pdf")))
    assert raised.value.param == "file"


def test_a_recording_over_the_limit_is_refused_with_the_number() -> None:
    uploads = MemoryUploads()
    with pytest.raises(UploadTooLarge, match=f"has {len(WAV)} bytes"):
        resolved(uploads, "openai_transcriptions", ("file", uploads.add(WAV, "audio/wav")), limit=3)


def test_a_file_that_holds_the_boundary_is_refused() -> None:
    uploads = MemoryUploads()
    with pytest.raises(BadRequest, match="choose another boundary"):
        resolved(uploads, "openai_transcriptions", ("file", uploads.add(b"--edge", "audio/wav")))


def test_the_members_tell_the_length_of_the_recording_without_its_bytes() -> None:
    uploads = MemoryUploads()
    document = Form(form(("file", uploads.add(WAV, "audio/wav"))), BOUNDARY)
    body = References(uploads.access(), "search", "openai_transcriptions", document, now_ms=NOW_MS).resolved({})
    file = body.members["file"]
    assert isinstance(file, Attachment)
    assert (file.size, file.head) == (len(WAV), WAV[:64])
    assert "RIFF" not in repr(file)
    assert json.dumps(body.notes).count("inlined:upl_") == 1
