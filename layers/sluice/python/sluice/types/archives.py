"""What a route says of keeping requests and answers."""

from __future__ import annotations

from typing import NamedTuple


class ArchivePolicy(NamedTuple):
    """Requests and answers of a route are kept for `days`, a part of them (`sample`), without what is redacted.

    `redact` names kinds ("emails", "keys"), `patterns` are regular expressions of the company's own.
    """

    days: int
    sample: float = 1.0
    redact: tuple[str, ...] = ("emails", "keys")
    patterns: tuple[str, ...] = ()
