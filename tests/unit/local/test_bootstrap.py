"""The bootstrap is run as a script in a project folder of its own, with interpreters that the test made up."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(__file__).parents[3] / "layers/sluice/python/sluice/local/bootstrap.py"
Fake = Callable[[str, str], Path]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    target = tmp_path / "project/layers/sluice/python/sluice/local/bootstrap.py"
    target.parent.mkdir(parents=True)
    target.write_bytes(SOURCE.read_bytes())
    return target


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """Make a program of a given name in a folder that is all of PATH; returns it."""
    folder = tmp_path / "programs"
    folder.mkdir()

    def make(name: str, body: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    return make


def module(script: Path) -> ModuleType:
    spec = util.spec_from_file_location("bootstrap_under_test", script)
    assert spec is not None
    assert spec.loader is not None
    loaded = util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def run(script: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(script), *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


def chosen(script: Path, path: Path, starter: str = sys.executable) -> str:
    code = (
        f"import sys; sys.executable = {starter!r}; sys.path.insert(0, {str(script.parent)!r})\n"
        "import bootstrap\n"
        "try:\n    print(bootstrap.interpreter())\n"
        "except bootstrap.Refusal as refusal:\n    print(refusal)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": str(path)}, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_an_old_python_can_read_it() -> None:
    ast.parse(SOURCE.read_text(), feature_version=(3, 6))


def test_it_needs_nothing_but_the_standard_library() -> None:
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(ast.parse(SOURCE.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported <= sys.stdlib_module_names


def test_an_old_interpreter_is_refused_in_one_sentence(script: Path, fake: Fake) -> None:
    old = fake("python3", "echo 3.9.18")
    done = run(script, "local", PYTHON=str(old), PATH=str(old.parent))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("sluice: Python 3.11 or newer is needed: python3 is 3.9.18.")
    assert done.stderr.count("\n") == 1


def test_the_newest_interpreter_that_runs_is_chosen(script: Path, fake: Fake) -> None:
    fake("python3.13", "echo 'shim: no such version' >&2; exit 127")
    fake("python3.12", "echo 3.12.1")
    fake("python3.11", "echo 3.11.7")
    assert chosen(script, fake("python3", "echo 3.9.18").parent) == "python3.12"


def test_an_interpreter_that_cannot_make_environments_is_passed_over(script: Path, fake: Fake) -> None:
    fake("python3.13", "echo 3.13.0; exit 1")
    assert chosen(script, fake("python3", "echo 3.14.0").parent) == "python3"


def test_the_missing_venv_module_is_named_when_nothing_else_is_there(script: Path, fake: Fake) -> None:
    path = fake("python3", "echo 3.11.2; exit 1").parent
    assert "python3 3.11.2 has no venv module (on Debian: apt install python3-venv)" in chosen(
        script, path, starter="/nowhere/python"
    )


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence(script: Path) -> None:
    # A file where the folder should be is refused like a read-only disk, also to root.
    (script.parents[5] / ".local").write_text("")
    done = run(script, "local", PATH=os.environ["PATH"])
    assert done.returncode == 1
    assert done.stderr.startswith(f"sluice: cannot write to {script.parents[5]}")
    assert done.stderr.count("\n") == 1


def test_a_failed_download_is_told_in_one_sentence_with_the_reason(script: Path, fake: Fake) -> None:
    bootstrap = module(script)
    bootstrap.check_writable()
    broken = fake("pip", "echo 'ERROR: No matching distribution found for uv'; exit 1")
    with pytest.raises(bootstrap.Refusal) as refusal:
        bootstrap.run([str(broken)], "could not download")
    assert str(refusal.value) == (
        "could not download. Last words: ERROR: No matching distribution found for uv (all of them: .local/setup.log)"
    )


def test_a_step_is_done_again_only_when_what_it_was_made_from_changed(script: Path, tmp_path: Path) -> None:
    bootstrap = module(script)
    requirements = script.parents[5] / "requirements.txt"
    requirements.write_text("one==1\n")
    done: list[str] = []

    def step() -> None:
        bootstrap.step(str(tmp_path), "x", ["requirements.txt"], lambda: done.append(requirements.read_text()))

    step()
    step()
    requirements.write_text("one==2\n")
    step()
    assert done == ["one==1\n", "one==2\n"]


def test_a_step_that_did_not_work_is_tried_again(script: Path, tmp_path: Path) -> None:
    bootstrap = module(script)
    tries: list[int] = []

    def attempt() -> bool:
        tries.append(1)
        return False

    bootstrap.step(str(tmp_path), "x", [], attempt)
    bootstrap.step(str(tmp_path), "x", [], attempt)
    assert len(tries) == 2


def test_pip_installs_where_uv_fails(script: Path, fake: Fake) -> None:
    bootstrap = module(script)
    bootstrap.check_writable()
    programs = Path(bootstrap.VENV) / "bin"
    programs.mkdir(parents=True)
    calls = script.parents[5] / "calls"
    for name, code in (("uv", 1), ("python", 0)):
        (programs / name).write_text(f'#!/bin/sh\necho "{name} $*" >> {calls}\nexit {code}\n')
        (programs / name).chmod(0o755)
    bootstrap.install_with(str(programs / "python"), ["--require-hashes", "-r", "x.txt"])
    first, second = calls.read_text().splitlines()
    assert first.startswith("uv pip install")
    assert second.startswith("python -m pip install")
    assert first.endswith("--require-hashes -r x.txt")
    assert second.endswith("--require-hashes -r x.txt")
