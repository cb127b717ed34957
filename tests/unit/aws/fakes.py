"""A transport that answers from a list, and what the AWS adapters need around it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.ports import UpstreamCall

CREDENTIALS = FixedCredentials(Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG", "session-token-text"))


class FakeAnswer:
    """An answer whose body is known."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers: Mapping[str, str] = headers or {}
        self._body = body

    def read(self, limit: int | None = None) -> bytes:
        return self._body

    def chunks(self, tick: float | None = None) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        return None


class FakeTransport:
    """Answers each call with the next of `answers`; an exception among them is raised."""

    def __init__(self, *answers: FakeAnswer | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[UpstreamCall] = []

    def send(self, call: UpstreamCall) -> FakeAnswer:
        self.calls.append(call)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def document(self, position: int = -1) -> dict[str, object]:
        """Return the JSON document that one call carried."""
        return dict(json.loads(self.calls[position].body))


class Pauses:
    """A sleep that only notes how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def ok(document: object = None) -> FakeAnswer:
    """Return a 200 answer."""
    return FakeAnswer(200, json.dumps(document if document is not None else {}).encode())


def refused(code: str, status: int = 400, **members: object) -> FakeAnswer:
    """Return an AWS error answer."""
    document = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", **members}
    return FakeAnswer(status, json.dumps(document).encode())
