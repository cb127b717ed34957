"""Standard output as the place of log lines, which Lambda sends to CloudWatch.

Those who write lines leave secrets and what was said out of them. What still looks like a key, because somebody put one
where a name belongs, is masked here.
"""

from __future__ import annotations

import sys
from typing import TextIO

MARKS = ("sk-", "AIza", "AKIA", "ASIA", "eyJ", "gsk_", "hf_", "ghp_", "xai-", "pplx-", "nvapi-", "earer ", "asic ")
"""What keys of vendors begin with; a line without any of them is not looked at more closely."""


def without_keys(text: str) -> str:
    """Return a text without what is surely a key; most texts have nothing that looks like one."""
    if not any(mark in text for mark in MARKS):
        return text
    from sluice.dialects.masking import masked_line

    return masked_line(text)


class StdoutLines:
    """Writes whole lines at once (`ports.LineSink`), so that lines of two threads never mix.

    Looking through a line takes tens of microseconds; `already_masked` is for who knows where in it a key could be.
    """

    def __init__(self, stream: TextIO | None = None, *, already_masked: bool = False) -> None:
        self._stream = stream
        self._already_masked = already_masked

    def write(self, line: str) -> None:
        """Write one line, line break not included; one inside the line becomes a space, so it cannot forge another."""
        if not self._already_masked:
            line = without_keys(line)
        stream = self._stream if self._stream is not None else sys.stdout
        stream.write(line.replace("\n", " ").replace("\r", " ") + "\n")
        stream.flush()
