"""The dashboard's layout as an SVG, drawn from the same list as the dashboard itself.

Places, titles, legends and alarm lines are the real ones; curves and figures are invented, always the same ones, so
that the picture changes exactly when the list does.
"""

from __future__ import annotations

from html import escape

from infra.observability.alarms import told
from infra.observability.model import AlarmPanel, Heading, QueryTable, Tile, Widget
from infra.observability.place import Place
from infra.observability.properties import placed
from infra.observability.queries import query_named
from infra.observability.sketches import Box, area, gauge, lines, number, table, text
from infra.observability.widgets import rows

COLUMN, ROW, GAP, MARGIN = 56, 38, 6, 20
PAPER, CARD, EDGE, INK, FAINT = "#f2f4f7", "#ffffff", "#dde2e9", "#16202c", "#5b6878"
GREEN = "#1d8348"
FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"


def picture(place: Place) -> str:
    """Return the SVG of a region's dashboard."""
    tiles = list(placed(rows(place)))
    width = 24 * COLUMN + 2 * MARGIN
    height = max(top + tile.height for tile, _, top, _ in tiles) * ROW + 2 * MARGIN
    drawn = [_tile(tile, left, top, columns, place) for tile, left, top, columns in tiles]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'font-family="{FONT}" role="img" aria-label="Layout of the dashboard of a region">',
            "<title>Layout of a region's dashboard; curves and figures are invented</title>",
            f'<rect width="{width}" height="{height}" fill="{PAPER}"/>',
            *drawn,
            "</svg>\n",
        ]
    )


def _tile(tile: Tile, left: int, top: int, columns: int, place: Place) -> str:
    x, y = MARGIN + left * COLUMN + GAP / 2, MARGIN + top * ROW + GAP / 2
    box = Box(x, y, columns * COLUMN - GAP, tile.height * ROW - GAP)
    if isinstance(tile, Heading):
        return _heading(tile, box)
    frame = f'<rect {box.attributes} rx="7" fill="{CARD}" stroke="{EDGE}"/>'
    title = text(box.x + 12, box.y + 20, tile.title, size=12.5, fill=INK, weight=600)
    return f"<g>{frame}{title}{_content(tile, box.inside(12, 32, 12, 10), place)}</g>"


def _heading(tile: Heading, box: Box) -> str:
    words = tile.text.lstrip("# ")
    if tile.text.startswith("## "):
        rule = f'<line x1="{box.x:g}" x2="{box.right:g}" y1="{box.bottom:g}" y2="{box.bottom:g}" stroke="{EDGE}"/>'
        return f"<g>{rule}{text(box.x + 2, box.bottom - 9, words, size=15, fill=INK, weight=650)}</g>"
    return text(box.x + 2, box.bottom - 8, words, size=20, fill=INK, weight=700)


def _content(tile: Widget | QueryTable | AlarmPanel, box: Box, place: Place) -> str:
    if isinstance(tile, AlarmPanel):
        return _alarms(box, place)
    if isinstance(tile, QueryTable):
        return table(box, query_named(tile.query))
    if tile.chart == "number":
        return number(box, tile)
    if tile.chart == "gauge":
        return gauge(box, tile)
    return area(box, tile) if tile.chart == "area" else lines(box, tile)


def _alarms(box: Box, place: Place) -> str:
    names = [alarm.name for alarm in told(place)]
    columns = 6
    per_column = -(-len(names) // columns)
    wide, high = box.width / columns, box.height / per_column
    found = []
    for number_, name in enumerate(names):
        column, row = divmod(number_, per_column)
        x, y = box.x + column * wide, box.y + row * high + high / 2
        dot = f'<circle cx="{x + 5:g}" cy="{y:g}" r="4" fill="{GREEN}"/>'
        found.append(f"{dot}{text(x + 14, y + 3.6, escape(name, quote=False), size=10.5, fill=FAINT, escaped=True)}")
    return "".join(found)
