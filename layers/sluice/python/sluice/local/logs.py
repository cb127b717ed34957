"""The functions' log files: one JSON object a line in `<function>.jsonl`, rotated into `<function>.jsonl.1`.

Environments append to the file themselves, so nothing is lost when the stack is killed. After a rotation they still
write to the file that was renamed, which is why they are replaced then.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROTATE_BYTES = 64 * 1024 * 1024
KINDS = ("request", "open")
Line = dict[str, Any]


def request_lines(folder: str | os.PathLike[str], start_ms: int, end_ms: int) -> Iterator[Line]:
    """Yield the `request` and `open` lines of a folder of logs as JSON objects, oldest first within each file.

    The times are epoch milliseconds, both included; they are compared with the end of a request, and with the start
    of one that is open. What is no such line is passed over.
    """
    for path in (*sorted(Path(folder).glob("*.jsonl.1")), *sorted(Path(folder).glob("*.jsonl"))):
        try:
            # A file that was last written to before the span began holds nothing of it.
            if path.stat().st_mtime * 1000 >= start_ms:
                yield from _lines(path, start_ms, end_ms)
        except FileNotFoundError:
            continue  # rotated away meanwhile


def rotate(folder: Path, limit: int = ROTATE_BYTES) -> list[str]:
    """Rename the files that are over the limit; return their functions' names."""
    rotated = []
    for path in sorted(folder.glob("*.jsonl")):
        if path.stat().st_size > limit:
            path.replace(path.with_name(path.name + ".1"))
            rotated.append(path.name.removesuffix(".jsonl"))
    return rotated


def _lines(path: Path, start_ms: int, end_ms: int) -> Iterator[Line]:
    with path.open("rb") as file:
        for raw in file:
            if b'"kind"' not in raw:
                continue
            try:
                line = json.loads(raw)
            except ValueError:
                continue  # cut off by a kill, or still being written
            if isinstance(line, dict) and line.get("kind") in KINDS and start_ms <= _time_of(line) <= end_ms:
                yield line


def _time_of(line: Line) -> int:
    metrics, entry = line.get("_aws"), line.get("entry")
    at = metrics.get("Timestamp") if isinstance(metrics, dict) else None
    if at is None and isinstance(entry, dict):
        at = entry.get("at")
    return at if isinstance(at, int) else 0
