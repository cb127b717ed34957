"""Bounds what inline documents, sounds and videos come to: pages of a PDF, seconds of a sound or a video.

Rules. A PDF's pages are the page objects it shows, or, where it packs its objects, its streams, of which each page
with anything on it has one. Its text is at most the vendor's upper figure for each page, and at most its own bytes
where nothing in it is packed. A sound lasts as long as its header says (WAV, MP3), or as its bytes would at 8 kbit/s,
below which no codec in use speaks; a video as its movie header says (MP4, MOV). None: it cannot be read, so what it
comes to is open.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64

from sluice.metering.families import Family

_PAGE = re.compile(rb"/Type\s*/Page(?![a-zA-Z])")
_SLOWEST_BYTES = 1_000
_PAGE_PIXELS = (1_700, 2_200)
_BITRATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_LOWER_BITRATES = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
"""kbit/s of MP3 frames by their index: MPEG 1, and MPEG 2 and 2.5 (ISO 11172-3 and 13818-3, layer III)."""


def decoded(encoded: str) -> bytes | None:
    """Return the bytes of base64 text in either alphabet, None where it is none."""
    text = encoded.replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return a2b_base64(text + "=" * (-len(text) % 4))
    except (Error, ValueError):
        return None


def pdf_tokens(encoded: str, family: Family) -> int | None:
    """Return a bound of the tokens of a PDF in base64; None where its pages cannot be told."""
    raw = decoded(encoded)
    if raw is None or not raw.startswith(b"%PDF") or b"%%EOF" not in raw[-2_048:]:
        return None
    pages = len(_PAGE.findall(raw))
    if b"/ObjStm" in raw:
        pages = max(pages, raw.count(b"endstream"))
    if not pages:
        return None
    text = pages * family.page
    if b"/Filter" not in raw:
        text = min(text, len(raw))
    return text + pages * family.picture(_PAGE_PIXELS, False)


def sound_ms(encoded: str) -> int:
    """Return a bound of the milliseconds that a sound in base64 lasts."""
    size = len(encoded) * 3 // 4
    head = decoded(encoded[:4_096]) or b""
    if head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt " and len(head) >= 32:
        rate = int.from_bytes(head[28:32], "little")
        if rate:
            return size * 1_000 // rate + 1
    return size * 1_000 // (_mp3_bytes(head) or _SLOWEST_BYTES) + 1


def _mp3_bytes(head: bytes) -> int:
    """Return the bytes a second of an MP3 of constant bitrate; 0 for anything else."""
    if b"Xing" in head or b"VBRI" in head or len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    rates = _BITRATES if head[1] & 0x18 == 0x18 else _LOWER_BITRATES
    return rates[head[2] >> 4] * 125 if head[2] >> 4 < len(rates) else 0


def video_ms(encoded: str) -> int | None:
    """Return the milliseconds that a video in base64 lasts; None where it does not say so."""
    raw = decoded(encoded) or b""
    at = raw.find(b"mvhd")
    if at < 0 or len(raw) < at + 36:
        return None
    wide = raw[at + 4] == 1
    scale_at, size = (at + 24, 8) if wide else (at + 16, 4)
    scale = int.from_bytes(raw[scale_at : scale_at + 4], "big")
    length = int.from_bytes(raw[scale_at + 4 : scale_at + 4 + size], "big")
    return length * 1_000 // scale + 1 if scale else None
