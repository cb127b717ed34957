"""Tells or guesses how long a sound lasts, for answers that do not say it: plain text and subtitles.

A WAV file's header and the last time of subtitles tell it; of anything else the size gives a guess.
"""

from __future__ import annotations

import re

from sluice.dialects.multipart import File

_TIME = re.compile(r"-->\s*(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{3})")
BYTES_PER_SECOND = {"wav": 32_000, "flac": 16_000, "webm": 4_000, "ogg": 4_000, "opus": 4_000}
"""16 kHz and 16 bits; half of that; speech in Opus."""
OTHER_BYTES_PER_SECOND = 8_000
"""Speech at 64 kbit/s, as MP3 and M4A have it; a higher rate makes the guess too long, never the bill too small."""


def of_file(file: object) -> int:
    """Return the milliseconds that an uploaded file lasts, at least 1 where there is one."""
    if not isinstance(file, File):
        return 0
    head = file.head
    if head[:4] == b"RIFF" and head[8:16] == b"WAVEfmt " and len(head) >= 32:
        rate = int.from_bytes(head[28:32], "little")
        if rate:
            return max((file.size - 44) * 1000 // rate, 1)
    ending = file.filename.rpartition(".")[2].lower()
    return max(file.size * 1000 // BYTES_PER_SECOND.get(ending, OTHER_BYTES_PER_SECOND), 1)


def of_subtitles(text: str) -> int:
    """Return the milliseconds at which the last caption of an SRT or VTT answer ends, 0 where there is none."""
    last = 0
    for hours, minutes, seconds, millis in _TIME.findall(text):
        last = max(last, ((int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(millis))
    return last
