"""One AWS service that speaks AWS's JSON protocol: signed calls over the pooled transport, with retries.

A call is tried again after a throttle, which proves that nothing happened, and after a broken answer, which proves
nothing; for a write that must not happen twice the second kind raises OutcomeUnknown instead. The waits grow from 25 ms
and are drawn at random ("full jitter"), and all tries together end within `budget` seconds.

A service that gave no usable answer for a whole call rests for a second, then for twice as long each time, up to
`LONGEST_REST`: calls fail at once meanwhile, and the first one after it has one try. So a service that hangs delays a
request now and then by one try, not each of them by several.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from sluice.aws.credentials import CredentialSource
from sluice.aws.errors import AwsError, OutcomeUnknown, Refused, Throttled, Unavailable
from sluice.errors import ProviderError
from sluice.ports import Transport, UpstreamAnswer, UpstreamCall
from sluice.signing import Signer
from sluice.types.routes import Timeouts

TIMEOUTS = Timeouts(connect=1.0, first_byte=1.5, idle=1.5, total=3.0)
"""Many times what a call takes (DynamoDB: single-digit milliseconds, "Understanding DynamoDB latency", AWS 2026-11)."""
BUDGET = 3.0
FIRST_REST = 1.0
LONGEST_REST = 5.0
FIRST_WAIT = 0.025
LONGEST_WAIT = 1.0
ANSWER_LIMIT = 17 * 1024 * 1024
"""Bytes: a batch or a page of DynamoDB is at most 16 MB."""
THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ReplicatedWriteConflictException",
    }
)
_QUOTES_THE_REQUEST = frozenset(
    {"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "IncompleteSignatureException"}
)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

Explain = Callable[[str, str, Mapping[str, Any]], AwsError | None]
"""Turns (action, AWS's code, error document) into a typed error; None: it is one that every service has."""


class JsonService:
    """Calls one service. `target` is the prefix of `X-Amz-Target`; `endpoint_url` replaces AWS's own address."""

    def __init__(
        self,
        transport: Transport,
        credentials: CredentialSource,
        *,
        service: str,
        target: str,
        region: str,
        endpoint_url: str | None = None,
        protocol: str = "1.0",
        attempts: int = 4,
        budget: float = BUDGET,
        explain: Explain | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] | None = None,
    ) -> None:
        self.name = service
        self._transport = transport
        self._target = target
        self._url = endpoint_of(service, region, endpoint_url)
        self._loopback = endpoint_url is not None
        self._content_type = f"application/x-amz-json-{protocol}"
        self._attempts = attempts
        self._budget = budget
        self._explain = explain
        self._sleep = sleep
        self._random = random or _random
        self._now = now
        self._rest = 0.0
        self._rests_until = 0.0
        self._signer = Signer(service, region, credentials, now=now)

    def call(self, action: str, payload: Mapping[str, object], *, repeatable: bool = True) -> dict[str, Any]:
        """Send one call and return the answer's document.

        `repeatable` False says that the call must not take effect twice.

        Raises:
            AwsError: one of the tree in `sluice.aws.errors`.
        """
        self._check_rest(action)
        body = _encode(payload).encode("utf-8", "replace")
        deadline = time.monotonic() + self._budget
        attempt, most = 1, 1 if self._rest else self._attempts
        while True:
            failure: AwsError | dict[str, Any] = self._attempt(action, body, deadline)
            if isinstance(failure, dict):
                self._rest = 0.0
                return failure
            if not isinstance(failure, Unavailable):
                self._rest = 0.0
            elif not repeatable:
                self._begin_rest()
                raise OutcomeUnknown(
                    self.name,
                    action,
                    f"{self.name}.{action} was sent and not confirmed; it is not sent twice.",
                    aws_code=failure.aws_code,
                    detail=failure.detail,
                )
            wait = self._random() * min(FIRST_WAIT * 2**attempt, LONGEST_WAIT)
            may_retry = isinstance(failure, (Throttled, Unavailable))
            if not may_retry or attempt >= most or time.monotonic() + wait >= deadline:
                if isinstance(failure, Unavailable):
                    self._begin_rest()
                raise failure
            self._sleep(wait)
            attempt += 1

    def _check_rest(self, action: str) -> None:
        """Raise Unavailable while the service rests; a wall clock that was set back does not prolong that."""
        left = self._rests_until - self._now()
        if self._rest and 0 < left <= LONGEST_REST:
            raise Unavailable(
                self.name, action, f"{self.name} gave no answer to the last call; it is called again in {left:.1f} s."
            )

    def _begin_rest(self) -> None:
        self._rest = min(self._rest * 2 or FIRST_REST, LONGEST_REST)
        self._rests_until = self._now() + self._rest

    def _attempt(self, action: str, body: bytes, deadline: float) -> AwsError | dict[str, Any]:
        headers = {"content-type": self._content_type, "x-amz-target": f"{self._target}.{action}"}
        signed = self._signer.sign("POST", self._url, headers, body)
        call = UpstreamCall("POST", self._url, signed, body, TIMEOUTS, deadline, self._loopback)
        try:
            answer = self._transport.send(call)
            content = answer.read(ANSWER_LIMIT)
        except ProviderError as error:
            return Unavailable(
                self.name, action, f"{self.name}.{action} got no answer ({error.error_code}).", detail=error.message
            )
        document = _document(content)
        if answer.status == 200 and document is not None:
            return document
        return self._error(action, answer, document or {})

    def _error(self, action: str, answer: UpstreamAnswer, document: Mapping[str, Any]) -> AwsError:
        code = error_code(answer.headers.get("x-amzn-errortype", "") or document.get("__type", ""))
        if self._explain is not None:
            explained = self._explain(action, code, document)
            if explained is not None:
                return explained
        words = "" if code in _QUOTES_THE_REQUEST else str(document.get("message") or document.get("Message") or "")
        kind: type[AwsError] = Refused
        if code in THROTTLES or answer.status == 429:
            kind = Throttled
        elif answer.status >= 500 or answer.status == 200:
            kind = Unavailable
        message = f"{self.name}.{action} failed with {answer.status} {code or 'and no reason'}."
        return kind(self.name, action, message, aws_code=code, detail=words[:500])


def endpoint_of(service: str, region: str, endpoint_url: str | None) -> str:
    """Return the URL of a service in a region, or the endpoint that replaces it; it ends in a slash."""
    if endpoint_url is not None:
        return endpoint_url.rstrip("/") + "/"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{service}.{region}.{suffix}/"


def error_code(kind: object) -> str:
    """Return the bare code of `com.amazonaws.dynamodb.v20120810#CodeException:http://...`."""
    return str(kind).partition(":")[0].rpartition("#")[2]


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(content) if content else {}
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _random() -> float:
    return int.from_bytes(os.urandom(4), "big") / 2**32
