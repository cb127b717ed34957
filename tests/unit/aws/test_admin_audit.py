"""The admin API as a whole: every endpoint has its scope, and every change leaves exactly one record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from sluice.aws.admin_access import ACCESS, access_of
from sluice.aws.admin_api import AdminApi, ControlPlane
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.stores.audit import DynamoAuditStore
from sluice.aws.stores.configurations import DynamoConfigurationStore
from sluice.aws.stores.invoices import DynamoInvoiceStore
from sluice.aws.stores.keys import DynamoKeyStore
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.aws.stores.responses import DynamoResponseStore
from sluice.aws.stores.usage import DynamoUsageStore
from sluice.control.audit import verify
from sluice.control.configurations import Configurations
from sluice.control.keys import Keys
from sluice.control.lint import complaints
from sluice.governance.authentication import Authenticator
from sluice.governance.identity.callers import IdentityCallers
from sluice.metering import request_ids
from sluice.metering.request_ids import partition_of
from sluice.providers.addresses import check_base_url
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from sluice.types.identity import Grant, Identity, PrincipalRule
from sluice.types.tenancy import SCOPES
from tests.emulator import REGION, Emulator
from tests.fakes import ADMIN_KEY, PEPPER, virtual_key
from tests.unit.aws.entries import typical
from tests.unit.aws.stores.connected import connected
from tests.unit.control.budgets import Books

NOW = 1_795_521_600.0  # 2026-11-24T12:00:00Z
REGISTRY = Registry()
BUDGET = {"scope": "team:search", "amount": "5", "window": "month"}
LIMIT = {"scope": "team:search", "requests": 60}
PRICES = [{"tiers": [{"rates": {"input": 1, "output": 2}}]}]
ROLE = "arn:aws:sts::123456789012:assumed-role/operator/ann"
IDENTITY = Identity((), (PrincipalRule("arn:aws:iam::123456789012:role/operator", Grant("ops", scopes=("admin",))),))


class Api:
    def __init__(self, client: DynamoClient, tables: str) -> None:
        config, usage = f"{tables}-config", f"{tables}-usage"
        self.audit = DynamoAuditStore(client, f"{tables}-audit", region=REGION, now=lambda: NOW)
        self.ledger = DynamoLedgerStore(client, f"{tables}-ledger", days=90)
        self.keys = DynamoKeyStore(client, config, self.audit.commit)
        now_ms = lambda: int(NOW * 1000)  # noqa: E731 - as the entry has it
        identities = IdentityCallers(lambda: IDENTITY, None, check_base_url, lambda: NOW)  # type: ignore[arg-type]
        store = DynamoConfigurationStore(client, config, now=lambda: NOW, commit=self.audit.commit)
        self.api = AdminApi(
            ControlPlane(
                authenticator=Authenticator(self.keys, lambda: PEPPER, lambda: NOW, lambda: identities),
                keys=Keys(self.keys, lambda: PEPPER, now_ms),
                configurations=Configurations(store, parse, partial(complaints, catalogue=REGISTRY, local=False)),
                now_ms=now_ms,
                invoices=DynamoInvoiceStore(client, usage),
                ledger=self.ledger,
                account="test",
                usage=DynamoUsageStore(client, usage, region=REGION),
                counters=Books().counters_of(),
                audit=self.audit,
                regions=(REGION,),
                cells=DynamoUsageStore(client, usage, region=REGION),
                responses=DynamoResponseStore(client, f"{tables}-cache"),
                region=REGION,
            )
        )
        self.keys.create(virtual_key(ADMIN_KEY, team="ops", scopes=("admin",)))

    @property
    def router(self) -> APIGatewayRestResolver:
        return self.api._app

    def call(
        self, method: str, path: str, body: object = None, *, key: str = ADMIN_KEY, signed: str = "", **query: str
    ) -> tuple[int, Any]:
        resource = "/iam/admin/{path+}" if signed else "/admin/{path+}"
        event = {
            "resource": resource,
            "path": f"/iam{path}" if signed else path,
            "httpMethod": method,
            "headers": {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
            "multiValueHeaders": {"Content-Type": ["application/json"]},
            "queryStringParameters": query or None,
            "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
            "requestContext": {
                "requestId": "r1",
                "resourcePath": resource,
                "identity": {"sourceIp": "192.0.2.1", "userAgent": "test", "userArn": signed or None},
                "httpMethod": method,
                "path": path,
                "stage": "x",
            },
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        }
        answer = self.api.resolve(event, None)
        return answer["statusCode"], json.loads(answer["body"])

    def records(self) -> list[dict[str, Any]]:
        return [each for day in self.audit.days(REGION) for each in self.audit.records(REGION, day)]

    def made(self, **wanted: object) -> tuple[str, str]:
        """Create a key; return its id and text."""
        status, created = self.call("POST", "/admin/keys", {"team": "search", **wanted})
        assert status == 201, created
        return created["id"], created["key"]


@pytest.fixture
def api(emulator: Emulator, tables: str) -> Iterator[Api]:
    with connected(emulator) as client:
        yield Api(client, tables)


def published(api: Api, rate: int) -> str:
    version: str = api.call("POST", "/admin/configuration/versions", {"unpriced_ceiling": {"input": rate}})[1][
        "version"
    ]
    return version


def live(api: Api, *rates: int) -> None:
    for rate in rates:
        assert api.call("POST", f"/admin/configuration/versions/{published(api, rate)}/promote")[0] == 200


def prepared(api: Api, method: str, path: str) -> tuple[str, object]:
    """Bring the gateway to where a mutating endpoint can be called; return its path and a body."""
    live(api, 1, 2)
    if path.startswith("/admin/keys/"):
        return path.replace("<key_id>", api.made()[0]), {"overlap_hours": 1} if path.endswith("/rotate") else None
    if path.startswith(("/admin/budgets", "/admin/limits")):
        body = BUDGET if "budgets" in path else LIMIT
        place = path.replace("<rule_id>", "rule")
        if method == "DELETE":
            api.call("PUT", place, body)
        return place, None if method == "DELETE" else body
    request_id = request_ids.new(int(NOW * 1000), "search", lambda count: b"\x01" * count)
    entry = typical(request_id=request_id, team="search", user="ann")
    api.ledger.put(entry)
    bodies: dict[str, object] = {
        "/admin/keys": {"team": "search"},
        "/admin/configuration/versions": {"unpriced_ceiling": {"input": 3}},
        "/admin/configuration/rollback": None,
        "/admin/users/erase": {"user": "ann", "partition": partition_of(entry.request_id)},
        "/admin/users/forget": {"user": "ann", "team": "search", "days": ["2026-11-24"]},
        "/admin/ledger/recost": {"partition": "search#2026-11-24#0", "model": "openai/gpt-4o", "prices": PRICES},
    }
    if path == "/admin/configuration/versions/<version>/promote":
        return path.replace("<version>", published(api, 3)), None
    return path, bodies[path]


def routes(api: Api) -> set[tuple[str, str]]:
    found = [*api.router._static_routes, *api.router._dynamic_routes]
    return {(str(route.method), str(route.path)) for route in found}


CHANGES = [(each.method, each.path) for each in ACCESS if each.scope.endswith(":write")]


def test_every_endpoint_of_the_router_has_its_scope_and_none_is_only_on_paper(api: Api) -> None:
    assert routes(api) == {(each.method, each.path) for each in ACCESS}
    assert {each.scope for each in ACCESS} <= set(SCOPES)
    assert len(ACCESS) == len({(each.method, each.path) for each in ACCESS})


def test_reading_needs_a_scope_to_read_and_changing_one_to_write() -> None:
    for each in ACCESS:
        # Questions whose words may not stand in a URL are POSTs.
        allowed = (":read",) if each.method == "GET" else (":write", ":read") if each.method == "POST" else (":write",)
        assert each.scope.endswith(allowed), each


@pytest.mark.parametrize(("method", "path"), CHANGES, ids=lambda value: value)
def test_every_change_leaves_exactly_one_record(api: Api, method: str, path: str) -> None:
    place, body = prepared(api, method, path)
    before = len(api.records())
    status, told = api.call(method, place, body)
    assert status < 300, told
    records = api.records()
    (made,) = records[before:]
    scope = next(each.scope for each in ACCESS if (each.method, each.path) == (method, path))
    assert made["action"].partition(".")[0] in (scope.partition(":")[0], "configuration", "limits")
    assert (made["actor"]["id"], made["actor"]["source_ip"], made["actor"]["request_id"]) == (
        ADMIN_KEY[10:22],
        "192.0.2.1",
        "r1",
    )
    assert made["at_ms"] == int(NOW * 1000)
    assert made["before"] != made["after"]
    assert list(verify(records, whole=True)) == []


@pytest.mark.parametrize(("method", "path"), CHANGES, ids=lambda value: value)
def test_a_change_that_is_refused_changes_and_records_nothing(api: Api, method: str, path: str) -> None:
    place, body = prepared(api, method, path)
    _, reader = api.made(scopes=["config:read", "keys:read", "budgets:read", "usage:read", "audit:read"])
    before = api.records()
    status, told = api.call(method, place, body, key=reader)
    needed = next(each.scope for each in ACCESS if (each.method, each.path) == (method, path))
    assert status == 403
    assert f"{needed!r} scope" in told["error"]["message"]
    assert api.records() == before


@pytest.mark.parametrize("access", ACCESS, ids=lambda each: f"{each.method} {each.path}")
def test_each_endpoint_opens_to_its_scope_alone(api: Api, access: Any) -> None:
    path = access.path.replace("<", "").replace(">", "")
    others = [
        scope for scope in SCOPES if scope not in ("admin", access.scope, access.scope.replace(":read", ":write"))
    ]
    query = {"from": "2026-11-01", "to": "2026-11-02", "partition": "search#2026-11-01#0", "old": "a", "new": "b"}
    _, without = api.made(scopes=others)
    assert api.call(access.method, path, {}, key=without, **query)[0] == 403
    assert api.call(access.method, path + "/", {}, key=without, **query)[0] == 403, "slashes at the end open nothing"
    _, enough = api.made(scopes=[access.scope])
    assert api.call(access.method, path, {}, key=enough, **query)[0] not in (401, 403)


@pytest.mark.parametrize("access", ACCESS, ids=lambda each: f"{each.method} {each.path}")
def test_a_bound_key_is_kept_from_what_concerns_everybody(api: Api, access: Any) -> None:
    _, bound = api.made(scopes=["admin"], team_bound=True)
    path = access.path.replace("<", "").replace(">", "")
    query = {"from": "2026-11-01", "to": "2026-11-02", "partition": "ads#2026-11-01#0", "team": "ads"}
    asked = {"team": "ads"} if access.path == "/admin/audit" else query
    bodies: dict[str, object] = {
        "/admin/users/days": {"user": "ann", "team": "ads"},
        "/admin/users/entries": {"user": "ann", "partition": "ads#2026-11-01#0"},
        "/admin/users/erase": {"user": "ann", "partition": "ads#2026-11-01#0"},
        "/admin/users/forget": {"user": "ann", "team": "ads", "days": ["2026-11-01"]},
    }
    status, told = api.call(access.method, path, bodies.get(path, {"team": "ads"}), key=bound, **asked)
    if not access.by_team:
        assert (status, told["error"]["code"]) == (403, "team_bound")
    elif "<" in access.path:
        assert status in (400, 404)
    elif access.path not in ("/admin/budgets", "/admin/limits"):
        assert (status, told["error"]["code"]) == (403, "team_bound")


def test_what_no_row_knows_needs_everything(api: Api) -> None:
    _, some = api.made(scopes=["keys:write"])
    assert access_of("GET", "/admin/nothing") is None
    assert api.call("GET", "/admin/nothing", key=some)[0] == 403
    assert api.call("GET", "/admin/nothing")[0] == 404


def test_a_key_without_any_part_of_the_administration_is_turned_away_first(api: Api) -> None:
    _, caller = api.made()
    status, told = api.call("POST", "/admin/keys", {"wrong": 1}, key=caller)
    assert (status, "'admin' scope" in told["error"]["message"]) == (403, True)


def test_a_signed_request_administers_as_its_principal(api: Api) -> None:
    status, created = api.call("POST", "/admin/keys", {"team": "search"}, key="sk-nothing", signed=ROLE)
    assert (status, created["team"]) == (201, "search")
    (made,) = api.records()
    assert (made["actor"]["kind"], made["actor"]["id"], made["actor"]["team"]) == ("iam", ROLE, "ops")
    stranger = ROLE.replace("operator", "other")
    assert api.call("GET", "/admin/keys", signed=stranger)[0] == 403
    assert api.call("GET", "/admin/keys", key="sk-nothing")[0] == 401


def test_a_revoked_key_shows_both_states_and_no_secret(api: Api) -> None:
    key_id, text = api.made()
    api.call("DELETE", f"/admin/keys/{key_id}")
    told = api.call("GET", "/admin/audit", action="keys.revoke")[1]["data"]
    assert (told[0]["before"]["state"], told[0]["after"]["state"]) == ("active", "revoked")
    assert text not in json.dumps(api.records())
    assert text[22:] not in json.dumps(api.records())


def test_going_live_tells_what_differs(api: Api) -> None:
    live(api, 1, 2)
    (latest, *_) = api.call("GET", "/admin/audit", action="configuration.promote")[1]["data"]
    assert latest["after"]["changes"] == [{"path": "unpriced_ceiling.input", "before": 1, "after": 2}]
    assert latest["before"]["revision"] == 1


def test_doing_nothing_again_is_recorded_all_the_same(api: Api) -> None:
    version = published(api, 1)
    assert published(api, 1) == version
    for _ in range(2):
        api.call("POST", f"/admin/configuration/versions/{version}/promote")
    assert [each["action"].partition(".")[2] for each in api.records()] == ["publish", "publish", "promote", "promote"]


def test_the_log_is_listed_filtered_and_paged(api: Api) -> None:
    ids = [api.made(team=team)[0] for team in ("search", "ads", "search", "ads", "search")]
    listed = api.call("GET", "/admin/audit")[1]
    assert [each["subject"] for each in listed["data"]] == [f"keys/{each}" for each in reversed(ids)]
    assert listed["next"] is None
    assert len(api.call("GET", "/admin/audit", team="ads")[1]["data"]) == 2
    assert len(api.call("GET", "/admin/audit", subject=f"keys/{ids[0]}")[1]["data"]) == 1
    assert len(api.call("GET", "/admin/audit", actor=ADMIN_KEY[10:22])[1]["data"]) == 5
    assert api.call("GET", "/admin/audit", actor="nobody")[1]["data"] == []
    assert api.call("GET", "/admin/audit", **{"from": "2026-11-25"})[1]["data"] == []
    assert api.call("GET", "/admin/audit", to="2026-11-23")[1]["data"] == []
    for order in ("asc", "desc"):
        seen: list[str] = []
        after: dict[str, str] = {}
        for _ in range(10):
            page = api.call("GET", "/admin/audit", limit="2", order=order, **after)[1]
            seen += [each["subject"].removeprefix("keys/") for each in page["data"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
        assert seen == (ids if order == "asc" else ids[::-1])


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"from": "yesterday"}, "is no day"),
        ({"region": "mars-1"}, "no region"),
        ({"limit": "0"}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "x"}, "earlier page"),
        ({"after": "2026-11-24/r/x"}, "earlier page"),
        ({"unknown": "1"}, "unknown"),
    ],
)
def test_a_question_that_makes_no_sense_is_a_400(api: Api, query: dict[str, str], said: str) -> None:
    status, told = api.call("GET", "/admin/audit", **query)
    assert (status, said in told["error"]["message"]) == (400, True), told


def test_a_bound_auditor_sees_its_teams_changes_alone(api: Api) -> None:
    _, auditor = api.made(team="search", scopes=["audit:read"], team_bound=True)
    api.made(team="ads")
    live(api, 1)
    assert {each["team"] for each in api.call("GET", "/admin/audit", key=auditor)[1]["data"]} == {"search"}
    assert api.call("GET", "/admin/audit", key=auditor, team="ads")[0] == 403
