"""Compares what each recorded answer costs here with what genai-prices reckons for the same usage, model and moment.

A record counts as compared where both know a price. Where the costs differ, a rule below says why, or the check fails.
What only one side lists is counted by model; a host without a price list of its own (local servers, gateways that
resell) has nothing to compare. `EXAMPLES` are costs that vendors work out on their own pages.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from urllib.parse import unquote

from genai_prices.data import providers as known_providers
from genai_prices.types import ModelInfo
from genai_prices.types import Provider as KnownProvider
from genai_prices.types import Usage as KnownUsage

from sluice.metering.pricing import cost, price_of
from sluice.providers.registry import Registry
from sluice.types.catalogue import Model
from sluice.types.usage import Usage
from tests.wire.recordings import Recording, read
from tests.wire.usage.reported import ENDPOINTS, counted

WHEN = datetime(2026, 11, 23, 12, 15, tzinfo=UTC)
HOSTS = {
    "anthropic": ("anthropic", "anthropic"),
    "avian": ("avian", "avian"),
    "azure": ("azure_openai", "azure"),
    "bedrock": ("bedrock", "aws"),
    "bedrock_mantle": ("bedrock_mantle", "aws"),
    "cerebras": ("cerebras", "cerebras"),
    "cohere": ("cohere", "cohere"),
    "deepseek": ("deepseek", "deepseek"),
    "doubleword": ("doubleword", "doubleword"),
    "fireworks": ("fireworks", "fireworks"),
    "gemini": ("gemini", "google"),
    "groq": ("groq", "groq"),
    "mistral": ("mistral", "mistral"),
    "moonshot": ("moonshot", "moonshotai"),
    "novita": ("novita", "novita"),
    "openai": ("openai", "openai"),
    "openrouter": ("openrouter", "openrouter"),
    "perplexity": ("perplexity", "perplexity"),
    "together": ("together", "together"),
    "vertex": ("vertex_google", "google"),
    "voyage": ("voyage", "voyageai"),
    "xai": ("xai", "x-ai"),
    "zai": ("zai", "zai"),
}
"""The provider of the catalogue and that of genai-prices for the providers of the recordings."""
LEAST_COMPARED = 1_000
KNOWN: dict[str, KnownProvider] = {provider.id: provider for provider in known_providers}


@dataclass(frozen=True)
class Compared:
    """One record that both sides have a price for; `why` says why the costs differ, if they do."""

    recording: Recording
    model: str
    ours: int
    theirs: int
    why: str = ""

    @property
    def fails(self) -> bool:
        return self.ours != self.theirs and not self.why


@dataclass
class Report:
    """All comparisons, and how many records there was nothing to compare for, by reason and model."""

    compared: list[Compared] = field(default_factory=list)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def failing(self) -> list[Compared]:
        return [each for each in self.compared if each.fails]


def report() -> Report:
    """Return the comparison of all recordings with usage."""
    found, registry = Report(), Registry()
    for recording in read(ENDPOINTS):
        usage = counted(recording) if recording.status == 200 else None
        if usage is None or not usage.total:
            continue
        if recording.provider not in HOSTS:
            found.left_out["the host has no price list", recording.provider] += 1
            continue
        name = model_of(recording)
        ours, theirs = _listed(registry, recording, name, usage)
        if ours is None or theirs is None:
            reason = (
                "listed by neither" if ours is theirs else "listed by " + ("them" if ours is None else "us") + " only"
            )
            found.left_out[reason, f"{recording.provider}/{name}"] += 1
            continue
        found.compared.append(compare(recording, usage, ours, theirs))
    return found


def model_of(recording: Recording) -> str:
    """Return the model as the request names it: in the body, or in the path of Google's and AWS's APIs."""
    body, path = recording.request_body, str((recording.request or {}).get("path") or "")
    if isinstance(body, dict) and isinstance(body.get("model"), str):
        return str(body["model"])
    for mark in ("/models/", "/model/"):
        if mark in path:
            last = unquote(path.split(mark, 1)[1]).split("/")[0]
            return last.split(":")[0] if mark == "/models/" else last
    return recording.model or ""


def compare(recording: Recording, usage: Usage, ours: Model, theirs: ModelInfo) -> Compared:
    """Reckon both costs to the nano-dollar."""
    price = price_of(ours, WHEN.isoformat(), usage.service_tier)
    assert price is not None
    have = cost(usage, price).nano
    known = KNOWN[HOSTS[recording.provider][1]]
    want = _theirs(usage, theirs, known)
    why = "" if have == want else _why(usage, have, want, theirs, known)
    return Compared(recording, ours.id, have, want, why)


def _listed(registry: Registry, recording: Recording, name: str, usage: Usage) -> tuple[Model | None, ModelInfo | None]:
    mine, other = HOSTS[recording.provider]
    found = registry.resolve(f"{mine}/{name}")
    model = found[0][1] if found else None
    if model is not None and price_of(model, WHEN.isoformat(), usage.service_tier) is None:
        model = None
    theirs = KNOWN[other].find_model(name)
    return model, theirs if theirs is not None and theirs.prices else None


def _theirs(usage: Usage, model: ModelInfo, provider: KnownProvider) -> int:
    context = {"service_tier": usage.service_tier} if usage.service_tier else {}
    total = model.calc_price(
        _converted(usage), provider, genai_request_timestamp=WHEN, price_context=context
    ).total_price
    return int((total * 10**9).to_integral_value(ROUND_HALF_UP))


def _converted(usage: Usage) -> KnownUsage:
    counts = {
        "input_tokens": usage.prompt,
        "cache_read_tokens": usage.cache_read,
        "cache_audio_read_tokens": usage.cache_read_audio,
        "cache_write_tokens": usage.cache_write_5m + usage.cache_write_1h,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "output_tokens": usage.output,
        "output_reasoning_tokens": usage.reasoning,
        "input_audio_tokens": usage.audio_input,
        "output_audio_tokens": usage.audio_output,
        "input_image_tokens": usage.image_input,
        "output_image_tokens": usage.image_output,
        "web_searches": usage.search_requests,
    }
    kept = {name: count for name, count in counts.items() if count or name in ("input_tokens", "output_tokens")}
    if usage.audio_ms:
        seconds = Decimal(usage.audio_ms) / 1000
        kept |= {"audio_seconds": seconds, "input_audio_seconds": seconds}  # type: ignore[dict-item]
    return KnownUsage(**kept)


def _why(usage: Usage, have: int, want: int, model: ModelInfo, provider: KnownProvider) -> str:
    """Return why two costs differ, in words; "" where nothing known tells."""
    if (fee := _theirs(Usage(), model, provider)) and have + fee == want:
        return (
            "they add the fee of the widest search to each call; the price here is the Agent API, which has no such fee"
        )
    if usage.search_requests and have == _theirs(replace(usage, search_requests=0), model, provider):
        return "searches have a price on their side only"
    if 0 < abs(have - want) <= 1 + usage.total // 2_000_000:
        return "one of the rates is not a whole number of nano-dollars"
    return ""


@dataclass(frozen=True)
class Example:
    """A cost that a vendor works out: `dollars` is the page's own figure."""

    source: str
    model: str
    usage: Usage
    dollars: str


def table(found: Report) -> Iterator[str]:
    """Yield counts by provider, the reasons of differences, and what could not be compared."""
    yield f"{'provider':<18}{'compared':>9}{'equal':>8}{'explained':>10}{'differs':>8}"
    for provider in sorted({each.recording.provider for each in found.compared}):
        some = [each for each in found.compared if each.recording.provider == provider]
        explained = sum(bool(each.why) for each in some)
        failing = sum(each.fails for each in some)
        yield f"{provider:<18}{len(some):>9}{len(some) - explained - failing:>8}{explained:>10}{failing:>8}"
    for why, count in Counter(each.why for each in found.compared if each.why).most_common():
        yield f"differs, explained: {why}: {count}"
    for reason in sorted({reason for reason, _ in found.left_out}):
        names = {name: count for (other, name), count in found.left_out.items() if other == reason}
        yield f"not compared: {reason}: {sum(names.values())} ({', '.join(sorted(names))})"
    for each in found.failing:
        yield f"DIFFERS {each.recording.label} {each.model}: {each.ours} here, {each.theirs} there"


def summary(found: Report) -> dict[str, object]:
    """Return the figures of all records together."""
    return {
        "compared": len(found.compared),
        "equal": sum(each.ours == each.theirs for each in found.compared),
        "explained": sum(bool(each.why) for each in found.compared),
        "differs": len(found.failing),
        "not_compared": sum(found.left_out.values()),
    }


def main() -> int:
    """Print the table and the summary; 1 where a difference has no reason, or too little was compared.

    A cost that a provider stated beyond what would have been held for it fails as well.
    """
    from tests.wire.prices.stated import stated_costs, totals

    found, stated = report(), list(stated_costs())
    print("\n".join(table(found)))
    for provider, each in totals(stated).items():
        told = f"{each.as_listed} as the list has it, {each.beyond} beyond what was held"
        print(f"stated by {provider}: {each.answers} answers, {told}")
    beyond = sum(each.stated > each.held for each in stated)
    print(json.dumps({**summary(found), "stated": len(stated), "stated_beyond_held": beyond}))
    return 1 if found.failing or beyond or len(found.compared) < LEAST_COMPARED else 0
