"""Every error that Sluice raises on the request path, as one tree.

    GatewayError
    ├── BadRequest               400  the caller's request is wrong; names the parameter and the remedy
    │   └── UnsupportedParameter 400  right in the caller's dialect, but the target cannot express it
    │       ├── UploadTooLarge   413  an upload that fits into no request of the target
    │       └── ThreadNotKept    404  a conversation that only the vendor which began it can continue
    ├── AuthenticationFailed     401  no key, an unknown, expired or revoked key
    ├── BudgetExceeded           402  a hard cap is spent
    ├── PermissionDenied         403  the key is known and may not do this
    ├── NotFound                 404  no such endpoint, model, route or request
    ├── MethodNotAllowed         405
    ├── RequestTooLarge          413
    ├── RateLimited              429  a limit of the gateway's own
    ├── InternalError            500  a defect of the gateway
    ├── NoHealthyUpstream        503  every deployment of the plan was tried or skipped
    ├── IdentityUnavailable      503  the keys that a token must be checked with cannot be had
    └── ProviderError            the provider answered with an error (its own status)
        ├── ProviderUnreachable  502  connection refused, reset, cut or TLS failure
        ├── ProviderTimeout      504  connect, first-byte, idle or total timeout
        └── ProviderGarbled      502  the answer was not what its dialect promises

`type` and `code` are the machine-readable words inside the caller's envelope; `retryable` says whether the same
request may succeed later, and becomes `x-should-retry`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class GatewayError(Exception):
    """Base of the tree. `message` is for the caller: it never holds a secret or a prompt."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    code: ClassVar[str] = "gateway_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.error_code = code or self.code
        self.retry_after = retry_after
        self.headers: Mapping[str, str] = headers or {}
        """What the answer says in headers beyond what every error does (a provider's error: its own)."""

    @property
    def http_status(self) -> int:
        """The status the caller sees."""
        return self.status

    @property
    def may_retry(self) -> bool:
        """Whether the same request may succeed later."""
        return self.retryable


class BadRequest(GatewayError):
    """The caller's request is wrong."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class UnsupportedParameter(BadRequest):
    """The target cannot express a parameter that was asked for."""

    code = "unsupported_parameter"


class UploadTooLarge(UnsupportedParameter):
    """An upload neither fits into a request nor can be fetched by the target; another deployment may take it."""

    status = 413
    type = "request_too_large"
    code = "upload_too_large"


class ThreadNotKept(UnsupportedParameter):
    """A request holds only the new turns of a conversation that the target never saw; the caller must send it whole."""

    status = 404
    type = "not_found_error"
    code = "thread_not_found"


class AuthenticationFailed(GatewayError):
    """No key, or one that is unknown, expired or revoked."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class BudgetExceeded(GatewayError):
    """A hard cap is spent."""

    status = 402
    type = "budget_exceeded"
    code = "budget_exceeded"


class PermissionDenied(GatewayError):
    """The key is known and may not do this."""

    status = 403
    type = "permission_error"
    code = "permission_denied"


class NotFound(GatewayError):
    """No such endpoint, model, route or request."""

    status = 404
    type = "not_found_error"
    code = "not_found"


class MethodNotAllowed(GatewayError):
    """The path exists, the method does not."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class RequestTooLarge(GatewayError):
    """The body is over the limit."""

    status = 413
    type = "request_too_large"
    code = "request_too_large"


class RateLimited(GatewayError):
    """A limit of the gateway's own is used up for now."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    retryable = True


class InternalError(GatewayError):
    """A defect of the gateway."""

    code = "internal_error"
    retryable = True


class NoHealthyUpstream(GatewayError):
    """No deployment of the plan could serve the request."""

    status = 503
    code = "no_healthy_upstream"
    retryable = True


class IdentityUnavailable(GatewayError):
    """The keys that a token must be checked with cannot be had."""

    status = 503
    code = "identity_unavailable"
    retryable = True


class ProviderError(GatewayError):
    """The provider answered with an error.

    `provider_status` is its HTTP status (or the one its dialect implies for an error inside a 200 answer),
    `kind` the canonical class: "bad_request", "authentication", "permission", "not_found", "too_large",
    "rate_limit", "quota", "overloaded", "server", "timeout", "content_filter", "connection", "garbled".
    """

    status = 502
    code = "provider_error"

    def __init__(
        self,
        message: str,
        *,
        provider_status: int,
        kind: str,
        provider: str = "",
        provider_type: str | None = None,
        provider_code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, param=param, code=provider_code, retry_after=retry_after)
        self.provider_status = provider_status
        self.kind = kind
        self.provider = provider
        self.provider_type = provider_type

    @property
    def http_status(self) -> int:
        """The provider's own status, where it is one that a caller can act on."""
        return self.provider_status if 400 <= self.provider_status <= 599 else self.status

    @property
    def may_retry(self) -> bool:
        """True for rates, overload, server errors, time-outs and broken connections."""
        return self.kind in {"rate_limit", "overloaded", "server", "timeout", "connection", "garbled"}


class ProviderUnreachable(ProviderError):
    """Connection refused, reset, cut, or a TLS failure."""

    def __init__(self, message: str, *, provider: str = "") -> None:
        super().__init__(message, provider_status=502, kind="connection", provider=provider)
        self.error_code = "provider_unreachable"


class ProviderTimeout(ProviderError):
    """The provider was too slow: `phase` is "connect", "first_byte", "idle" or "total"."""

    def __init__(self, message: str, *, phase: str, provider: str = "") -> None:
        super().__init__(message, provider_status=504, kind="timeout", provider=provider)
        self.phase = phase
        self.error_code = "provider_timeout"


class ProviderGarbled(ProviderError):
    """The answer was not what its dialect promises."""

    def __init__(self, message: str, *, provider: str = "") -> None:
        super().__init__(message, provider_status=502, kind="garbled", provider=provider)
        self.error_code = "provider_garbled"
