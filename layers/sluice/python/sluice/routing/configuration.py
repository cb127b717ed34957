"""A configuration version: its JSON document, its hash, and what the request path makes of it.

    {"routes": {"fast": {"strategy": "ordered", "targets": [{"model": "openai/gpt-4o-mini", "weight": 1}],
                         "timeouts": {"connect": 5, "first_byte": 120, "idle": 60, "total": 600,
                                      "request": 890},
                         "retry": {"attempts": 2, "base": 0.25, "longest": 8}, "strict_parameters": false,
                         "archive": {"payloads": false, "retention_days": 30, "sample": 1, "redact": ["emails", "keys"],
                                     "patterns": []}}},
     "providers": {"openai": {"base_url": null, "enabled": true, "allow_loopback": false,
                               "any_model": false, "headers": {}, "first_byte_seconds": null,
                               "propagate_trace": false, "place": "eu"}},
     "models": {"openai/own": {"prices": [{"starts": "", "tiers": [{"over": 0, "rates": {"input": 1000000}}]}]}},
     "unpriced_ceiling": {"input": 1000000000},
     "units": {"snowflake_credit": 2000000000},
     "adjustments": {"contract": {"kind": "discount", "basis_points": -1500, "provider": "openai"}},
     "stored_responses": true,
     "residency": {"eu": {"teams": ["search"], "places": ["eu", "eu-*"], "regions": ["eu-west-1"], "at_rest": true}},
     "budgets": {...}, "limits": {...},   (see `sluice.routing.governed`)
     "identity": {...}}                   (see `sluice.routing.identities`)

Every member may be left out. What people write is validated before it is published (`sluice.control`); here a document
is only read, and members that this version of the code does not know are passed over, so that a rollback of the code
still reads what a newer one published.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from sluice.settings import PAYLOAD_DAYS
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.routes import Configuration, ProviderSettings, RetryPolicy, Route, RouteTarget, Timeouts

if TYPE_CHECKING:
    from sluice.types.archives import ArchivePolicy

STRATEGIES = ("ordered", "weighted")
PHASES = ("connect", "first_byte", "idle", "total", "request")
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

Part = TypeVar("Part")
Raw = Mapping[str, Any]


def canonical_json(document: Mapping[str, object]) -> str:
    """Return the one text of a document: sorted members, no spaces. Raises ValueError or TypeError for no JSON."""
    return _encode(document)


def version_of(document: Mapping[str, object]) -> str:
    """Return the version of a document: the SHA-256 of its canonical text, as 64 hex digits."""
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def parse(document: Mapping[str, object], version: str) -> Configuration:
    """Return the configuration that a document describes. Raises ValueError, which names the member at fault."""
    return Configuration(
        version=version,
        routes=_each(document, "routes", _route),
        providers=_each(document, "providers", _provider),
        models=_each(document, "models", lambda raw, name: _model(raw, name, version)),
        unpriced_ceiling=_rates(document.get("unpriced_ceiling") or {}, "unpriced_ceiling"),
        stored_responses=_flag(document, "stored_responses") is not False,
        units=_rates(document.get("units") or {}, "units"),
        **_governed(document),
        **_identified(document),
    )


def _identified(document: Mapping[str, object]) -> dict[str, Any]:
    if not document.get("identity"):
        return {}
    from sluice.routing.identities import identity

    return {"identity": identity(document["identity"])}


def _governed(document: Mapping[str, object]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if document.get("budgets") or document.get("limits"):
        from sluice.routing import governed

        found["budgets"] = _each(document, "budgets", governed.budget)
        found["limits"] = _each(document, "limits", governed.limit)
    if document.get("adjustments"):
        from sluice.routing.adjusted import adjustment

        found["adjustments"] = tuple(_each(document, "adjustments", adjustment).values())
    if document.get("residency"):
        from sluice.routing.residency import fence

        found["residency"] = tuple(_each(document, "residency", fence).values())
    return found


def _each(document: Mapping[str, object], member: str, read: Callable[[Raw, str], Part]) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for name, raw in _object(document.get(member) or {}, member).items():
        try:
            parts[name] = read(_object(raw, "it"), name)
        except KeyError as error:
            raise ValueError(f"{member}.{name}: {error} is missing") from None
        except ValueError as error:
            raise ValueError(f"{member}.{name}: {error}") from None
    return parts


def _route(raw: Raw, name: str) -> Route:
    strategy = raw.get("strategy", "ordered")
    if strategy not in STRATEGIES:
        raise ValueError(f"strategy must be one of {', '.join(STRATEGIES)}")
    targets = tuple(_target(_object(target, "each target")) for target in _list(raw["targets"], "targets"))
    if not targets:
        raise ValueError("targets must name a model")
    timeouts = _object(raw.get("timeouts") or {}, "timeouts")
    return Route(
        name=name,
        targets=targets,
        strategy=strategy,
        timeouts=Timeouts(**{phase: _seconds(timeouts[phase], phase) for phase in PHASES if phase in timeouts}),
        retry=_retry(_object(raw.get("retry") or {}, "retry")),
        strict_parameters=_flag(raw, "strict_parameters") or False,
        cold_starts="first_byte" not in timeouts,
        archive=_archive(_object(raw["archive"], "archive")) if raw.get("archive") else None,
    )


def _archive(raw: Raw) -> ArchivePolicy | None:
    from sluice.types.archives import ArchivePolicy

    if not _flag(raw, "payloads"):
        return None
    days = _count(raw.get("retention_days", 30), "retention_days")
    if days not in PAYLOAD_DAYS:
        raise ValueError(f"retention_days must be one of {', '.join(map(str, PAYLOAD_DAYS))}")
    sample = raw.get("sample", 1.0)
    if not isinstance(sample, int | float) or isinstance(sample, bool) or not 0 < sample <= 1:
        raise ValueError("sample must be above 0 and at most 1")
    return ArchivePolicy(days, float(sample), _texts(raw, "redact", ("emails", "keys")), _texts(raw, "patterns", ()))


def _target(raw: Raw) -> RouteTarget:
    region = raw.get("region")
    weight = _count(raw.get("weight", 1), "weight")
    return RouteTarget(_text(raw["model"], "model"), weight, None if region is None else _text(region, "region"))


def _retry(raw: Raw) -> RetryPolicy:
    plain = RetryPolicy()
    attempts = _count(raw.get("attempts", plain.attempts), "attempts")
    if attempts < 1:
        raise ValueError("attempts must be at least 1")
    base = _seconds(raw.get("base", plain.base), "base", least=0)
    return RetryPolicy(attempts, base, _seconds(raw.get("longest", plain.longest), "longest", least=0))


def _provider(raw: Raw, _: str) -> ProviderSettings:
    base_url = raw.get("base_url")
    return ProviderSettings(
        base_url=None if base_url is None else _text(base_url, "base_url"),
        enabled=_flag(raw, "enabled"),
        allow_loopback=_flag(raw, "allow_loopback") or False,
        headers={name: _text(value, name) for name, value in _object(raw.get("headers") or {}, "headers").items()},
        any_model=_flag(raw, "any_model") or False,
        propagate_trace=_flag(raw, "propagate_trace") or False,
        place=_text(raw.get("place") or "", "place"),
        first_byte_seconds=_seconds(raw["first_byte_seconds"], "first_byte_seconds", least=0)
        if raw.get("first_byte_seconds") is not None
        else None,
    )


def _model(raw: Raw, name: str, version: str) -> Model:
    provider, slash, model = name.partition("/")
    if not slash or not provider or not model:
        raise ValueError("the name must be provider/model")
    price_version = f"configuration#{version[:12]}"
    prices = [_price(price, price_version) for price in _list(raw.get("prices") or [], "prices")]
    plain = Model(model, provider)
    return Model(
        id=model,
        provider=provider,
        prices=tuple(sorted(prices, key=lambda price: price.starts)),
        aliases=_texts(raw, "aliases", ()),
        context=_limit(raw, "context"),
        max_output=_limit(raw, "max_output"),
        inputs=_texts(raw, "inputs", plain.inputs),
        outputs=_texts(raw, "outputs", plain.outputs),
        capabilities=frozenset(_texts(raw, "capabilities", ())),
        operations=_texts(raw, "operations", plain.operations),
        dialects=_texts(raw, "dialects", ()),
        deprecated=None if raw.get("deprecated") is None else _text(raw["deprecated"], "deprecated"),
        unpriced=_text(raw.get("unpriced") or "", "unpriced"),
        quirks=_object(raw.get("quirks") or {}, "quirks"),
    )


def _price(value: object, version: str) -> Price:
    raw = _object(value, "each price")
    tiers = [_tier(_object(tier, "each tier")) for tier in _list(raw["tiers"], "tiers")]
    if not tiers:
        raise ValueError("tiers must hold one")
    return Price(
        starts=_text(raw.get("starts") or "", "starts"),
        tiers=tuple(sorted(tiers, key=lambda tier: tier.over)),
        service_tiers=_texts(raw, "service_tiers", ()),
        hours=tuple(_window(each) for each in _list(raw.get("hours") or [], "hours")),
        version=version,
        unit=_text(raw.get("unit") or "", "unit"),
        days=tuple(_count(each, "days") for each in _list(raw.get("days") or [], "days")),
    )


def _window(value: object) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("each window of hours must be two times")
    return _text(value[0], "hours"), _text(value[1], "hours")


def _tier(raw: Raw) -> PriceTier:
    return PriceTier(_count(raw.get("over", 0), "over"), _rates(raw["rates"], "rates"))


def _rates(raw: object, where: str) -> dict[str, int]:
    return {name: _count(rate, f"{where}.{name}") for name, rate in _object(raw, where).items()}


def _object(value: object, name: str) -> Raw:
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} must be an object")
    return value


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be text")
    return value


def _texts(raw: Raw, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    return default if raw.get(name) is None else tuple(_text(value, name) for value in _list(raw[name], name))


def _count(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} must be a whole number, 0 or more")
    return value


def _limit(raw: Raw, name: str) -> int | None:
    return None if raw.get(name) is None else _count(raw[name], name)


def _seconds(value: object, name: str, least: float = 0.001) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value < 86_400:
        raise ValueError(f"{name} must be a number of seconds")
    return float(value)


def _flag(raw: Raw, name: str) -> bool | None:
    value = raw.get(name)
    if value is not None and not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value
