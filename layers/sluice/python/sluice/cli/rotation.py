"""`sluice rotation`: how old provider keys are, beginning a rotation, staging a key that a person made.

The commands work with the AWS credentials of whoever calls them. `status` asks the rotation function, which alone reads
the secret; `start` asks Secrets Manager; `stage` writes what is typed or piped in under a label of its own, where the
next rotation tries it and puts it in force. No command shows a value, and none takes one as an argument: arguments end
up in a shell's history.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sluice.cli.session import CommandFailed

STAGED = "SLUICESTAGED"
OUTPUT = "RotationFunction"
HEAD = ("provider", "strategy", "age", "next", "staged", "state")
Table = Callable[[Sequence[str], Sequence[Sequence[object]]], str]


class Session(Protocol):
    """What the commands need of the terminal."""

    def show(self, content: object, text: str) -> None:
        """Print the content as JSON when that was asked for, else the text."""


class Aws(Protocol):
    """What the commands need of AWS; `SdkAws` is the SDK."""

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Return what the rotation function answers."""

    def staged(self) -> dict[str, Any]:
        """Return what is staged; empty when that is nothing."""

    def stage(self, document: Mapping[str, Any]) -> None:
        """Stage a document in the place of what was staged."""

    def rotate(self) -> str:
        """Begin a rotation and return its version."""


def add_commands(groups: Any, table: Table, aws: Callable[[argparse.Namespace], Aws] | None = None) -> None:
    """Add the commands; `table` lays out rows under a head, `aws` makes the way to AWS."""
    connect = aws or SdkAws
    actions = groups.add_parser("rotation", help="provider keys: age, rotation, staging").add_subparsers(
        metavar="ACTION", required=True
    )
    status = actions.add_parser("status", help="how old each provider's key is, and what is next")
    status.set_defaults(command=lambda session, chosen: _status(session, connect(chosen), table))
    start = actions.add_parser("start", help="change what is due or staged, now")
    start.add_argument("--direct", action="store_true", help="all steps at once, past Secrets Manager (emergencies)")
    start.set_defaults(command=lambda session, chosen: _start(session, connect(chosen), chosen))
    stage = actions.add_parser("stage", help="hand in a key that you made at the vendor; it is asked for or piped in")
    stage.add_argument("provider")
    stage.add_argument("--member", default="api_key", help="the entry's member that changes (default api_key)")
    stage.add_argument("--members", dest="whole", action="store_true", help="what is handed in are members as JSON")
    stage.add_argument("--start", action="store_true", help="and begin the rotation")
    stage.set_defaults(command=lambda session, chosen: _stage(session, connect(chosen), chosen))
    for command in (status, start, stage):
        command.set_defaults(gateway=False)
        command.add_argument("--stage", default="dev", dest="deployment", help="the deployed stage (default dev)")
        command.add_argument("--region", default="us-east-1", help="its primary region (default us-east-1)")


def _status(session: Session, aws: Aws, table: Table) -> None:
    told = aws.invoke({"sluice": "status"})
    rows = [
        (
            card["provider"],
            card["strategy"],
            _days(card["age"]),
            _day(card["due_at"]),
            "yes" if card["staged"] else "",
            f"{card['state']}: {card['words']}",
        )
        for card in told["providers"]
    ]
    versions = [f"  {version['version']}  {', '.join(version['labels'])}" for version in told["versions"]]
    ends = [f"last rotation {_day(told['rotated_at'])}; an old key stays good for {told['overlap_seconds'] // 3600} h"]
    session.show(told, "\n".join([table(HEAD, rows), "", "versions", *versions, "", *ends]))


def _start(session: Session, aws: Aws, chosen: argparse.Namespace) -> None:
    version = aws.invoke({"sluice": "rotate"})["version"] if chosen.direct else aws.rotate()[:8]
    done = "is in force" if chosen.direct else "is being made; 'sluice rotation status' shows how far it is"
    session.show({"version": version}, f"Version {version} {done}.")


def _stage(session: Session, aws: Aws, chosen: argparse.Namespace) -> None:
    text = sys.stdin.read() if not sys.stdin.isatty() else getpass.getpass(f"{chosen.member} of {chosen.provider}: ")
    members = _members(text) if chosen.whole else {chosen.member: text.strip()}
    if not all(members.values()):
        raise CommandFailed("Nothing was handed in; type the key when asked for it, or pipe it in.")
    held = aws.staged()
    aws.stage({**held, chosen.provider: {**held.get(chosen.provider, {}), **members}})
    told = {"provider": chosen.provider, "members": sorted(members)}
    if not chosen.start:
        session.show(told, f"Staged for {chosen.provider}; it is tried and put in force within the hour.")
        return
    version = aws.rotate()[:8]
    session.show({**told, "version": version}, f"Staged for {chosen.provider}; version {version} is being made.")


def _members(text: str) -> dict[str, str]:
    """Return the members of a JSON object whose values are texts. Raises CommandFailed, which quotes nothing."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document or not all(isinstance(v, str) for v in document.values()):
        # Raised outside the handler: a parser's error would carry what was handed in.
        raise CommandFailed('What was handed in is not an object of texts, such as {"client_secret": "..."}.')
    return document


class SdkAws:
    """AWS through its SDK, for the stage and region that the command names."""

    def __init__(self, chosen: argparse.Namespace) -> None:
        self._secret = f"sluice-{chosen.deployment}/providers"
        self._stack = f"sluice-{chosen.deployment}-{chosen.region}-jobs"
        self._region = chosen.region

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Return what the rotation function answers. Raises CommandFailed."""
        answer = self._call("lambda", "invoke", FunctionName=self._function(), Payload=json.dumps(event).encode())
        document = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            raise CommandFailed(f"The rotation function failed: {document.get('errorMessage', 'it says no more')}")
        return document

    def staged(self) -> dict[str, Any]:
        """Return what is staged. Raises CommandFailed."""
        from botocore.exceptions import ClientError

        try:
            found = self._client("secretsmanager").get_secret_value(SecretId=self._secret, VersionStage=STAGED)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}
            raise CommandFailed(f"AWS refused: {error}") from None
        return dict(json.loads(found["SecretString"]))

    def stage(self, document: Mapping[str, Any]) -> None:
        """Stage a document. Raises CommandFailed."""
        text = json.dumps(document)
        self._call(
            "secretsmanager", "put_secret_value", SecretId=self._secret, SecretString=text, VersionStages=[STAGED]
        )

    def rotate(self) -> str:
        """Begin a rotation. Raises CommandFailed."""
        return str(self._call("secretsmanager", "rotate_secret", SecretId=self._secret)["VersionId"])

    def _function(self) -> str:
        stacks = self._call("cloudformation", "describe_stacks", StackName=self._stack)["Stacks"]
        found = [each["OutputValue"] for each in stacks[0].get("Outputs", []) if each["OutputKey"] == OUTPUT]
        if not found:
            raise CommandFailed(f"Stack {self._stack} has no rotation function; deploy the stage's primary region.")
        return str(found[0])

    def _call(self, service: str, action: str, **wanted: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        problem = ""
        try:
            return getattr(self._client(service), action)(**wanted)
        except (BotoCoreError, ClientError) as error:
            problem = f"AWS refused: {error}"
        raise CommandFailed(problem)

    def _client(self, service: str) -> Any:
        import boto3
        from botocore.config import Config

        patient = Config(read_timeout=610, retries={"total_max_attempts": 1})
        return boto3.client(service, region_name=self._region, config=patient)


def _days(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds / 86_400:.1f} d"


def _day(moment: float | None) -> str:
    return "-" if moment is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment))
