"""Loader of the recorded provider traffic that lies beside the repository; tests skip where it is absent.

The recordings are never part of the repository. `SLUICE_RECORDINGS` names another folder of the same form, so the
same checks can run over records that nobody has seen while writing the code.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
_ENDPOINT = re.compile(r'\A\{"id": ?"\w*", ?"provider": ?"[^"\\]*", ?"endpoint": ?"([^"\\]*)"')
DEFAULT = REPOSITORY.parent / "shared" / "data" / "provider_recordings"


@dataclass(frozen=True, slots=True)
class Recording:
    """One request and its answer. `request` is None where only an answer was published; `body` is as sent."""

    id: str
    provider: str
    endpoint: str
    model: str | None
    kinds: frozenset[str]
    request: Mapping[str, Any] | None
    status: int
    headers: Mapping[str, str]
    body: bytes
    fidelity: str = "bytes"
    source: str = ""
    turn: int = 0
    elided: Mapping[str, int] = field(default_factory=dict)

    @property
    def request_body(self) -> Any:
        """The request's JSON body; None when there is none."""
        return None if self.request is None else self.request.get("body")

    @property
    def stream(self) -> bool:
        """Whether a 200 answer is a stream."""
        return "stream" in self.kinds and self.status == 200

    @property
    def label(self) -> str:
        """A short name for reports."""
        return f"{self.provider}/{self.endpoint}/{self.id}"


def folder() -> Path | None:
    """Return the folder of the recordings, or None when it is not there."""
    path = Path(os.environ.get("SLUICE_RECORDINGS") or DEFAULT)
    return path if path.is_dir() else None


def read(endpoints: Iterable[str] | None, providers: Iterable[str] | None = None) -> Iterator[Recording]:
    """Yield the recordings of some endpoints (None: of all) in a fixed order; nothing where the folder is absent."""
    root = folder()
    if root is None:
        return
    wanted = None if endpoints is None else frozenset(endpoints)
    only = None if providers is None else frozenset(providers)
    for path in sorted(root.glob("*.jsonl.gz")):
        if path.name == "INDEX.jsonl.gz" or (only is not None and path.name.removesuffix(".jsonl.gz") not in only):
            continue
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                if wanted is not None and (named := _ENDPOINT.search(line)) and named[1] not in wanted:
                    continue  # most lines are long, and reading them takes most of the time
                record = json.loads(line)
                if wanted is None or record["endpoint"] in wanted:
                    yield _recording(record)


def listed() -> frozenset[str] | None:
    """Return the names of all recordings in the folder's index; None where it has none."""
    root = folder()
    path = None if root is None else root / "INDEX.jsonl.gz"
    if path is None or not path.is_file():
        return None
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return frozenset(json.loads(line)["id"] for line in lines)


def reported_errors() -> list[dict[str, Any]]:
    """Return the error answers quoted in public issues: provider, status, headers, body (JSON or SSE text)."""
    root = folder()
    path = None if root is None else root / "reported_errors.jsonl"
    if path is None or not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def require() -> Path:
    """Return the folder, or skip the test with the reason."""
    root = folder()
    if root is None:
        pytest.skip("recorded provider traffic (../shared/data/provider_recordings) is not on this machine")
    return root


def _recording(record: Mapping[str, Any]) -> Recording:
    response, source = record["response"], record.get("source") or {}
    body = response.get("body")
    raw = base64.b64decode(response["body_base64"]) if body is None else body.encode("utf-8", "surrogatepass")
    return Recording(
        id=record["id"],
        provider=record["provider"],
        endpoint=record["endpoint"],
        model=record.get("model"),
        kinds=frozenset(record.get("kinds") or ()),
        request=record.get("request"),
        status=response["status"],
        headers={name.lower(): str(value) for name, value in (response.get("headers") or {}).items()},
        body=raw,
        fidelity=record.get("fidelity", "bytes"),
        source=f"{source.get('repo', '')}:{source.get('path', '')}",
        turn=source.get("index") or 0,
        elided=record.get("elided") or {},
    )
