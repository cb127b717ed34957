"""What an AWS call can fail with, as part of the GatewayError tree.

    InternalError
    └── AwsError                  service, action, AWS's own code, and its words in `detail`
        ├── ConditionalCheckFailed    the condition did not hold; carries the item as it stands
        ├── TransactionCancelled      nothing was written; carries a reason for each write
        ├── Throttled            503  still too many requests after the retries
        ├── Unavailable          503  no usable answer after the retries
        │   └── OutcomeUnknown   503  a write that must not be repeated was sent and never confirmed
        └── Refused                   any other refusal: permissions, a missing table, a malformed request

`message` may reach a caller, so it holds names only. `detail` is for the operator's log; it is left empty where AWS
quotes the signed request, whose headers include the session token.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.errors import InternalError


class AwsError(InternalError):
    """An AWS call failed. `aws_code` is the service's own word, "" when there was no answer."""

    code = "dependency_failed"

    def __init__(self, service: str, action: str, message: str, *, aws_code: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.service = service
        self.action = action
        self.aws_code = aws_code
        self.detail = detail


class ConditionalCheckFailed(AwsError):
    """The condition of a write did not hold. `item` is what stands there (unmarshalled), None for no item."""

    def __init__(self, service: str, action: str, item: Mapping[str, object] | None) -> None:
        message = f"{service}.{action}: the condition did not hold."
        super().__init__(service, action, message, aws_code="ConditionalCheckFailedException")
        self.item = item


class TransactionCancelled(AwsError):
    """A transaction wrote nothing. `reasons` has one (code, item) per write; the code is "None" where it was fine."""

    def __init__(self, service: str, action: str, reasons: tuple[tuple[str, Mapping[str, object] | None], ...]) -> None:
        codes = ", ".join(code for code, _ in reasons)
        super().__init__(
            service,
            action,
            f"{service}.{action}: the transaction was cancelled ({codes}).",
            aws_code="TransactionCanceledException",
        )
        self.reasons = reasons

    def failed_condition(self) -> int | None:
        """Return the position of the first write whose condition did not hold, or None."""
        for position, (code, _) in enumerate(self.reasons):
            if code == "ConditionalCheckFailed":
                return position
        return None


class Throttled(AwsError):
    """The service turned the call away for its rate, each time it was tried."""

    status = 503
    code = "dependency_throttled"


class Unavailable(AwsError):
    """The service could not be reached, was too slow, or failed, each time it was tried."""

    status = 503
    code = "dependency_unavailable"


class OutcomeUnknown(Unavailable):
    """A write that must not be repeated was sent; whether it took effect is not known."""


class Refused(AwsError):
    """The service refused the call for a reason that trying again does not change."""

    retryable = False
