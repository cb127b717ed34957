"""Where a batch goes: one provider for all of its models, found again by what was remembered."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sluice.calls import quirks_of
from sluice.dialects.anthropic_batches import NAME, Item, encode_create
from sluice.dialects.anthropic_messages import pass_edits
from sluice.dialects.base import REMOVED
from sluice.dialects.policy import Changes
from sluice.dialects.splice import Document
from sluice.errors import BadRequest
from sluice.routing.router import Router
from sluice.types.batches import BatchRecord
from sluice.types.routes import Configuration, Deployment
from sluice.types.tenancy import Caller, VirtualKey

OPERATION = "batches"

__all__ = ["NAME", "OPERATION", "deployment_of", "priced_by", "rewritten", "shared_deployments", "strict_models"]


def shared_deployments(
    items: Sequence[Item], router: Router, configuration: Configuration, caller: Caller
) -> dict[str, Deployment]:
    """Return the deployment of each model name of a batch, all at one provider.

    Raises BadRequest when there is no such provider, and what `Router.plan` raises.
    """
    offers: dict[str, dict[str, Deployment]] = {}
    for model in dict.fromkeys(item.model for item in items):
        plan = router.plan(model, OPERATION, NAME, configuration, caller)
        by_provider: dict[str, Deployment] = {}
        for choice in plan.choices:
            by_provider.setdefault(choice.deployment.provider.name, choice.deployment)
        offers[model] = by_provider
    first = offers[items[0].model]
    for provider in first:
        if all(provider in offered for offered in offers.values()):
            return {model: offered[provider] for model, offered in offers.items()}
    stranger = next(model for model, offered in offers.items() if not first.keys() & offered.keys())
    raise BadRequest(
        f"A batch runs at one provider, but {items[0].model[:80]!r} is served by {', '.join(first)} and "
        f"{stranger[:80]!r} by {', '.join(offers[stranger])}. Send a batch for each provider.",
        param="requests",
        code="mixed_providers",
    )


def strict_models(items: Sequence[Item], configuration: Configuration) -> frozenset[str]:
    """Return the names among a batch's models that are routes without leave to change parameters."""
    routes = configuration.routes
    return frozenset(i.model for i in items if i.model in routes and routes[i.model].strict_parameters)


def rewritten(
    document: Document, items: Sequence[Item], deployments: dict[str, Deployment], strict: Collection[str] = ()
) -> bytes | None:
    """Return the body with the provider's model names and declared quirks, None when the caller's own fits.

    Raises UnsupportedParameter for an edit that one of the `strict` models' routes does not allow.
    """
    changed, kept = False, []
    for item in items:
        deployment = deployments[item.model]
        edits = pass_edits(item.params, quirks_of(deployment))
        if item.model in strict and isinstance(edits, Changes):
            edits.check()
        if item.model != deployment.upstream_model:
            edits["model"] = deployment.upstream_model
        changed = changed or bool(edits)
        members = {**item.params, **edits}
        kept.append(Item(item.custom_id, {name: value for name, value in members.items() if value is not REMOVED}))
    # Half a surrogate pair is written as the escape that it came as; UTF-8 has no bytes for it.
    return document.edited({"requests": encode_create(kept)}).encode("utf-8", "backslashreplace") if changed else None


def deployment_of(record: BatchRecord, router: Router, configuration: Configuration) -> Deployment:
    """Return where a batch is, whoever of its team asks. Raises what `Router.plan` raises."""
    model = next(iter(record.models.values()))
    return _planned(f"{record.provider}/{model}", record, router, configuration)


def priced_by(model: str, record: BatchRecord, router: Router, configuration: Configuration) -> Deployment:
    """Return the deployment whose price holds for what an answer calls `model`: often the asked name with a date."""
    known = record.models.get(model)
    if known is None:
        begins = [sent for sent in record.models if model.startswith(sent)]
        known = record.models[max(begins, key=len) if begins else next(iter(record.models))]
    return _planned(f"{record.provider}/{known}", record, router, configuration)


def _planned(name: str, record: BatchRecord, router: Router, configuration: Configuration) -> Deployment:
    team = Caller(VirtualKey(record.key_id, record.team, "", ""))
    return router.plan(name, OPERATION, NAME, configuration, team).choices[0].deployment
