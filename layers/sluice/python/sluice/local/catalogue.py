"""Build tool: brings models and dated prices of the catalogue files up to date from the genai-prices package.

    make catalogue          rewrite the bundled files, their index and the page about them in place
    ... --check             say what is out of date and exit 1, changing nothing

A file's head (address, dialects, quirks, rules) is written by people and kept as it is; `models` is generated where
the head has `generated`, so no figure is ever typed. The prices are genai-prices' own: its resolver is asked for each
date, hour and service tier at which it might change its answer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatchcase
from importlib.metadata import version
from itertools import pairwise
from typing import Any

from genai_prices.data import providers as known_providers
from genai_prices.types import (
    ClauseEquals,
    ClauseStartsWith,
    ModelInfo,
    ModelPrice,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)

from sluice.control.catalogue_schema import ProviderSchema
from sluice.local.provider_page import page
from sluice.providers.listing import successor, undated
from sluice.providers.registry import BUNDLED, INDEX

PAGE = os.path.join(*[os.path.dirname(BUNDLED), *[os.pardir] * 5, "docs", "providers.md"])
"""The page, in a checkout; the local stack, which this tool belongs to, has no other home."""
SOURCE = f"genai-prices-{version('genai-prices')}"
PER_MILLION = {
    "input_mtok": "input",
    "cache_read_mtok": "cache_read",
    "cache_audio_read_mtok": "cache_read_audio",
    "cache_write_mtok": "cache_write_5m",
    "cache_write_5m_mtok": "cache_write_5m",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_mtok": "output",
    "output_reasoning_mtok": "reasoning",
    "input_audio_mtok": "audio_input",
    "output_audio_mtok": "audio_output",
    "input_image_mtok": "image_input",
    "output_image_mtok": "image_output",
    "input_mchars": "character",
}
PER_HOUR = {"input_audio_hours": "audio_hour", "audio_hours": "audio_hour"}
PER_THOUSAND = {"web_searches_kcount": "search", "requests_kcount": "request"}
# File search of the Responses API; cached pictures, which are counted and charged as cached text.
NOT_CHARGED_HERE = {"storage_searches_kcount", "cache_image_read_mtok"}
LABELLED = ("service_tier", "processing", "speed")
STANDARD = "default"
_FIRST_DAY = date(2000, 1, 1)

Json = dict[str, Any]


class CatalogueProblem(Exception):
    """A head and genai-prices do not fit together; the message says which and what to change."""


def regenerated(raw: Json) -> Json:
    """Return a catalogue file's content with its models brought up to date; what people wrote stays."""
    head = {key: value for key, value in raw.items() if key not in ("source", "models")}
    generation = ProviderSchema.model_validate({**head, "models": {}}).generated
    if generation is None:
        content = raw
    else:
        known = next((p for p in known_providers if p.id == generation.provider), None)
        if known is None:
            raise CatalogueProblem(f"genai-prices has no provider {generation.provider!r}.")
        models = dict(_models(known, head["generated"]))
        models.update(head["generated"].get("extra", {}))
        weekdays = head["generated"].get("weekdays")
        for price in (price for entry in models.values() for price in entry.get("prices", ()) if weekdays):
            if price.get("hours"):
                price["days"] = weekdays
        content = {**head, "source": SOURCE, "models": {id_: models[id_] for id_ in sorted(models)}}
    ProviderSchema.model_validate(content)
    return content


def prices_of(model: ModelInfo) -> list[Json]:
    """Return every price of a model as catalogue entries, the standard ones first; [] when it states none."""
    standard = _dated(model, None)
    entries = list(standard)
    by_tier: dict[str, list[Json]] = {}
    for variant in model.price_variants or ():
        label = _label(variant.when)
        if label and label not in by_tier:
            by_tier[label] = _differing(_dated(model, variant.when), standard)
    while by_tier:
        label, prices = by_tier.popitem()
        same = sorted([label, *(other for other, others in by_tier.items() if others == prices)])
        by_tier = {other: others for other, others in by_tier.items() if other not in same}
        entries.extend({"starts": price["starts"], "service_tiers": same, **price} for price in prices)
    return sorted(entries, key=lambda e: (e.get("service_tiers", []), e["starts"], e.get("hours", [])))


def index_of(contents: Sequence[Json]) -> Json:
    """Return which providers have each bare name, their undated forms included, and each prefix of names."""
    names: dict[str, list[str]] = {}
    prefixes: dict[str, list[str]] = {}
    for content in sorted(contents, key=lambda c: str(c["name"])):
        known = [name for id_, entry in content["models"].items() for name in (id_, *entry.get("aliases", ()))]
        bases = {undated(name).removesuffix("-latest") for name in known} - set(known)
        for name in (*known, *(base for base in bases if successor(base, known))):
            names.setdefault(name, []).append(content["name"])
        for prefix in {prefix for entry in content["models"].values() for prefix in entry.get("prefixes", ())}:
            prefixes.setdefault(prefix, []).append(content["name"])
    return {
        "providers": sorted(c["name"] for c in contents),
        "prefixes": {prefix: prefixes[prefix] for prefix in sorted(prefixes)},
        "names": {name: names[name] for name in sorted(names)},
    }


def rendered(content: Json, lines: str) -> str:
    """Return JSON text, indented, with one line for each member of the object called `lines`."""
    head = json.dumps({key: value for key, value in content.items() if key != lines}, indent=2, ensure_ascii=False)
    members = ",\n".join(
        f"    {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}"
        for key, value in content[lines].items()
    )
    body = f"{{\n{members}\n  }}" if members else "{}"
    return f'{head[:-2]},\n  "{lines}": {body}\n}}\n'


def build(directory: str) -> dict[str, str]:
    """Return the up-to-date text of every file in a catalogue directory, by file name."""
    texts: dict[str, str] = {}
    contents: list[Json] = []
    for name in sorted(os.listdir(directory)):
        if name.endswith(".json") and name != INDEX:
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                content = regenerated(json.load(file))
            contents.append(content)
            texts[name] = rendered({"models": {}, **content}, "models")
    texts[INDEX] = rendered(index_of([{"models": {}, **content} for content in contents]), "names")
    return texts


def outdated(directory: str, about: str = "") -> dict[str, str]:
    """Return the texts of `build` that differ from what the directory holds, by path; `about` is the page's path."""
    texts = build(directory)
    wanted = {os.path.join(directory, name): text for name, text in texts.items()}
    if about:
        wanted[about] = page([json.loads(text) for name, text in texts.items() if name != INDEX])
    return {path: text for path, text in wanted.items() if _text(path) != text}


def main(arguments: Sequence[str], directory: str = BUNDLED, about: str = "") -> int:
    """Run the tool; returns the exit status."""
    stale = outdated(directory, about)
    for path, text in stale.items():
        name = os.path.basename(path)
        if "--check" in arguments:
            print(f"{name} is out of date: run make catalogue")
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            print(f"{name} written")
    return 1 if stale and "--check" in arguments else 0


def _models(known: Provider, generation: Json) -> Iterator[tuple[str, Json]]:
    for model in known.models:
        if not _wanted(model.id, generation, "leave_out"):
            continue
        id_ = generation.get("rename", {}).get(model.id, model.id)
        aliases, prefixes = _names(known, model, id_, generation)
        profiled = _profiled(known, model, id_, generation.get("profiles", ()))
        prices = prices_of(model)
        if not prices and _matches(model.id, generation.get("free", ())):
            prices = [{"starts": "", "tiers": [{"over": 0, "rates": {"input": 0, "output": 0}}]}]
        entry: Json = {
            "aliases": sorted({*aliases, *profiled, *generation.get("also", {}).get(id_, ())} - {id_}),
            "prefixes": prefixes,
            "listed": not _matches(id_, generation.get("unlisted", ())),
            "context": model.context_window,
            "deprecated": "the vendor has deprecated it" if model.deprecated else None,
            "prices": prices,
            "unpriced": "" if prices else f"{SOURCE} states no price",
        }
        yield id_, {key: value for key, value in entry.items() if value not in ([], None, "", True)}


def _names(known: Provider, model: ModelInfo, id_: str, generation: Json) -> tuple[list[str], list[str]]:
    """Return aliases and prefixes; a name that genai-prices would give to an earlier model is left to that one."""
    aliases: list[str] = []
    prefixes: list[str] = []
    for clause in getattr(model.match, "or_", [model.match]):
        if isinstance(clause, ClauseEquals):
            name, found = clause.equals, aliases
        elif isinstance(clause, ClauseStartsWith):
            name, found = clause.starts_with, prefixes
        else:
            continue  # the patterns in use are dates after the id, which every id takes
        if name in (id_, *found) or not _wanted(name, generation, "leave_out_names"):
            continue
        if known.find_model(name) in (model, None):
            found.append(name)
    return aliases, prefixes


def _profiled(known: Provider, model: ModelInfo, id_: str, profiles: Sequence[str]) -> list[str]:
    """Return the names of a model's inference profiles."""
    bare = next((id_.removeprefix(profile) for profile in profiles if profile and id_.startswith(profile)), id_)
    return [profile + bare for profile in profiles if known.find_model(profile + bare) is model]


def _dated(model: ModelInfo, context: Mapping[str, str] | None) -> list[Json]:
    entries: list[Json] = []
    before: list[Json] = []
    for day in _days(model):
        slots = [(start, end, _tiers(model, day, start, context)) for start, end in _slots(model)]
        current = _by_hours(slots)
        if current != before:
            starts = "" if day == _FIRST_DAY else day.isoformat()
            entries.extend({"starts": starts, **price} for price in current)
            before = current
    return entries


def _by_hours(slots: list[tuple[time, time | None, list[Json]]]) -> list[Json]:
    """Return one price for most of the day and one more for each window that differs from it."""
    minutes: dict[str, int] = {}
    for start, end, tiers in slots:
        text = json.dumps(tiers)
        minutes[text] = minutes.get(text, 0) + _minute(end) - _minute(start)
    base, *others = sorted(minutes, key=lambda text: (-minutes[text], text))
    found = [{"tiers": json.loads(base)}] if json.loads(base) else []
    for text in others:
        windows = [[_clock(start), _clock(end)] for start, end, tiers in slots if json.dumps(tiers) == text]
        found.append({"hours": windows, "tiers": json.loads(text)})
    return found


def _tiers(model: ModelInfo, day: date, hour: time, context: Mapping[str, str] | None) -> list[Json]:
    price = model.get_prices(datetime.combine(day, hour, UTC), context)
    values = _components(model, price)
    starts = {tier.start for value in values.values() if isinstance(value, TieredPrices) for tier in value.tiers}
    tiers: list[Json] = []
    for over in sorted({0, *starts}) if values else ():
        rates = {component: _nano(_at(value, over)) for component, value in values.items()}
        tiers.append({"over": over, "rates": dict(sorted(rates.items()))})
    return tiers


def _components(model: ModelInfo, price: ModelPrice) -> dict[str, Decimal | TieredPrices]:
    found: dict[str, Decimal | TieredPrices] = {}
    for key, value in price.__dict__.items():
        if value is None or key in NOT_CHARGED_HERE:
            continue
        if key in PER_THOUSAND:
            found[PER_THOUSAND[key]] = value / 1000
        elif key in PER_MILLION or key in PER_HOUR:
            found[PER_MILLION.get(key) or PER_HOUR[key]] = value
        else:
            raise CatalogueProblem(f"{model.id} is charged by {key}, which the gateway does not count: leave it out.")
    return found


def _at(value: Decimal | TieredPrices, over: int) -> Decimal:
    if isinstance(value, TieredPrices):
        return next((tier.price for tier in reversed(value.tiers) if tier.start <= over), value.base)
    return value


def _nano(dollars: Decimal) -> int:
    return int((dollars * 10**9).to_integral_value(ROUND_HALF_UP))


def _days(model: ModelInfo) -> list[date]:
    conditions = [price.constraint for price in model.prices] if isinstance(model.prices, list) else []
    conditions.extend(variant.constraint for variant in model.price_variants or ())
    return sorted({_FIRST_DAY, *(c.start_date for c in conditions if isinstance(c, StartDateConstraint))})


def _slots(model: ModelInfo) -> list[tuple[time, time | None]]:
    conditions = [price.constraint for price in model.prices] if isinstance(model.prices, list) else []
    windows = [c for c in conditions if isinstance(c, TimeOfDateConstraint)]
    edges = sorted({time(0), *(edge.replace(tzinfo=None) for w in windows for edge in (w.start_time, w.end_time))})
    return [*pairwise(edges), (edges[-1], None)]


def _differing(prices: list[Json], standard: list[Json]) -> list[Json]:
    """Leave out the first prices of a service tier while they are the standard ones."""
    for position, price in enumerate(prices):
        if price not in standard:
            return prices[position:]
    return []


def _label(when: Mapping[str, str]) -> str:
    """Return the word for the service tier that a variant is for, "" where callers cannot ask for it."""
    (key, value), *more = when.items()
    return "" if more or key not in LABELLED or value == STANDARD else value


def _wanted(name: str, generation: Json, leave_out: str) -> bool:
    return _matches(name, generation.get("only", ["*"])) and not _matches(name, generation.get(leave_out, ()))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _minute(moment: time | None) -> int:
    return 24 * 60 if moment is None else moment.hour * 60 + moment.minute


def _clock(moment: time | None) -> str:
    return "24:00" if moment is None else moment.strftime("%H:%M")


def _text(path: str) -> str | None:
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return file.read()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], about=PAGE))
