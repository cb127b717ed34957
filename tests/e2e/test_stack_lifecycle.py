"""Starts and ends of the local stack, orderly and not."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.stacks import Stack, alive, demo, launch, missing, ready, running

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc"),
]
HELLO = {"model": "simulator/sim-fast", "messages": [{"role": "user", "content": "say hello"}]}
PROXIES = {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
SAVED_SECONDS = 15.0
"""Far more than the emulator's autosave needs."""


def call(stack: Stack, method: str, path: str, body: Any = None, key: str | None = None) -> tuple[int, Any]:
    address = stack.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        headers = {"authorization": f"Bearer {key or stack.api_key}", "content-type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def until(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        time.sleep(0.02)


def status_of_chat(stack: Stack) -> int:
    return call(stack, "POST", "/v1/chat/completions", HELLO)[0]


def test_it_is_ready_when_it_says_so(stack: Stack) -> None:
    assert call(stack, "GET", "/health")[0] == 200
    assert status_of_chat(stack) == 200
    assert "Sluice is ready." in stack.console


def test_demo_env_is_for_its_owner_only(stack: Stack) -> None:
    assert stat.S_IMODE((stack.home / "demo.env").stat().st_mode) == 0o600
    assert set(demo(stack.home)) == {"SLUICE_URL", "SLUICE_API_KEY", "SLUICE_ADMIN_KEY"}


def test_the_admin_key_opens_the_admin_api_and_the_demo_key_does_not(stack: Stack) -> None:
    assert call(stack, "GET", "/admin/keys", key=stack.admin_key)[0] == 200
    assert call(stack, "GET", "/admin/keys")[0] == 403


def test_the_printed_line_streams_an_answer(stack: Stack) -> None:
    (line,) = [line for line in stack.console.splitlines() if line.startswith("curl ")]
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.rstrip().endswith("data: [DONE]")


def test_everything_listens_on_loopback_only(stack: Stack) -> None:
    own = {stack.pid, *stack.children()}
    inodes = {
        os.readlink(link).removeprefix("socket:[").rstrip("]")
        for pid in own
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and os.readlink(link).startswith("socket:[")
    }
    rows = [row.split() for table in ("tcp", "tcp6") for row in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[9] in inodes]
    assert listening
    assert {address.partition(":")[0] for address in listening} == {"0100007F"}  # 127.0.0.1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_leaves_no_child(tmp_path: Path, number: int) -> None:
    with running(tmp_path) as stack:
        assert status_of_chat(stack) == 200
        children = stack.children()
        assert len(children) >= 4  # emulator, simulator, two environments
        assert stack.stop(number) == 0
        assert [command for pid, command in children.items() if alive(pid)] == []


def test_stopped_while_it_starts_it_leaves_no_child(tmp_path: Path) -> None:
    process = launch(tmp_path)
    until((tmp_path / "logs" / "emulator.log").exists, "the emulator is being started")
    started = Stack("", "", "", tmp_path, process)
    children = started.children()
    assert started.stop() == 0
    assert not [pid for pid in children if alive(pid)]


def test_killed_it_leaves_no_child(tmp_path: Path) -> None:
    with running(tmp_path) as stack:
        children = stack.children()
        stack.kill()
        until(lambda: not any(alive(pid) for pid in children), "all children have ended")


def test_a_second_start_keeps_keys_configuration_and_ledger(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        answer = call(first, "POST", "/v1/chat/completions", HELLO)
        assert answer[0] == 200
        created = call(first, "POST", "/admin/keys", {"team": "search"}, key=first.admin_key)[1]
        configuration = call(first, "GET", "/admin/configuration", key=first.admin_key)[1]
    with running(tmp_path) as second:
        assert (second.api_key, second.admin_key) == (first.api_key, first.admin_key)
        assert call(second, "POST", "/v1/chat/completions", HELLO, key=created["key"])[0] == 200
        assert call(second, "GET", "/admin/configuration", key=second.admin_key)[1] == configuration


def test_what_was_written_seconds_before_a_kill_is_there_after_the_next_start(tmp_path: Path) -> None:
    saved = tmp_path / "state" / "emulator" / "dynamodb.json"
    with running(tmp_path) as first:
        created = call(first, "POST", "/admin/keys", {"team": "search"}, key=first.admin_key)[1]
        until(lambda: saved.exists() and created["id"] in saved.read_text(), "the key was saved", SAVED_SECONDS)
        first.kill()
    with running(tmp_path) as second:
        assert call(second, "POST", "/v1/chat/completions", HELLO, key=created["key"])[0] == 200
        assert status_of_chat(second) == 200


def test_killed_right_after_its_first_start_it_starts_again_with_the_same_keys(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.kill()
    with running(tmp_path) as second:
        assert second.api_key == first.api_key
        assert status_of_chat(second) == 200


def test_a_change_of_the_environment_is_applied_at_the_next_start(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        without = call(first, "GET", "/admin/configuration", key=first.admin_key)[1]
    with running(tmp_path, OPENAI_API_KEY="sk-x", OPENAI_BASE_URL="http://127.0.0.1:9/v1") as second:
        there = call(second, "GET", "/admin/configuration", key=second.admin_key)[1]
    with running(tmp_path) as third:
        gone = call(third, "GET", "/admin/configuration", key=third.admin_key)[1]
    assert "openai" not in without["document"]["providers"]
    assert there["document"]["providers"]["openai"]["base_url"] == "http://127.0.0.1:9/v1"
    assert gone["document"] == without["document"]
    assert gone["version"] == without["version"]


def test_two_stacks_in_two_folders_do_not_meet(stack: Stack, tmp_path: Path) -> None:
    with running(tmp_path) as other:
        assert other.url != stack.url
        assert status_of_chat(other) == status_of_chat(stack) == 200
        assert call(other, "GET", "/v1/models", key=stack.api_key)[0] == 401


def test_a_second_stack_in_one_folder_is_refused_in_one_sentence(stack: Stack) -> None:
    done = refused("--home", str(stack.home), "--port", "0")
    assert f"a local stack is running in this folder already (process {stack.pid})" in done


def test_a_port_in_use_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = refused("--home", str(tmp_path), PORT=str(port))
    assert done.startswith(f"sluice: port {port} is in use.")


def test_a_folder_that_cannot_be_written_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert refused("--home", str(tmp_path / "file" / "home")).startswith("sluice: cannot write to")


def test_proxies_of_the_machine_do_not_come_between_its_parts(tmp_path: Path) -> None:
    with running(tmp_path, **PROXIES) as stack:
        assert status_of_chat(stack) == 200
        assert call(stack, "GET", "/admin/keys", key=stack.admin_key)[0] == 200


def test_an_emulator_that_was_killed_is_started_again_with_its_state(tmp_path: Path) -> None:
    saved = tmp_path / "state" / "emulator" / "dynamodb.json"
    with running(tmp_path) as stack:
        until(
            lambda: saved.exists() and stack.api_key[10:22] in saved.read_text(), "the state was saved", SAVED_SECONDS
        )
        (emulator,) = [pid for pid, command in stack.children().items() if "emulator_launcher" in command]
        os.kill(emulator, signal.SIGKILL)
        until(lambda: call(stack, "GET", "/admin/keys", key=stack.admin_key)[0] == 200, "the admin API works again")
        assert not alive(emulator)
        assert status_of_chat(stack) == 200


def test_an_ephemeral_stack_leaves_nothing_behind(tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path), "SIMULATOR_PACE": "0"}
    with subprocess.Popen(
        [sys.executable, "-m", "sluice.local", "--ephemeral"], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        until(lambda: "Ctrl-C" in (process.stdout.readline() if process.stdout else ""), "it is ready")
        assert list(tmp_path.glob("sluice-*/demo.env"))
        process.terminate()
        assert process.wait(40) == 0
    assert list(tmp_path.glob("sluice-*")) == []


def refused(*arguments: str, **environ: str) -> str:
    """Start a stack that must not start; return the one line on its stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "sluice.local", *arguments],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_ready_tells_why_a_stack_did_not_start(tmp_path: Path) -> None:
    broken = tmp_path / "functions" / "routing"
    broken.mkdir(parents=True)
    (broken / "handler.py").write_text("import no_such_module\n")
    home = tmp_path / "home"
    with pytest.raises(AssertionError, match="no_such_module"):
        ready(launch(home, "--functions", str(broken.parent)), home)
