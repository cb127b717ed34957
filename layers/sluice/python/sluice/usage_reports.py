"""What usage is asked for and how it is told: sums by one dimension, as a series of hours or days, with a forecast.

Query parameters: `from` and `to` (a UTC date, or a date and hour such as 2026-11-23T10; `to` is not included; by
default this month), `by` (a dimension), `interval` (hour or day: a series), `team`, one filter such as
`model=openai/gpt-5`, and `format` (json or csv). Usage is kept for the organisation and for each team, and there by one
dimension at a time, so a filter goes with its own dimension only.
"""

from __future__ import annotations

import csv
import io
import time
from calendar import timegm
from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.control.forecasts import Sample, forecast
from sluice.endpoints import Match
from sluice.errors import BadRequest
from sluice.governance.authentication import Authenticator
from sluice.metering.rollup import ALL, COLUMNS, DIMENSIONS, MONEY, Columns, total
from sluice.ports import UsageReader
from sluice.types.http import Request, Response

HOUR, DAY = 3_600, 86_400
DAYS_LIMIT = {"hour": 31, "day": 1100, "": 1100}
_STEPS = {"hour": HOUR, "day": DAY}
_SAVED = tuple(name for name in MONEY if name.startswith("saved_"))
_FORMS = ("%Y-%m-%d", "%Y-%m-%dT%H", "%Y-%m-%dT%H:00", "%Y-%m-%dT%H:00:00Z")
Card = dict[str, object]


@dataclass(frozen=True, slots=True)
class Question:
    """`start` and `end` are epoch seconds at full hours, `end` not included. `value` filters the dimension `by`."""

    start: int
    end: int
    by: str = ""
    interval: str = ""
    team: str = ""
    value: str = ""
    as_csv: bool = False


@dataclass(slots=True)
class Report:
    """Columns by value, and by value and moment (epoch seconds)."""

    groups: dict[str, list[Columns]] = field(default_factory=dict)
    series: dict[tuple[int, str], list[Columns]] = field(default_factory=dict)


class UsageReports:
    """The use case of GET /v1/usage: the caller's own team."""

    def __init__(self, authenticator: Authenticator, usage: UsageReader) -> None:
        self._authenticator = authenticator
        self._usage = usage

    def show(self, request: Request, match: Match) -> Response:  # noqa: ARG002 - one shape for all use cases
        """Answer a question about the caller's team. Raises BadRequest."""
        caller = self._authenticator.authenticate(request.headers, principal=request.principal)
        query = {name: value for name, value in request.query.items() if name != "team"}
        now = request.received_ms / 1000 or time.time()
        kind, body = answer({**query, "team": caller.team}, self._usage, now)
        return Response(200, {"content-type": kind, "cache-control": "no-store"}, body.encode())


def answer(query: Mapping[str, str], usage: UsageReader, now: float) -> tuple[str, str]:
    """Return the content type and the text that answer a query. Raises BadRequest."""
    asked = question(query, now)
    report = read(asked, usage)
    if asked.as_csv:
        return "text/csv", to_csv(asked, report)
    import json

    return "application/json", json.dumps(card(asked, report, usage, now))


def question(query: Mapping[str, str], now: float) -> Question:
    """Return what a query asks for. Raises BadRequest with the parameter and what it may be."""
    month = time.strftime("%Y-%m-01", time.gmtime(now))
    following = time.strftime("%Y-%m-01", time.gmtime(timegm(time.strptime(month, "%Y-%m-%d")) + 31 * DAY))
    start, end = _moment(query, "from", month), _moment(query, "to", following)
    interval = _word(query, "interval", ("", *_STEPS))
    filters = [name for name in DIMENSIONS if query.get(name) and name != "team"]
    by = _word(query, "by", ("", *DIMENSIONS)) or (filters[0] if filters else "")
    team = query.get("team", "")
    if end <= start:
        raise BadRequest("'to' must be later than 'from'.", param="to")
    if (end - start) > DAYS_LIMIT[interval] * DAY:
        raise BadRequest(f"At most {DAYS_LIMIT[interval]} days can be asked for at once.", param="from")
    if len(filters) > 1 or (filters and filters[0] != by):
        raise BadRequest(
            f"Usage by {by} cannot be filtered by {', '.join(filters)}: beside the team, one dimension goes at a time.",
            param=filters[-1],
        )
    if by == "team" and team:
        raise BadRequest("'by' cannot be team for one team alone.", param="by")
    as_csv = _word(query, "format", ("", "json", "csv")) == "csv"
    return Question(start, end, by, interval, team, query.get(by, "") if filters else "", as_csv)


def read(asked: Question, usage: UsageReader) -> Report:
    """Return the figures: whole days from the cells of days, parts of days and hourly series from those of hours."""
    report = Report()
    scope = f"team#{asked.team}" if asked.team else "organisation#"
    dimension = asked.by or ALL
    for midnight in range(asked.start - asked.start % DAY, asked.end, DAY):
        whole = asked.start <= midnight and midnight + DAY <= asked.end and asked.interval != "hour"
        prefix = f"{dimension}#d#" if whole else f"{dimension}#h"
        for (_, sort_key), columns in usage.cells(f"usage#{scope}#{_day(midnight)}", prefix):
            _, span, _, value = sort_key.split("#", 3)
            at = midnight if span == "d" else midnight + int(span[1:]) * HOUR
            if not asked.start <= at < asked.end or (asked.value and value != asked.value):
                continue
            report.groups.setdefault(value, []).append(columns)
            if asked.interval:
                step = at - at % _STEPS[asked.interval]
                report.series.setdefault((step, value), []).append(columns)
    return report


def card(asked: Question, report: Report, usage: UsageReader, now: float) -> Card:
    """Return the report as the API shows it."""
    groups = {value: total(columns) for value, columns in report.groups.items()}
    dearest = sorted(groups.items(), key=lambda each: (-each[1].get("cost", 0), each[0]))
    several = asked.by == "tag" and not asked.value
    shown: Card = {
        "object": "usage",
        "from": _stamp(asked.start),
        "to": _stamp(asked.end),
        "team": asked.team or None,
        "by": asked.by or None,
        "interval": asked.interval or None,
        # A request may have several tags: their sums are no total.
        "total": None if several else columns_card(total(groups.values())),
    }
    if asked.by:
        shown["groups"] = [{"value": value, **columns_card(columns)} for value, columns in dearest]
    if asked.interval:
        shown["series"] = [
            {"start": _stamp(at), **({"value": value} if asked.by else {}), **columns_card(total(columns))}
            for (at, value), columns in sorted(report.series.items())
        ]
    expected = _forecast(asked, usage, now)
    if expected is not None:
        shown["forecast"] = {"until": _stamp(asked.end), "cost_nano_usd": expected, "cost_usd": _usd(expected)}
    return shown


def to_csv(asked: Question, report: Report) -> str:
    """Return the series, or else the groups, as CSV with one line for each."""
    out = io.StringIO()
    head = ["start"] * bool(asked.interval) + [asked.by] * bool(asked.by)
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*head, *columns_card({})])
    rows: list[tuple[list[str], Columns]]
    if asked.interval:
        found = sorted(report.series.items())
        rows = [([_stamp(at), *([value] if asked.by else [])], total(columns)) for (at, value), columns in found]
    else:
        rows = [([value] if asked.by else [], total(columns)) for value, columns in sorted(report.groups.items())]
    for named, columns in rows:
        writer.writerow([*map(_plain, named), *columns_card(columns).values()])
    return out.getvalue()


def columns_card(columns: Columns) -> Card:
    """Return columns as they are shown: all of them, money in nano-USD, and the cost in USD too."""
    shown: Card = {}
    for name in COLUMNS:
        shown[f"{name}_nano_usd" if name in MONEY else name] = columns.get(name, 0)
    shown["saved_nano_usd"] = sum(columns.get(name, 0) for name in _SAVED)
    shown["cost_usd"] = _usd(columns.get("cost", 0))
    return shown


def _forecast(asked: Question, usage: UsageReader, now: float) -> int | None:
    """Return the cost at the window's end, None for one that is over or has only begun."""
    if not asked.start < now < asked.end or asked.by == "tag":
        return None
    hourly = "hour" if asked.end - asked.start <= 2 * DAY else "day"
    known = read(Question(asked.start, asked.end, asked.by, hourly, asked.team, asked.value), usage)
    used, samples = 0, []
    for at in sorted({at for at, _ in known.series}):
        samples.append(Sample(at, used))
        used += sum(total(columns).get("cost", 0) for (when, _), columns in known.series.items() if when == at)
    return forecast(Sample(int(now), used), asked.start, asked.end, samples).highest


def _moment(query: Mapping[str, str], name: str, default: str) -> int:
    text = query.get(name) or default
    for form in _FORMS:
        try:
            return timegm(time.strptime(text, form))
        except ValueError:
            continue
    raise BadRequest(f"'{name}' must be a UTC date such as 2026-11-23, or 2026-11-23T10 for an hour.", param=name)


def _word(query: Mapping[str, str], name: str, known: tuple[str, ...]) -> str:
    word = query.get(name, "")
    if word not in known:
        raise BadRequest(f"'{name}' must be one of {', '.join(filter(None, known))}.", param=name)
    return word


def _plain(text: str) -> str:
    # A spreadsheet would take it for a formula; callers choose users and tags.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _usd(nano: int) -> str:
    sign, nano = ("-", -nano) if nano < 0 else ("", nano)
    return f"{sign}{nano // 1_000_000_000}.{nano % 1_000_000_000:09d}"


def _day(epoch: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(epoch))


def _stamp(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
