"""What providers state that recorded answers cost, beside the list's figure and what would have been held for them.

A stated cost holds what no list knows (searches, tools, a dearer host behind a router). Beyond what was held, a budget
counts it all the same: these are the requests by which a hard cap could be exceeded, so they are listed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sluice.bounding import LARGEST_CONTEXT, OPEN_SEARCHES, service_tier_of
from sluice.metering.bounds import input_bound
from sluice.metering.pricing import cost, price_of, stated_nano
from sluice.metering.worst_case import Candidate, chat_bounds, output_beyond, output_bound, worst_of
from sluice.providers.registry import Registry
from sluice.types.catalogue import Model
from tests.wire.bounds.check import CHATS, asked_of
from tests.wire.prices.check import HOSTS, WHEN, model_of
from tests.wire.recordings import Recording, read
from tests.wire.usage.reported import ENDPOINTS, counted

STATING = ("openrouter", "xai")
"""Providers of recordings that bill as they state. Perplexity's are of an API that ended on 2026-09-27."""


class Stated(NamedTuple):
    """One answer: nano-USD that its provider stated, that the list comes to, and that would have been held."""

    recording: Recording
    model: str
    stated: int
    listed: int
    held: int


@dataclass(frozen=True)
class Totals:
    """How the answers of one provider come out."""

    answers: int
    as_listed: int
    beyond: int


def stated_costs() -> Iterator[Stated]:
    """Yield every recorded answer of a provider that bills as it states, where the list has its model."""
    registry = Registry()
    for recording in read(ENDPOINTS):
        if recording.provider not in STATING or recording.status != 200 or recording.endpoint not in CHATS:
            continue
        usage, body = counted(recording), recording.request_body
        if usage is None or usage.provider_cost_usd is None or not isinstance(body, dict):
            continue
        found = registry.resolve(f"{HOSTS[recording.provider][0]}/{model_of(recording)}")
        price = price_of(found[0][1], WHEN.isoformat(), usage.service_tier) if found else None
        if price is not None:
            model = found[0][1]
            nano, listed = stated_nano(usage.provider_cost_usd), cost(usage, price).nano
            yield Stated(recording, model.id, nano, listed, held(recording, model, body))


def held(recording: Recording, model: Model, body: dict[str, object]) -> int:
    """Return what would have been set aside for a recorded request."""
    asked, choices = asked_of(recording)
    found = input_bound(body, model.id)
    bounds = chat_bounds(
        found,
        model,
        output=output_bound(asked, choices, model),
        beyond=output_beyond(asked, choices, model),
        allowance=max((model.context or LARGEST_CONTEXT) - found.tokens, 0),
        searches=OPEN_SEARCHES if found.open else 0,
        service_tier=service_tier_of(body),
    )
    return worst_of(Candidate(model, bounds), int(WHEN.timestamp() * 1000))


def totals(found: Iterable[Stated]) -> dict[str, Totals]:
    """Return the figures by provider."""
    counts: Counter[tuple[str, str]] = Counter()
    for each in found:
        counts[each.recording.provider, "answers"] += 1
        counts[each.recording.provider, "as_listed"] += each.stated == each.listed
        counts[each.recording.provider, "beyond"] += each.stated > each.held
    names = sorted({provider for provider, _ in counts})
    return {name: Totals(*(counts[name, each] for each in ("answers", "as_listed", "beyond"))) for name in names}
