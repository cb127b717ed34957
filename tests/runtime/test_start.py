"""From the start of the process to the first event."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.runtime.loop_process import HANDLERS, LAYER, REPOSITORY, LoopProcess
from tests.runtime.stub_runtime_api import StubRuntimeApi

WRAPPER = LAYER / "streaming-wrapper"
HEAVY = {"asyncio", "dataclasses", "email", "http", "logging", "inspect", "ssl", "traceback", "typing", "urllib"}


@pytest.mark.parametrize(
    ("handler", "source", "error_type", "said"),
    [
        ("no_dot", "", "Runtime.MalformedHandlerName", "no_dot"),
        ("", "", "Runtime.MalformedHandlerName", "module.function"),
        ("absent.handler", "", "Runtime.ImportModuleError", "absent"),
        ("sys.exit", "", "Runtime.BuiltInModuleConflict", "sys"),
        ("broken.handler", "def handler(:", "Runtime.UserCodeSyntaxError", "line 1"),
        ("broken.handler", "import not_there", "Runtime.ImportModuleError", "not_there"),
        ("broken.absent", "handler = 1", "Runtime.HandlerNotFound", "absent"),
        ("broken.handler", "handler = 1", "Runtime.HandlerNotFound", "handler"),
        ("broken.handler", "raise ValueError('no table')", "ValueError", "no table"),
        ("broken.handler", "raise SystemExit(0)", "SystemExit", "0"),
    ],
)
def test_a_function_that_cannot_start_says_why_and_ends(tmp_path, handler, source, error_type, said):
    (tmp_path / "broken.py").write_text(source)
    with StubRuntimeApi() as api, LoopProcess(api, handler, task_root=tmp_path) as loop:
        assert loop.exit_status() == 1
        (request,) = api.requests
        assert request.path == "/2018-06-01/runtime/init/error"
        assert request.headers["lambda-runtime-function-error-type"] == error_type
        assert request.json["errorType"] == error_type
        assert said in request.json["errorMessage"]
        assert [line["errorType"] for line in loop.lines("start_failed")] == [error_type]


def test_a_handler_in_a_folder_is_found_as_the_managed_runtime_finds_it(tmp_path):
    with StubRuntimeApi() as api, LoopProcess(api, "handlers/cases.handler", task_root=HANDLERS.parent):
        assert api.invoke({"httpMethod": "GET", "case": "any_event"}).json["case"] == "any_event"


def test_without_a_runtime_api_address_it_says_so():
    run = subprocess.run(
        [sys.executable, "-m", "streaming_runtime"],
        env={"PYTHONPATH": str(LAYER / "python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "AWS_LAMBDA_RUNTIME_API is not set" in run.stderr


def test_with_nobody_at_the_address_it_ends():
    with StubRuntimeApi() as api, LoopProcess(api, AWS_LAMBDA_RUNTIME_API="127.0.0.1:1") as loop:
        assert loop.exit_status() == 1
        assert loop.lines("api_unreachable")


def test_the_loop_itself_imports_nothing_heavy():
    command = (sys.executable, "-S", "-m", "streaming_runtime")
    with StubRuntimeApi() as api, LoopProcess(api, "bare.handler", command=command):
        api.invoke({"httpMethod": "GET", "stream": True})
        loaded = set(api.invoke({"httpMethod": "GET"}).json)
        assert not loaded & HEAVY
        assert "streaming_runtime.faults" not in loaded
        assert "streaming_runtime.loop" in loaded


def test_what_was_imported_is_kept_from_the_collector(served):
    assert served.http("process").json["frozen"] > 1000


@pytest.mark.parametrize("bootstrap", [["/var/runtime/bootstrap.py"], ["-m", "awslambdaric"]])
def test_the_wrapper_keeps_the_interpreter_and_its_options_and_replaces_the_bootstrap(bootstrap, tmp_path):
    command = (str(WRAPPER), sys.executable, "-X", "utf8=1", *bootstrap)
    with StubRuntimeApi() as api, LoopProcess(api, command=command, PYTHONPATH="", LAMBDA_RUNTIME_DIR="/var/runtime"):
        told = api.invoke({"httpMethod": "GET", "case": "process"}).json
    package = str(LAYER / "python" / "streaming_runtime")
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert told["utf8_mode"] == 1
    assert told["arguments"] == [f"{package}/__main__.py"]
    assert told["path"][:5] == [
        str(HANDLERS),
        f"/opt/python/lib/python{version}/site-packages",
        "/opt/python",
        "/var/runtime",
        str(LAYER / "python"),
    ]
    assert package not in told["path"]
    assert "runpy" not in told["modules"]


def test_the_wrapper_is_executable_and_says_what_it_lacks():
    run = subprocess.run([WRAPPER, sys.executable], capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "AWS_LAMBDA_EXEC_WRAPPER" in run.stderr


def test_the_package_knows_nothing_of_the_gateway():
    for source in (LAYER / "python").rglob("*.py"):
        assert "sluice" not in source.read_text(), source.relative_to(REPOSITORY)
