"""The context object that a handler gets: that of the managed runtime, and the mark that answers may be streamed."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping

W3C_FIELDS = ("traceparent", "tracestate", "baggage")


class CognitoIdentity:
    """Who called, when a Cognito identity did; else both ids are None."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.cognito_identity_id = fields.get("cognitoIdentityId")
        self.cognito_identity_pool_id = fields.get("cognitoIdentityPoolId")


class Client:
    """The mobile application that called."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.installation_id = fields.get("installation_id")
        self.app_title = fields.get("app_title")
        self.app_version_name = fields.get("app_version_name")
        self.app_version_code = fields.get("app_version_code")
        self.app_package_name = fields.get("app_package_name")


class ClientContext:
    """What the caller put into the invocation's ClientContext."""

    def __init__(self, fields: Mapping[str, object]) -> None:
        self.custom = fields.get("custom")
        self.env = fields.get("env")
        client = fields.get("client")
        self.client = Client(client) if isinstance(client, dict) else None


class Context:
    """One invocation as a handler sees it; `deadline_ms` is epoch milliseconds.

    What few handlers read (client context, identity) is decoded when asked for.
    """

    response_streaming = True

    def __init__(self, headers: Mapping[str, str]) -> None:
        environment = os.environ
        self.aws_request_id = headers.get("lambda-runtime-aws-request-id", "")
        self.invoked_function_arn = headers.get("lambda-runtime-invoked-function-arn")
        self.tenant_id = headers.get("lambda-runtime-aws-tenant-id")
        self.deadline_ms = int(headers.get("lambda-runtime-deadline-ms") or 0)
        self.function_name = environment.get("AWS_LAMBDA_FUNCTION_NAME")
        self.function_version = environment.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.memory_limit_in_mb = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.log_group_name = environment.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = environment.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self._client_context = headers.get("lambda-runtime-client-context")
        self._identity = headers.get("lambda-runtime-cognito-identity")

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the environment is cut off; never negative."""
        return max(0, self.deadline_ms - int(time.time() * 1000))

    @property
    def client_context(self) -> ClientContext | None:
        """The caller's ClientContext, or None. Raises ValueError when it is not JSON."""
        return ClientContext(json.loads(self._client_context)) if self._client_context else None

    @property
    def identity(self) -> CognitoIdentity:
        """The caller's Cognito identity. Raises ValueError when it is not JSON."""
        return CognitoIdentity(json.loads(self._identity) if self._identity else {})

    def w3c(self) -> dict[str, str]:
        """The W3C trace fields that came with the client context."""
        fields = json.loads(self._client_context).get("w3c") if self._client_context else None
        if not isinstance(fields, dict):
            return {}
        return {name: fields[name] for name in W3C_FIELDS if isinstance(fields.get(name), str)}

    def log(self, message: object) -> None:
        """Write to the function's log."""
        sys.stdout.write(str(message))
