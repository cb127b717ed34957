"""Files that a caller stored beforehand, because they do not fit into a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.types.clock import Millis

SCHEME = "sluice://uploads/"
"""How a reference to an upload begins; its id follows."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What a caller declared: the file to come. `size` is in bytes, `sha256` 64 hex digits or ""."""

    id: str
    team: str
    filename: str
    size: int
    mime_type: str
    purpose: str
    created_ms: Millis
    sha256: str = ""

    @property
    def reference(self) -> str:
        """What stands in a request where a URL or base64 text would."""
        return SCHEME + self.id


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What was in fact put: its size in bytes and its media type."""

    size: int
    mime_type: str


@dataclass(frozen=True, slots=True)
class SignedAddress:
    """A URL that permits one thing for a while, and the headers that have to come along with it."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
