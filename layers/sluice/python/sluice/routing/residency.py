"""Keeps the requests of a team where they must stay: a deployment elsewhere, or in a place unknown, is not planned.

    "residency": {"eu": {"teams": ["search"], "places": ["eu", "eu-*"], "regions": ["eu-west-1", "eu-central-1"]}}

Imported only for configurations that have fences. A deployment's place is, the first of these that says something:

* the geography of an inference profile of Amazon Bedrock (`eu.anthropic...`: "eu", `global.`: "global"): AWS chooses
  the region within it, whatever region is called;
* the region that a route's target names;
* the `place` that the configuration states for the provider: only its operator knows where a resource of Azure, a
  gateway of Cloudflare or a server of one's own stands;
* the region that the address is called in: this gateway's own, that of an AWS host, the location of a Vertex address;
* the label of a host that stands for a geography (`eu.api.openai.com`).

Where none of them says anything the place is unknown, and a fence keeps it out: no vendor's word is taken for granted.
"""

from __future__ import annotations

from collections.abc import Iterator

from sluice.errors import PermissionDenied
from sluice.routing.configuration import Raw, _flag, _texts
from sluice.signing import region_of
from sluice.types.residency import Fence
from sluice.types.routes import Configuration, Deployment

PROFILES = ("us", "eu", "apac", "jp", "au", "ca", "us-gov", "global")
"""Geographies of inference profiles (Amazon Bedrock user guide, "Supported Regions and models for inference profiles",
2026-11)."""
GEOGRAPHIES = ("eu", "us", "uk", "in", "jp", "au", "ca", "sg", "kr", "ae")
"""First labels of hosts that name a place (OpenAI, "Data residency", 2026-11: `<geography>.api.openai.com`)."""


def fence(raw: Raw, name: str) -> Fence:
    """Return the fence that a configuration describes. Raises ValueError, KeyError."""
    teams, places = _texts(raw, "teams", ()), _texts(raw, "places", ())
    if not teams or not places:
        raise ValueError("teams and places must name something; a fence without places would let nothing through")
    return Fence(name, teams, places, _texts(raw, "regions", ()), _flag(raw, "at_rest") is not False)


def fences_of(configuration: Configuration, team: str) -> tuple[Fence, ...]:
    """Return the fences that hold for a team; all of them must let a deployment through."""
    return tuple(each for each in configuration.residency if each.concerns(team))


def check_region(fences: tuple[Fence, ...], team: str, region: str) -> None:
    """Refuse what arrives in a region of the gateway that a team's requests must not be in.

    Raises:
        PermissionDenied: names the regions that may be called instead.
    """
    for each in fences:
        if each.regions and region not in each.regions:
            raise PermissionDenied(
                f"Requests of team {team} stay in {', '.join(each.regions)} (fence {each.id!r}), and this gateway is "
                f"in {region or 'an unknown region'}. Call the gateway of one of these regions.",
                code="residency",
            )


def objection(fences: tuple[Fence, ...], deployment: Deployment, home: str) -> str:
    """Return why a deployment is outside, "" for one inside; `home` is the region that this gateway runs in."""
    place = place_of(deployment, home)
    for each in fences:
        if not any(_matches(pattern, place) for pattern in each.places):
            where = f"it answers in {place}" if place else "nothing says where it answers; state the provider's place"
            return f"{where}, outside of fence {each.id!r} ({', '.join(each.places)})"
    return ""


def place_of(deployment: Deployment, home: str) -> str:
    """Return where a deployment answers, "" where nothing says so."""
    return next(filter(None, _said(deployment, home)), "")


def _said(deployment: Deployment, home: str) -> Iterator[str]:
    provider, address = deployment.provider, deployment.provider.base_url
    regional = "{region}" in address
    if regional or ".amazonaws.com" in address or ".api.aws" in address:
        profile = deployment.model.id.partition(".")[0]
        yield profile if profile in PROFILES else ""
    yield deployment.region or ""
    yield provider.place
    yield home if regional else ""
    host, _, path = address.partition("://")[2].partition("/")
    yield region_of(address)
    yield path.partition("locations/")[2].partition("/")[0]
    first = host.partition(".")[0]
    yield first if first in GEOGRAPHIES else ""


def _matches(pattern: str, place: str) -> bool:
    if not place:
        return False
    return place.startswith(pattern[:-1]) if pattern.endswith("*") else place == pattern


def complaints(configuration: Configuration, regions: tuple[str, ...]) -> Iterator[str]:
    """Yield what makes a fence impossible to keep in a stage of these regions (empty: they are not known)."""
    for each in configuration.residency:
        outside = [region for region in regions if each.regions and region not in each.regions]
        if each.at_rest and outside:
            yield (
                f"residency.{each.id}.regions: this stage copies keys, configuration and usage to "
                f"{', '.join(outside)} as well; deploy a stage whose regions are all inside, or set at_rest to false "
                "if only the place of processing matters"
            )
