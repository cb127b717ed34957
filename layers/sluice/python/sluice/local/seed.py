"""What a local gateway starts with: its own secrets, the providers whose keys are in the environment, two keys.

Applied at every start. Whatever an administrator changed stays; what came from the environment follows the environment,
also when a variable is gone.
"""

from __future__ import annotations

import json
import os
import secrets
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol

from sluice.governance.authentication import ID_LENGTH, PREFIX, SECRET_LENGTH
from sluice.local.banner import Access
from sluice.providers.registry import Registry

SIMULATOR = "simulator"
SIMULATOR_KEY = "sim-local"
NO_KEY = "none"
FROM_ENVIRONMENT = ("base_url", "allow_loopback", "any_model", "enabled")
"""What the environment says about a provider, and takes back when its variables are gone."""
CEILING = {"input": 10_000_000_000, "output": 50_000_000_000}
"""What a model without a price costs here: $10 and $50 per million tokens, in nano-USD."""
_SEEDED = ("base_url", "allow_loopback", "any_model", "enabled")
_ID_LETTERS = string.ascii_lowercase + "234567"
_SECRET_LETTERS = string.ascii_letters + string.digits
Bundle = Mapping[str, Mapping[str, str]]
Document = Mapping[str, object]


class Account(Protocol):
    """What seeding needs of the emulated account."""

    def put_pepper(self, pepper: str) -> None:
        """Store the gateway's own secret."""

    def provider_keys(self) -> Bundle:
        """Return the bundle of provider keys."""

    def put_provider_keys(self, bundle: Bundle) -> None:
        """Store the bundle of provider keys."""

    def has_key(self, text: str, pepper: str) -> bool:
        """Return whether a virtual key works."""

    def add_key(self, text: str, pepper: str, name: str, scopes: tuple[str, ...]) -> bool:
        """Store a virtual key; False when its id is taken."""

    def document(self) -> Document | None:
        """Return the live configuration."""

    def go_live(self, document: Document) -> None:
        """Publish a configuration and make it live."""


@dataclass(frozen=True)
class Secrets:
    """What only this stack knows; kept in a file of its owner's. Its repr shows nothing."""

    pepper: str
    api_key: str
    admin_key: str

    def __repr__(self) -> str:
        return "Secrets(hidden)"


@dataclass(frozen=True)
class Found:
    """A provider whose variables are set: its credential, and its base URL where one was given."""

    credential: Mapping[str, str] = field(repr=False)
    base_url: str | None


def seed(account: Account, state: Path, registry: Registry, environ: Mapping[str, str], simulator_url: str) -> Access:
    """Bring the account up to date; `state` is the folder in which the stack remembers what it did.

    Returns the keys, without a URL.
    """
    own = _remembered(state / "secrets.json")
    account.put_pepper(own.pepper)
    own = _with_keys(account, own)
    _write(state / "secrets.json", asdict(own))
    found = providers_of(registry, environ)
    before = _names(state / "environment.json")
    account.put_provider_keys(bundle(account.provider_keys(), before, found))
    # A version is named by its content: an unchanged document stays the live one.
    account.go_live(document(account.document(), before, found, simulator_url))
    _write(state / "environment.json", {"providers": sorted(found)})
    return Access("", own.api_key, own.admin_key)


def providers_of(registry: Registry, environ: Mapping[str, str]) -> dict[str, Found]:
    """Return the providers of the catalogue whose variables are set, by name."""
    found: dict[str, Found] = {}
    for name in registry.names():
        provider = registry.provider(name)
        if provider is None or name == SIMULATOR:
            continue
        values = {part: environ[variable] for part, variable in provider.env.items() if environ.get(variable)}
        base_url = values.pop("base_url", None)
        if values or base_url:
            # A host of one's own may want no key; a provider without a credential would not be planned.
            found[name] = Found(values or {"api_key": NO_KEY}, base_url)
    return found


def bundle(existing: Bundle, before: frozenset[str], found: Mapping[str, Found]) -> dict[str, dict[str, str]]:
    """Return the provider keys: those of the environment, and those that came from elsewhere."""
    kept = {name: dict(keys) for name, keys in existing.items() if name not in before}
    return {**kept, SIMULATOR: {"api_key": SIMULATOR_KEY}, **{n: dict(each.credential) for n, each in found.items()}}


def document(live: Document | None, before: frozenset[str], found: Mapping[str, Found], simulator_url: str) -> Document:
    """Return the configuration: `live` with the providers of the environment and the simulator's address."""
    base: dict[str, object] = dict(live) if live is not None else {"unpriced_ceiling": dict(CEILING)}
    members = base.get("providers")
    providers: dict[str, dict[str, object]] = dict(members) if isinstance(members, dict) else {}
    for name in before:
        rest = _without_address(providers.pop(name, {}))
        if any(rest.values()):
            providers[name] = rest
    for name, each in found.items():
        providers[name] = {**_without_address(providers.get(name, {})), "enabled": True}
        if each.base_url is not None:
            # What a host of one's own serves is not in the catalogue.
            providers[name] |= {"base_url": each.base_url, "allow_loopback": True, "any_model": True}
    address = {"enabled": True, "base_url": simulator_url, "allow_loopback": True}
    providers[SIMULATOR] = {**_without_address(providers.get(SIMULATOR, {})), **address}
    base["providers"] = providers
    return base


def _without_address(entry: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in entry.items() if name not in FROM_ENVIRONMENT}


def _with_keys(account: Account, own: Secrets) -> Secrets:
    api_key = _working(account, own.api_key, own.pepper, "demo", ("inference",))
    admin_key = _working(account, own.admin_key, own.pepper, "administrator", ("admin", "inference"))
    return replace(own, api_key=api_key, admin_key=admin_key)


def _working(account: Account, text: str, pepper: str, name: str, scopes: tuple[str, ...]) -> str:
    if account.has_key(text, pepper):
        return text
    while not account.add_key(text, pepper, name, scopes):
        text = new_key()  # the old one was revoked
    return text


def new_key() -> str:
    """Return the text of a new virtual key."""
    identity = "".join(secrets.choice(_ID_LETTERS) for _ in range(ID_LENGTH))
    return PREFIX + identity + "".join(secrets.choice(_SECRET_LETTERS) for _ in range(SECRET_LENGTH))


def _remembered(path: Path) -> Secrets:
    try:
        return Secrets(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Secrets(secrets.token_hex(32), new_key(), new_key())


def _names(path: Path) -> frozenset[str]:
    try:
        return frozenset(json.loads(path.read_text(encoding="utf-8"))["providers"])
    except (OSError, ValueError, TypeError, KeyError):
        return frozenset()


def _write(path: Path, document: Mapping[str, object]) -> None:
    draft = path.with_suffix(".draft")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
    draft.replace(path)
