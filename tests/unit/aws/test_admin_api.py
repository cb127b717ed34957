"""The admin API through real proxy events, its stores in memory."""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from sluice.aws.admin_api import AdminApi, ControlPlane
from sluice.control.configurations import Configurations
from sluice.control.keys import Keys
from sluice.control.lint import complaints
from sluice.governance.authentication import Authenticator
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from tests.fakes import ADMIN_KEY, KEY, PEPPER, virtual_key
from tests.unit.control.test_configurations import Store as ConfigurationStore
from tests.unit.control.test_keys import Store as KeyStore


class Api:
    def __init__(self) -> None:
        store = KeyStore()
        for key in (virtual_key(KEY), virtual_key(ADMIN_KEY, scopes=("admin", "inference"))):
            store.create(key)
        self.app = AdminApi(
            ControlPlane(
                authenticator=Authenticator(store, lambda: PEPPER, lambda: 1000.0),
                keys=Keys(store, lambda: PEPPER, lambda: 1_000_000),
                configurations=Configurations(
                    ConfigurationStore(), parse, partial(complaints, catalogue=Registry(), local=False)
                ),
                now_ms=lambda: 1_000_000,
            )
        )

    def call(
        self, method: str, path: str, body: object = None, *, key: str = ADMIN_KEY, query: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        event = {
            "resource": "/admin/{path+}",
            "path": path,
            "httpMethod": method,
            "headers": {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            "multiValueHeaders": {"Authorization": [f"Bearer {key}"], "Content-Type": ["application/json"]},
            "queryStringParameters": query,
            "multiValueQueryStringParameters": {n: [v] for n, v in query.items()} if query else None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {"requestId": "r", "identity": {}, "httpMethod": method, "path": path, "stage": "x"},
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = self.app.resolve(event, SimpleNamespace(aws_request_id="r"))
        return answer["statusCode"], json.loads(answer["body"])


def test_a_key_is_created_listed_and_revoked() -> None:
    api = Api()
    status, created = api.call("POST", "/admin/keys", {"team": "ads", "name": "n", "models": ["openai/*"]})
    assert (status, created["team"], created["state"]) == (201, "ads", "active")
    assert created["key"].startswith("sk-sluice-")
    status, listed = api.call("GET", "/admin/keys", query={"team": "ads"})
    assert (status, [key["id"] for key in listed["data"]]) == (200, [created["id"]])
    assert "key" not in listed["data"][0]
    assert len(api.call("GET", "/admin/keys")[1]["data"]) == 3
    assert api.call("DELETE", f"/admin/keys/{created['id']}")[1]["state"] == "revoked"
    assert api.call("DELETE", "/admin/keys/nothing")[0] == 404


def test_a_configuration_is_published_promoted_compared_and_rolled_back() -> None:
    api = Api()
    versions = []
    for rate in (1, 2):
        status, published = api.call("POST", "/admin/configuration/versions", {"unpriced_ceiling": {"input": rate}})
        assert status == 201
        versions.append(published["version"])
        assert api.call("POST", f"/admin/configuration/versions/{versions[-1]}/promote")[0] == 200
    assert api.call("GET", "/admin/configuration")[1]["version"] == versions[1]
    difference = api.call("GET", "/admin/configuration/diff", query={"old": versions[0], "new": versions[1]})[1]
    assert any("input" in line for line in difference["diff"])
    assert api.call("POST", "/admin/configuration/rollback")[1]["version"] == versions[0]
    assert api.call("GET", f"/admin/configuration/versions/{versions[1]}")[1]["document"]["unpriced_ceiling"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/admin/keys"), ("POST", "/admin/keys"), ("POST", "/admin/configuration/rollback")],
)
def test_only_an_admin_key_gets_in(method: str, path: str) -> None:
    assert Api().call(method, path, {}, key=KEY)[0] == 403
    status, told = Api().call(method, path, {}, key="sk-nothing")
    assert (status, told["error"]["type"]) == (401, "authentication_error")


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/admin/keys", {"team": "a b"}, "team"),
        ("/admin/keys", {"team": "a", "scopes": ["root"]}, "unknown scope root"),
        ("/admin/configuration/versions", {"routes": {"r": {}}}, "targets"),
        ("/admin/configuration/versions", {"routes": {"r": {"targets": [{"model": "no/x"}]}}}, "offers no/x"),
    ],
)
def test_bad_input_is_a_400_that_names_the_member(path: str, body: object, said: str) -> None:
    status, told = Api().call("POST", path, body)
    assert status == 400
    assert said in told["error"]["message"]


def test_an_unknown_path_is_a_404_in_the_same_envelope() -> None:
    status, told = Api().call("GET", "/admin/nothing")
    assert (status, "/admin/nothing" in told["error"]["message"]) == (404, True)
