"""How the edge picks a route."""

from __future__ import annotations

import pytest

from infra.drill.definition import Route
from infra.drill.edge import RouteTable
from sluice.endpoints import ENDPOINTS, find

ROUTES = RouteTable(Route(each.method, each.path, each.function, "live", False) for each in ENDPOINTS)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/chat/completions"),
        ("GET", "/v1/models"),
        ("GET", "/v1/models/openai/gpt-4o-mini"),
        ("GET", "/v1/requests/req_01"),
        ("DELETE", "/admin/keys/abc"),
        ("GET", "/health"),
    ],
)
def test_a_deployed_route_is_picked_as_the_application_would(method: str, path: str) -> None:
    deployed, applied = ROUTES(method, path), find(method, path)
    assert deployed is not None
    assert applied is not None
    assert (deployed.endpoint.path, deployed.params) == (applied.endpoint.path, applied.params)
    assert deployed.endpoint.function == applied.endpoint.function


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/chat/completions"), ("POST", "/v2"), ("GET", "/v1/models/")])
def test_there_is_no_route_for_what_the_api_does_not_have(method: str, path: str) -> None:
    assert ROUTES(method, path) is None


def test_a_literal_path_wins_over_a_pattern() -> None:
    patterns = ("/a/{rest+}", "/a/{one}", "/a/b")
    table = RouteTable(Route("ANY", path, path, "live", False) for path in patterns)
    picked = [table("GET", path) for path in ("/a/b", "/a/c", "/a/c/d")]
    assert [match.endpoint.path for match in picked if match is not None] == ["/a/b", "/a/{one}", "/a/{rest+}"]
