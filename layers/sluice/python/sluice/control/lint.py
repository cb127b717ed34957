"""What is wrong with a configuration beyond its form: names that lead nowhere, unsafe addresses, quirks unknown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from sluice.control.budget_lint import rule_complaints
from sluice.control.identity_lint import identity_complaints
from sluice.control.price_lint import price_complaints
from sluice.dialects.quirks import check as check_quirks
from sluice.errors import GatewayError
from sluice.providers.addresses import check_base_url
from sluice.routing.residency import complaints as residency_complaints
from sluice.types.catalogue import Model, Provider
from sluice.types.routes import Configuration

_KEYS = ("authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key")
_FRAMING = ("host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "trailer")


class Catalogue(Protocol):
    """What the lint needs of the registry."""

    def provider(self, name: str) -> Provider | None:
        """Return one provider."""

    def resolve(self, name: str) -> list[tuple[Provider, Model]]:
        """Return who offers a model."""


def complaints(
    configuration: Configuration, catalogue: Catalogue, *, local: bool, regions: tuple[str, ...] = ()
) -> list[str]:
    """Return one sentence for each fault; empty when the configuration can go live.

    `local` is true in the local stack, the only place where a provider may be on this machine. `regions` are the
    stage's; empty: not known.
    """
    return [
        *_providers(configuration, catalogue, local),
        *_models(configuration, catalogue),
        *_routes(configuration, catalogue),
        *rule_complaints(configuration, catalogue),
        *identity_complaints(configuration, local=local),
        *price_complaints(configuration, catalogue),
        *residency_complaints(configuration, regions),
    ]


def _providers(configuration: Configuration, catalogue: Catalogue, local: bool) -> Iterator[str]:
    for name, settings in configuration.providers.items():
        if catalogue.provider(name) is None:
            yield f"providers.{name}: the catalogue has no such provider"
        if settings.allow_loopback and not local:
            yield f"providers.{name}.allow_loopback: is for the local stack only"
        if settings.base_url:
            try:
                check_base_url(settings.base_url, settings.allow_loopback and local)
            except GatewayError as error:
                yield f"providers.{name}.base_url: {error.message}"
        for header in settings.headers:
            if header.lower() in _KEYS:
                yield f"providers.{name}.headers.{header}: keys belong in the provider secret"
            if header.lower() in _FRAMING:
                yield f"providers.{name}.headers.{header}: the gateway itself says where a request goes and ends"


def _models(configuration: Configuration, catalogue: Catalogue) -> Iterator[str]:
    for name, model in configuration.models.items():
        if catalogue.provider(model.provider) is None:
            yield f"models.{name}: the name must be provider/model with a provider of the catalogue"
        if not model.prices and not configuration.unpriced_ceiling:
            yield f"models.{name}.prices: a model without a price is refused; give one, or an unpriced_ceiling"
        for problem in check_quirks(model.quirks):
            yield f"models.{name}.quirks: {problem}"


def _routes(configuration: Configuration, catalogue: Catalogue) -> Iterator[str]:
    for name, route in configuration.routes.items():
        if "/" in name:
            yield f"routes.{name}: a route's name holds no slash, so that it cannot be taken for provider/model"
        if route.strategy == "weighted" and not any(target.weight for target in route.targets):
            yield f"routes.{name}.targets: a weighted route needs a weight above 0"
        for target in route.targets:
            if target.model in configuration.models:
                continue
            if target.model in configuration.routes:
                yield f"routes.{name}: {target.model} is a route; a route's targets are models"
            elif not catalogue.resolve(target.model):
                yield f"routes.{name}: no provider of the catalogue offers {target.model}"
