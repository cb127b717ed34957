"""`sluice redrive` makes the days good that the roll-up has given up on, and only then forgets them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

import pytest

from sluice.cli.redrive import Redriven, add_commands, days_of, redrive

QUEUE = "http://sqs/000000000000/left"


def word(first: str, last: str) -> str:
    batch = {
        "shardId": "shardId-1",
        "startSequenceNumber": "1",
        "endSequenceNumber": "2",
        "approximateArrivalOfFirstRecord": first,
        "approximateArrivalOfLastRecord": last,
        "batchSize": 2,
    }
    return json.dumps({"requestContext": {"condition": "RetryAttemptsExhausted"}, "DDBStreamBatchInfo": batch})


NOON = word("2026-11-20T12:00:00Z", "2026-11-20T12:00:05Z")
MIDNIGHT = word("2026-11-22T00:05:00Z", "2026-11-22T00:05:01Z")


class FakeQueue:
    """A queue that hands each message out once."""

    def __init__(self, *bodies: str) -> None:
        self._waiting = [{"ReceiptHandle": f"r{at}", "Body": body} for at, body in enumerate(bodies)]
        self.deleted: list[str] = []
        self.shown_again: list[str] = []

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        assert asked["QueueUrl"] == QUEUE
        taken, self._waiting = self._waiting[:1], self._waiting[1:]
        return {"Messages": taken} if taken else {}

    def delete_message(self, **asked: Any) -> None:
        self.deleted.append(asked["ReceiptHandle"])

    def change_message_visibility(self, **asked: Any) -> None:
        assert asked["VisibilityTimeout"] == 0
        self.shown_again.append(asked["ReceiptHandle"])


class Job:
    """Stands for the reconcile job, which finds cells wrong and corrects some of them."""

    def __init__(self, wrong: int, corrected: int) -> None:
        self.asked: list[list[str]] = []
        self._figures = {"UsageCellsWrong": wrong, "UsageCellsCorrected": corrected}

    def __call__(self, days: list[str]) -> Mapping[str, Any]:
        self.asked.append(days)
        return self._figures


def test_the_days_of_all_messages_are_repaired_at_once_and_the_messages_go() -> None:
    queue, job = FakeQueue(NOON, MIDNIGHT, NOON), Job(4, 4)
    found = redrive(queue, QUEUE, job)
    # Requests of the day before may be written up to the longest request after midnight.
    assert job.asked == [["2026-11-20", "2026-11-21", "2026-11-22"]]
    assert found == Redriven(3, ("2026-11-20", "2026-11-21", "2026-11-22"), 4, 4, 0)
    assert (queue.deleted, queue.shown_again) == (["r0", "r1", "r2"], [])


def test_messages_stay_while_a_cell_is_still_wrong() -> None:
    queue = FakeQueue(NOON, NOON)
    found = redrive(queue, QUEUE, Job(4, 0))
    assert (found.left, queue.deleted, queue.shown_again) == (2, [], ["r0", "r1"])


def test_an_empty_queue_repairs_nothing() -> None:
    job = Job(0, 0)
    assert redrive(FakeQueue(), QUEUE, job) == Redriven(0, (), 0, 0, 0)
    assert job.asked == []


def test_a_message_that_somebody_else_put_there_is_an_error_and_stays() -> None:
    queue = FakeQueue(NOON, '{"hello": 1}')
    with pytest.raises(ValueError, match="does not tell of a batch"):
        redrive(queue, QUEUE, Job(0, 0))
    assert queue.deleted == []


def test_a_batch_over_several_days_names_each_of_them() -> None:
    assert days_of(word("2026-11-20T23:00:00Z", "2026-11-22T01:00:00Z")) == {"2026-11-20", "2026-11-21", "2026-11-22"}


def test_the_command_needs_no_gateway_but_a_stage_and_a_region() -> None:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(), RuntimeError)
    chosen = parser.parse_args(["redrive", "--stage", "prod", "--region", "eu-west-1"])
    assert (chosen.gateway, chosen.stage, chosen.region) == (False, "prod", "eu-west-1")
