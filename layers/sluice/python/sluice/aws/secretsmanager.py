"""Secrets Manager for the request path: one call, and a store that holds what it read.

All provider keys are one JSON secret, because a call for each of them from each environment would cost more than the
functions do. The store reads it again when it is old (after answers, so that nobody waits), when a provider answered
401, and keeps what it has while Secrets Manager is out of reach. Of several threads that want it read one reads, and
the others wait for what it finds. No value appears in `repr`, in an error or in a log.
"""

from __future__ import annotations

import json
import time
from _thread import allocate_lock  # `threading` would be one more module at a cold start
from collections.abc import Callable, Mapping
from typing import TypeVar

from sluice.aws.credentials import CredentialSource
from sluice.aws.errors import AwsError
from sluice.aws.service import BUDGET, JsonService
from sluice.ports import Transport
from sluice.settings import SECRET_TTL_SECONDS

TTL_SECONDS = float(SECRET_TTL_SECONDS)
RENEW_AT = 0.8
"""The share of the TTL after which `renew` reads again."""
RETRY_SECONDS = 30.0
"""How long a value past its TTL stays in force after a failed read before the next try."""

Value = TypeVar("Value")


class SecretUnusable(AwsError):
    """A secret is missing, out of reach or not the JSON it should be; the message says which and what to do."""

    status = 503
    code = "secret_unusable"


class Sealed(dict[str, Value]):
    """A dict whose text shows how many entries it has and none of them."""

    def __repr__(self) -> str:
        return f"<{len(self)} sealed>"

    __str__ = __repr__


class SecretsManagerClient:
    """Reads secret values. `attempts` bounds the tries of one call, `budget` its seconds."""

    def __init__(
        self,
        transport: Transport,
        credentials: CredentialSource,
        *,
        region: str,
        endpoint_url: str | None = None,
        attempts: int = 4,
        budget: float = BUDGET,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = JsonService(
            transport,
            credentials,
            service="secretsmanager",
            target="secretsmanager",
            region=region,
            endpoint_url=endpoint_url,
            protocol="1.1",
            attempts=attempts,
            budget=budget,
            now=now,
            sleep=sleep,
        )

    def get_secret_value(self, name: str, stage: str = "AWSCURRENT") -> str:
        """Return the string of the secret's version at `stage`, "" for one that has none. Raises AwsError."""
        answer = self._service.call("GetSecretValue", {"SecretId": name, "VersionStage": stage})
        return str(answer.get("SecretString") or "")


class SecretsManagerStore:
    """Holds the provider keys and the pepper (`ports.SecretStore`). `now` gives epoch seconds."""

    def __init__(
        self,
        client: SecretsManagerClient,
        *,
        provider_secret: str,
        gateway_secret: str,
        ttl: float = TTL_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._provider_secret = provider_secret
        self._gateway_secret = gateway_secret
        self._ttl = ttl
        self._now = now
        self._bundle: Sealed[Sealed[str]] | None = None
        self._good_until = 0.0
        self._read_at = 0.0
        self._pepper = b""
        self._reading = allocate_lock()

    def __repr__(self) -> str:
        return f"SecretsManagerStore({self._provider_secret!r}, {self._gateway_secret!r})"

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        """Return the bundle: provider -> {"api_key": ...}. Raises SecretUnusable when none could ever be read."""
        held = self._bundle
        if held is not None and self._now() < self._good_until:
            return held
        with self._reading:
            held = self._bundle
            if held is not None and self._now() < self._good_until:
                return held
            try:
                return self._read()
            except AwsError:
                if held is None:
                    raise
                self._good_until = self._now() + RETRY_SECONDS
                return held

    def refresh(self) -> None:
        """Read the bundle again now, as after a 401. Raises SecretUnusable; what is held stays in force.

        How often that may be asked is decided for each provider by itself (`providers.credentials.READ_SPACING`).
        """
        with self._reading:
            self._read()

    def renew(self) -> None:
        """Read the bundle again if what is held is getting old. Raises SecretUnusable; what is held stays in force."""
        if self._bundle is not None and self._now() - self._read_at >= self._ttl * RENEW_AT:
            with self._reading:
                if self._now() - self._read_at >= self._ttl * RENEW_AT:
                    self._read()

    def pepper(self) -> bytes:
        """Return the key of the HMAC under which virtual keys are stored. Raises SecretUnusable."""
        if not self._pepper:
            pepper = self._object("SLUICE_GATEWAY_SECRET", self._gateway_secret).get("pepper")
            if not isinstance(pepper, str) or not pepper:
                raise _unusable("SLUICE_GATEWAY_SECRET", 'it has no text under "pepper"')
            self._pepper = pepper.encode()
        return self._pepper

    def _read(self) -> Sealed[Sealed[str]]:
        document = self._object("SLUICE_PROVIDER_SECRET", self._provider_secret)
        bundle: Sealed[Sealed[str]] = Sealed()
        for provider, entry in document.items():
            # A malformed entry leaves one provider without a key; refusing the bundle would stop them all.
            if isinstance(entry, dict):
                bundle[provider] = Sealed({name: value for name, value in entry.items() if isinstance(value, str)})
        self._bundle = bundle
        self._read_at = self._now()
        self._good_until = self._read_at + self._ttl
        return bundle

    def _object(self, variable: str, name: str) -> dict[str, object]:
        try:
            text = self._client.get_secret_value(name)
        except AwsError as error:
            raise _unusable(variable, f"it could not be read: {error.message}", error) from None
        document = _parsed(text)
        if document is None:
            # Raised outside any handler: a parser's error would carry the document.
            raise _unusable(variable, "it is not a JSON object")
        return document


def _parsed(text: str) -> dict[str, object] | None:
    try:
        document = json.loads(text or "{}")
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _unusable(variable: str, reason: str, cause: AwsError | None = None) -> SecretUnusable:
    return SecretUnusable(
        "secretsmanager",
        "GetSecretValue",
        f"The secret that {variable} names cannot be used: {reason.rstrip('.')}.",
        aws_code=cause.aws_code if cause is not None else "",
        detail=cause.detail if cause is not None else "",
    )
