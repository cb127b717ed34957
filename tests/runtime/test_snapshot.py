"""SnapStart: the hooks around the snapshot and what is told to the runtime API."""

from __future__ import annotations

import sys

from tests.runtime.loop_process import STREAMING, LoopProcess
from tests.runtime.stub_runtime_api import StubRuntimeApi


def environment(api, *, command=STREAMING, **variables):
    return LoopProcess(api, "hooks.handler", command=command, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start", **variables)


def test_hooks_run_around_the_snapshot_in_the_managed_order():
    with StubRuntimeApi() as api, environment(api):
        noted = api.invoke({"httpMethod": "GET"}).json
        assert noted == ["before 2", "before 1", "after 1", "after 2"]
        assert [request.path.split("/runtime/")[1] for request in api.requests[:2]] == [
            "restore/next",
            "invocation/next",
        ]


def test_nothing_is_asked_for_until_the_copy_is_restored_and_no_connection_outlives_the_snapshot():
    with StubRuntimeApi() as api:
        api.restored.clear()
        with environment(api):
            offered = api.wait_for("/restore/next")
            invocation = api.submit({"httpMethod": "GET"})
            assert len(api.requests) == 1
            api.restored.set()
            invocation.wait()
            assert offered.connection_closed.wait(20)
            assert api.wait_for("/next", count=2).connection != offered.connection


def test_a_failing_hook_before_the_snapshot_is_an_init_error():
    with StubRuntimeApi() as api, environment(api, FAIL="before") as loop:
        assert loop.exit_status() == 64
        (request,) = api.requests
        assert request.path == "/2018-06-01/runtime/init/error"
        assert request.headers["lambda-runtime-function-error-type"] == "Runtime.BeforeSnapshotError"
        assert request.json["errorMessage"] == "failed before"


def test_a_failing_hook_after_the_restore_is_a_restore_error():
    with StubRuntimeApi() as api, environment(api, FAIL="after") as loop:
        assert loop.exit_status() == 65
        request = api.requests[-1]
        assert request.path == "/2018-06-01/runtime/restore/error"
        assert request.headers["lambda-runtime-function-error-type"] == "Runtime.AfterRestoreError"


def test_a_snapshot_needs_no_hooks():
    without_site_packages = (sys.executable, "-S", "-m", "streaming_runtime")
    with StubRuntimeApi() as api, environment(api, command=without_site_packages):
        assert api.invoke({"httpMethod": "GET"}).json == []
        assert api.requests[0].path.endswith("/restore/next")


def test_without_snapstart_hooks_do_not_run():
    with StubRuntimeApi() as api, LoopProcess(api, "hooks.handler"):
        assert api.invoke({"httpMethod": "GET"}).json == []
        assert api.requests[0].path.endswith("/invocation/next")
