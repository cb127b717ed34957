"""Answers that call no model: the list of models, the dry run of a plan, one ledger entry, health, token counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Protocol

from sluice.dialects.splice import parse_body
from sluice.dispatch import patience
from sluice.endpoints import Match
from sluice.errors import BadRequest, NoHealthyUpstream, NotFound
from sluice.governance.authentication import Authenticator
from sluice.metering.request_ids import partition_of
from sluice.model_cards import card_of, route_card
from sluice.ports import LedgerStore
from sluice.routing.router import Router
from sluice.routing.snapshot import ConfigurationSnapshot
from sluice.types.catalogue import Provider
from sluice.types.clock import Millis
from sluice.types.http import Request, Response
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Configuration, Plan
from sluice.types.tenancy import Caller

_CHAT_DIALECTS = ("openai_chat", "anthropic_messages")
_ONLY_DIALECT = {
    "completions": "openai_completions",
    "batches": "anthropic_batches",
    "embeddings": "openai_embeddings",
    "rerank": "jina_rerank",
    "moderations": "openai_moderations",
    "count_tokens": "anthropic_count_tokens",
    "images": "openai_images",
    "image_edits": "openai_image_edits",
    "transcriptions": "openai_transcriptions",
    "translations": "openai_translations",
    "speech": "openai_speech",
}


class Listing(Protocol):
    """What the model list needs of the registry."""

    def names(self) -> Iterable[str]:
        """Return the providers' names."""

    def provider(self, name: str) -> Provider | None:
        """Return one provider."""


class Lookups:
    """The use cases, each `(request, match) -> Response`."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        configuration: ConfigurationSnapshot,
        router: Router,
        registry: Listing,
        ledger: LedgerStore,
    ) -> None:
        self._authenticator = authenticator
        self._configuration = configuration
        self._router = router
        self._registry = registry
        self._ledger = ledger

    def health(self, request: Request, match: Match) -> Response:  # noqa: ARG002 - one shape for all use cases
        """Answer 200 as soon as the function runs; it calls nothing, so that a health check costs nothing."""
        return _json({"status": "ok"})

    def models(self, request: Request, match: Match) -> Response:  # noqa: ARG002 - one shape for all use cases
        """List what the caller's key may call: routes first, then each provider's models that can be planned."""
        caller = self._authenticator.authenticate(request.headers, principal=request.principal)
        cards = list(self._cards(caller, request.received_ms))
        if "anthropic-version" in request.headers:
            return _json(_anthropic_page(cards, request.query))
        return _json({"object": "list", "data": cards})

    def model(self, request: Request, match: Match) -> Response:
        """Describe one model or route. Raises NotFound."""
        caller = self._authenticator.authenticate(request.headers, principal=request.principal)
        wanted = match.param("model")
        configuration = self._configuration.current()
        plan = self._planned(wanted, caller, configuration)
        first = plan.choices[0].deployment
        card = (
            route_card(wanted, plan)
            if plan.route is not None
            else {**card_of(first.provider, first.model, request.received_ms), "id": wanted}
        )
        return _json(_anthropic_card(card) if "anthropic-version" in request.headers else card)

    def route(self, request: Request, match: Match) -> Response:  # noqa: ARG002 - one shape for all use cases
        """Show the plan for a request body, with reasons, and call nobody."""
        caller = self._authenticator.authenticate(request.headers, principal=request.principal)
        members = parse_body(request.body).members
        model = members.get("model")
        if not isinstance(model, str) or not model:
            raise BadRequest("'model' must be the name of a model or route.", param="model")
        operation = members.get("operation", "chat")
        dialect = members.get("dialect", "anthropic_messages" if "system" in members else "openai_chat")
        if dialect not in _CHAT_DIALECTS or not isinstance(operation, str):
            raise BadRequest(f"'dialect' must be one of {', '.join(_CHAT_DIALECTS)}.", param="dialect")
        configuration = self._configuration.current()
        spoken = _ONLY_DIALECT.get(operation, str(dialect))
        plan = self._router.plan(model, operation, spoken, configuration, caller)
        return _json(_plan_card(plan))

    def entry(self, request: Request, match: Match) -> Response:
        """Show one ledger entry of the caller's team (of any team to an admin key). Raises NotFound."""
        caller = self._authenticator.authenticate(request.headers, principal=request.principal)
        request_id = match.param("request_id")
        missing = NotFound(
            f"No request {request_id[:80]!r} in the ledger of team {caller.team}. An entry stands a moment after the "
            "last byte of its answer.",
            code="request_not_found",
        )
        try:
            partition_of(request_id)
        except ValueError:
            raise missing from None
        versions = self._ledger.versions(request_id)
        sees_all = "admin" in caller.key.scopes and not caller.key.team_bound
        if not versions or (versions[0].team != caller.team and not sees_all):
            raise missing
        return _json({**entry_card(versions[0]), "versions": [version_card(version) for version in versions]})

    def _planned(self, name: str, caller: Caller, configuration: Configuration) -> Plan:
        try:
            return self._router.plan(name, "chat", "openai_chat", configuration, caller)
        except NotFound:
            raise
        except BadRequest:
            raise
        except NoHealthyUpstream:
            for operation, dialect in _ONLY_DIALECT.items():
                with suppress(NoHealthyUpstream):
                    return self._router.plan(name, operation, dialect, configuration, caller)
            raise

    def _cards(self, caller: Caller, now_ms: Millis) -> Iterable[dict[str, object]]:
        configuration = self._configuration.current()
        for name in configuration.routes:
            if caller.key.allows(name):
                yield route_card(name, None)
        for name in self._registry.names():
            provider = self._registry.provider(name)
            if provider is None:
                continue
            settings = configuration.providers.get(name)
            enabled = provider.enabled if settings is None or settings.enabled is None else settings.enabled
            if not enabled or not self._router.reachable(provider, configuration):
                continue
            custom = [m for m in configuration.models.values() if m.provider == name]
            for model in [*custom, *provider.models.values()]:
                if caller.key.allows(model.id, f"{name}/{model.id}"):
                    yield card_of(provider, self._router.priced(model, provider, configuration), now_ms)


def entry_card(entry: LedgerEntry) -> dict[str, object]:
    """Return a ledger entry as the API shows it; the cost also as USD text."""
    card = asdict(entry)
    card["object"] = "request"
    card["id"] = card.pop("request_id")
    card["cost_nano_usd"] = card.pop("cost")
    card["cost_usd"] = f"{entry.cost // 1_000_000_000}.{entry.cost % 1_000_000_000:09d}"
    card["at_ceiling"] = entry.at_ceiling
    card["tags"] = dict(entry.tags)
    return card


def version_card(entry: LedgerEntry) -> dict[str, object]:
    """Return what one version of an entry says of money."""
    return {
        "version": entry.version,
        "cost_nano_usd": entry.cost,
        "cost_usd": f"{entry.cost // 1_000_000_000}.{entry.cost % 1_000_000_000:09d}",
        "price_version": entry.price_version,
    }


def _plan_card(plan: Plan) -> dict[str, object]:
    return {
        "object": "plan",
        "requested": plan.requested,
        "route": plan.route,
        "config_version": plan.config_version,
        "deployments": [
            {
                "deployment": choice.deployment.name,
                "provider": choice.deployment.provider.name,
                "model": choice.deployment.upstream_model,
                "dialect": choice.deployment.endpoint.dialect,
                "region": choice.deployment.region,
                "reason": choice.reason,
                "first_byte_seconds": patience(choice.deployment, plan).first_byte,
            }
            for choice in plan.choices
        ],
        "rejected": [{"deployment": r.name, "reason": r.reason} for r in plan.rejected],
        "timeouts": asdict(plan.timeouts),
        "retry": asdict(plan.retry),
    }


def _anthropic_card(card: Mapping[str, object]) -> dict[str, object]:
    return {
        "type": "model",
        "id": card["id"],
        "display_name": card["name"],
        "created_at": "1970-01-01T00:00:00Z",
        "max_input_tokens": card.get("context_length"),
        "max_tokens": card.get("max_output_tokens"),
        **{key: card[key] for key in ("pricing", "context_length", "max_output_tokens") if key in card},
    }


def _anthropic_page(cards: list[dict[str, object]], query: Mapping[str, str]) -> dict[str, object]:
    """Page as Anthropic's list does: `limit`, `after_id`, `before_id`."""
    limit = query.get("limit", "20")
    if not limit.isdigit() or not 1 <= int(limit) <= 1000:
        raise BadRequest("'limit' must be a number from 1 to 1000.", param="limit")
    items = [_anthropic_card(card) for card in cards]
    ids = [item["id"] for item in items]
    start, stop = 0, len(items)
    if query.get("after_id") in ids:
        start = ids.index(query["after_id"]) + 1
    if query.get("before_id") in ids:
        stop = ids.index(query["before_id"])
        start = max(start, stop - int(limit))
    page = items[start:stop][: int(limit)]
    return {
        "data": page,
        "has_more": start + len(page) < stop,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
    }


def _json(body: object) -> Response:
    return Response(200, {"content-type": "application/json", "cache-control": "no-store"}, json.dumps(body).encode())
