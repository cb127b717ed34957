"""Standard output as the place of log lines, which Lambda sends to CloudWatch."""

from __future__ import annotations

import sys
from typing import TextIO


class StdoutLines:
    """Writes whole lines at once (`ports.LineSink`), so that lines of two threads never mix."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        """Write one line, line break not included; one inside the line becomes a space, so it cannot forge another."""
        stream = self._stream if self._stream is not None else sys.stdout
        stream.write(line.replace("\n", " ").replace("\r", " ") + "\n")
        stream.flush()
