"""Every setting is documented, and the page says what the code says."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pytest

from infra import knobs
from infra.knobs import SHOWN, Undocumented, meanings, page
from infra.settings import Stage


@dataclass(frozen=True)
class Silent:
    """A class with a member that says nothing."""

    told: int = 1
    """It says something."""
    untold: int = 2


@pytest.mark.parametrize("made", SHOWN, ids=lambda made: made.__name__)
def test_every_setting_says_what_it_means(made: type) -> None:
    assert set(meanings(made)) == {each.name for each in fields(made)}


def test_the_page_has_the_table_of_the_settings_as_they_are() -> None:
    text = knobs.PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run `python -m infra.knobs --write`"
    for each in fields(Stage):
        assert f"| `{each.name}` |" in text


def test_a_setting_without_a_meaning_is_an_error() -> None:
    with pytest.raises(Undocumented, match=r"Silent\.untold has no string under it"):
        meanings(Silent)


def test_a_page_without_its_marks_is_an_error() -> None:
    with pytest.raises(Undocumented, match="does not hold the marks"):
        page("# Deploying\n")
