"""Reads the budgets and limits of a configuration document; imported only for documents that have some.

    {"budgets": {"search": {"scope": {"kind": "team", "value": "search"}, "amount": 500000000000,
                            "window": {"kind": "month", "time_zone": "Europe/Berlin"}, "hard": true}},
     "limits": {"each-key": {"scope": {"kind": "key"}, "requests": {"per_minute": 60, "burst": 20},
                             "concurrent": 8}}}

This is the full form that publishing makes of what people write (`sluice.control.budget_schema`): money is whole
nano-USD. Members that this version of the code does not know are passed over.
"""

from __future__ import annotations

from typing import get_args

from sluice.routing.configuration import Raw, _count, _flag, _list, _object, _text
from sluice.types.budgets import Budget, Limit, Rate, Scope, ScopeKind, Window, WindowKind

KINDS = get_args(ScopeKind)
WINDOWS = get_args(WindowKind)


def budget(raw: Raw, name: str) -> Budget:
    """Return a budget. Raises ValueError, or KeyError for a member that must be there."""
    plain = Budget(name, Scope("organisation"), 0, Window("month"))
    hard, per_request, downgrade = _flag(raw, "hard"), raw.get("per_request"), raw.get("downgrade")
    thresholds = raw.get("thresholds")
    return Budget(
        id=name,
        scope=_scope(_object(raw["scope"], "scope")),
        amount=_count(raw["amount"], "amount"),
        window=_window(_object(raw["window"], "window")),
        hard=plain.hard if hard is None else hard,
        grace=_count(raw.get("grace", plain.grace), "grace"),
        per_request=None if per_request is None else _count(per_request, "per_request"),
        thresholds=plain.thresholds
        if thresholds is None
        else tuple(_count(each, "thresholds") for each in _list(thresholds, "thresholds")),
        downgrade=None if downgrade is None else _text(downgrade, "downgrade"),
        downgrade_at=_count(raw.get("downgrade_at", plain.downgrade_at), "downgrade_at"),
        strict=_flag(raw, "strict") or False,
        shares=_shares(raw),
        min_output=_count(raw.get("min_output", plain.min_output), "min_output"),
        shards=_count(raw.get("shards", 1), "shards") or 1,
    )


def limit(raw: Raw, name: str) -> Limit:
    """Return a limit. Raises ValueError, or KeyError for a member that must be there."""
    concurrent = raw.get("concurrent")
    return Limit(
        id=name,
        scope=_scope(_object(raw["scope"], "scope")),
        requests=_rate(raw, "requests"),
        input_tokens=_rate(raw, "input_tokens"),
        output_tokens=_rate(raw, "output_tokens"),
        concurrent=None if concurrent is None else _count(concurrent, "concurrent"),
        strict=_flag(raw, "strict") or False,
        shares=_shares(raw),
        shards=_count(raw.get("shards", 1), "shards") or 1,
    )


def _scope(raw: Raw) -> Scope:
    kind = raw["kind"]
    if kind not in KINDS:
        raise ValueError(f"scope.kind must be one of {', '.join(KINDS)}")
    return Scope(kind, _text(raw.get("value", "*"), "scope.value"), _text(raw.get("name", ""), "scope.name"))


def _window(raw: Raw) -> Window:
    kind = raw["kind"]
    if kind not in WINDOWS:
        raise ValueError(f"window.kind must be one of {', '.join(WINDOWS)}")
    seconds = _count(raw.get("seconds", 0), "window.seconds")
    if kind == "rolling" and not seconds:
        raise ValueError("window.seconds must say how long a rolling window is")
    return Window(kind, _text(raw.get("time_zone", "UTC"), "window.time_zone"), seconds)


def _rate(raw: Raw, name: str) -> Rate | None:
    if raw.get(name) is None:
        return None
    stated = _object(raw[name], name)
    per_minute = _count(stated["per_minute"], f"{name}.per_minute")
    return Rate(per_minute, _count(stated.get("burst", 0), f"{name}.burst"))


def _shares(raw: Raw) -> dict[str, int]:
    stated = _object(raw.get("shares") or {}, "shares")
    return {region: _count(share, f"shares.{region}") for region, share in stated.items()}
