"""`sluice redrive`: make good what the roll-up has given up on.

Lambda puts word of a batch into the stage's queue when it was tried in vain for hours; the records themselves are in
the ledger. So nothing is played again: the deployed reconcile job makes the usage of the days concerned equal to their
entries, and the words go when it says that it has. It may be run at any time, and twice. It takes the AWS credentials
of whoever calls it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

QUEUE_OUTPUT, JOB_OUTPUT = "RollupLeftUrl", "ReconcileFunction"
"""The outputs of the jobs stack that say where to look and what to invoke."""
HIDDEN_SECONDS = 900
"""How long a word is nobody else's while the days are made good."""
LONGEST_REQUEST = timedelta(minutes=20)
"""An entry belongs to the day on which its request began, and is written up to so much later."""

Repair = Callable[[list[str]], Mapping[str, Any]]


class Session(Protocol):
    """What the command needs of the terminal."""

    def show(self, content: object, text: str) -> None:
        """Print the content as JSON when that was asked for, else the text."""


@dataclass(frozen=True)
class Redriven:
    """What was done: messages read, their UTC days, cells that were wrong, those corrected, messages left."""

    messages: int
    days: tuple[str, ...]
    wrong: int
    corrected: int
    left: int


def add_commands(groups: Any, failed: type[Exception]) -> None:
    """Add the command; `failed` is what ends it with a sentence."""
    parser = groups.add_parser("redrive", help="make good what the roll-up of the ledger has given up on")
    parser.add_argument("--stage", default="dev", help="the deployed stage (default dev)")
    parser.add_argument("--region", default="us-east-1", help="the region whose queue is read (default us-east-1)")
    parser.set_defaults(command=lambda session, chosen: _command(session, chosen, failed), gateway=False)


def days_of(message: str) -> set[str]:
    """Return the UTC days of the entries that a message tells of. Raises ValueError for one that is none of Lambda's.

    Its form: AWS Lambda developer guide, "Retain discarded batches for a DynamoDB event source", 2026-11.
    """
    try:
        batch = json.loads(message)["DDBStreamBatchInfo"]
        first = _moment(batch["approximateArrivalOfFirstRecord"]) - LONGEST_REQUEST
        last = _moment(batch["approximateArrivalOfLastRecord"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"A message in the queue does not tell of a batch: {message[:80]!r}") from error
    days = (last.date() - first.date()).days
    return {(first.date() + timedelta(days=day)).isoformat() for day in range(days + 1)}


def redrive(sqs: Any, queue: str, repair: Repair) -> Redriven:
    """Empty a queue (its URL) into one repair of all days concerned; `sqs` is boto3's client.

    Where not every wrong cell could be corrected, the messages stay for the next time.
    """
    held: list[tuple[str, str]] = []
    while True:
        answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=HIDDEN_SECONDS)
        received = answer.get("Messages") or []
        if not received:
            break
        held += [(message["ReceiptHandle"], message["Body"]) for message in received]
    if not held:
        return Redriven(0, (), 0, 0, 0)
    days = tuple(sorted({day for _, body in held for day in days_of(body)}))
    found = repair(list(days))
    wrong, corrected = int(found["UsageCellsWrong"]), int(found["UsageCellsCorrected"])
    done = wrong == corrected
    for handle, _ in held:
        if done:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
        else:
            sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=0)
    return Redriven(len(held), days, wrong, corrected, 0 if done else len(held))


def _command(session: Session, chosen: argparse.Namespace, failed: type[Exception]) -> None:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        outputs = _outputs(boto3.client("cloudformation", region_name=chosen.region), chosen, failed)
        patient = Config(read_timeout=910, retries={"total_max_attempts": 1})
        job = boto3.client("lambda", region_name=chosen.region, config=patient)

        def repair(days: list[str]) -> Mapping[str, Any]:
            event = json.dumps({"sluice": "repair", "days": days}).encode()
            answer = job.invoke(FunctionName=outputs[JOB_OUTPUT], Payload=event)
            document: Mapping[str, Any] = json.loads(answer["Payload"].read())
            if answer.get("FunctionError"):
                raise failed(f"the reconcile job failed: {document.get('errorMessage', 'it says no more')}")
            return document

        found = redrive(boto3.client("sqs", region_name=chosen.region), outputs[QUEUE_OUTPUT], repair)
    except (BotoCoreError, ClientError) as error:
        raise failed(f"AWS did not let the queue or the job be used: {error}") from None
    except ValueError as error:
        raise failed(str(error)) from None
    session.show(vars(found), _told(found))
    if found.left:
        raise failed(f"{found.left} messages stay in the queue; run this again in some minutes.")


def _told(found: Redriven) -> str:
    if not found.messages:
        return "The queue is empty: the roll-up has given up on nothing."
    days = ", ".join(found.days)
    return f"{found.messages} messages about {days}: {found.corrected} of {found.wrong} wrong cells of usage corrected."


def _outputs(formation: Any, chosen: argparse.Namespace, failed: type[Exception]) -> dict[str, str]:
    stack = f"sluice-{chosen.stage}-{chosen.region}-jobs"
    listed = formation.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    found = {output["OutputKey"]: str(output["OutputValue"]) for output in listed}
    missing = [name for name in (QUEUE_OUTPUT, JOB_OUTPUT) if name not in found]
    if missing:
        raise failed(f"stack {stack} has no output {' or '.join(missing)}; deploy the stage again.")
    return found


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
