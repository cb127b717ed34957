"""The provider catalogue: one JSON file per vendor, read when that vendor is first needed.

Adding a provider is adding a file: a directory is listed, never enumerated in code. `index.json` beside the bundled
files (made by `make catalogue`) tells which provider has a bare model id, or the prefix of one, so that a bare id
opens the files that may have it and no others; a file that the index does not know is looked into as well. The index
is only a short cut: what it says is believed after the provider's own file confirmed it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from sluice.errors import InternalError
from sluice.providers.listing import Listing, undated
from sluice.types.catalogue import Auth, Model, Provider, ProviderEndpoint, nameable

BUNDLED = os.path.join(os.path.dirname(__file__), "catalogue")
INDEX = "index.json"


class Registry:
    """Providers by name and models by any name.

    `directories` are searched in order; a later file replaces an earlier one of the same name.
    """

    def __init__(self, directories: Sequence[str | os.PathLike[str]] = (BUNDLED,)) -> None:
        self._directories = tuple(os.fspath(directory) for directory in directories)
        self._files: dict[str, str] | None = None
        self._providers: dict[str, Provider] = {}
        self._listings: dict[str, Listing] = {}
        self._index: dict[str, list[str]] | None = None
        self._prefixes: dict[str, list[str]] = {}
        self._indexed: frozenset[str] = frozenset()

    def names(self) -> tuple[str, ...]:
        """Return the names of all providers, sorted."""
        return tuple(sorted(self._paths()))

    def provider(self, name: str) -> Provider | None:
        """Return one provider, or None. Raises InternalError when its file is broken."""
        found = self._providers.get(name)
        if found is None and name in self._paths():
            found = self._load(name)
        return found

    def resolve(self, name: str, among: Collection[str] | None = None) -> list[tuple[Provider, Model]]:
        """Return who offers the model called `name`; empty when nobody does.

        `provider/model` names one provider (the model's own name may hold slashes). A bare id, alias or dated id goes
        to the vendors that made the model where one offers it, else to everybody who does, sorted by name. `among`
        restricts the search to those providers.
        """
        if not nameable(name):
            return []
        head, slash, rest = name.partition("/")
        named = self.provider(head) if slash and (among is None or head in among) else None
        if named is not None:
            model = self._listings[head].find(rest)
            if model is not None:
                return [(named, model)]
        offers = self._offers(set(self._holders(name)), name, among)
        return [offer for offer in offers if offer[0].first_party] or offers

    def unlisted(self, provider: Provider, name: str) -> Model:
        """Return what a provider's rules say of a model that its file does not list."""
        operations = tuple(dict.fromkeys(endpoint.operation for endpoint in provider.endpoints))
        return self._listings[provider.name].unlisted(name, operations)

    def all_models(self) -> Iterator[tuple[Provider, Model]]:
        """Yield every listed model of every provider; this opens all files."""
        for name in self.names():
            provider = self.provider(name)
            if provider is not None:
                for model in provider.models.values():
                    yield provider, model

    def _paths(self) -> dict[str, str]:
        if self._files is None:
            self._files = {
                entry[:-5]: os.path.join(directory, entry)
                for directory in self._directories
                for entry in sorted(os.listdir(directory))
                if entry.endswith(".json") and entry != INDEX
            }
        return self._files

    def _load(self, name: str) -> Provider:
        path = self._paths()[name]
        try:
            with open(path, encoding="utf-8") as file:
                provider, listing = read_provider(json.load(file))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InternalError(f"The catalogue file {name}.json cannot be read: {error!r}.") from error
        if provider.name != name:
            raise InternalError(
                f"The catalogue file {name}.json names its provider {provider.name!r}; they must agree."
            )
        self._providers[name] = provider
        self._listings[name] = listing
        return provider

    def _offers(
        self, providers: Collection[str], name: str, among: Collection[str] | None
    ) -> list[tuple[Provider, Model]]:
        """Look among the listed models only: a host that takes any name at all is no answer to a bare one."""
        offers = []
        for candidate in sorted(providers):
            provider = self.provider(candidate) if among is None or candidate in among else None
            model = self._listings[candidate].listed(name) if provider is not None else None
            if provider is not None and model is not None:
                offers.append((provider, model))
        return offers

    def _holders(self, name: str) -> list[str]:
        """Return the providers whose files may have the bare name: those that the index gives, and those not in it."""
        if self._index is None:
            self._index, self._prefixes, self._indexed = self._read_index()
        known = self._index.get(name) or self._index.get(undated(name)) or self._by_prefix(name)
        return [*known, *(p for p in self._paths() if p not in self._indexed)]

    def _by_prefix(self, name: str) -> list[str]:
        return [p for prefix, holders in self._prefixes.items() if name.startswith(prefix) for p in holders]

    def _read_index(self) -> tuple[dict[str, list[str]], dict[str, list[str]], frozenset[str]]:
        """Read the first directory's index; files of other directories are not in it, whatever their name."""
        directory = self._directories[0]
        try:
            with open(os.path.join(directory, INDEX), encoding="utf-8") as file:
                index = json.load(file)
        except FileNotFoundError:
            return {}, {}, frozenset()
        inside = {name for name, path in self._paths().items() if os.path.dirname(path) == directory}
        return index["names"], index.get("prefixes", {}), frozenset(inside.intersection(index["providers"]))


def read_provider(raw: dict[str, Any]) -> tuple[Provider, Listing]:
    """Return the provider that a catalogue file describes, and its models."""
    name = raw["name"]
    any_model = raw.get("any_model", False)
    listing = Listing(
        name, raw.get("models", {}), raw.get("rules", ()), source=raw.get("source", "declared"), any_model=any_model
    )
    provider = Provider(
        name=name,
        title=raw["title"],
        base_url=raw.get("base_url", ""),
        auth=_read_auth(raw["auth"]),
        endpoints=tuple(ProviderEndpoint(**e) for e in raw["endpoints"]),
        models=listing,
        headers=raw.get("headers", {}),
        quirks=raw.get("quirks", {}),
        first_party=raw.get("first_party", False),
        enabled=raw.get("enabled", True),
        any_model=any_model,
        first_byte_seconds=raw.get("first_byte_seconds", 0.0),
        checked=raw.get("checked", ""),
        docs=raw.get("docs", ""),
        env=raw.get("env", {}),
    )
    return provider, listing


def _read_auth(raw: dict[str, Any] | list[dict[str, Any]]) -> Auth:
    """Return the first way in, with the others as its alternatives."""
    ways = [Auth(**{**way, "needs": tuple(way.get("needs", ()))}) for way in (raw if isinstance(raw, list) else [raw])]
    return ways[0] if len(ways) == 1 else replace(ways[0], alternatives=tuple(ways[1:]))
