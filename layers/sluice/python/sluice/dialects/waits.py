"""How long a provider asks to wait, from headers, from the body, or from its words; always seconds."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hours?|d|days?)(?![a-z])")
_ASKED = re.compile(
    r"(?:try again|retry|wait|available|reset\w*)\s+(?:again\s+)?(?:in|after|for)?\s*((?:\d+(?:\.\d+)?\s*[a-z]+\s*)+)"
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HTTP_DATE = re.compile(r"(\d{1,2})[ -]([a-z]{3})[ -](\d{4}) (\d\d):(\d\d):(\d\d)")
_ISO_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)[t ](\d\d):(\d\d):(\d\d)")
_LONGEST = 31 * 86400.0


def wait_of(headers: Mapping[str, str], message: str, body: object, now: float | None = None) -> float | None:
    """Return the seconds to wait, None when nothing is said; `now` is an epoch second."""
    clock = time.time() if now is None else now
    for found in (
        _milliseconds(headers.get("retry-after-ms")),
        _moment(headers.get("retry-after"), clock),
        _spent(headers, clock),
        _in_body(body, clock),
        _in_words(message),
    ):
        if found is not None:
            return min(max(found, 0.0), _LONGEST)
    return None


def seconds(text: str) -> float | None:
    """Return the length of a span such as "6m0s", "20ms", "1.5 seconds"."""
    spans = _SPAN.findall(text.lower())
    return sum(float(number) * _UNITS[_unit(word)] for number, word in spans) if spans else None


def _unit(word: str) -> str:
    return "ms" if word.startswith(("ms", "milli")) else word[0]


def _milliseconds(value: str | None) -> float | None:
    number = _number(value)
    return number / 1000 if number else None  # Azure sends 0 here next to a real retry-after


def _moment(value: str | None, clock: float) -> float | None:
    """Return the seconds until a moment: seconds, a span, epoch seconds or milliseconds, or a date."""
    if value is None:
        return None
    text = value.strip().lower()
    number = _number(text)
    if number is not None:
        if number > 1e11:
            return number / 1000 - clock
        return number - clock if number > 1e9 else number
    epoch = _epoch(text)
    return epoch - clock if epoch is not None else seconds(text)


def _spent(headers: Mapping[str, str], clock: float) -> float | None:
    """Return when the limit that is used up starts anew (x-ratelimit-remaining-requests: 0, ...-reset-requests: 6s)."""
    waits: list[float] = []
    for name, value in headers.items():
        if "ratelimit" not in name or "remaining" not in name or _number(value) != 0:
            continue
        wait = _moment(headers.get(name.replace("remaining", "reset")), clock)
        if wait is not None:
            waits.append(wait)
    if waits:
        return max(waits)
    return _moment(headers.get("x-ratelimit-reset"), clock)


def _in_body(body: object, clock: float) -> float | None:
    for item in body if isinstance(body, list) else (body,):
        error = item.get("error", item) if isinstance(item, Mapping) else None
        if not isinstance(error, Mapping):
            continue
        for detail in error["details"] if isinstance(error.get("details"), list) else ():
            if isinstance(detail, Mapping) and isinstance(detail.get("retryDelay"), str):
                return seconds(detail["retryDelay"])
        for value in (error.get("retry_after"), error.get("retry_after_seconds")):
            if isinstance(value, int | float) and not isinstance(value, bool):
                return float(value)
        metadata = error.get("metadata")
        inner = metadata.get("headers") if isinstance(metadata, Mapping) else None
        if isinstance(inner, Mapping):
            lower = {str(name).lower(): str(value) for name, value in inner.items()}
            return _moment(lower.get("retry-after") or lower.get("x-ratelimit-reset"), clock)
    return None


def _in_words(message: str) -> float | None:
    found = _ASKED.search(message.lower())
    return seconds(found[1]) if found else None


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1e15 else None


def _epoch(text: str) -> float | None:
    if found := _HTTP_DATE.search(text):
        day, month, year, *clock = found.groups()
        if month not in _MONTHS:
            return None
        date = (int(year), _MONTHS.index(month) + 1, int(day))
    elif found := _ISO_DATE.search(text):
        groups = [int(group) for group in found.groups()]
        date, clock = (groups[0], groups[1], groups[2]), [str(part) for part in groups[3:]]
    else:
        return None
    hour, minute, second = (int(part) for part in clock)
    return _days(*date) * 86400.0 + hour * 3600 + minute * 60 + second


def _days(year: int, month: int, day: int) -> int:
    """Return the days from 1970-01-01 to a Gregorian date (proleptic calendar arithmetic)."""
    year -= month <= 2
    era_year = year % 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return year // 400 * 146097 + era_year * 365 + era_year // 4 - era_year // 100 + of_year - 719468
