"""Where the requests of a team may go, as a configuration says."""

from __future__ import annotations

from dataclasses import dataclass

EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Fence:
    """Requests of `teams` ("*": of all) are served by deployments in `places`, and from gateways in `regions`, only.

    `places` are names as `sluice.routing.residency.place_of` gives them, "eu-*" means all that begin so. `regions` are
    AWS regions of the stage; empty: any. With `at_rest` the stage may have no region outside of `regions` at all, since
    its global tables are copied to all of them.
    """

    id: str
    teams: tuple[str, ...]
    places: tuple[str, ...]
    regions: tuple[str, ...] = ()
    at_rest: bool = True

    def concerns(self, team: str) -> bool:
        """Return whether it holds for a team."""
        return team in self.teams or EVERYBODY in self.teams
