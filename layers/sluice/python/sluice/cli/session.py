"""What the commands share: a session with one gateway's admin API, failures in words, tables."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

DEMO_ENVIRONMENT = Path(".local/demo.env")


class CommandFailed(Exception):
    """A sentence for the person at the terminal."""


class Session:
    """Talks to one gateway as an administrator."""

    def __init__(self, url: str, key: str, as_json: bool, write: Callable[[str], None] = print) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self.as_json = as_json
        self.write = write

    def call(self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
        """Return the answer's JSON. Raises CommandFailed with the gateway's own words."""
        import httpx

        try:
            answer = httpx.request(
                method,
                self._url + path,
                json=body,
                params=query,
                headers={"authorization": f"Bearer {self._key}"},
                timeout=30,
            )
        except httpx.HTTPError as error:
            raise CommandFailed(f"No answer from {self._url} ({type(error).__name__}). Is the gateway up?") from None
        try:
            content = answer.json()
        except ValueError:
            raise CommandFailed(f"{self._url}{path} answered {answer.status_code} without JSON.") from None
        if answer.status_code >= 400:
            told = content.get("error", {}).get("message") if isinstance(content.get("error"), dict) else None
            raise CommandFailed(told or f"{self._url}{path} answered {answer.status_code}.")
        return content

    def warn(self, content: Mapping[str, Any]) -> None:
        """Tell on stderr what the gateway finds doubtful, beside what is printed."""
        for warning in content.get("warnings", ()):
            print(f"sluice: warning: {warning}", file=sys.stderr)

    def show(self, content: object, text: str) -> None:
        """Print the content as JSON when that was asked for, else the text."""
        self.write(json.dumps(content, indent=2) if self.as_json else text)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under a head, in columns."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def progress(words: str) -> None:
    """Tell on stderr how far something has come: in one line of a terminal, else line by line."""
    sys.stderr.write(f"{words}{chr(13) if sys.stderr.isatty() else chr(10)}")
    sys.stderr.flush()


def known_environment() -> dict[str, str]:
    """Return the environment's variables, and those that `make run` has left here for what it started."""
    return {**_demo_environment(), **os.environ}


def _demo_environment() -> dict[str, str]:
    if not DEMO_ENVIRONMENT.is_file():
        return {}
    pairs = (line.partition("=") for line in DEMO_ENVIRONMENT.read_text(encoding="utf-8").splitlines())
    return {name.removeprefix("export ").strip(): value.strip().strip("\"'") for name, equals, value in pairs if equals}
