"""What is told about the keys: age, strategy, what is next. States and moments only, never a value or a part of one."""

from __future__ import annotations

from typing import Any

from sluice.control.rotation.due import due, rotated_at
from sluice.control.rotation.options import Role, RotationOptions
from sluice.control.rotation.versions import CURRENT, STAGED, Overview, SecretVersions, entries


def status(secret: SecretVersions, options: RotationOptions, now: float) -> dict[str, Any]:
    """Return versions with their labels, and one card for each provider. Times are epoch seconds."""
    seen = secret.overview()
    current, staged = seen.labelled(CURRENT), seen.labelled(STAGED)
    held = secret.read(current) if current else None
    waiting = secret.read(staged) if staged else None
    document, since = held if held is not None else ({}, now)
    named = entries(waiting[0]) if waiting is not None else {}
    found = entries(document)
    return {
        "versions": _versions(seen),
        "rotated_at": seen.rotated_at,
        "next_at": seen.next_at,
        "overlap_seconds": options.overlap_seconds,
        "providers": [
            _card(name, found.get(name, {}), options, since, now) | {"staged": name in named}
            for name in sorted({*found, *options.providers, *named})
        ],
    }


def oldest(cards: dict[str, Any], options: RotationOptions) -> float | None:
    """Return the age in seconds of the oldest key of those that the stage lists, None where there is none."""
    listed = [card["age"] for card in cards["providers"] if card["provider"] in options.providers]
    return max((age for age in listed if age is not None), default=None)


def wants_rotation(cards: dict[str, Any]) -> list[str]:
    """Return the providers for which a rotation has something to do now."""
    return [card["provider"] for card in cards["providers"] if card["staged"] or card["state"] == "due"]


def _versions(seen: Overview) -> list[dict[str, Any]]:
    return [{"version": version[:8], "labels": sorted(labels)} for version, labels in seen.labels.items()]


def _card(name: str, entry: dict[str, str], options: RotationOptions, since: float, now: float) -> dict[str, Any]:
    state = due(name, entry, options, since=since, now=now)
    changed = rotated_at(entry)
    ages = bool(entry) and not isinstance(options.of(name), Role) and state.kind != "nothing"
    return {
        "provider": name,
        "strategy": options.of(name).strategy,
        "state": state.kind,
        "words": state.words,
        "rotated_at": changed,
        "age": max(0.0, now - (since if changed is None else changed)) if ages else None,
        "due_at": state.at,
    }
