"""The kill drill in short: every fault once, `make drill-kill` plays them all for every caller and model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.callers import ANTHROPIC, OPENAI, Dialect
from tests.drills.faults import BEFORE, FALLBACK, INSIDE, WAITED, Drill, Fault, opened
from tests.drills.killing import caller_leaves, environment_dies, environment_dies_settling
from tests.stacks import missing

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc"),
]


def faults(several: tuple[Fault, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("fault", several, ids=[fault.name for fault in several])


def callers_of(several: tuple[Fault, ...]) -> pytest.MarkDecorator:
    """Each fault of an OpenAI-dialect model for a caller of its own dialect and for one of the other."""
    cases = [
        pytest.param(fault, dialect, id=f"{fault.name}-{dialect.name} caller")
        for fault in several
        for dialect in (OPENAI, ANTHROPIC)
        if fault.concerns(dialect, "sim-fast")
    ]
    return pytest.mark.parametrize(("fault", "dialect"), cases)


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    with opened(tmp_path_factory.mktemp("kill")) as started:
        yield started


@callers_of(BEFORE)
def test_a_fault_before_the_first_byte_is_a_status_in_the_callers_envelope(
    drill: Drill, dialect: Dialect, fault: Fault
) -> None:
    assert drill.single(fault, dialect, "sim-fast").wrong == []


@callers_of(INSIDE)
def test_a_fault_after_the_first_byte_is_an_error_event_at_the_end(
    drill: Drill, dialect: Dialect, fault: Fault
) -> None:
    assert drill.single(fault, dialect, "sim-fast").wrong == []


@faults(FALLBACK)
def test_a_deployment_of_the_other_dialect_answers_and_only_its_answer_is_paid(drill: Drill, fault: Fault) -> None:
    assert drill.fallback(fault, OPENAI, ("sim-fast", "sim-claude")).wrong == []
    assert drill.fallback(fault, ANTHROPIC, ("sim-claude", "sim-fast")).wrong == []


@faults(WAITED)
def test_a_fault_that_passes_is_waited_out_and_one_answer_is_paid(drill: Drill, fault: Fault) -> None:
    assert drill.waited(fault, ANTHROPIC).wrong == []


def test_a_caller_who_leaves_has_one_entry(drill: Drill) -> None:
    assert caller_leaves(drill, OPENAI, "sim-claude").wrong == []


@pytest.mark.parametrize("started", [False, True], ids=["before the first byte", "after it"])
def test_a_killed_environment_is_replaced_and_the_sweep_enters_its_request(drill: Drill, started: bool) -> None:
    assert environment_dies(drill, ANTHROPIC, "sim-fast", started=started).wrong == []


def test_an_entry_that_a_killed_environment_could_not_write_is_restored_from_its_log(drill: Drill) -> None:
    assert environment_dies_settling(drill).wrong == []


def test_log_and_ledger_agree_on_every_request_of_the_drill(drill: Drill) -> None:
    drill.answer(OPENAI, "simulator/sim-fast", "say done", stream=False)
    books = drill.books()
    assert books.wrong == []
    assert books.counts["entries"] == books.counts["requests"] >= 1
