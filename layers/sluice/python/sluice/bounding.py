"""The most that a request of any operation can use at one deployment, for what is set aside for it.

Chats are bounded token by token (`sluice.metering.bounds`); for pictures and sound the figures here are more than what
any vendor charges for the largest request that passes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sluice.calls import Incoming, quirks_of
from sluice.metering.bounds import InputBound, input_bound
from sluice.metering.worst_case import Bounds, Candidate, chat_bounds, output_beyond, output_bound
from sluice.types.clock import Millis
from sluice.types.routes import Deployment

if TYPE_CHECKING:
    from sluice.types.adjustments import Adjustment

LARGEST_CONTEXT = 1_000_000
"""Input tokens at most where a vendor's own tools read as they like and the model's context is not known."""
OPEN_SEARCHES = 20
LONGEST_MS = 900_000
"""No request runs longer, so no host that is paid by the second works longer on one."""


class Adjusting(NamedTuple):
    """What changes list prices: the configuration's `adjustments`, who pays, when (epoch milliseconds) and where."""

    adjustments: tuple[Adjustment, ...] = ()
    team: str = ""
    wall_ms: Millis = 0
    region: str = ""


_AS_LISTED = Adjusting()


class Inputs:
    """The bounds on one request's input, each reckoned once: limits ask for them, and budgets after them."""

    def __init__(self, members: Mapping[str, object]) -> None:
        self._members = members
        self._known: dict[str, InputBound] = {}

    def bound(self, deployment: Deployment) -> InputBound:
        """Return the bound at a deployment. Raises BadRequest for a body nested too deeply."""
        found = self._known.get(deployment.name)
        if found is None:
            found = input_bound(self._members, deployment.upstream_model, quirks=quirks_of(deployment))
            self._known[deployment.name] = found
        return found


def candidate_of(
    incoming: Incoming,
    deployment: Deployment,
    *,
    certain: bool = False,
    adjusting: Adjusting = _AS_LISTED,
    inputs: Inputs | None = None,
) -> Candidate:
    """Return one deployment with the most that the request can use there.

    `certain` takes the bound on input that no text can exceed, for budgets that must hold against any caller. `inputs`
    are those of the same prompt, where they are reckoned already.
    """
    bounds = _bounds(incoming, deployment, inputs or Inputs(incoming.document.members), certain=certain)
    if any("second" in tier.rates for price in deployment.model.prices for tier in price.tiers):
        bounds = replace(bounds, provider_ms=LONGEST_MS)
    if not adjusting.adjustments:
        return Candidate(deployment.model, bounds)
    from sluice.metering.adjusting import billed, dearest, iso

    model = replace(deployment.model, quirks=quirks_of(deployment))
    who, day = billed(adjusting.team, deployment, adjusting.region), iso(adjusting.wall_ms)[:10]
    return Candidate(model, bounds, dearest(adjusting.adjustments, model, who, day, bounds.service_tier))


def service_tier_of(body: Mapping[str, object]) -> str | None:
    """Return the tier of service that a body asks for, as usage reports call it; None for the standard one."""
    if body.get("speed") == "fast":
        return "fast"
    for name in ("service_tier", "serviceTier"):
        value = body.get(name)
        if isinstance(value, Mapping):
            value = value.get("type")
        if isinstance(value, str) and value:
            return value
    return None


def _bounds(incoming: Incoming, deployment: Deployment, inputs: Inputs, *, certain: bool) -> Bounds:
    outline, members, model = incoming.outline, incoming.document.members, deployment.model
    if incoming.operation in _OTHERS:
        return _OTHERS[incoming.operation](incoming, deployment)
    found = inputs.bound(deployment)
    if certain:
        found = replace(found, tokens=found.certain)
    geo = members.get("inference_geo")
    return chat_bounds(
        found,
        model,
        output=output_bound(outline.max_output, outline.choices, model),
        beyond=output_beyond(outline.max_output, outline.choices, model),
        allowance=max((model.context or LARGEST_CONTEXT) - found.tokens, 0),
        searches=OPEN_SEARCHES if found.open else 0,
        service_tier=service_tier_of(members),
        geo=geo if isinstance(geo, str) else None,
    )


def _pictures(incoming: Incoming, deployment: Deployment) -> Bounds:
    """A picture is paid by the piece, or by output tokens: 16,384 are more than any vendor's largest takes."""
    count = max(incoming.outline.choices, 1)
    found = input_bound(incoming.document.members, deployment.upstream_model)
    sent = len(incoming.request.body) // 100 if incoming.operation == "image_edits" else 0
    tokens = found.tokens + min(sent, 65_536)
    output = 16_384 * count
    return Bounds(tokens, output, image_input=tokens, image_output=output, images=count, images_sent=16)


def _heard(incoming: Incoming, deployment: Deployment) -> Bounds:  # noqa: ARG001 - one signature
    """Sound of 8 kbit a second has one byte a millisecond; no format that is taken has fewer."""
    millis = len(incoming.request.body)
    tokens = millis // 25 + 4_096
    return Bounds(tokens, tokens, audio_input=tokens, audio_ms=millis)


def _spoken(incoming: Incoming, deployment: Deployment) -> Bounds:  # noqa: ARG001 - one signature
    text = incoming.document.members.get("input")
    characters = len(text) if isinstance(text, str) else len(incoming.request.body)
    output = 8 * characters + 4_096
    return Bounds(characters + 4_096, output, audio_output=output, characters=characters)


def _ranked(incoming: Incoming, deployment: Deployment) -> Bounds:
    """Each document is read with the query; a search is at most one document."""
    members = incoming.document.members
    documents, query = members.get("documents"), members.get("query")
    count = max(len(documents), 1) if isinstance(documents, list) else 1
    asked = len(query.encode("utf-8", "replace")) if isinstance(query, str) else 0
    found = input_bound(members, deployment.upstream_model)
    return Bounds(found.tokens + count * asked, 0, searches=count)


def _embedded(incoming: Incoming, deployment: Deployment) -> Bounds:
    found = input_bound(incoming.document.members, deployment.upstream_model)
    return Bounds(found.tokens, 0, audio_input=found.audio, image_input=found.pictures, audio_ms=found.audio_ms)


_OTHERS: Mapping[str, Callable[[Incoming, Deployment], Bounds]] = {
    "images": _pictures,
    "image_edits": _pictures,
    "transcriptions": _heard,
    "translations": _heard,
    "speech": _spoken,
    "rerank": _ranked,
    "embeddings": _embedded,
    "moderations": _embedded,
}
