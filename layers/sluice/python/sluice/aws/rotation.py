"""The rotation function, put together: what Secrets Manager, the daily schedule and an operator may ask of it.

    {"Step": "createSecret", "SecretId": ..., "ClientRequestToken": ...}   one step, from Secrets Manager
    {"sluice": "status"}     ages, versions, what is next; nothing secret
    {"sluice": "rotate"}     all four steps at once, where nobody announces versions (emulators, emergencies)
    anything else            the hourly look: the age of the oldest key as a metric; begins a rotation that is due, and
                             goes on with one that was cut off, or that an operator has put under AWSPENDING

Whatever it is asked, it touches the one secret that its settings name. Each failure of a provider is one line with the
metric `RotationFailed`; no line holds a value.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sluice.aws.credentials import credentials_from
from sluice.aws.emf import metric_line
from sluice.aws.rotation_versions import ProviderSecret
from sluice.aws.service import JsonService
from sluice.aws.stdout import StdoutLines
from sluice.control.rotation.calls import Vendor
from sluice.control.rotation.failures import RotationStopped
from sluice.control.rotation.openai_keys import OpenAIKeys
from sluice.control.rotation.options import KeyPair, RotationOptions, ServiceAccountKeys, options_from
from sluice.control.rotation.snowflake_keys import SnowflakeKeys
from sluice.control.rotation.status import oldest, status, wants_rotation
from sluice.control.rotation.steps import Rotation, Strategy, Told
from sluice.control.rotation.trial import ProviderTrial, Trial
from sluice.metrics import ROTATION_AGE, ROTATION_FAILED
from sluice.ports import LineSink, Transport
from sluice.providers.registry import Registry
from sluice.providers.tokens import Order
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings, metric_namespace

if TYPE_CHECKING:
    import httpx

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
Event = Mapping[str, Any]


class RotationFunction:
    """The handler. `client` is the way to vendors' control planes, `trial` replaces the call that tries a key."""

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        transport: Transport | None = None,
        client: httpx.Client | None = None,
        trial: Trial | None = None,
        lines: LineSink | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        told = self._settings = settings or Settings.from_environment()
        self._options = options_from(told.rotation)
        transport = transport or HttpTransport(trusted=True)
        service = JsonService(
            transport,
            credentials_from(told, transport),
            service="secretsmanager",
            target="secretsmanager",
            region=told.region,
            endpoint_url=told.endpoint_url,
            protocol="1.1",
        )
        self.secret = ProviderSecret(service, told.provider_secret)
        self._vendors = Vendors(self._options, told.table_prefix, client, sleep, now)
        self._lines = lines or StdoutLines()
        self._now = now
        self._rotation = Rotation(
            self.secret,
            self._options,
            self._vendors.strategy,
            trial or ProviderTrial(self._vendors.registry, self._vendors.outward, self._vendors.vendor, sleep),
            now=now,
            tell=self._tell,
        )

    def __call__(self, event: Event, context: Any) -> dict[str, Any]:  # noqa: ARG002 - Lambda gives it
        """Do what an event asks. Raises RotationStopped, AwsError."""
        if "Step" in event:
            self._check(str(event.get("SecretId", "")))
            self._step(str(event["Step"]), str(event["ClientRequestToken"]), registered=True)
            return {}
        if event.get("sluice") == "status":
            return status(self.secret, self._options, self._now())
        if event.get("sluice") == "rotate":
            return self._all(self._rotation.handed_in() or str(uuid.uuid4()))
        return self._look()

    def _all(self, token: str) -> dict[str, Any]:
        for step in STEPS:
            self._step(step, token, registered=False)
        return {"version": token[:8]}

    def _step(self, step: str, token: str, *, registered: bool) -> None:
        if step not in STEPS:
            raise RotationStopped(f"There is no step {step[:32]!r}; the steps are {', '.join(STEPS)}.")
        self._rotation.run(step, token, registered=registered)  # type: ignore[arg-type]

    def _look(self) -> dict[str, Any]:
        cards = status(self.secret, self._options, self._now())
        age, wanted = oldest(cards, self._options), wants_rotation(cards)
        figures = [] if age is None else [(ROTATION_AGE, round(age))]
        self._lines.write(self._line("rotation_age", figures, due=wanted))
        # Secrets Manager begins no rotation while a version is pending: one that was killed goes on, and one that an
        # operator put there is tried. Steps that it takes by itself just now may come twice.
        waiting = self._rotation.unfinished()
        problem = self._resumed(waiting) if waiting else self.secret.rotate() if wanted else ""
        if problem:
            self._tell(Told("start", "failed", words=problem))
        began = bool(wanted or waiting) and not problem
        return {"age": None if age is None else round(age), "due": wanted, "began": began}

    def _resumed(self, token: str) -> str:
        """Take all steps for a version that waits; return why that did not work."""
        try:
            self._all(token)
        except RotationStopped as error:
            return str(error)
        return ""

    def _check(self, secret_id: str) -> None:
        """Refuse any other secret: whoever may configure rotation elsewhere must not borrow this function's role."""
        name = self._settings.provider_secret
        place = secret_id.partition(":secret:")[2] or secret_id
        if place != name and not (place.startswith(f"{name}-") and len(place) == len(name) + 7):
            raise RotationStopped("This function rotates its own stage's provider secret and no other.")

    def _tell(self, told: Told) -> None:
        figures = [(ROTATION_FAILED, 1)] if told.outcome == "failed" else []
        members = {"step": told.step, "outcome": told.outcome, "provider": told.provider, "words": told.words}
        self._lines.write(self._line("rotation", figures, **members))

    def _line(self, kind: str, figures: list[Any], **members: Any) -> str:
        namespace = metric_namespace(self._settings.stage)
        return metric_line(kind, figures, namespace=namespace, at_ms=int(self._now() * 1000), members=members)


class Vendors:
    """The ways to vendors, made when they are first gone."""

    def __init__(
        self,
        options: RotationOptions,
        prefix: str,
        client: httpx.Client | None,
        sleep: Callable[[float], None],
        now: Callable[[], float],
    ) -> None:
        self.registry = Registry()
        self.outward = HttpTransport()
        self._options = options
        self._prefix = prefix
        self._client = client
        self._sleep = sleep
        self._now = now

    def vendor(self, name: str) -> Vendor:
        """Return the way to one vendor's control plane."""
        if self._client is None:
            import httpx

            self._client = httpx.Client(follow_redirects=False, trust_env=False)
        return Vendor(name, self._client, self._sleep)

    def strategy(self, name: str) -> Strategy | None:
        """Return how a provider's key changes by itself, None where it does not."""
        chosen = self._options.of(name)
        if isinstance(chosen, ServiceAccountKeys):
            return OpenAIKeys(self.vendor(name), chosen, self._prefix)
        if isinstance(chosen, KeyPair):
            return SnowflakeKeys(self.vendor(name), chosen, lambda entry: self._order(name, entry), self._sleep)
        return None

    def _order(self, name: str, entry: Mapping[str, str]) -> Order:
        provider = self.registry.provider(name)
        if provider is None:
            raise RotationStopped(f"The catalogue has no provider {name!r}.")
        return Order(provider, provider.auth, entry, self.outward, self._now)


def rotation_handler(settings: Settings | None = None) -> RotationFunction:
    """Return the handler of the rotation function."""
    return RotationFunction(settings)
