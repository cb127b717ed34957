"""Where archived payloads lie, so that they can be found again by team, end user, day or request.

    payloads/<days>d/<team>/<user>/<YYYY-MM-DD>/<request id>.json.gz

`<days>` is one of `sluice.settings.PAYLOAD_DAYS`: each has a lifecycle rule that deletes what is older. `<user>` is the
first 32 hex digits of the SHA-256 of the end user's name, "-" for none: no name stands in a key. To erase an end user,
delete what lies under `user_prefix` for each team and each number of days; a request's object is at one of
`request_keys`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from sluice.settings import PAYLOAD_DAYS, PAYLOADS_PREFIX
from sluice.types.tenancy import label

NOBODY = "-"


def payload_key(days: int, team: str, user: str, at_ms: int, request_id: str) -> str:
    """Return the key of one request's payloads; `at_ms` is when the request began."""
    day = time.strftime("%Y-%m-%d", time.gmtime(at_ms / 1000))
    return f"{user_prefix(days, team, user)}{day}/{request_id}.json.gz"


def user_prefix(days: int, team: str, user: str) -> str:
    """Return what all keys of an end user of a team begin with, for payloads that are kept so many days."""
    named = label(user) if user else NOBODY
    return f"{PAYLOADS_PREFIX}{days}d/{team}/{named}/"


def user_prefixes(team: str, user: str) -> Iterator[str]:
    """Yield every prefix under which payloads of an end user of a team may lie."""
    for days in PAYLOAD_DAYS:
        yield user_prefix(days, team, user)


def request_keys(team: str, user: str, at_ms: int, request_id: str) -> Iterator[str]:
    """Yield every key at which the payloads of one request may lie; all four are in its ledger entry."""
    for days in PAYLOAD_DAYS:
        yield payload_key(days, team, user, at_ms, request_id)
