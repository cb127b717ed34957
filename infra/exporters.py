"""Where a stage's telemetry goes beyond CloudWatch: nowhere, unless it lists targets here (docs/observability.md).

The exporter function exists only where something is listed. Each target's credential is in the provider secret, under
`exporter_<name>`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

KINDS = ("otlp", "helicone", "s3")
_NAME = re.compile(r"[a-z0-9_-]{1,40}")
_URL = re.compile(r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._~/-]*)?")


class InvalidExporter(ValueError):
    """A target cannot be deployed; the message names the setting and what is allowed."""


@dataclass(frozen=True, slots=True)
class ExporterTarget:
    """One target of kind otlp (any collector; `flavour` "langfuse" for Langfuse), helicone, or s3.

    `metrics` adds OTLP metrics, `sample` is the part of all traces that is sent, `teams` the only teams (empty: all).
    """

    name: str
    kind: str
    url: str = ""
    flavour: str = ""
    metrics: bool = False
    sample: float = 1.0
    teams: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raise InvalidExporter for what the function would refuse when it starts."""
        self._check("name", _NAME.fullmatch(self.name) is not None, "up to 40 of a-z, 0-9, - and _")
        self._check("kind", self.kind in KINDS, f"one of {', '.join(KINDS)}")
        url_fits = (_URL.fullmatch(self.url) is not None) if self.kind != "s3" else self.url == ""
        self._check("url", url_fits, "the target's base URL, https://...; empty for s3")
        flavours = ("", "langfuse") if self.kind == "otlp" else ("",)
        self._check("flavour", self.flavour in flavours, "langfuse or empty, for otlp")
        self._check("sample", 0 < self.sample <= 1, "above 0 and at most 1")

    def _check(self, setting: str, holds: object, allowed: str) -> None:
        if not holds:
            value = getattr(self, setting)
            raise InvalidExporter(f"Exporter {self.name!r}: {setting} is {value!r}; it must be {allowed}.")


def text_of(targets: Iterable[ExporterTarget]) -> str:
    """Return the targets as the function reads them (`sluice.telemetry.options`)."""
    return json.dumps([asdict(target) for target in targets], separators=(",", ":"))
