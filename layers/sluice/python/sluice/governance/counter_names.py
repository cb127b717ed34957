"""Names of counters: `budget#<id>#<value>#<window id>` and `limit#<id>#<value>`.

A value is what the scope counts: a team, a key's id, `provider/model`, `name=value` of a tag, and for the organisation
the word itself. `#` and `%` in it are written as `%23` and `%25`; a value that is too long stands as its hash, so that
no caller can make a name that DynamoDB refuses, nor one that means another counter.

Which values of a scope "*" have counters is listed beside them: `listing` names the item that whoever opens a counter
puts into the `usage` table.
"""

from __future__ import annotations

from typing import NamedTuple

ORGANISATION = "organisation"
LONGEST = 256
"""Bytes of a value as it stands in a name; a partition key holds 2048."""


class Counted(NamedTuple):
    """What a counter's name says. `window` is "" for a limit's."""

    kind: str
    id: str
    value: str
    window: str


def budget_counter(budget_id: str, value: str, window: str) -> str:
    """Return the name of a budget's counter for one value and window."""
    return f"budget#{budget_id}#{escaped(value)}#{window}"


def limit_counter(limit_id: str, value: str) -> str:
    """Return the name of a limit's counter for one value."""
    return f"limit#{limit_id}#{escaped(value)}"


def counted(name: str) -> Counted:
    """Return what a name says. Raises ValueError for another kind of name."""
    kind, *rest = name.split("#")
    if (kind, len(rest)) not in (("budget", 3), ("limit", 2)):
        raise ValueError(f"{name[:80]!r} is no counter's name")
    value = rest[1].replace("%23", "#").replace("%25", "%")
    return Counted(kind, rest[0], value, rest[2] if kind == "budget" else "")


def listing(name: str) -> tuple[str, str]:
    """Return the key of the item that lists a budget's counter among those of its window."""
    _, budget_id, value, window = name.split("#")
    return listing_partition(budget_id, window), value


def listing_partition(budget_id: str, window: str) -> str:
    """Return the partition that lists the values of a budget's counters in one window, each as a sort key."""
    return f"counters#budget#{budget_id}#{window}"


def escaped(value: str) -> str:
    """Return a value as it stands in names and listings."""
    text = value.encode("utf-8", "replace").decode().replace("%", "%25").replace("#", "%23")
    if len(text.encode()) <= LONGEST:
        return text
    import hashlib

    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
