"""The models of one provider: raw JSON of its catalogue file until one is asked for.

Names. A model is found by its id, by an alias, by either with a date after it (`-20250929`, `-2025-08-07`) and by its
prefixes; it then keeps the name it was asked for, since that is what the vendor must be sent. A bare name that the
vendor only knows with a date, or with `-latest`, stands for `-latest`, else for the newest date.

Rules. A file's `rules` state, for names with certain prefixes, what the price source does not know (capabilities,
output limits, quirks); later rules win, and what the model itself states wins over all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sluice.types.catalogue import Model, Price, PriceTier

Raw = Mapping[str, Any]
"""A JSON object of a catalogue file; its schema is `sluice.control.catalogue_schema`."""

CACHED_MODELS = 4096
_DATED = re.compile(r"-(?:20\d{6}|20\d\d-\d\d-\d\d)$")
_LATEST = "-latest"


def undated(name: str) -> str:
    """Return `name` without the date at its end."""
    return _DATED.sub("", name)


def successor(base: str, names: Sequence[str]) -> str | None:
    """Return the name in `names` that `base`, which is not among them, stands for; None when there is none."""
    if base + _LATEST in names:
        return base + _LATEST
    dated = [name for name in names if name != base and undated(name) == base]
    return max(dated, default=None)


class Listing(Mapping[str, Model]):
    """Models by id. Iteration leaves out ids that only stand for a family of names."""

    def __init__(self, provider: str, raw: Raw, rules: Sequence[Raw], *, source: str, any_model: bool) -> None:
        self._provider = provider
        self._raw = raw
        self._rules = rules
        self._source = source
        self._any_model = any_model
        self._ids = {alias: id_ for id_, entry in raw.items() for alias in entry.get("aliases", ())}
        self._ids.update({id_: id_ for id_ in raw})
        self._built: dict[str, Model] = {}

    def __getitem__(self, name: str) -> Model:
        if name not in self._raw:
            raise KeyError(name)
        return self._build(name, name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, entry in self._raw.items() if entry.get("listed", True))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, name: str) -> Model | None:
        """Return the model called `name`; a host that takes any name has an unpriced one where nothing is listed."""
        model = self.listed(name)
        if model is None and self._any_model and name:
            return self._build(name, None)
        return model

    def listed(self, name: str) -> Model | None:
        """Return the listed model called `name`, built with the name that the vendor must be sent."""
        id_ = self._ids.get(name) or self._ids.get(undated(name))
        if id_ is not None:
            return self._build(name, id_)
        later = successor(name, list(self._ids))
        if later is not None:
            return self._build(later, self._ids[later])
        id_ = self._by_prefix(name)
        return None if id_ is None else self._build(name, id_)

    def unlisted(self, name: str, operations: Sequence[str]) -> Model:
        """Return what the rules alone say of a model; it serves all `operations` unless a rule names its family's."""
        model = read_model(self._provider, name, {}, self._rules, source=self._source)
        families = (rule["prefixes"] for rule in self._rules if rule.get("operations"))
        if any(prefix and name.startswith(prefix) for prefixes in families for prefix in prefixes):
            return model
        return replace(model, operations=tuple(operations))

    def _by_prefix(self, name: str) -> str | None:
        best, found = "", None
        for id_, entry in self._raw.items():
            for prefix in entry.get("prefixes", ()):
                if len(prefix) > len(best) and name.startswith(prefix):
                    best, found = prefix, id_
        return found

    def _build(self, name: str, id_: str | None) -> Model:
        model = self._built.get(name)
        if model is None:
            entry = self._raw[id_] if id_ is not None else {}
            model = read_model(self._provider, name, entry, self._rules, source=self._source)
            if len(self._built) >= CACHED_MODELS:  # any_model hosts take names from callers
                self._built.clear()
            self._built[name] = model
        return model


def read_model(provider: str, name: str, entry: Raw, rules: Sequence[Raw] = (), *, source: str = "declared") -> Model:
    """Return the model that `entry` and the matching `rules` describe; `source` is named in its price versions."""
    stated: dict[str, Any] = {}
    quirks: dict[str, object] = {}
    for rule in rules:
        if name.startswith(tuple(rule["prefixes"])):
            stated.update(rule)
            quirks.update(rule.get("quirks", {}))
    stated.update(entry)
    quirks.update(entry.get("quirks", {}))
    return Model(
        id=name,
        provider=provider,
        prices=tuple(read_price(price, entry.get("price_source", source)) for price in stated.get("prices", ())),
        aliases=tuple(stated.get("aliases", ())),
        context=stated.get("context"),
        max_output=stated.get("max_output"),
        inputs=tuple(stated.get("inputs", ("text",))),
        outputs=tuple(stated.get("outputs", ("text",))),
        capabilities=frozenset(stated.get("capabilities", ())),
        operations=tuple(stated.get("operations", ("chat",))),
        deprecated=stated.get("deprecated"),
        dialects=tuple(stated.get("dialects", ())),
        quirks=quirks,
        unpriced=stated.get("unpriced", ""),
    )


def read_price(entry: Raw, source: str) -> Price:
    """Return one price; its version is `source` and the fingerprint of the figures."""
    return Price(
        starts=entry.get("starts", ""),
        tiers=tuple(PriceTier(over=tier.get("over", 0), rates=tier["rates"]) for tier in entry["tiers"]),
        service_tiers=tuple(entry.get("service_tiers", ())),
        hours=tuple((window[0], window[1]) for window in entry.get("hours", ())),
        version=f"{source}#{fingerprint(entry)}",
        unit=entry.get("unit", ""),
        days=tuple(entry.get("days", ())),
    )


def fingerprint(entry: Raw) -> str:
    """Return 12 hex digits that differ whenever a figure, date or condition of the price does."""
    import hashlib
    import json

    canonical = json.dumps(entry, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]
