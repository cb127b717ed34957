"""What ends from outside: the caller's interest, the environment's process, the ledger's service."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

from tests.drills.callers import ANTHROPIC, OPENAI, Answer, Dialect
from tests.drills.faults import ENTRY_SECONDS, Drill, Finding
from tests.stacks import Stack, alive

REST_SECONDS = 0.5


def caller_leaves(drill: Drill, dialect: Dialect, model: str) -> Finding:
    """The caller hangs up after the first events of a long stream."""
    finding = Finding(f"{dialect.name} caller of {model} leaves in mid-stream")
    exchange = drill.ask(dialect, model, "[[simulate: slow=4 tokens=150]]", stream=True)
    request_id, piece = exchange.first()
    exchange.leave()
    drill.asked.append(request_id)
    finding.expect(bool(piece), "nothing had arrived")
    drill.serves(finding)
    entry = _settled(drill, request_id)
    if entry is None:
        finding.wrong.append(f"no entry for {request_id}")
        return finding
    # API Gateway reads the answer to its end; a gateway that learns of the caller's leave may stop and say so.
    outcome = entry["outcome"] if entry["outcome"] in ("ok", "aborted") else "ok"
    drill.judge(finding, entry, model, outcome)
    finding.figures = f"{entry['outcome']}, {entry['usage']['output']} tokens, {entry['cost_nano_usd']} nUSD"
    return finding


def environment_dies(drill: Drill, dialect: Dialect, model: str, *, started: bool) -> Finding:
    """The environment's process is killed while the provider is silent, before or after the first events."""
    finding = Finding(
        f"{dialect.name} caller of {model}, environment killed {'after' if started else 'before'} the first byte"
    )
    before = set(drill.logged("open"))
    directive = "hang_after=4" if started else "hang"
    exchange = drill.ask(dialect, f"simulator/{model}", f"[[fault: {directive}]] count to 40", stream=True)
    if started:
        exchange.first()
    new = _new(drill, before)
    killed = _kill_environments(drill.stack)
    answer = exchange.whole()
    if started:
        finding.expect(answer.status == 200 and not answer.complete, "the stream has an end that nobody sent")
    else:
        wrong = dialect.envelope_fault(answer.body)
        finding.expect(answer.status == 502 and not wrong, f"status {answer.status}: {wrong}")
    drill.serves(finding)
    alive = drill.stack.environments("streaming")
    finding.expect(bool(alive) and not set(alive) & set(killed), f"processes {killed} became {alive}")
    finding.expect(len(new) == 1, f"{len(new)} requests were begun")
    for request_id in new:
        entry = drill.entry(request_id)
        if entry is None:
            finding.wrong.append(f"the sweep made no entry for {request_id}")
            continue
        drill.judge(finding, entry, model, "lost")
        finding.figures = f"{answer.status} {entry['outcome']}, {entry['cost_nano_usd']} nUSD, {killed} became {alive}"
    return finding


def environment_dies_settling(drill: Drill) -> Finding:
    """The environment's process is killed between the last byte of its answer and its ledger entry."""
    finding = Finding("environment killed between its last byte and its entry")
    with _frozen_aws(drill):
        answer = drill.answer(ANTHROPIC, "simulator/sim-fast", "say yes", stream=True)
        _kill_environments(drill.stack)
    finding.expect(answer.status == 200 and answer.complete, f"the caller got {answer.status}")
    _is_restored(drill, finding, answer)
    return finding


def ledger_stands_still(drill: Drill) -> Finding:
    """The ledger's service hangs until the gateway has given up writing, and goes on then."""
    finding = Finding("the ledger stands still for longer than the gateway waits")
    faults = drill.faults("ledger_failed")
    with _frozen_aws(drill):
        answer = drill.answer(OPENAI, "simulator/sim-fast", "say yes", stream=True)
        gave_up = _until_more(drill, faults)
    finding.expect(answer.status == 200 and answer.complete, f"the caller got {answer.status}")
    finding.expect(gave_up, "the write did not fail, so nothing was tried")
    _is_restored(drill, finding, answer)
    return finding


def _is_restored(drill: Drill, finding: Finding, answer: Answer) -> None:
    finding.expect(b"yes" in answer.body, "the caller got no answer")
    entry = drill.entry(answer.request_id)
    if entry is None:
        finding.wrong.append(f"the sweep did not restore {answer.request_id}")
    else:
        drill.judge(finding, entry, "sim-fast", "ok")
        finding.figures = f"answered in {answer.seconds:.2f} s, restored as {entry['outcome']}"
    drill.serves(finding)


def _kill_environments(stack: Stack) -> list[int]:
    """Kill all environments of the streaming function and wait until they are dead."""
    killed = stack.environments("streaming")
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    # Until then the pool takes an idle one for alive, and gives it the next request.
    while any(alive(pid) for pid in killed):
        time.sleep(0.005)
    return killed


@contextlib.contextmanager
def _frozen_aws(drill: Drill) -> Iterator[None]:
    """Hold every AWS service of the stack still, with a warm environment at hand: calls are taken and not answered."""
    warm = drill.answer(OPENAI, "simulator/sim-fast", "say warm", stream=False)
    drill.entry(warm.request_id)
    # It asks for its next event a moment after its entry stands, which nothing outside can see. A cold one, started
    # because it is still at work, would need AWS to know the caller's key.
    time.sleep(REST_SECONDS)
    children = drill.stack.children()
    (emulator,) = (pid for pid, command in children.items() if "emulator_launcher" in command)
    os.killpg(emulator, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(emulator, signal.SIGCONT)


def _settled(drill: Drill, request_id: str) -> Any:
    """Return the entry once it is no longer the sweep's guess about a request that still runs."""
    deadline = time.monotonic() + ENTRY_SECONDS
    entry = drill.entry(request_id)
    while entry is not None and entry["outcome"] == "lost" and time.monotonic() < deadline:
        time.sleep(0.05)
        entry = drill.entry(request_id)
    return entry


def _new(drill: Drill, before: set[str]) -> set[str]:
    """Return the requests that were begun since; waits for the first."""
    deadline = time.monotonic() + ENTRY_SECONDS
    while not (new := set(drill.logged("open")) - before) and time.monotonic() < deadline:
        time.sleep(0.02)
    return new


def _until_more(drill: Drill, known: int) -> bool:
    deadline = time.monotonic() + ENTRY_SECONDS
    while drill.faults("ledger_failed") <= known:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
