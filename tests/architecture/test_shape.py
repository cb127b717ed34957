"""The shape of the code: sizes, names, docstrings, and who may touch sockets and the environment."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers/sluice/python/sluice"
CODE = [PACKAGE, ROOT / "layers/runtime", ROOT / "functions", ROOT / "infra", ROOT / "benchmarks"]
BANNED = {"util", "utils", "helper", "helpers", "common", "manager", "misc", "data", "info", "process"}
FILE_LINES = 400
FUNCTION_LINES = 60
HANDLER_LINES = 60
DATA_STACK = ROOT / "infra/stacks/data.py"
"""Named after the stack it holds, which the deployment calls Data."""


def sources() -> list[Path]:
    return sorted(path for folder in CODE for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_file_is_longer_than_400_lines() -> None:
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text().splitlines())) > FILE_LINES}
    assert not long, f"split by noun: {long}"


def test_no_function_is_longer_than_60_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} {length(node)}"
        for path in sources()
        for node in functions(path)
        if length(node) > FUNCTION_LINES
    ]
    assert not long


def test_the_median_function_is_short() -> None:
    assert statistics.median(length(node) for path in sources() for node in functions(path)) < 12


def test_handlers_stay_thin() -> None:
    handlers = list((ROOT / "functions").rglob("handler.py"))
    assert handlers
    assert not [str(h) for h in handlers if len(h.read_text().splitlines()) >= HANDLER_LINES]


def test_no_module_or_public_function_has_a_name_that_says_nothing() -> None:
    bad = [str(p.relative_to(ROOT)) for p in sources() if p != DATA_STACK and BANNED & set(p.stem.split("_"))]
    bad += [
        f"{path.relative_to(ROOT)} {node.name}"
        for path in sources()
        for node in functions(path)
        if not node.name.startswith("_") and node.name in BANNED
    ]
    assert not bad


def test_every_module_says_what_it_is_for() -> None:
    bare = [
        str(path.relative_to(ROOT))
        for path in sources()
        if path.read_text().strip() and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not bare


def test_public_functions_of_the_package_have_docstrings() -> None:
    bare: list[str] = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                bare.append(f"{path.relative_to(ROOT)} {node.name}")
    assert not bare


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize(
    ("forbidden", "allowed"),
    [
        ({"socket", "ssl"}, ("providers/transport.py", "providers/connections.py", "providers/addresses.py", "local/")),
        ({"boto3", "botocore"}, ("aws/", "cli/", "local/")),
        ({"requests", "urllib3", "aiohttp"}, ()),
    ],
)
def test_sockets_and_sdks_stay_in_their_rooms(forbidden: set[str], allowed: tuple[str, ...]) -> None:
    guests = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if imported(path) & forbidden and not str(path.relative_to(PACKAGE)).startswith(allowed or ("-",))
    ]
    assert not guests


def test_only_settings_reads_the_environment() -> None:
    readers = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if "os.environ" in path.read_text() and not str(path.relative_to(PACKAGE)).startswith(("local/", "cli/"))
    ]
    assert readers in ([], ["settings.py"])


def test_the_runtime_knows_only_the_standard_library() -> None:
    for path in (ROOT / "layers/runtime").rglob("*.py"):
        strangers = imported(path) - sys.stdlib_module_names - {"streaming_runtime", "snapshot_restore_py"}
        assert not strangers, f"{path.name} imports {strangers}"


def test_imports_point_down() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout


def test_the_streaming_path_imports_no_heavy_module() -> None:
    heavy = ["pydantic", "boto3", "botocore", "httpx", "numpy", "asyncio", "logging", "email", "urllib.request"]
    code = (
        "import sys, sluice.aws.entry, sluice.dialects.openai_chat, sluice.dialects.anthropic_messages;"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {[str(PACKAGE.parent)]!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == "[]"


def test_nothing_unfinished_is_left_in_the_code() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "Not" + "ImplementedError", "pragma: no " + "cover")
    left = [f"{path.relative_to(ROOT)}: {mark}" for path in sources() for mark in marks if mark in path.read_text()]
    assert not left
