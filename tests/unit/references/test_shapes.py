"""Each place of each dialect where a reference may stand: what bytes and URLs look like there."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from sluice.dialects import ALONE, FAMILIES
from sluice.dialects.splice import Document
from sluice.errors import BadRequest, UploadTooLarge
from sluice.references import References
from sluice.references.shapes import FIELDS, LISTS, SHAPES
from tests.unit.references.uploads_in_memory import JPEG, MP4, NOW_MS, PDF, PNG, TEXT, WAV, MemoryUploads

FILES = {
    "png": (PNG, "image/png"),
    "jpeg": (JPEG, "image/jpeg"),
    "pdf": (PDF, "application/pdf"),
    "text": (TEXT, "text/plain"),
    "wav": (WAV, "audio/wav"),
    "mp4": (MP4, "video/mp4"),
}
URLS = {"input_urls": True, "file_urls": True}


def b64(name: str) -> str:
    return base64.b64encode(FILES[name][0]).decode()


def data_url(name: str) -> str:
    return f"data:{FILES[name][1]};base64,{b64(name)}"


def resolved(dialect: str, part: Any, file: str, *, inline_limit: int = 1000, **quirks: object) -> tuple[Any, str]:
    """Return the part as a provider gets it, and the id of the upload that REF stands for."""
    uploads = MemoryUploads()
    reference = uploads.add(*FILES[file], filename="Q3 report_v2.pdf")
    told = json.loads(json.dumps(part).replace("REF", reference))
    document = Document(json.dumps({"messages": [{"content": [{"text": "hi"}, told]}]}))
    access = uploads.access(inline_limit=inline_limit)
    body = References(access, "search", dialect, document, now_ms=NOW_MS).resolved(quirks)
    return json.loads(str(body.edited({})))["messages"][0]["content"][1], reference.rpartition("/")[2]


NAMED = {"filename": "mine.pdf"}
INLINE: list[tuple[str, str, Any, Any]] = [
    (
        "openai_chat",
        "png",
        {"type": "image_url", "image_url": {"url": "REF", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": data_url("png"), "detail": "high"}},
    ),
    (
        "openai_chat",
        "png",
        {"type": "image_url", "image_url": "REF"},
        {"type": "image_url", "image_url": data_url("png")},
    ),
    (
        "openai_chat",
        "pdf",
        {"type": "file", "file": {"file_data": "REF", **NAMED}},
        {"type": "file", "file": {"file_data": data_url("pdf"), **NAMED}},
    ),
    (
        "openai_chat",
        "pdf",
        {"type": "file", "file": {"file_data": "REF"}},
        {"type": "file", "file": {"file_data": data_url("pdf"), "filename": "Q3 report_v2.pdf"}},
    ),
    (
        "openai_chat",
        "wav",
        {"type": "input_audio", "input_audio": {"data": "REF", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": b64("wav"), "format": "wav"}},
    ),
    (
        "openai_chat",
        "wav",
        {"type": "input_audio", "input_audio": {"data": "REF"}},
        {"type": "input_audio", "input_audio": {"data": b64("wav"), "format": "wav"}},
    ),
    (
        "openai_chat",
        "mp4",
        {"type": "video_url", "video_url": {"url": "REF"}},
        {"type": "video_url", "video_url": {"url": data_url("mp4")}},
    ),
    (
        "openai_chat",
        "pdf",
        {"type": "document_url", "document_url": "REF"},
        {"type": "document_url", "document_url": data_url("pdf")},
    ),
    (
        "openai_responses",
        "png",
        {"type": "input_image", "image_url": "REF", "detail": "low"},
        {"type": "input_image", "image_url": data_url("png"), "detail": "low"},
    ),
    (
        "openai_responses",
        "pdf",
        {"type": "input_file", "file_data": "REF", **NAMED},
        {"type": "input_file", "file_data": data_url("pdf"), **NAMED},
    ),
    (
        "openai_responses",
        "pdf",
        {"type": "input_file", "file_url": "REF"},
        {"type": "input_file", "file_data": data_url("pdf"), "filename": "Q3 report_v2.pdf"},
    ),
    (
        "openai_responses",
        "wav",
        {"type": "input_audio", "input_audio": {"data": "REF", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": b64("wav"), "format": "wav"}},
    ),
    (
        "anthropic_messages",
        "jpeg",
        {"type": "image", "source": {"type": "url", "url": "REF"}, "cache_control": {"type": "ephemeral"}},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/jpeg", "data": b64("jpeg")},
            "cache_control": {"type": "ephemeral"},
        },
    ),
    (
        "anthropic_messages",
        "pdf",
        {"type": "document", "source": {"type": "url", "url": "REF"}, "title": "Q3"},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": b64("pdf")},
            "title": "Q3",
        },
    ),
    (
        "anthropic_messages",
        "text",
        {"type": "document", "source": {"type": "url", "url": "REF"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": TEXT.decode()}},
    ),
    (
        "anthropic_count_tokens",
        "png",
        {"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": "REF"}}]},
        {
            "type": "tool_result",
            "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": b64("png")}}],
        },
    ),
    (
        "gemini",
        "mp4",
        {"fileData": {"fileUri": "REF", "mimeType": "video/mp4"}, "videoMetadata": {"fps": 1}},
        {"inlineData": {"mimeType": "video/mp4", "data": b64("mp4")}, "videoMetadata": {"fps": 1}},
    ),
    (
        "gemini",
        "png",
        {"file_data": {"file_uri": "REF"}},
        {"inlineData": {"mimeType": "image/png", "data": b64("png")}},
    ),
    (
        "bedrock_converse",
        "png",
        {"image": {"format": "png", "source": {"bytes": "REF"}}},
        {"image": {"format": "png", "source": {"bytes": b64("png")}}},
    ),
    (
        "bedrock_converse",
        "png",
        {"image": {"source": {"s3Location": {"uri": "REF"}}}},
        {"image": {"format": "png", "source": {"bytes": b64("png")}}},
    ),
    (
        "bedrock_converse",
        "pdf",
        {"document": {"source": {"bytes": "REF"}}},
        {"document": {"name": "Q3 report v2 pdf", "format": "pdf", "source": {"bytes": b64("pdf")}}},
    ),
    (
        "bedrock_converse",
        "mp4",
        {"video": {"format": "mp4", "source": {"bytes": "REF"}}},
        {"video": {"format": "mp4", "source": {"bytes": b64("mp4")}}},
    ),
    (
        "cohere_chat",
        "png",
        {"type": "image_url", "image_url": {"url": "REF"}},
        {"type": "image_url", "image_url": {"url": data_url("png")}},
    ),
    ("ollama_chat", "png", {"images": ["REF", "other"]}, {"images": [b64("png"), "other"]}),
    ("cohere_embeddings", "png", {"images": ["REF"]}, {"images": [data_url("png")]}),
]


@pytest.mark.parametrize(("dialect", "file", "part", "expected"), INLINE)
def test_a_reference_gives_way_to_the_bytes_in_the_dialect_s_own_form(
    dialect: str, file: str, part: Any, expected: Any
) -> None:
    assert resolved(dialect, part, file)[0] == expected


ADDRESS: list[tuple[str, str, Any, Any]] = [
    (
        "openai_chat",
        "png",
        {"type": "image_url", "image_url": {"url": "REF", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "URL", "detail": "high"}},
    ),
    (
        "openai_chat",
        "pdf",
        {"type": "file", "file": {"file_data": "REF", **NAMED}},
        {"type": "file", "file": {"file_data": "URL", **NAMED}},
    ),
    (
        "openai_responses",
        "pdf",
        {"type": "input_file", "file_data": "REF", **NAMED},
        {"type": "input_file", "file_url": "URL"},
    ),
    (
        "anthropic_messages",
        "pdf",
        {"type": "document", "source": {"type": "url", "url": "REF"}, "title": "Q3"},
        {"type": "document", "source": {"type": "url", "url": "URL"}, "title": "Q3"},
    ),
    (
        "gemini",
        "mp4",
        {"fileData": {"fileUri": "REF"}, "videoMetadata": {"fps": 1}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "URL"}, "videoMetadata": {"fps": 1}},
    ),
]


@pytest.mark.parametrize(("dialect", "file", "part", "expected"), ADDRESS)
def test_a_large_file_goes_by_url_where_the_provider_takes_urls(
    dialect: str, file: str, part: Any, expected: Any
) -> None:
    found, upload_id = resolved(dialect, part, file, inline_limit=3, **URLS)
    url = f"https://store.example/search/{upload_id}?good=900"
    assert found == json.loads(json.dumps(expected).replace("URL", url))


@pytest.mark.parametrize(("dialect", "file", "part", "_"), ADDRESS)
def test_a_large_file_is_refused_where_the_provider_takes_no_urls(dialect: str, file: str, part: Any, _: Any) -> None:
    with pytest.raises(UploadTooLarge, match=f"has {len(FILES[file][0])} bytes .* at most 3 into one") as raised:
        resolved(dialect, part, file, inline_limit=3)
    assert raised.value.http_status == 413
    assert raised.value.param is not None
    assert raised.value.param.startswith("messages[0].content[1].")


NO_ADDRESS = [
    ("openai_chat", "wav", {"type": "input_audio", "input_audio": {"data": "REF"}}),
    ("bedrock_converse", "png", {"image": {"source": {"bytes": "REF"}}}),
    ("ollama_chat", "png", {"images": ["REF"]}),
]


@pytest.mark.parametrize(("dialect", "file", "part"), NO_ADDRESS)
def test_a_large_file_is_refused_where_the_dialect_has_no_form_for_a_url(dialect: str, file: str, part: Any) -> None:
    with pytest.raises(UploadTooLarge):
        resolved(dialect, part, file, inline_limit=3, **URLS)


def test_a_chat_file_goes_by_url_only_where_the_provider_says_so_of_files() -> None:
    part = {"type": "file", "file": {"file_data": "REF"}}
    with pytest.raises(UploadTooLarge):
        resolved("openai_chat", part, "pdf", inline_limit=3, input_urls=True)


WRONG = [
    ("openai_chat", "pdf", {"type": "image_url", "image_url": {"url": "REF"}}, "application/pdf.*takes image"),
    ("openai_chat", "png", {"type": "input_audio", "input_audio": {"data": "REF"}}, "image/png.*takes audio"),
    (
        "openai_chat",
        "wav",
        {"type": "input_audio", "input_audio": {"data": "REF", "format": "mp3"}},
        r"'mp3', but it is audio/wav \(wav\)",
    ),
    ("anthropic_messages", "png", {"type": "document", "source": {"url": "REF"}}, "image/png.*takes document"),
    (
        "gemini",
        "png",
        {"fileData": {"fileUri": "REF", "mimeType": "image/jpeg"}},
        "'image/jpeg', but it is image/png",
    ),
    ("bedrock_converse", "png", {"image": {"format": "gif", "source": {"bytes": "REF"}}}, "'gif', but it is image/png"),
    ("ollama_chat", "pdf", {"images": ["REF"]}, "application/pdf.*takes image"),
]


@pytest.mark.parametrize(("dialect", "file", "part", "words"), WRONG)
def test_a_file_of_another_type_than_the_place_takes_is_refused(dialect: str, file: str, part: Any, words: str) -> None:
    with pytest.raises(BadRequest, match=words) as raised:
        resolved(dialect, part, file)
    assert raised.value.error_code == "upload_wrong_type"


def test_every_dialect_of_the_tables_is_one() -> None:
    known = {name for family in FAMILIES for name in family} | set(ALONE)
    assert not {*SHAPES, *LISTS, *FIELDS} - known


def test_a_text_goes_to_no_anthropic_provider_by_url() -> None:
    with pytest.raises(BadRequest, match="by URL a document must be application/pdf"):
        resolved("anthropic_messages", {"type": "document", "source": {"url": "REF"}}, "text", inline_limit=3, **URLS)
