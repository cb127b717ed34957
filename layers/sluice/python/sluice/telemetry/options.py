"""Where a stage's telemetry goes: the targets of its exporter, as the CDK app writes them into SLUICE_EXPORTERS.

    [{"name": "langfuse", "kind": "otlp", "url": "https://cloud.langfuse.com/api/public/otel", "flavour": "langfuse"},
     {"name": "collector", "kind": "otlp", "url": "https://otel.example.com", "metrics": true, "sample": 0.1},
     {"name": "helicone", "kind": "helicone", "url": "https://api.worker.helicone.ai"},
     {"name": "archive", "kind": "s3"}]

A target's credential is in the provider secret, under `exporter_<name>`: {"token": ...} for a bearer token,
{"username": ..., "password": ...} for basic authentication (Langfuse: public and secret key), {"header": "X-Api-Key",
"value": ...} for any other header. Without an entry nothing is sent along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

KINDS = ("otlp", "helicone", "s3")
FLAVOURS = ("", "langfuse")
HELD_AS = "exporter_"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


class TargetOptions(NamedTuple):
    """One target. `sample` is the part of all traces that is sent, `teams` the only teams ("()": all)."""

    name: str
    kind: str
    url: str = ""
    flavour: str = ""
    metrics: bool = False
    sample: float = 1.0
    teams: tuple[str, ...] = ()


def options_from(text: str) -> tuple[TargetOptions, ...]:
    """Return the targets of SLUICE_EXPORTERS, none for "". Raises ValueError, which names what is wrong."""
    found = json.loads(text or "[]")
    if not isinstance(found, list):
        raise ValueError("Exporters must be a list of targets.")
    targets = tuple(_target(each) for each in found)
    if len({target.name for target in targets}) != len(targets):
        raise ValueError("Each exporter needs a name of its own.")
    return targets


def check(target: TargetOptions) -> TargetOptions:
    """Return a target that can be used. Raises ValueError."""
    if not target.name or not _NAME.issuperset(target.name):
        raise ValueError(f"Exporter {target.name!r}: a name has a-z, 0-9, - and _.")
    if target.kind not in KINDS:
        raise ValueError(f"Exporter {target.name!r}: kind must be one of {', '.join(KINDS)}, not {target.kind!r}.")
    if target.flavour not in FLAVOURS or (target.flavour and target.kind != "otlp"):
        raise ValueError(f"Exporter {target.name!r}: flavour {target.flavour!r} is none that its kind knows.")
    if target.kind != "s3" and not target.url.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError(f"Exporter {target.name!r}: url must begin with https://.")
    if not 0 < target.sample <= 1:
        raise ValueError(f"Exporter {target.name!r}: sample must be above 0 and at most 1.")
    return target


def _target(raw: object) -> TargetOptions:
    if not isinstance(raw, Mapping):
        raise ValueError("Each exporter must be an object.")
    unknown = set(raw) - set(TargetOptions._fields)
    if unknown:
        raise ValueError(f"An exporter has no member {sorted(unknown)[0]!r}.")
    members: dict[str, Any] = {"name": "", "kind": "", **raw, "teams": tuple(raw.get("teams") or ())}
    texts = ("name", "kind", "url", "flavour")
    if not all(isinstance(members.get(name, ""), str) for name in texts) or isinstance(members.get("sample", 1), str):
        raise ValueError(f"Exporter {str(members['name'])[:40]!r}: a member has the wrong type.")
    return check(TargetOptions(**members))
