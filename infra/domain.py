"""The name under which callers reach the gateway in all regions, and the zone that it stands in."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_ZONE = re.compile(r"Z[A-Z0-9]{1,31}")


class InvalidDomain(ValueError):
    """A domain that cannot be deployed; the message names the setting and what is allowed."""


@dataclass(frozen=True, slots=True)
class Domain:
    """A host name of the gateway in a public Route 53 zone of the same account."""

    name: str
    """What callers use, such as `llm.example.com`; each region answers at `<region>.llm.example.com` too."""
    zone: str
    """Name of the hosted zone, such as `example.com`."""
    zone_id: str
    """Id of the hosted zone, such as `Z0123456789ABCDEFGHIJ`."""
    unhealthy_percent: int = 25
    """The part of a region's requests that end with 5xx for three minutes before callers are sent elsewhere."""

    def __post_init__(self) -> None:
        """Raise InvalidDomain for names that do not fit together."""
        _check("name", self.name, _HOST.fullmatch(self.name) is not None, "a host name such as llm.example.com")
        fits = self.name == self.zone or self.name.endswith(f".{self.zone}")
        _check("zone", self.zone, fits and _HOST.fullmatch(self.zone) is not None, f"a zone that {self.name} is in")
        _check("zone_id", self.zone_id, _ZONE.fullmatch(self.zone_id) is not None, "an id of a hosted zone (Z...)")
        _check("unhealthy_percent", self.unhealthy_percent, 1 <= self.unhealthy_percent <= 100, "1 to 100")

    def in_region(self, region: str) -> str:
        """Return the name of one region's own gateway."""
        return f"{region}.{self.name}"

    def target_in(self, region: str) -> str:
        """Return the name that the common name's record of a region points at; nobody calls it."""
        return f"{region}-target.{self.name}"


def _check(setting: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise InvalidDomain(f"Domain: {setting} is {value!r}; it must be {allowed}.")
