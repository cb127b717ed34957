"""Layers: what goes into them, for which machine, and when they are built again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from infra.build import (
    DEPLOYED,
    NOT_DEPLOYED,
    ROOT,
    LayerMissing,
    Target,
    build,
    built_layer,
    compiler,
    digest,
    host,
    layer_folder,
    locked_requirements,
    prune,
)


def test_the_lock_is_read_for_the_machine_that_runs_the_layer_not_for_this_one() -> None:
    numpy = {
        version: [line for line in locked_requirements(Target("aarch64", version)) if line.startswith("numpy==")]
        for version in ("3.11", "3.13")
    }
    assert [len(lines) for lines in numpy.values()] == [1, 1]
    assert numpy["3.11"] != numpy["3.13"]


def test_every_requirement_is_pinned_with_hashes_and_carries_no_marker() -> None:
    lines = locked_requirements(DEPLOYED)
    assert {"pydantic", "httpx", "aws-lambda-powertools"} <= {line.partition("==")[0] for line in lines}
    for line in lines:
        assert "==" in line
        assert " --hash=sha256:" in line
        assert ";" not in line


def test_the_deployed_package_has_no_local_stack_and_no_command_line(tmp_path: Path) -> None:
    package = build("sluice", host(), tmp_path) / "python" / "sluice"
    assert (package / "endpoints.py").is_file()
    assert (package / "py.typed").is_file()
    for name in NOT_DEPLOYED:
        assert (ROOT / "layers" / "sluice" / "python" / "sluice" / name).is_dir()
        assert not (package / name).exists()


def test_modules_are_compiled_to_files_that_need_no_look_at_the_source(tmp_path: Path) -> None:
    package = build("sluice", host(), tmp_path) / "python" / "sluice"
    (compiled,) = (package / "__pycache__").glob("endpoints.*.pyc")
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    # PEP 552: bit 0 says hash-based, bit 1 would say that the source is to be checked.
    assert flags == 0b01
    assert b"/opt/python/sluice/endpoints.py" in compiled.read_bytes()


def test_the_wrapper_stays_executable(tmp_path: Path) -> None:
    wrapper = build("runtime", host(), tmp_path) / "streaming-wrapper"
    assert os.access(wrapper, os.X_OK)


def test_a_layer_is_built_once_and_leaves_no_scratch_folder(tmp_path: Path) -> None:
    first = build("runtime", host(), tmp_path)
    before = (first / "streaming-wrapper").stat().st_ino
    assert build("runtime", host(), tmp_path) == first
    assert (first / "streaming-wrapper").stat().st_ino == before
    assert list(first.parent.iterdir()) == [first]


def test_what_was_built_from_earlier_sources_can_be_cleared_away(tmp_path: Path) -> None:
    current = build("runtime", host(), tmp_path)
    earlier = current.with_name("runtime-0123456789abcdef")
    other = current.with_name("sluice-0123456789abcdef")
    for folder in (earlier, other):
        (folder / "python").mkdir(parents=True)
    prune("runtime", host(), tmp_path)
    assert current.is_dir()
    assert not earlier.exists()
    assert other.exists()


def test_each_target_and_layer_has_a_digest_of_its_own() -> None:
    targets = (DEPLOYED, Target("x86_64", "3.13"), Target("aarch64", "3.12"))
    found = {digest(layer, target) for layer in ("runtime", "sluice") for target in targets}
    assert len(found) == 6
    assert digest("sluice", DEPLOYED) == digest("sluice", DEPLOYED)


def test_a_missing_layer_says_how_to_build_it() -> None:
    nowhere = Target("riscv64", "3.99")
    assert not layer_folder("runtime", nowhere).exists()
    with pytest.raises(LayerMissing, match=r"'runtime' is not built for riscv64 and Python 3\.99.*infra\.build"):
        built_layer("runtime", nowhere)


def test_there_is_no_compiler_for_a_python_that_nobody_has() -> None:
    assert compiler("3.99") is None
    assert compiler(host().python) is not None
