"""SnapStart: hooks before the snapshot is taken and after a copy of it was restored.

Functions register theirs with AWS's `snapshot_restore_py`, which the managed runtime ships; without it there are none.
Hooks before a snapshot run in reverse order of registration, hooks after a restore in order (as in AWS's runtime).
"""

from __future__ import annotations

from collections.abc import Callable

from streaming_runtime import faults, log
from streaming_runtime.connection import Reply
from streaming_runtime.runtime_api import Fault, RuntimeApi

BEFORE_FAILED = 64
AFTER_FAILED = 65
Hook = tuple[Callable[..., object], tuple[object, ...], dict[str, object]]


def take(api: RuntimeApi) -> int:
    """Run the hooks around the snapshot. Returns 0, or the status to exit with once the failure was reported."""
    try:
        before, after = _hooks()
        for function, arguments, keywords in reversed(before):
            function(*arguments, **keywords)
        status, _, _ = api.wait_for_restore()
        if status != 200:
            raise ConnectionError(f"The runtime API answered {status} when offered a snapshot.")
    except BaseException as error:
        report(api.fail_init, error, "Runtime.BeforeSnapshotError")
        return BEFORE_FAILED
    try:
        for function, arguments, keywords in after:
            function(*arguments, **keywords)
    except BaseException as error:
        report(api.fail_restore, error, "Runtime.AfterRestoreError")
        return AFTER_FAILED
    return 0


def _hooks() -> tuple[list[Hook], list[Hook]]:
    try:
        registry = __import__("snapshot_restore_py")
    except ImportError:
        return [], []
    return registry.get_before_snapshot(), registry.get_after_restore()


def report(send: Callable[[Fault], Reply], error: BaseException, error_type: str = "") -> None:
    """Log why the environment cannot serve and tell the runtime API."""
    fault = faults.describe(error)
    if error_type:
        fault["errorType"] = error_type
    log.write("ERROR", "start_failed", "The function could not be started.", **fault)
    try:
        send(fault)
    except (OSError, ValueError) as unreachable:
        log.write("ERROR", "api_unreachable", f"The runtime API did not take an error: {unreachable}")
