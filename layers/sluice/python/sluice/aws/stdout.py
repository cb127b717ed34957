"""Standard output as the place of log lines, which Lambda sends to CloudWatch.

Those who write lines leave secrets and what was said out of them. What still looks like a key, because somebody put one
where a name belongs, is masked here.
"""

from __future__ import annotations

import sys
from typing import TextIO

MARKS = ("sk-", "AIza", "AKIA", "ASIA", "eyJ", "gsk_", "hf_", "ghp_", "xai-", "pplx-", "nvapi-", "earer ", "asic ")
"""What keys of vendors begin with; a line without any of them is not looked at more closely."""


class StdoutLines:
    """Writes whole lines at once (`ports.LineSink`), so that lines of two threads never mix."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        """Write one line, line break not included; one inside the line becomes a space, so it cannot forge another."""
        if any(mark in line for mark in MARKS):
            from sluice.dialects.masking import masked_line

            line = masked_line(line)
        stream = self._stream if self._stream is not None else sys.stdout
        stream.write(line.replace("\n", " ").replace("\r", " ") + "\n")
        stream.flush()
