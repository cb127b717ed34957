"""Request ids that tell where their ledger entry stands, so a lookup by id needs no index.

`req_` + 26 characters of Crockford's base 32 + `_` + the team: ten characters of epoch milliseconds, then sixteen
random ones (80 bits); the first random character modulo 8 is the shard. Ids of one team sort by time. An id comes back
from callers, so it is parsed strictly before any part of it reaches a key.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from sluice.types.clock import Millis

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PREFIX = "req_"
SHARDS = 8
TEAM_LIMIT = 64
_TIME_LENGTH = 10
_CODE_LENGTH = 26
_TEAM_AT = len(PREFIX) + _CODE_LENGTH + 1
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_TEAM_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
_LATEST = 253_402_300_799_999
"""The last millisecond of the year 9999: later ones have no four-digit day."""


def new(now_ms: Millis, team: str, random: Callable[[int], bytes] = os.urandom) -> str:
    """Return a new id. `random` gives that many random bytes. Raises ValueError for a team that no id can hold."""
    check_team(team)
    if not 0 <= now_ms <= _LATEST:
        raise ValueError(f"The time {now_ms} ms is outside the years 1970 to 9999.")
    code = now_ms << 80 | int.from_bytes(random(10), "big")
    characters = [ALPHABET[code >> shift & 31] for shift in range(5 * (_CODE_LENGTH - 1), -1, -5)]
    return f"{PREFIX}{''.join(characters)}_{team}"


def partition_of(request_id: str) -> str:
    """Return the ledger partition `<team>#<YYYY-MM-DD>#<shard>` of an id. Raises ValueError for a malformed one."""
    started, shard, team = parse(request_id)
    return partition(team, started, shard)


def partition(team: str, at_ms: Millis, shard: int) -> str:
    """Return the ledger partition of a team, the UTC day of `at_ms`, and a shard."""
    year, month, day = time.gmtime(at_ms // 1000)[:3]
    return f"{team}#{year:04d}-{month:02d}-{day:02d}#{shard}"


def parse(request_id: str) -> tuple[Millis, int, str]:
    """Return the epoch milliseconds, the shard and the team of an id. Raises ValueError for a malformed one."""
    code = request_id[len(PREFIX) : _TEAM_AT - 1]
    if not request_id.startswith(PREFIX) or len(code) != _CODE_LENGTH or request_id[_TEAM_AT - 1 : _TEAM_AT] != "_":
        raise ValueError("A request id reads req_, 26 characters, _, and the team.")
    started = 0
    for character in code[:_TIME_LENGTH]:
        started = started << 5 | _value(character)
    if started > _LATEST:
        raise ValueError("The time in the request id is out of range.")
    random = [_value(character) for character in code[_TIME_LENGTH:]]
    team = request_id[_TEAM_AT:]
    check_team(team)
    return started, random[0] % SHARDS, team


def check_team(team: str) -> None:
    """Raise ValueError unless `team` may stand in an id: 1 to 64 letters, digits, dots, dashes and underscores."""
    if not 1 <= len(team) <= TEAM_LIMIT or not _TEAM_CHARACTERS.issuperset(team):
        raise ValueError(f"A team's name has 1 to {TEAM_LIMIT} letters, digits, dots, dashes or underscores.")


def _value(character: str) -> int:
    value = _VALUES.get(character)
    if value is None:
        raise ValueError("A request id holds a character that is not in its alphabet.")
    return value
