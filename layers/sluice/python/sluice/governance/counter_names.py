"""Names of counters: `budget#<id>#<value>#<window id>` and `limit#<id>#<value>`.

A value is what the scope counts: a team, a key's id, `provider/model`, `name=value` of a tag, and for the organisation
the word itself. `#` and `%` in it are written as `%23` and `%25`; a value that is too long stands as its hash, so that
no caller can make a name that DynamoDB refuses, nor one that means another counter.

Which values of a scope "*" have counters is listed beside them: `listing` names the item that whoever opens a counter
puts into the `usage` table.

The id of a hold is `<environment>.<tag>-<sequence>`; the tag stands for the part of the counter that it is in, so the
ledger, whose entries name holds, says what was spent from each counter.
"""

from __future__ import annotations

from typing import NamedTuple

ORGANISATION = "organisation"
PLACES = "#concurrent"
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


def places_counter(limit_name: str) -> str:
    """Return the name of the counter of a limit's requests at the same time."""
    return limit_name + PLACES


def counter_tag(name: str, part: str) -> str:
    """Return what stands for one part of a counter in the ids of its holds: 16 letters and digits."""
    import hashlib

    return hashlib.sha256(f"{name}#{part}".encode()).hexdigest()[:16]


def listing(name: str) -> tuple[str, str]:
    """Return the key of the item that lists a counter: a budget's among those of its window, or a limit's places."""
    if name.endswith(PLACES):
        _, limit_id, value, _ = name.split("#")
        return listed_places(limit_id), value
    _, budget_id, value, window = name.split("#")
    return listing_partition(budget_id, window), value


def listed_places(limit_id: str) -> str:
    """Return the partition that lists the values of a limit whose requests at the same time were counted."""
    return f"counters#limit#{limit_id}"


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
