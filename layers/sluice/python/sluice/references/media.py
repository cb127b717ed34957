"""Media types: which family a file belongs to, the format words of dialects, and what its first bytes say it is."""

from __future__ import annotations

from collections.abc import Mapping

SOUND = {
    "audio/wav": "wav",
    "audio/wave": "wav",
    "audio/x-wav": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/opus": "opus",
    "audio/aac": "aac",
    "audio/mp4": "m4a",
    "audio/x-m4a": "m4a",
    "audio/webm": "webm",
}
PICTURES = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/gif": "gif",
    "image/webp": "webp",
}
PAPERS = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "text/html": "html",
    "text/plain": "txt",
    "text/markdown": "md",
}
FILMS = {
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/webm": "webm",
    "video/x-flv": "flv",
    "video/mpeg": "mpeg",
    "video/x-ms-wmv": "wmv",
    "video/3gpp": "three_gp",
}
FORMATS: Mapping[str, Mapping[str, str]] = {"image": PICTURES, "document": PAPERS, "video": FILMS, "audio": SOUND}
"""Family -> media type -> the word for it (Bedrock ContentBlock and OpenAI input_audio, API references, 2026-11)."""

_SIGNS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_KNOWN = frozenset(kind for _, kind in _SIGNS) | {"image/webp"}
_SIGN_WITHIN = 1024
"""A PDF may have other bytes before its header; readers look this far (ISO 32000-1, annex H.3)."""


def family(mime_type: str) -> str:
    """Return "image", "audio", "video", or "document" for everything else."""
    first = mime_type.partition("/")[0]
    return first if first in ("image", "audio", "video") else "document"


def bare(mime_type: str) -> str:
    """Return a media type in lower case and without its parameters; the usual misspelling of JPEG is put right."""
    kind = mime_type.partition(";")[0].strip().lower()
    return "image/jpeg" if kind == "image/jpg" else kind


def contradicts(mime_type: str, content: bytes) -> str | None:
    """Return what the content is instead of `mime_type`; None where they agree or the content has no known sign."""
    if mime_type not in _KNOWN:
        return None
    found = next((kind for sign, kind in _SIGNS if content.startswith(sign)), "")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        found = "image/webp"
    if not found and mime_type == "application/pdf" and b"%PDF-" in content[:_SIGN_WITHIN]:
        return None
    return None if found == mime_type else found or "something else"
