"""What the documentation says of the lists, written out of them: `python -m infra.observability.pages [--check]`.

It fills the parts between `<!-- NAME -->` and `<!-- end -->` of docs/dashboards.md and of the runbooks (`facts`: when
an alarm fires; `query NAME`: a saved query) and draws docs/pictures/dashboard.svg. `--check` writes nothing and fails
where something would change.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from infra import watch as watching
from infra.costs.list_prices import ALARM_METRIC, COMPOSITE_ALARM, DASHBOARD
from infra.observability.alarms import alarms
from infra.observability.model import DAY, HOUR, MINUTE, Alarm, Composite
from infra.observability.picture import picture
from infra.observability.place import Place
from infra.observability.queries import QUERIES, query_named
from infra.watch import Watch
from sluice.metrics import INVOICED, PROVIDERS

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUNBOOKS = DOCS / "runbooks"
EXAMPLE = Place(
    "prod", "us-east-1", others=("us-west-2",), invoices=INVOICED, exporting=True, watch=Watch(cost_per_hour_usd=500)
)
"""The place that the documentation shows: the default settings, and everything that a stage can switch on."""
WORDS = {
    "page": "page: somebody is called",
    "ticket": "ticket: in the morning",
    "part": "nobody: part of another alarm",
}
MISSING = {
    "notBreaching": "all is well",
    "breaching": "the alarm",
    "ignore": "no change",
    "missing": "somebody is told",
}

_PART = re.compile(r"(<!-- (facts|alarms|queries|settings|costs|query [a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages(place: Place = EXAMPLE) -> dict[Path, str]:
    """Return the full text of every file that holds something made from the lists."""
    found = {DOCS / "pictures" / "dashboard.svg": picture(place)}
    for path in [DOCS / "dashboards.md", *sorted(RUNBOOKS.glob("*.md"))]:
        found[path] = filled(path.read_text(encoding="utf-8"), path.stem, place)
    return found


def filled(text: str, runbook: str, place: Place = EXAMPLE) -> str:
    """Return a page with its made parts as the lists have them now."""
    parts: dict[str, Callable[[], str]] = {
        "facts": lambda: facts(runbook, place),
        "alarms": lambda: alarm_table(place),
        "queries": query_table,
        "settings": setting_table,
        "costs": lambda: cost_table(place),
    }

    def part(match: re.Match[str]) -> str:
        kind, _, name = match[2].partition(" ")
        made = _fenced(query_named(name).text) if kind == "query" else parts[kind]()
        return f"{match[1]}{made}\n{match[3]}"

    return _PART.sub(part, text)


def facts(runbook: str, place: Place = EXAMPLE) -> str:
    """Return the table on top of a runbook: its alarms, whom they tell, and when."""
    about = [alarm for alarm in alarms(place) if alarm.runbook == runbook]
    rows = [f"| `{alarm.name}` | {WORDS[alarm.severity]} | {fires(alarm)} |" for alarm in about]
    return "\n".join(["| alarm | tells | fires when |", "|---|---|---|", *rows])


def alarm_table(place: Place = EXAMPLE) -> str:
    """Return one row for each alarm that tells somebody."""
    return "\n".join(
        [
            "| alarm | tells | what is wrong | fires when | silence means |",
            "|---|---|---|---|---|",
            *(_alarm_rows(place)),
        ]
    )


def query_table() -> str:
    """Return one row for each saved query."""
    rows = [f"| `{query.name}` | {query.says} | {', '.join(query.groups)} |" for query in QUERIES]
    return "\n".join(["| query | tells | logs of |", "|---|---|---|", *rows])


def setting_table() -> str:
    """Return one row for each setting of `Watch`: its default, and what stands below it in the source."""
    (declared,) = [
        node
        for node in ast.parse(inspect.getsource(watching)).body
        if isinstance(node, ast.ClassDef) and node.name == "Watch"
    ]
    rows = []
    for member, words in pairwise(declared.body):
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name) and isinstance(words, ast.Expr):
            default = getattr(Watch(), member.target.id)
            shown = "all of them" if default == PROVIDERS else repr(default) if default != () else "nobody"
            rows.append(f"| `{member.target.id}` | {shown} | {' '.join(ast.literal_eval(words.value).split())} |")
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows])


def cost_items(place: Place = EXAMPLE) -> tuple[tuple[str, int, Decimal], ...]:
    """Return what a region's alarms and dashboard cost in a month: what, how many, dollars for one."""
    metric_alarms = [alarm for alarm in alarms(place) if isinstance(alarm, Alarm)]
    # A band of expected values counts as two more metrics (CloudWatch prices, 2026-11).
    looked_at = sum(len(alarm.series) + 2 * bool(alarm.band) for alarm in metric_alarms)
    joined = sum(isinstance(alarm, Composite) for alarm in alarms(place))
    return (
        ("metrics that alarms look at", looked_at, ALARM_METRIC),
        ("composite alarms", joined, COMPOSITE_ALARM),
        ("dashboards", 1, DASHBOARD),
    )


def cost_table(place: Place = EXAMPLE) -> str:
    """Return a region's idle cost of being watched."""
    items = cost_items(place)
    rows = [f"| {what} | {count} | ${price:.2f} | ${count * price:.2f} |" for what, count, price in items]
    total = sum(count * price for _, count, price in items)
    head = ["| a month, each region | number | each | dollars |", "|---|---|---|---|"]
    return "\n".join([*head, *rows, f"| together | | | ${total:.2f} |"])


def fires(alarm: Alarm | Composite) -> str:
    """Return in words when an alarm fires."""
    if isinstance(alarm, Composite):
        return " or ".join(" and ".join(f"`{name}`" for name in together) for together in alarm.any_of)
    what = f"`{alarm.formula}`" if alarm.formula else f"{alarm.series[0].statistic} of `{alarm.series[0].name}`"
    span = duration(alarm.period)
    often = f"in {span}" if alarm.periods == 1 else f"in {alarm.points} of {alarm.periods} times {span}"
    if alarm.band:
        return f"{what} {alarm.comparison} of what is expected ({alarm.band:g} standard deviations) {often}"
    return f"{what} {alarm.comparison} {alarm.threshold:,g} ({alarm.unit}) {often}"


def duration(seconds: int) -> str:
    """Return a period in words."""
    for size, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def _alarm_rows(place: Place) -> Iterator[str]:
    seen = set()
    for alarm in alarms(place):
        if alarm.severity == "part":
            continue
        name, says = alarm.name, alarm.says
        if alarm.runbook == "provider-failing":
            name, says = "provider-failing-PROVIDER", "More than half of the calls to a provider fail."
        if name in seen:
            continue
        seen.add(name)
        silence = f"{MISSING[alarm.missing]}. {alarm.because}" if isinstance(alarm, Alarm) else "as its parts say"
        yield f"| [`{name}`](runbooks/{alarm.runbook}.md) | {alarm.severity} | {says} | {fires(alarm)} | {silence} |"


def _fenced(text: str) -> str:
    return f"```text\n{text}\n```"


def main(arguments: list[str]) -> int:
    """Write what has changed; with `--check` only name it, and return 1 if there is anything."""
    changed = [path for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path, text in pages().items():
        if path in changed and "--check" not in arguments:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for path in changed:
        sys.stdout.write(f"{path.relative_to(DOCS.parent)}\n")
    return int(bool(changed) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
