"""The function's own AWS credentials; no value of theirs appears in `repr`, in an error or in a log.

Lambda puts them into the environment for the life of the execution environment. An environment restored from a snapshot
gets the address of a local endpoint instead (Lambda developer guide, "SnapStart": credentials come from the container
provider), whose answers expire.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from sluice.aws.errors import Unavailable
from sluice.ports import Transport, UpstreamCall
from sluice.settings import Settings, SettingsError
from sluice.signing import Credentials, CredentialSource, FixedCredentials
from sluice.types.routes import Timeouts

__all__ = ["ContainerCredentials", "CredentialSource", "Credentials", "FixedCredentials", "credentials_from"]

RENEW_SECONDS = 300.0
"""Credentials that expire are fetched again this long before they do."""
_TIMEOUTS = Timeouts(connect=1.0, first_byte=2.0, idle=2.0, total=3.0)


class ContainerCredentials:
    """Credentials from the endpoint that Lambda names to a restored environment. `now` gives epoch seconds."""

    def __init__(
        self, transport: Transport, url: str, authorization: str, *, now: Callable[[], float] = time.time
    ) -> None:
        self._transport = transport
        self._url = url
        self._authorization = authorization
        self._now = now
        self._credentials: Credentials | None = None
        self._renew_at = 0.0

    def current(self) -> Credentials:
        """Return the credentials, fetched again shortly before they expire. Raises Unavailable."""
        if self._credentials is None or self._now() >= self._renew_at:
            self._credentials, expires = self._fetch()
            self._renew_at = expires - RENEW_SECONDS
        return self._credentials

    def _fetch(self) -> tuple[Credentials, float]:
        headers = {"authorization": self._authorization} if self._authorization else {}
        call = UpstreamCall("GET", self._url, headers, b"", _TIMEOUTS, allow_loopback=True)
        answer = self._transport.send(call)
        body = answer.read(65_536)
        parsed = _parse(body) if answer.status == 200 else None
        if parsed is None:
            # Raised outside any handler: a parser's error would carry the document.
            raise Unavailable("credentials", "fetch", f"The credentials endpoint answered {answer.status}.")
        return parsed


def credentials_from(settings: Settings, transport: Transport) -> CredentialSource:
    """Return the source that the settings name. Raises SettingsError when they name none."""
    if settings.credentials_url:
        return ContainerCredentials(transport, settings.credentials_url, settings.credentials_authorization)
    if settings.access_key_id and settings.secret_access_key:
        return FixedCredentials(Credentials(settings.access_key_id, settings.secret_access_key, settings.session_token))
    raise SettingsError(
        "Environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; Lambda sets them, "
        "anywhere else set them yourself."
    )


def _parse(body: bytes) -> tuple[Credentials, float] | None:
    from datetime import datetime

    try:
        document = json.loads(body)
        found = Credentials(document["AccessKeyId"], document["SecretAccessKey"], document["Token"])
        return found, datetime.fromisoformat(document["Expiration"]).timestamp()
    except (ValueError, KeyError, TypeError):
        return None
