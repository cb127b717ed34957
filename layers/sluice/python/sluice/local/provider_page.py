"""Writes `docs/providers.md` from the catalogue files: what is read about a provider is what the gateway does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sluice.dialects.quirks import QUIRKS

Json = Mapping[str, Any]

_SHOWN_PREFIXES = 4
_INTRODUCTION = """# Providers

Written by `make catalogue` from the files in `layers/sluice/python/sluice/providers/catalogue/`; do not edit it. A
provider is one such file: a vendor that speaks one of the dialects below is added by adding a file, without any code.

{counts}

- **on**: planned as soon as the gateway holds a credential for it. **off**: the configuration must say
  `"enabled": true` as well. **needs `base_url`**: off, and the configuration must name the address too.
- **any model**: names that are not listed are passed on; they need a price in the configuration, or its
  `unpriced_ceiling`.
- What a credential holds for each way in stands in [credentials](credentials.md). For `make run` the vendor's own
  variables in the environment are enough.
"""
_HEAD = (
    "| provider | operations and dialects | ways in | status | models, priced | checked |",
    "|---|---|---|---|---|---|",
)
_MEANINGS = {quirk.name: quirk.meaning for quirk in QUIRKS}
_WAYS = {
    "bearer": "bearer key",
    "none": "no key",
    "sigv4": "AWS signature",
    "entra": "Microsoft Entra application",
    "oauth": "OAuth client",
    "google": "Google service account",
    "google_federation": "Google federation with AWS",
    "snowflake": "Snowflake key pair",
    "aws_bearer": "token signed with AWS credentials",
    "aws_federation": "federation with AWS, no stored key",
}


def page(contents: Sequence[Json]) -> str:
    """Return the page for catalogue files (their JSON), sorted by name."""
    files = sorted(contents, key=lambda content: str(content["name"]))
    lines = [_INTRODUCTION.format(counts=_counts(files)), *_HEAD, *(_row(content) for content in files), ""]
    for content in files:
        lines.extend(_section(content))
    return "\n".join(lines)


def _counts(files: Sequence[Json]) -> str:
    models = [entry for content in files for entry in _listed(content)]
    priced = sum(bool(entry.get("prices")) for entry in models)
    return f"{len(files)} providers, {len(models):,} listed models, {priced:,} of them with a price."


def _listed(content: Json) -> list[Json]:
    return [entry for entry in content.get("models", {}).values() if entry.get("listed", True)]


def _row(content: Json) -> str:
    models = _listed(content)
    priced = sum(bool(entry.get("prices")) for entry in models)
    figures = f"{len(models)}, {priced}" if models else ""
    if content.get("any_model"):
        figures = f"{figures}, any model" if figures else "any model"
    cells = (_link(content), _served(content), _ways(content), _status(content), figures, content["checked"])
    return f"| {' | '.join(cells)} |"


def _link(content: Json) -> str:
    title = f"[{content['title']}]({content['docs']})" if content.get("docs") else content["title"]
    return f"[`{content['name']}`](#{content['name']}) {title}"


def _served(content: Json) -> str:
    spoken: dict[str, list[str]] = {}
    for endpoint in content["endpoints"]:
        spoken.setdefault(endpoint["operation"], []).append(endpoint["dialect"])
    return "<br>".join(f"{operation}: {', '.join(dialects)}" for operation, dialects in spoken.items())


def _ways(content: Json) -> str:
    auth = content["auth"]
    return ", or ".join(_way(way) for way in (auth if isinstance(auth, list) else [auth]))


def _way(way: Json) -> str:
    if way["scheme"] in ("header", "query"):
        return f"`{way['name']}` {way['scheme']}"
    if way["scheme"] == "pair":
        return " and ".join(f"`{name}`" for name in way["parts"]) + " headers"
    return _WAYS[way["scheme"]]


def _status(content: Json) -> str:
    if not content.get("base_url"):
        return "needs `base_url`"
    return "on" if content.get("enabled", True) else "off"


def _section(content: Json) -> Iterator[str]:
    yield f"## {content['name']}"
    yield ""
    yield f"{content['title']}, {_address(content)}. {_variables(content)}"
    if content.get("first_byte_seconds"):
        yield (
            f"It may start a model on demand: {content['first_byte_seconds']:g} s are allowed to the first byte where "
            "the route states no `first_byte` of its own."
        )
    yield ""
    for endpoint in content["endpoints"]:
        streamed = f", streamed `{endpoint['stream_path']}`" if endpoint.get("stream_path") else ""
        yield f"- {endpoint['operation']} in {endpoint['dialect']}: `{endpoint['path']}`{streamed}"
    quirks = list(_quirks(content.get("quirks", {})))
    if quirks:
        yield from ("", "How it departs from its dialects:", "", *quirks)
    families = list(_families(content.get("rules", ())))
    if families:
        yield from ("", "Some models depart further:", "", *families)
    reasons = (content.get("generated") or {}).get("reasons", ())
    if reasons:
        yield from ("", "Notes:", "", *(f"- {reason}" for reason in reasons))
    yield ""


def _address(content: Json) -> str:
    return f"at `{content['base_url']}`" if content.get("base_url") else "at the address in the configuration"


def _variables(content: Json) -> str:
    named = ", ".join(f"`{variable}` ({part})" for part, variable in sorted(content.get("env", {}).items()))
    return f"Environment: {named}." if named else ""


def _quirks(quirks: Json) -> Iterator[str]:
    for name, value in sorted(quirks.items()):
        yield f"- `{name}` = `{_text(value)}`. {_MEANINGS[name]}"


def _families(rules: Iterable[Json]) -> Iterator[str]:
    for rule in rules:
        if rule.get("quirks"):
            stated = ", ".join(f"`{name}` = `{_text(value)}`" for name, value in sorted(rule["quirks"].items()))
            yield f"- {_prefixes(rule['prefixes'])}: {stated}"


def _prefixes(prefixes: Sequence[str]) -> str:
    shown = ", ".join(f"`{prefix}...`" if prefix else "all" for prefix in prefixes[:_SHOWN_PREFIXES])
    more = len(prefixes) - _SHOWN_PREFIXES
    return f"{shown} and {more} more" if more > 0 else shown


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
