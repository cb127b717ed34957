"""Times as this format writes them (RFC 3339), without the weight of the calendar modules."""

from __future__ import annotations

import re
import time

_MOMENT = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))?$")


def epoch(text: object) -> int:
    """Return the epoch second of a time such as `2026-11-23T08:15:30.123Z`; 0 for what is none."""
    found = _MOMENT.match(text) if isinstance(text, str) else None
    if found is None:
        return 0
    year, month, day, hour, minute, second = (int(found[place]) for place in range(1, 7))
    offset = 0
    if found[7]:
        offset = (int(found[8]) * 60 + int(found[9])) * (60 if found[7] == "+" else -60)
    seconds = ((_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second - offset
    return max(seconds, 0)


def text_of(second: float | None = None) -> str:
    """Return an epoch second (undeclared: now) as this format writes it."""
    moment = time.gmtime(second)
    return (
        f"{moment.tm_year:04}-{moment.tm_mon:02}-{moment.tm_mday:02}"
        f"T{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}Z"
    )


def _days(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01 of a date of the Gregorian calendar, with March as its first month."""
    shifted = year - (month <= 2)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + of_year - 719_468
