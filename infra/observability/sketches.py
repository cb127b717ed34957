"""How charts look in the picture: invented curves, the same ones whenever they are drawn."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from infra.observability.model import Formula, Query, Series, Widget
from sluice.metrics import METRICS

POINTS = 49
HOURS_SHOWN = ("06:00", "09:00", "12:00", "15:00", "18:00")
INK, FAINT, GRID, ALARM, BLUE = "#16202c", "#5b6878", "#eaeef3", "#c0392b", "#2166c2"
COLOURS = ("#2166c2", "#e07b00", "#1d8348", "#8e44ad", "#0e8f9c", "#c2185b", "#7a5230", "#5b6878", "#b5a100", "#34495e")
FIGURES = {
    "Requests a minute": "412",
    "Succeeded": "99.97",
    "Error budget left": "71",
    "Time to first token": "640",
    "Gateway overhead": "6.1",
    "Spend": "38.20",
    "Fullest budget": "62",
}
"""What the numbers say; each of these charts has one."""
SAMPLES = {
    "entry.outcome": ("failed", "refused", "failed"),
    "entry.status": ("502", "402", "504"),
    "entry.error": ("provider_error", "budget_exceeded", "provider_timeout"),
    "entry.error_kind": ("overloaded", "", "timeout"),
    "entry.provider": ("openai", "", "vertex"),
    "entry.team": ("search", "support", "research"),
    "requests": ("41", "18", "7"),
    "dollars": ("212.40", "96.15", "41.07"),
    "output_tokens": ("9,120,551", "3,871,020", "512,904"),
    "example": ("req_01KAS…_search", "req_01KAT…_ads", "req_01KAV…_search"),
}
"""Rows of the tables, by column."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of the picture, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height

    @property
    def attributes(self) -> str:
        """The rectangle as SVG attributes."""
        return f'x="{self.x:g}" y="{self.y:g}" width="{self.width:g}" height="{self.height:g}"'

    def inside(self, left: float, top: float, right: float, bottom: float) -> Box:
        """Return what remains without margins."""
        return Box(self.x + left, self.y + top, self.width - left - right, self.height - top - bottom)


def text(
    x: float,
    y: float,
    words: str,
    *,
    size: float = 11,
    fill: str = FAINT,
    weight: int = 400,
    anchor: str = "start",
    escaped: bool = False,
) -> str:
    """Return a line of text; `anchor` is SVG's word for which end stands at `x`."""
    shown = words if escaped else escape(words, quote=False)
    style = f'font-size="{size:g}" fill="{fill}"' + (f' font-weight="{weight}"' if weight != 400 else "")
    end = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}" {style}{end}>{shown}</text>'


def lines(box: Box, widget: Widget) -> str:
    """Return a chart of lines, with the widget's alarm lines across it and its legend below."""
    shown = _shown(widget)
    names = _names(widget)
    chart, legend = _split(box, names)
    drawn = [_grid(chart, widget.unit)]
    # Nothing is wrong in the picture: all curves stay below the alarms.
    room = 0.8 - 0.2 * (len(widget.lines) - 1) if widget.lines else 1
    for number_, (each, name) in enumerate(zip(shown, names, strict=True)):
        curve = [room * value for value in _curve(widget, each, name, number_, len(names))]
        points = _points(chart, curve)
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{_colour(number_)}" stroke-width="1.6"/>')
    for number_, line in enumerate(sorted(widget.lines, key=lambda line: -line.value)):
        y = chart.y + chart.height * (0.1 + 0.2 * number_)
        drawn.append(
            f'<line x1="{chart.x:g}" x2="{chart.right:g}" y1="{y:g}" y2="{y:g}" stroke="{ALARM}" '
            f'stroke-dasharray="5 4"/>{text(chart.right - 2, y - 4, line.label, size=9.5, fill=ALARM, anchor="end")}'
        )
    return "".join([*drawn, _legend(legend, names)])


def area(box: Box, widget: Widget) -> str:
    """Return a chart of areas on top of each other."""
    names = _names(widget)
    chart, legend = _split(box, names)
    drawn = [_grid(chart, widget.unit)]
    below = [0.0] * POINTS
    for number_, name in enumerate(names):
        share = 0.62 * 0.58**number_ + 0.03
        own = [share * 0.6 * value for value in _wave(f"{widget.title}/{name}", 0.8)]
        above = [low + high for low, high in zip(below, own, strict=True)]
        edge = f"{_points(chart, above)} {_points(chart, below, backwards=True)}"
        drawn.append(f'<polygon points="{edge}" fill="{_colour(number_)}" fill-opacity="0.78"/>')
        below = above
    return "".join([*drawn, _legend(legend, names)])


def number(box: Box, widget: Widget) -> str:
    """Return a figure with what it is, over a faint curve."""
    curve = _points(Box(box.x, box.bottom - 34, box.width, 32), [0.5 * v for v in _wave(widget.title, 0.9)])
    spark = f'<polyline points="{curve}" fill="none" stroke="{BLUE}" stroke-opacity="0.45" stroke-width="1.5"/>'
    figure = text(box.x, box.y + 38, FIGURES[widget.title], size=34, fill=INK, weight=650)
    return figure + text(box.x, box.y + 57, _names(widget)[-1], size=11) + spark


def gauge(box: Box, widget: Widget) -> str:
    """Return a half circle that is filled as far as its figure says."""
    x, y = box.x + box.width / 2, box.y + box.height * 0.62
    radius = min(box.width / 2 - 14, box.height * 0.55)
    share = float(FIGURES[widget.title]) / 100
    angle = math.pi * (1 - share)
    end = (x + radius * math.cos(angle), y - radius * math.sin(angle))

    def arc(to_x: float, to_y: float, colour: str) -> str:
        way = f"M {x - radius:.1f} {y:.1f} A {radius:.1f} {radius:.1f} 0 0 1 {to_x:.1f} {to_y:.1f}"
        return f'<path d="{way}" fill="none" stroke="{colour}" stroke-width="15"/>'

    figure = text(x, y - 4, FIGURES[widget.title], size=28, fill=INK, weight=650, anchor="middle")
    label = text(x, y + 18, _names(widget)[0], anchor="middle")
    return arc(x + radius, y, GRID) + arc(*end, BLUE) + figure + label


def table(box: Box, query: Query) -> str:
    """Return the first rows of a query's answer."""
    columns = _columns(query)
    wide = box.width / len(columns)
    drawn = []
    for number_, column in enumerate(columns):
        x = box.x + number_ * wide
        drawn.append(text(x, box.y + 10, column, size=10, fill=INK, weight=600))
        for row, value in enumerate(SAMPLES[column]):
            drawn.append(text(x, box.y + 34 + 24 * row, value, size=10.5))
    rules = (box.y + 17 + 24 * row for row in range(len(SAMPLES["requests"]) + 1))
    ruled = (f'<line x1="{box.x:g}" x2="{box.right:g}" y1="{y:g}" y2="{y:g}" stroke="{GRID}"/>' for y in rules)
    return "".join([*ruled, *drawn])


def _columns(query: Query) -> list[str]:
    """Return the columns of a `stats` query: what it groups by, then what it counts."""
    counted, _, grouped = query.text[query.text.index("| stats ") :].partition(" by ")
    return [*re.findall(r"[\w.]+", grouped.partition("\n|")[0]), *re.findall(r" as (\w+)", counted)]


def _shown(widget: Widget) -> list[Series | Formula]:
    return [each for each in widget.series if not each.hidden]


def _names(widget: Widget) -> list[str]:
    return [each.label or (each.name if isinstance(each, Series) else "") for each in _shown(widget)]


def _colour(number_: int) -> str:
    return COLOURS[number_ % len(COLOURS)]


def _split(box: Box, names: Sequence[str]) -> tuple[Box, Box]:
    """Return the places of chart and legend."""
    rows = max(row for row, _, _ in _entries(box.width, names)) + 1
    legend = 15 * rows + 2
    chart = Box(box.x, box.y + 10, box.width, box.height - legend - 30)
    return chart, Box(box.x, box.bottom - legend + 4, box.width, legend)


def _entries(width: float, names: Sequence[str]) -> Iterator[tuple[int, float, str]]:
    """Yield row, left edge and label of each entry of a legend."""
    row, left = 0, 0.0
    for name in names:
        wide = 24 + 5.6 * len(name)
        if left and left + wide > width:
            row, left = row + 1, 0.0
        yield row, left, name
        left += wide


def _legend(box: Box, names: Sequence[str]) -> str:
    drawn = []
    for number_, (row, left, name) in enumerate(_entries(box.width, names)):
        x, y = box.x + left, box.y + 15 * row + 6
        square = f'<rect x="{x:g}" y="{y - 5:g}" width="9" height="9" rx="2" fill="{_colour(number_)}"/>'
        drawn.append(square + text(x + 13, y + 3.2, name, size=10))
    return "".join(drawn)


def _grid(chart: Box, unit: str) -> str:
    heights = (chart.y + chart.height * part / 4 for part in range(5))
    rules = [f'<line x1="{chart.x:g}" x2="{chart.right:g}" y1="{y:g}" y2="{y:g}" stroke="{GRID}"/>' for y in heights]
    for part, hour in enumerate(HOURS_SHOWN):
        x, anchor = chart.x + chart.width * part / (len(HOURS_SHOWN) - 1), "middle"
        if part in (0, len(HOURS_SHOWN) - 1):
            anchor = "start" if part == 0 else "end"
        rules.append(text(x, chart.bottom + 12, hour, size=9, anchor=anchor))
    return "".join(rules) + (text(chart.x, chart.y - 4, unit, size=9.5) if unit else "")


def _curve(widget: Widget, series: Series | Formula, name: str, number_: int, many: int) -> list[float]:
    """Return a line between 0 and 1 that looks like what it stands for."""
    seed = f"{widget.title}/{name}"
    if isinstance(series, Formula) and series.text.endswith("SERVICE_QUOTA(counted)"):
        return [0.76 if "*" in series.text else 0.95] * POINTS
    if re.match(r"p\d\d", name):
        return [{"p50": 0.18, "p95": 0.42, "p99": 0.68}[name[:3]] * value for value in _wave(seed, 0.35)]
    if "age of provider keys" in widget.title.lower() and isinstance(series, Formula):
        return [0.25 + 0.2 * point / POINTS for point in range(POINTS)]
    if _seldom(series):
        return [0.015 + 0.55 * value for value in _bumps(seed)]
    level = 0.74 - 0.62 * number_ / max(many, 2)
    return [level * value for value in _wave(seed, 0.4)]


def _seldom(series: Series | Formula) -> bool:
    """Whether a series is 0 on a good day, but for a moment."""
    if isinstance(series, Formula):
        return series.text.startswith(("100 * FILL(f", "100 * FILL(cold", "IF(bad"))
    own_metric = next((metric for metric in METRICS if metric.name == series.name), None)
    if not series.namespace and own_metric is not None:
        return own_metric.rare or series.name.startswith(("Entries", "Holds", "Failures", "UsageDrift", "CounterDrift"))
    return series.name.endswith(("Errors", "Error", "Throttles", "ThrottleEvents")) or series.namespace == "AWS/SQS"


def _bumps(seed: str) -> list[float]:
    """Return a curve that is 0 but for one or two moments of up to 1."""
    state = zlib.crc32(seed.encode())
    found = [0.0] * POINTS
    for moment, height in ((state % POINTS, 0.3 + state % 7 / 10), (state // 97 % POINTS, state % 5 / 10)):
        for point in range(POINTS):
            found[point] = max(found[point], min(1, height) * math.exp(-(((point - moment) / 1.4) ** 2)))
    return found


def _wave(seed: str, swing: float) -> list[float]:
    """Return a day's curve between 0 and about 1, with a little noise; the same for the same seed."""
    state = zlib.crc32(seed.encode())
    phase = state % 628 / 100
    found = []
    for point in range(POINTS):
        state = (state * 1_103_515_245 + 12_345) % 2**31
        noise = state / 2**31 - 0.5
        daily = math.sin(phase + point / POINTS * 2 * math.pi) * 0.5 + math.sin(2 * phase + point / 5) * 0.12
        found.append(max(0.0, 1 - swing / 2 + swing * (0.62 * daily + 0.28 * noise)))
    return found


def _points(chart: Box, values: Sequence[float], *, backwards: bool = False) -> str:
    step = chart.width / (POINTS - 1)
    pairs = [(chart.x + step * n, chart.bottom - chart.height * min(value, 1)) for n, value in enumerate(values)]
    return " ".join(f"{x:.0f},{y:.1f}" for x, y in (reversed(pairs) if backwards else pairs))
