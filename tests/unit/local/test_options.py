from __future__ import annotations

from pathlib import Path

import pytest

from sluice.local.options import ROOT, Unusable, prepare, read


def test_the_defaults_are_those_of_make_run() -> None:
    options = read([], {})
    assert (options.port, options.home, options.environments) == (8787, ROOT / ".local", 32)
    assert (options.functions / "streaming").is_dir()
    assert not options.ephemeral


def test_the_environment_names_port_and_cap() -> None:
    options = read([], {"PORT": "8790", "SLUICE_MAX_ENVIRONMENTS": "4"})
    assert (options.port, options.environments) == (8790, 4)


def test_the_command_line_wins_over_the_environment(tmp_path: Path) -> None:
    options = read(["--port", "0", "--home", str(tmp_path)], {"PORT": "8790"})
    assert (options.port, options.home) == (0, tmp_path)


@pytest.mark.parametrize("port", ["x", "-1", "65536", "80 80"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(Unusable, match=r"PORT is '.*'; it must be a number from 0 to 65535"):
        read([], {"PORT": port})


def test_an_ephemeral_stack_has_a_folder_of_its_own_and_any_port() -> None:
    options = read(["--ephemeral"], {"PORT": "8790"})
    assert options.port == 0
    assert options.home != ROOT / ".local"
    options.home.rmdir()


def test_the_folders_are_made_for_their_owner(tmp_path: Path) -> None:
    prepare(tmp_path / "new")
    assert (tmp_path / "new" / "state").is_dir()
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unusable, match="cannot write to"):
        prepare(tmp_path / "file")
