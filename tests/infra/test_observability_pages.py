"""Runbooks, the page about dashboards and its picture: in step with the lists, and every command in them exists."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from botocore import xform_name
from botocore.session import get_session

from infra.costs.idle import idle_bills
from infra.observability import pages
from infra.observability.alarms import alarms, told
from infra.observability.model import AlarmPanel, Heading, Widget
from infra.observability.pages import EXAMPLE, RUNBOOKS, cost_items, fires
from infra.observability.sketches import FIGURES
from infra.observability.widgets import rows, titles
from infra.settings import stage_named
from infra.stacks.observability import place_of
from sluice.cli.main import _parser
from tests.infra.conftest import PRIMARY, Assembly
from tests.infra.test_observability import published

BOOKS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(RUNBOOKS.glob("*.md"))}
SECTIONS = ["What it means", "Look", "Do", "Escalate or roll back"]
GENERAL = {"query", "output", "cli-binary-format", "region"}
"""Options that every command of the AWS CLI has."""


def commands(text: str) -> Iterator[str]:
    """Yield the commands of a page: lines of its shell blocks, and what stands between backticks."""
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        yield from (line.strip() for line in block.replace("\\\n", " ").splitlines() if line.strip())
    yield from (each for each in re.findall(r"`((?:sluice|aws) [^`]+)`", text))


def section(text: str, name: str) -> str:
    return text.split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm() -> None:
    assert {alarm.runbook for alarm in alarms(EXAMPLE)} == set(BOOKS)


@pytest.mark.parametrize("name", BOOKS)
def test_a_runbook_says_what_it_means_where_to_look_and_what_to_do(name: str) -> None:
    text = BOOKS[name]
    assert text.startswith(f"# {name}\n")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert all(len(section(text, each).strip()) > 40 for each in SECTIONS)


@pytest.mark.parametrize("name", BOOKS)
def test_a_runbook_names_charts_that_are_on_the_dashboard(name: str) -> None:
    named = {
        " ".join(words.split())
        for part in SECTIONS[:2]
        for words in re.findall(r"\*\*([^*]+)\*\*", section(BOOKS[name], part))
    }
    assert named <= set(titles(EXAMPLE))
    assert named


@pytest.mark.parametrize("name", BOOKS)
def test_a_runbook_leads_to_pages_that_exist(name: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", BOOKS[name]):
        assert (RUNBOOKS / target).is_file(), target
    for target in re.findall(r"\bdocs/[\w/.-]+\.md", BOOKS[name]):
        assert (RUNBOOKS.parents[1] / target).is_file(), target


@pytest.mark.parametrize(
    ("name", "command"),
    [(name, each) for name, text in BOOKS.items() for each in commands(text) if each.startswith("sluice ")],
)
def test_commands_of_sluice_in_a_runbook_are_understood(name: str, command: str) -> None:
    words = shlex.split(command.partition(" > ")[0])[1:]
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            _parser().parse_args(words)
        except SystemExit:
            pytest.fail(f"{name}: {command}: {said.getvalue()}")


@pytest.mark.parametrize(
    ("name", "command"),
    [(name, each) for name, text in BOOKS.items() for each in commands(text) if each.startswith("aws ")],
)
def test_commands_of_the_aws_cli_in_a_runbook_exist_with_what_they_need(name: str, command: str) -> None:
    _, service, action, *rest = shlex.split(command)
    model = get_session().get_service_model(service)
    actions = {xform_name(each).replace("_", "-"): each for each in model.operation_names}
    assert action in actions, f"{name}: {command}"
    shape = model.operation_model(actions[action]).input_shape
    assert shape is not None
    known = {xform_name(member).replace("_", "-"): member for member in shape.members}
    given = {word[2:] for word in rest if word.startswith("--")}
    assert given <= set(known) | GENERAL, f"{name}: {command}"
    assert {known[each] for each in given & set(known)} >= set(shape.required_members), f"{name}: {command}"


def test_there_are_commands_to_check() -> None:
    found = [each for text in BOOKS.values() for each in commands(text)]
    assert len([each for each in found if each.startswith("sluice ")]) > 30
    assert len([each for each in found if each.startswith("aws ")]) > 20


def test_what_is_made_from_the_lists_is_in_step_with_them() -> None:
    stale = [path.name for path, text in pages.pages().items() if path.read_text(encoding="utf-8") != text]
    assert not stale, "run `make dashboard`"


def test_the_check_names_what_is_stale_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert pages.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_a_page_is_filled_where_it_says_so_and_nowhere_else() -> None:
    page = "Before\n<!-- query books -->\nold\n<!-- end -->\nafter `old`\n"
    made = pages.filled(page, "usage-drift")
    assert made.startswith('Before\n<!-- query books -->\n```text\nfilter kind = "books"\n')
    assert made.endswith("```\n<!-- end -->\nafter `old`\n")
    assert pages.filled(made, "usage-drift") == made


def test_the_page_lists_every_alarm_that_tells_somebody() -> None:
    table = (RUNBOOKS.parent / "dashboards.md").read_text(encoding="utf-8")
    for alarm in told(EXAMPLE):
        if alarm.runbook != "provider-failing":
            assert f"[`{alarm.name}`](runbooks/{alarm.runbook}.md) | {alarm.severity} |" in table
            assert fires(alarm) in table


def test_the_page_states_the_price_that_the_template_gives(assembly: Assembly) -> None:
    place = place_of(stage_named("prod"), PRIMARY, published(assembly, PRIMARY))
    (items,) = idle_bills({PRIMARY: [assembly.template("observability")]}).values()
    stated = {what: (count, price) for what, count, price in cost_items(place)}
    assert stated == {item.what: (item.quantity, item.price) for item in items}


def test_the_picture_shows_every_tile_alarm_and_number() -> None:
    (path,) = [each for each in pages.pages() if each.suffix == ".svg"]
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    words = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert set(titles(EXAMPLE)) <= words
    assert {alarm.name for alarm in told(EXAMPLE)} <= words
    tiles = [tile for row in rows(EXAMPLE) for tile in row]
    assert {tile.text.lstrip("# ") for tile in tiles if isinstance(tile, Heading)} <= words
    numbers = {tile.title for tile in tiles if isinstance(tile, Widget) and tile.chart in ("number", "gauge")}
    assert numbers == set(FIGURES)
    assert len([tile for tile in tiles if isinstance(tile, AlarmPanel)]) == 1


def test_the_picture_has_nothing_outside_its_frame() -> None:
    (path,) = [each for each in pages.pages() if each.suffix == ".svg"]
    root = ElementTree.fromstring(Path(path).read_text(encoding="utf-8"))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    for element in root.iter("{http://www.w3.org/2000/svg}rect"):
        x, y = float(element.get("x", 0)), float(element.get("y", 0))
        assert 0 <= x <= x + float(element.attrib["width"]) <= width
        assert 0 <= y <= y + float(element.attrib["height"]) <= height
    for element in root.iter("{http://www.w3.org/2000/svg}polyline"):
        for point in element.attrib["points"].split():
            across, down = map(float, point.split(","))
            assert 0 <= across <= width
            assert 0 <= down <= height
