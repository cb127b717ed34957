"""From the name a caller sent to the ordered deployments that may serve it, with a reason for each place.

candidates (route, or the catalogue and custom models) -> what rules each out -> the strategy's order -> plan. What
depends only on the configuration is worked out once per version and name; what depends on the caller (its
allow-list, the draw of a weighted route) is done for each request.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Protocol

from sluice.errors import BadRequest, GatewayError, NoHealthyUpstream, NotFound, PermissionDenied
from sluice.types.catalogue import Model, Provider, ProviderEndpoint, nameable
from sluice.types.routes import (
    Configuration,
    Deployment,
    Plan,
    Planned,
    ProviderSettings,
    Rejection,
    Route,
    RouteTarget,
)
from sluice.types.tenancy import Caller

CACHED_NAMES = 2048
DIRECT = Route(name="", targets=())
ALSO = {"completions": "chat", "chat": "completions"}
"""Operation -> the one that serves its requests where a model has no endpoint of the first: a text can be completed by
a chat model, and a chat of one text by a model that only completes."""


class Catalogue(Protocol):
    """What the router needs of the provider registry."""

    def provider(self, name: str) -> Provider | None:
        """Return one provider."""

    def resolve(self, name: str) -> list[tuple[Provider, Model]]:
        """Return who offers the model called `name`."""

    def unlisted(self, provider: Provider, name: str) -> Model:
        """Return what a provider's rules say of a model that it does not list."""


class Router:
    """Plans requests.

    `has_credential` tells whether the gateway holds a key for a provider, `translates` whether one chat dialect
    can be turned into another (caller's, provider's). `region` is where this gateway runs.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        has_credential: Callable[[str], bool],
        translates: Callable[[str, str], bool],
        draw: Callable[[], float] = random.random,
        region: str = "",
    ) -> None:
        self._catalogue = catalogue
        self._has_credential = has_credential
        self._translates = translates
        self._draw = draw
        self._region = region
        self._cached: dict[tuple[str, str, str, str], tuple[Route, list[_Candidate]]] = {}

    def plan(self, requested: str, operation: str, dialect: str, configuration: Configuration, caller: Caller) -> Plan:
        """Return the plan for one request.

        Raises:
            BadRequest: the bare model id is offered by several providers.
            NotFound: nobody offers the model.
            PermissionDenied: the key may not use any of its deployments, or the team's requests may go to none of them.
            NoHealthyUpstream: deployments exist, and each of them is ruled out.
        """
        outside = self._fenced(configuration, caller) if configuration.residency else _nothing
        route, candidates = self._candidates(requested, operation, dialect, configuration)
        whole_route = bool(route.name) and caller.key.allows(route.name)
        usable: list[_Candidate] = []
        rejected: list[Rejection] = []
        forbidden = fenced = 0
        for candidate in candidates:
            if candidate.deployment is None:
                rejected.append(Rejection(candidate.name, candidate.reason))
            elif reason := outside(candidate.deployment):
                fenced += 1
                rejected.append(Rejection(candidate.name, reason))
            elif whole_route or caller.key.allows(requested, candidate.name, candidate.deployment.model.id):
                usable.append(candidate)
            else:
                forbidden += 1
                rejected.append(Rejection(candidate.name, f"key {caller.key.id} may not call it"))
        if not usable:
            raise _refusal(requested, caller, rejected, forbidden, fenced)
        return Plan(
            requested=requested,
            route=route.name or None,
            choices=self._ordered(route, usable),
            rejected=tuple(rejected),
            timeouts=route.timeouts,
            retry=route.retry,
            config_version=configuration.version,
            strict_parameters=route.strict_parameters,
            cold_starts=route.cold_starts,
        )

    def _fenced(self, configuration: Configuration, caller: Caller) -> Callable[[Deployment], str]:
        """Return what tells why a deployment is outside of the caller's fences. Raises PermissionDenied."""
        from sluice.routing.residency import check_region, fences_of, objection

        fences = fences_of(configuration, caller.team)
        check_region(fences, caller.team, self._region)
        return lambda deployment: objection(fences, deployment, self._region)

    def deployment(self, name: str, operation: str, dialect: str, configuration: Configuration) -> Deployment:
        """Return the deployment called `provider/model`, whoever asks. Raises NotFound, NoHealthyUpstream."""
        _, candidates = self._candidates(name, operation, dialect, configuration)
        for candidate in candidates:
            if candidate.deployment is not None:
                return candidate.deployment
        raise NoHealthyUpstream(f"{name[:256]} cannot be asked ({'; '.join(c.reason for c in candidates)}).")

    def priced(self, model: Model, provider: Provider, configuration: Configuration) -> Model:
        """Return a model at its list prices in dollars, at the place where the configuration has it called."""
        return _listed(model, _configured(provider, _settings(configuration, provider)), None, configuration)

    def reachable(self, provider: Provider, configuration: Configuration) -> bool:
        """Return whether the provider is enabled, has an address, and has a key where it wants one."""
        provider = _configured(provider, _settings(configuration, provider))
        keyed = provider.auth.scheme == "none" or self._has_credential(provider.name)
        return provider.enabled and bool(provider.base_url) and keyed

    def _ordered(self, route: Route, usable: list[_Candidate]) -> tuple[Planned, ...]:
        if route.strategy != "weighted":
            if len(usable) == 1 and usable[0].deployment is not None:
                return (Planned(usable[0].deployment, usable[0].reason),)
            return tuple(
                Planned(c.deployment, f"{c.reason}, place {place} of an ordered route")
                for place, c in enumerate(usable, 1)
                if c.deployment is not None
            )
        total = sum(c.weight for c in usable)
        point = self._draw() * total
        first = usable[-1]
        for candidate in usable:
            point -= candidate.weight
            if point < 0:
                first = candidate
                break
        rest = sorted((c for c in usable if c is not first), key=lambda c: -c.weight)
        reasons = [f"drawn with weight {first.weight} of {total}", *(f"fallback, weight {c.weight}" for c in rest)]
        return tuple(
            Planned(c.deployment, reason)
            for c, reason in zip((first, *rest), reasons, strict=True)
            if c.deployment is not None
        )

    def _candidates(
        self, requested: str, operation: str, dialect: str, configuration: Configuration
    ) -> tuple[Route, list[_Candidate]]:
        key = (configuration.version, requested, operation, dialect)
        found = self._cached.get(key)
        if found is None:
            route = configuration.routes.get(requested, DIRECT)
            targets = route.targets or (RouteTarget(requested),)
            candidates: list[_Candidate] = []
            for target in targets:
                candidates.extend(self._resolve(target, operation, dialect, configuration, in_route=bool(route.name)))
            found = (route, candidates)
            if any(c.deployment is not None for c in candidates):  # a missing credential may arrive any moment
                if len(self._cached) >= CACHED_NAMES:
                    self._cached.clear()
                self._cached[key] = found
        return found

    def _resolve(
        self, target: RouteTarget, operation: str, dialect: str, configuration: Configuration, *, in_route: bool
    ) -> list[_Candidate]:
        offers = self._offers(target.model, configuration)
        if not offers:
            if in_route:
                return [_Candidate(target.model, None, "no provider of this gateway has the model", target.weight)]
            raise NotFound(
                f"Model {target.model[:128]!r} is not known to this gateway. GET /v1/models lists what is; a new model "
                "is added by configuration with its price.",
                param="model",
                code="model_not_found",
            )
        candidates = [
            self._judge(offer, target, operation=operation, dialect=dialect, configuration=configuration)
            for offer in offers
        ]
        if len(offers) > 1 and not in_route:
            serving = [c for c in candidates if c.deployment is not None]
            if len(serving) > 1:
                names = ", ".join(c.name for c in serving)
                raise BadRequest(
                    f"Several providers offer {target.model!r}; name one of {names}.",
                    param="model",
                    code="ambiguous_model",
                )
        return candidates

    def _offers(self, name: str, configuration: Configuration) -> list[tuple[Provider, Model]]:
        custom = configuration.models.get(name)
        if custom is not None:
            provider = self._catalogue.provider(custom.provider)
            return [(provider, self._completed(custom, provider))] if provider is not None else []
        offers = self._catalogue.resolve(name) or self._unlisted(name, configuration)
        if not offers:
            for model in _customs(name, configuration):
                provider = self._catalogue.provider(model.provider)
                if provider is not None:
                    offers.append((provider, self._completed(model, provider)))
        if len(offers) > 1:
            configured = [offer for offer in offers if _settings(configuration, offer[0]).enabled or offer[0].enabled]
            return configured or offers
        return offers

    def _completed(self, custom: Model, provider: Provider) -> Model:
        """Add to a custom model what the catalogue says of one of its name, so that a price alone can be stated."""
        listed = (
            model for owner, model in self._catalogue.resolve(f"{provider.name}/{custom.id}") if owner is provider
        )
        known = next(listed, None) or self._catalogue.unlisted(provider, custom.id)
        return replace(
            custom,
            context=custom.context or known.context,
            max_output=custom.max_output or known.max_output,
            capabilities=custom.capabilities or known.capabilities,
            dialects=custom.dialects or known.dialects,
            quirks={**known.quirks, **custom.quirks},
        )

    def _unlisted(self, name: str, configuration: Configuration) -> list[tuple[Provider, Model]]:
        """Take a name as it is where the configuration says that its provider may be asked for any model."""
        head, slash, rest = name.partition("/")
        provider = self._catalogue.provider(head) if slash and rest else None
        if provider is None or not _settings(configuration, provider).any_model or not nameable(rest):
            return []
        return [(provider, self._catalogue.unlisted(provider, rest))]

    def _judge(
        self,
        offer: tuple[Provider, Model],
        target: RouteTarget,
        *,
        operation: str,
        dialect: str,
        configuration: Configuration,
    ) -> _Candidate:
        provider, model = offer
        settings = _settings(configuration, provider)
        provider = _configured(provider, settings)
        model = _listed(model, provider, target.region, configuration)
        name = f"{provider.name}/{model.id}"
        endpoint = self._endpoint(provider, model, operation, dialect)
        if endpoint is None and operation in ALSO:
            endpoint = self._endpoint(provider, model, ALSO[operation], dialect)
        reason = ""
        if not provider.enabled:
            reason = f"provider {provider.name} is not enabled in the configuration"
        elif not provider.base_url:
            reason = f"provider {provider.name} has no base URL in the configuration"
        elif provider.auth.scheme != "none" and not self._has_credential(provider.name):
            reason = f"the gateway holds no key for {provider.name}"
        elif endpoint is None:
            reason = f"it does not serve {operation} to callers of the {dialect} dialect"
        elif not model.prices and not configuration.unpriced_ceiling:
            units = sorted({price.unit for price in offer[1].prices})
            reason = "it has no price, and an unpriced model is not free; configure a price or a ceiling"
            if units:
                reason = f"its prices are in {' and '.join(units)}; configure what one costs in 'units', or a ceiling"
        if reason or endpoint is None:
            return _Candidate(name, None, reason, target.weight)
        deployment = Deployment(provider, model, endpoint, model.id, target.region)
        same = "same dialect" if endpoint.dialect == dialect else f"translated to {endpoint.dialect}"
        return _Candidate(name, deployment, same, target.weight)

    def _endpoint(self, provider: Provider, model: Model, operation: str, dialect: str) -> ProviderEndpoint | None:
        if operation not in model.operations:
            return None
        offered = [
            e
            for e in provider.endpoints
            if e.operation == operation
            # A model's dialects say how one may chat with it; other operations have one dialect each.
            and (operation != "chat" or not model.dialects or e.dialect in model.dialects)
        ]
        for endpoint in offered:
            if endpoint.dialect == dialect:
                return endpoint
        for endpoint in offered:
            if self._translates(dialect, endpoint.dialect):
                return endpoint
        return None


class _Candidate:
    """A deployment, or None with the reason that rules it out."""

    __slots__ = ("deployment", "name", "reason", "weight")

    def __init__(self, name: str, deployment: Deployment | None, reason: str, weight: int) -> None:
        self.name = name
        self.deployment = deployment
        self.reason = reason
        self.weight = weight


_UNCHANGED = ProviderSettings()


def _listed(model: Model, provider: Provider, region: str | None, configuration: Configuration) -> Model:
    """Return the model with its list prices in dollars, at the place where it is called."""
    surcharges = model.quirks.get("regional_surcharge", provider.quirks.get("regional_surcharge"))
    if not surcharges and not any(price.unit for price in model.prices):
        return model
    from sluice.routing.list_prices import in_dollars, surcharged

    model = in_dollars(model, configuration.units)
    return surcharged(model, surcharges, provider.base_url, region) if isinstance(surcharges, Mapping) else model


def _customs(name: str, configuration: Configuration) -> Iterator[Model]:
    """Yield the custom models with a bare name, or an alias, which then is what their providers are sent."""
    for model in configuration.models.values():
        if model.id == name:
            yield model
        for alias in model.aliases:
            if name in {alias, f"{model.provider}/{alias}"}:
                yield replace(model, id=alias)


def _settings(configuration: Configuration, provider: Provider) -> ProviderSettings:
    return configuration.providers.get(provider.name, _UNCHANGED)


def _configured(provider: Provider, settings: ProviderSettings) -> Provider:
    if settings is _UNCHANGED:
        return provider
    headers: Mapping[str, str] = {**provider.headers, **settings.headers} if settings.headers else provider.headers
    return replace(
        provider,
        base_url=settings.base_url or provider.base_url,
        enabled=provider.enabled if settings.enabled is None else settings.enabled,
        allow_loopback=settings.allow_loopback,
        headers=headers,
        propagate_trace=settings.propagate_trace,
        place=settings.place,
        first_byte_seconds=(
            provider.first_byte_seconds if settings.first_byte_seconds is None else settings.first_byte_seconds
        ),
    )


def _nothing(_: Deployment) -> str:
    return ""


def _refusal(requested: str, caller: Caller, rejected: list[Rejection], forbidden: int, fenced: int) -> GatewayError:
    if forbidden and forbidden == len(rejected):
        return PermissionDenied(
            f"API key {caller.key.id} may not call {requested[:128]!r}; its allow-list has "
            f"{', '.join(caller.key.models)}. Ask its team's owner to add it.",
            param="model",
            code="model_not_allowed",
        )
    reasons = "; ".join(f"{r.name}: {r.reason}" for r in rejected)
    if fenced:
        return PermissionDenied(
            f"Requests of team {caller.team} may not go where {requested[:128]!r} is answered ({reasons}).",
            param="model",
            code="residency",
        )
    return NoHealthyUpstream(f"No deployment can serve {requested[:128]!r} ({reasons}).")
