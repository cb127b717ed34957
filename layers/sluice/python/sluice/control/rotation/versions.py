"""The secret as a rotation sees it: versions, the labels on them, and documents that are written once.

A version's value never changes, so a rotation decides everything before it writes. AWSCURRENT is what environments
read; AWSPENDING is on the version that a rotation is making; AWSPREVIOUS was current before; `STAGED` is on a version
that holds only what an operator wants changed. Source: Secrets Manager API reference, PutSecretValue and
UpdateSecretVersionStage; user guide, "Rotation by Lambda function", 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

CURRENT, PENDING, PREVIOUS, STAGED = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS", "SLUICESTAGED"
NOTES = "_rotation"
"""The member of a document in which a rotation notes what it began from; it is no provider."""

Document = dict[str, Any]


@dataclass(frozen=True)
class Overview:
    """What is known of a secret without its values. Times are epoch seconds, None where nobody tells."""

    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Version -> labels."""
    rotated_at: float | None = None
    next_at: float | None = None

    def labelled(self, label: str) -> str | None:
        """Return the version with a label, None when there is none."""
        return next((version for version, labels in self.labels.items() if label in labels), None)

    def carries(self, version: str, label: str) -> bool:
        """Return whether a version has a label."""
        return label in self.labels.get(version, ())


class SecretVersions(Protocol):
    """One secret."""

    def overview(self) -> Overview:
        """Return its versions and times."""

    def read(self, version: str) -> tuple[Document, float] | None:
        """Return a version's document and when it was made (epoch seconds), None while it has no value."""

    def put(self, version: str, document: Document) -> bool:
        """Write the pending version; False when another value stands under this name already."""

    def promote(self, version: str, before: str | None) -> None:
        """Move AWSCURRENT to `version` from the version `before`."""

    def unlabel(self, label: str, version: str) -> None:
        """Take a label from a version."""


def entries(document: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return the providers' entries of a document, with their texts only; the rest of it is no credential."""
    return {
        name: {member: value for member, value in entry.items() if isinstance(value, str)}
        for name, entry in document.items()
        if isinstance(entry, dict) and name != NOTES
    }


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the providers whose entries differ, or are new."""
    before, after = entries(old), entries(new)
    return sorted(name for name, entry in after.items() if before.get(name) != entry)
