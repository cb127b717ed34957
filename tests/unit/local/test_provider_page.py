"""The page about providers says what their files say."""

from __future__ import annotations

import json
from pathlib import Path

from sluice.local.catalogue import main
from sluice.local.provider_page import page
from sluice.providers.registry import BUNDLED, INDEX
from tests.unit.providers.test_registry import NEW_HOST

FILES = [json.loads(path.read_text(encoding="utf-8")) for path in Path(BUNDLED).glob("*.json") if path.name != INDEX]


def test_every_provider_has_a_row_and_a_section() -> None:
    lines = page(FILES).splitlines()
    for content in FILES:
        name = content["name"]
        (row,) = [line for line in lines if line.startswith(f"| [`{name}`]")]
        assert content["checked"] in row
        assert content["docs"] in row
        assert f"## {name}" in lines


def test_quirks_are_told_in_words() -> None:
    text = page([NEW_HOST])
    assert "- `developer_role` = `false`. False: knows no role 'developer'; it becomes 'system'." in text
    assert "- chat in openai_chat: `/chat/completions`" in text
    assert "1 providers, 2 listed models, 1 of them with a price." in text


def test_the_status_says_what_is_still_needed() -> None:
    def status(**changes: object) -> str:
        (row,) = [line for line in page([{**NEW_HOST, **changes}]).splitlines() if line.startswith("| [`acme`]")]
        return row.split(" | ")[3]

    assert status() == "on"
    assert status(enabled=False) == "off"
    assert status(enabled=False, base_url="") == "needs `base_url`"


def test_the_build_tool_writes_the_page_beside_the_files(tmp_path: Path) -> None:
    folder, about = tmp_path / "catalogue", tmp_path / "providers.md"
    folder.mkdir()
    (folder / "acme.json").write_text(json.dumps(NEW_HOST), encoding="utf-8")
    assert main(["--check"], str(folder), str(about)) == 1
    assert not about.exists()
    assert main([], str(folder), str(about)) == 0
    assert main(["--check"], str(folder), str(about)) == 0
    assert "## acme" in about.read_text(encoding="utf-8")
