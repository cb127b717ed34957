"""The only composition: adapters in, application out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sluice.app import App, UseCase
from sluice.counting import count_tokens
from sluice.dialects import translates
from sluice.dispatch import Clock, Dispatcher
from sluice.endpoints import Match
from sluice.errors import InternalError
from sluice.governance.authentication import Authenticator
from sluice.inbound import gemini_call, gemini_framed
from sluice.inbound_bedrock import bedrock_call
from sluice.lookups import Lookups
from sluice.metering.tally import Tally
from sluice.pipeline import Services, run
from sluice.ports import ConfigurationStore, KeyStore, LedgerStore, LineSink, SecretStore, Transport, UploadAccess
from sluice.providers.credentials import Credentials
from sluice.providers.registry import Registry
from sluice.routing.router import Router
from sluice.routing.snapshot import ConfigurationSnapshot
from sluice.settle import Settlement
from sluice.signing import CredentialSource
from sluice.types.http import Request, Response
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Configuration

if TYPE_CHECKING:
    from sluice.admission import Gate
    from sluice.governance.identity.callers import IdentityCallers
    from sluice.governance.listings import Listings
    from sluice.metering.tally import Recorder
    from sluice.ports import BatchStore, BucketStore, CounterStore, PayloadStore, ResponseStore, UsageReader
    from sluice.readiness import Readiness
    from sluice.stored_responses.reading import StoredResponses
    from sluice.telemetry.calls import CountedCalls
    from sluice.types.archives import ArchivePolicy
    from sluice.uploads import Uploads


@dataclass(frozen=True)
class Adapters:
    """What the outside gives: AWS in production, an emulator or fakes elsewhere."""

    keys: KeyStore
    configurations: ConfigurationStore
    ledger: LedgerStore
    secrets: SecretStore
    transport: Transport
    lines: LineSink
    encode_line: Callable[[LedgerEntry, bool], str]
    open_line: Callable[[Tally], str]
    region: str = ""
    role: CredentialSource | None = None
    """The function's own AWS credentials, for providers that take them; `sts_url` replaces the address of AWS STS."""
    role_services: Collection[str] = ()
    """The AWS services that the role was allowed to call as providers."""
    sts_url: str = ""
    clock: Clock = field(default_factory=Clock)
    catalogues: tuple[Path, ...] = ()
    uploads: UploadAccess | None = None
    batches: Callable[[], BatchStore] | None = None
    """Makes the store of message batches when one is first asked for; None: this gateway keeps none."""
    responses: Callable[[], ResponseStore] | None = None
    """None: no answer of the Responses API is stored."""
    counters: Callable[[], tuple[CounterStore, BucketStore]] | None = None
    """Makes the stores of budgets and limits when a configuration first has some; None: nothing is enforced."""
    listing: Callable[[], Callable[[str, int], None]] | None = None
    """Makes what lists a counter by its name and how long to keep that; None: counters are not listed."""
    regions: tuple[str, ...] = ()
    """All regions of the deployment, among which caps are shared out."""
    usage: Callable[[], UsageReader] | None = None
    """Makes the reader of usage when it is first asked for; None: none is kept."""
    probes: Callable[[], Mapping[str, Callable[[], object]]] | None = None
    """Makes what the deep health check asks, when it is first asked for; None: there is no such check."""
    attempt_lines: Callable[[LedgerEntry], Iterable[str]] | None = None
    fault_line: Callable[[str, str, str], str] | None = None
    """As in `Settlement`."""
    payloads: Callable[[], PayloadStore] | None = None
    """Makes the store of payloads when a route first archives some; None: there is none."""


def services(adapters: Adapters) -> tuple[Services, Registry]:
    """Compose the request path, and the registry it reads."""
    clock = adapters.clock
    registry = Registry(adapters.catalogues) if adapters.catalogues else Registry()
    credentials = Credentials(
        adapters.secrets,
        adapters.transport,
        catalogue=registry.provider,
        role=adapters.role,
        granted=adapters.role_services,
        region=adapters.region,
        sts_url=adapters.sts_url,
        now=clock.epoch,
    )
    configuration = ConfigurationSnapshot(adapters.configurations, clock.epoch)
    authenticator, strangers = _authentication(adapters, configuration)
    gates = _Gates(adapters)
    dispatcher = Dispatcher(adapters.transport, credentials.refresh, clock, adapters.lines.write)

    def recorder(policy: ArchivePolicy, request: Request, request_id: str) -> Recorder | None:
        from sluice import archiving

        if not archiving.chosen(policy, request_id):
            return None
        return archiving.Recorder(policy, request, adapters.payloads, composed.settlement.report)

    composed = Services(
        authenticator=authenticator,
        configuration=configuration,
        router=Router(registry, credentials.has, translates, clock.random, adapters.region),
        dispatcher=dispatcher,
        credentials=credentials,
        settlement=Settlement(
            ledger=adapters.ledger,
            lines=adapters.lines,
            encode=adapters.encode_line,
            monotonic=clock.monotonic,
            refreshes=(
                authenticator.refresh,
                strangers.renew,
                configuration.refresh,
                adapters.secrets.renew,
                credentials.renew,
                gates.maintain,
            ),
            watch=dispatcher.close,
            attempts=adapters.attempt_lines,
            fault=adapters.fault_line,
        ),
        ledger=adapters.ledger,
        clock=clock,
        open_line=adapters.open_line,
        region=adapters.region,
        uploads=adapters.uploads,
        gate=gates.open if adapters.counters is not None else None,
        gate_calls=gates.calls,
        recorder=recorder,
        responses=adapters.responses,
    )
    return composed, registry


def _authentication(adapters: Adapters, configuration: ConfigurationSnapshot) -> tuple[Authenticator, Strangers]:
    epoch = adapters.clock.epoch
    strangers = Strangers(configuration.current, adapters.transport, epoch)
    return Authenticator(adapters.keys, adapters.secrets.pepper, epoch, strangers.open), strangers


class Strangers:
    """Makes what knows callers without a virtual key when the first of them comes."""

    def __init__(
        self, configuration: Callable[[], Configuration], transport: Transport, now: Callable[[], float]
    ) -> None:
        self._configuration = configuration
        self._transport = transport
        self._now = now
        self._callers: IdentityCallers | None = None

    def open(self) -> IdentityCallers:
        """Return it."""
        if self._callers is None:
            from sluice.governance.identity.callers import IdentityCallers
            from sluice.providers.addresses import check_base_url

            self._callers = IdentityCallers(
                lambda: self._configuration().identity, self._transport, check_base_url, self._now
            )
        return self._callers

    def renew(self) -> None:
        """Fetch issuers' keys that are getting old, after an answer."""
        if self._callers is not None:
            self._callers.renew()


class _Gates:
    """Makes the gate of budgets and limits when a configuration first has some."""

    def __init__(self, adapters: Adapters) -> None:
        self._adapters = adapters
        self._gate: Gate | None = None
        self._listings: Listings | None = None
        self._calls: CountedCalls | None = None

    def calls(self) -> int:
        """Return how many calls to counters and buckets were made so far."""
        return 0 if self._calls is None else self._calls.count

    def open(self) -> Gate:
        """Return the gate."""
        if self._gate is None:
            from sluice.admission import Gate
            from sluice.governance.buckets import Buckets
            from sluice.governance.leases import Leases
            from sluice.governance.standing import StandingHolds
            from sluice.telemetry.calls import CountedCalls

            adapters, epoch = self._adapters, self._adapters.clock.epoch
            if adapters.counters is None:
                raise InternalError("This function was not given the stores of budgets and limits.")
            self._calls = CountedCalls()
            counters, buckets = map(self._calls.counting, adapters.counters())
            leases = Leases(counters, region=adapters.region, regions=adapters.regions, now=epoch)
            rates = Buckets(
                buckets,
                counters,
                region=adapters.region,
                regions=adapters.regions,
                environment=leases.environment,
                now=lambda: int(epoch() * 1_000_000_000),
            )
            if adapters.listing is not None:
                from sluice.governance.listings import Listings

                self._listings = Listings(adapters.listing(), epoch)
            standing = StandingHolds(counters, region=adapters.region, regions=adapters.regions, now=epoch)
            self._gate = Gate(leases, rates, epoch, standing)
        return self._gate

    def maintain(self) -> None:
        """Bring what is held up to size, after an answer."""
        if self._gate is None:
            return
        held = () if self._listings is None else self._gate.leases.held()
        self._gate.maintain()
        if self._listings is not None:
            opened = [self._gate.standing.names] + ([] if self._gate.buckets is None else [self._gate.buckets.names])
            self._listings.note([*(name for names in opened for name in names), *(key.name for key in held)])
            for names in opened:
                names.clear()


def application(adapters: Adapters) -> App:
    """Compose the application that serves every endpoint but the control plane's."""
    composed, registry = services(adapters)
    lookups = Lookups(
        authenticator=composed.authenticator,
        configuration=composed.configuration,
        router=composed.router,
        registry=registry,
        ledger=composed.ledger,
    )

    def model_call(request: Request, match: Match) -> Response:
        return run(request, match.endpoint.operation, match.endpoint.dialect, composed)

    def generate_content(request: Request, match: Match) -> Response:
        sent, method = gemini_call(request, match)
        if method.operation == "count_tokens":
            return count_tokens(sent, method.dialect, composed)
        return gemini_framed(request, run(sent, method.operation, method.dialect, composed))

    def bedrock(request: Request, match: Match) -> Response:
        sent, action = bedrock_call(request, match)
        if action.operation == "count_tokens":
            return count_tokens(sent, action.dialect, composed)
        return run(sent, action.operation, action.dialect, composed)

    use_cases: dict[str, UseCase] = {
        "chat": model_call,
        "bedrock": bedrock,
        "completions": model_call,
        "generate_content": generate_content,
        "embeddings": model_call,
        "rerank": model_call,
        "moderations": model_call,
        **dict.fromkeys(("images", "image_edits", "transcriptions", "translations", "speech"), model_call),
        "count_tokens": lambda request, match: count_tokens(request, match.endpoint.dialect, composed),
        "models": lookups.models,
        "model": lookups.model,
        "route": lookups.route,
        "request": lookups.entry,
        **usage_use_cases(composed, adapters),
        "health": lookups.health,
        **readiness_use_cases(adapters),
        **upload_use_cases(composed),
        **batch_use_cases(composed, adapters),
        **response_use_cases(composed),
    }
    return App(use_cases, composed.settlement.report, lambda: int(adapters.clock.epoch() * 1000))


def response_use_cases(composed: Services) -> dict[str, UseCase]:
    """Return the use cases of the Responses API, whose modules are loaded with the first of them."""

    def create(request: Request, _: Match) -> Response:
        from sluice.stored_responses.creating import create

        return create(request, composed)

    def count(request: Request, _: Match) -> Response:
        from sluice.stored_responses.counting import count_input

        return count_input(request, composed)

    def stored() -> StoredResponses:
        from sluice.stored_responses.reading import StoredResponses

        return StoredResponses(composed)

    return {
        "responses": create,
        "response_input_tokens": count,
        "response_retrieve": lambda request, match: stored().retrieve(request, match),
        "response_delete": lambda request, match: stored().delete(request, match),
        "response_cancel": lambda request, match: stored().cancel(request, match),
        "response_input_items": lambda request, match: stored().input_items(request, match),
    }


def usage_use_cases(composed: Services, adapters: Adapters) -> dict[str, UseCase]:
    """Return the use case of usage, whose module is loaded when it is first asked for."""
    reader = adapters.usage
    if reader is None:
        return {}

    def usage(request: Request, match: Match) -> Response:
        from sluice.usage_reports import UsageReports

        return UsageReports(composed.authenticator, reader()).show(request, match)

    return {"usage": usage}


def readiness_use_cases(adapters: Adapters) -> dict[str, UseCase]:
    """Return the use case of the deep health check, whose module is loaded when it is first asked for."""
    probes = adapters.probes
    if probes is None:
        return {}

    @cache
    def readiness() -> Readiness:
        from sluice.readiness import Readiness

        return Readiness(probes(), adapters.clock.epoch)

    return {"ready": lambda request, match: readiness().answer()}  # noqa: ARG005 - one shape for all use cases


def upload_use_cases(composed: Services) -> dict[str, UseCase]:
    """Return the use cases of uploads, whose module is loaded with the first of them."""

    def uploads() -> Uploads:
        from sluice.uploads import Uploads

        def admit(team: str) -> None:
            if (live := composed.configuration.current()).residency:
                from sluice.routing.residency import check_region, fences_of

                check_region(fences_of(live, team), team, composed.region)

        access, clock = composed.uploads, composed.clock
        return Uploads(composed.authenticator, access, lambda: int(clock.epoch() * 1000), admit=admit)

    return {
        "upload_create": lambda request, _: uploads().create(request),
        "upload_show": lambda request, match: uploads().show(request, match.param("upload_id")),
        "upload_delete": lambda request, match: uploads().delete(request, match.param("upload_id")),
    }


def batch_use_cases(composed: Services, adapters: Adapters) -> dict[str, UseCase]:
    """Return the use cases of message batches, whose module is loaded with the first of them."""

    def case(operation: str) -> UseCase:
        def serve(request: Request, match: Match) -> Response:
            from sluice.batches.use_cases import use_cases

            served = use_cases(composed, adapters.batches, adapters.transport)
            return served[operation](request, match.param("batch_id"))

        return serve

    acts = ("create", "list", "show", "results", "cancel", "delete")
    return {f"message_batch_{act}": case(f"message_batch_{act}") for act in acts}
