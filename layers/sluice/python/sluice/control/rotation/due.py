"""Whether a provider's key is to be changed now, and what is said about it: states and moments, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from sluice.control.rotation.options import KeyPair, Role, RotationOptions, ServiceAccountKeys

DAY = 86_400
TOLERANCE = DAY / 2
"""A schedule that comes this much early still counts: Secrets Manager chooses the hour."""

_SECRETS = ("key", "secret", "token", "service_account", "password")
_OTHERS = ("admin_key", "management_key", "usage_token", "usage_private_key")
"""Members that calls to models never use (docs/credentials.md, "Keys that read bills")."""

Kind = Literal["due", "overdue", "fresh", "nothing"]


class Due(NamedTuple):
    """What is to be done. `at` is when the key gets too old (epoch seconds), None where nothing is rotated."""

    kind: Kind
    at: float | None
    words: str


def rotated_at(entry: Mapping[str, str]) -> float | None:
    """Return since when the entry is so (epoch seconds), None when a rotation never changed it."""
    text = entry.get("rotated_at", "")
    return float(text) if text.isascii() and text.isdigit() else None


def due(name: str, entry: Mapping[str, str], options: RotationOptions, *, since: float, now: float) -> Due:
    """Return what is to be done with a provider's entry; `since` is when the current version was made."""
    strategy = options.of(name)
    if isinstance(strategy, Role):
        return Due("nothing", None, "calls are made with the function's AWS role; there is no key to rotate.")
    if not any(map(_is_secret, entry)):
        return Due("nothing", None, "its entry holds no secret that calls use.")
    known = rotated_at(entry)
    automatic = isinstance(strategy, ServiceAccountKeys | KeyPair)
    end = (since if known is None else known) + strategy.days * DAY
    if known is not None and now - known < options.overlap_seconds:
        return Due("fresh", end, "it was changed a moment ago; the key before it is still in use.")
    if automatic and (known is None or now >= end - TOLERANCE):
        return Due("due", end, "it has never been rotated." if known is None else "it is old enough.")
    if not automatic and now >= end:
        return Due("overdue", end, f"it is older than {strategy.days} days; make a new one and stage it.")
    return Due("fresh", end, "it is not old enough.")


def _is_secret(member: str) -> bool:
    if member in _OTHERS or member.endswith(("_id", "_url")):
        return False
    return any(word in member for word in _SECRETS)
