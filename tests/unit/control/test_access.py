"""Scopes of administrators, and the bounds of those who have one team alone."""

from __future__ import annotations

import pytest

from sluice.control.access import ADMINISTRATION, holds, reach, require, require_grantable, require_whole
from sluice.control.budget_edits import RuleEdits
from sluice.control.configurations import Configurations
from sluice.control.keys import Keys, NewKey
from sluice.errors import NotFound, PermissionDenied
from sluice.routing.configuration import parse
from sluice.types.audit import Actor
from sluice.types.tenancy import SCOPES
from tests.fakes import PEPPER
from tests.unit.control.test_configurations import Store as ConfigurationStore
from tests.unit.control.test_keys import Store as KeyStore


def actor(*scopes: str, team: str = "ops", bound: bool = False) -> Actor:
    return Actor("key", "abcdefghijkl", team, scopes, bound)


def test_admin_stands_for_all_but_inference_and_a_write_for_its_read() -> None:
    assert all(holds(["admin"], scope) for scope in ADMINISTRATION)
    assert not holds(["admin"], "inference")
    assert holds(["keys:write"], "keys:read")
    assert not holds(["keys:read"], "keys:write")
    for one in SCOPES:
        for other in set(ADMINISTRATION) - {one}:
            covers = one == "admin" or (one.endswith(":write") and other == one.replace(":write", ":read"))
            assert holds([one], other) is covers, (one, other)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(
        PermissionDenied, match="abcdefghijkl has no 'keys:write' scope, which DELETE x needs"
    ) as caught:
        require(actor("keys:read"), "keys:write", "DELETE x")
    assert (caught.value.http_status, caught.value.error_code) == (403, "missing_scope")


def test_a_bound_actor_reaches_its_own_team() -> None:
    bound = actor("admin", bound=True)
    assert reach(bound, None) == reach(bound, "ops") == "ops"
    assert reach(actor("admin"), None) is None
    assert reach(actor("admin"), "ads") == "ads"
    with pytest.raises(PermissionDenied, match="bound to team ops"):
        reach(bound, "ads")
    with pytest.raises(PermissionDenied, match="whole organisation"):
        require_whole(bound, "GET x")
    require_whole(actor("admin"), "GET x")


def test_nobody_gives_or_takes_a_scope_that_they_do_not_have() -> None:
    require_grantable(actor("keys:write"), ["inference", "keys:read", "keys:write"])
    require_grantable(actor("admin"), SCOPES)
    for scope in ("admin", "config:write", "audit:read"):
        with pytest.raises(PermissionDenied, match=scope):
            require_grantable(actor("keys:write"), [scope])


def desk() -> tuple[Keys, KeyStore]:
    store = KeyStore()
    return Keys(store, lambda: PEPPER, lambda: 1_000_000), store


def test_a_key_of_an_administrator_of_keys_makes_no_administrator() -> None:
    keys, store = desk()
    with pytest.raises(PermissionDenied, match="'admin'"):
        keys.create(NewKey(team="ops", scopes=["admin"]), actor("keys:write"))
    assert store.keys == {}
    assert keys.create(NewKey(team="any"), actor("keys:write")).key.team == "any"


def test_an_administrator_of_keys_cannot_revoke_one_that_may_do_more_but_may_give_up_its_own() -> None:
    keys, store = desk()
    strong = keys.create(NewKey(team="ops", scopes=["admin"])).key
    with pytest.raises(PermissionDenied, match="'admin'"):
        keys.revoke(strong.id, actor("keys:write"))
    assert store.keys[strong.id].revoked_ms is None
    own = Actor("key", strong.id, "ops", ("keys:write",))
    assert keys.revoke(strong.id, own).revoked_ms is not None


def test_a_bound_administrator_sees_makes_and_revokes_keys_of_its_team_alone() -> None:
    keys, _ = desk()
    bound = actor("keys:write", bound=True)
    other = keys.create(NewKey(team="ads")).key
    with pytest.raises(PermissionDenied, match="bound to team ops"):
        keys.create(NewKey(team="ads"), bound)
    made = keys.create(NewKey(team="ops", scopes=["keys:write"]), bound).key
    assert made.team_bound, "a bound administrator makes no unbound one"
    assert not keys.create(NewKey(team="ops"), bound).key.team_bound
    assert {key.team for key in keys.list_keys(None, bound)} == {"ops"}
    with pytest.raises(PermissionDenied):
        keys.list_keys("ads", bound)
    with pytest.raises(NotFound):
        keys.revoke(other.id, bound)
    assert keys.revoke(made.id, bound).revoked_ms is not None


RULE = {"amount": "5", "window": "month"}
IDENTITY = {"principals": [{"arn": "arn:aws:iam::123456789012:role/x", "team": "ops", "scopes": ["admin"]}]}


def test_a_bound_administrator_sets_budgets_with_its_teams_scope_alone() -> None:
    configurations = Configurations(ConfigurationStore(), parse, lambda _: [])
    budgets = RuleEdits(configurations, "budgets")
    bound = actor("budgets:write", bound=True)
    for scope in ("team:ads", "team:*", "organisation", {"kind": "team", "value": "ads"}, "user:*"):
        with pytest.raises(PermissionDenied, match="scope team:ops"):
            budgets.put("a", {**RULE, "scope": scope}, None, bound)
    budgets.put("theirs", {**RULE, "scope": "team:ads"})
    budgets.put("mine", {**RULE, "scope": {"kind": "team", "value": "ops"}}, None, bound)
    assert set(budgets.listing(bound).rules) == {"mine"}
    assert set(budgets.listing().rules) == {"mine", "theirs"}
    with pytest.raises(PermissionDenied):
        budgets.put("theirs", {**RULE, "scope": "team:ops"}, None, bound)
    for act in (budgets.get, lambda name, by: budgets.delete(name, None, by)):
        with pytest.raises(NotFound):
            act("theirs", bound)
    budgets.delete("mine", None, bound)


def test_only_an_administrator_of_everything_changes_who_may_call_without_a_key() -> None:
    configurations = Configurations(ConfigurationStore(), parse, lambda _: [])
    plain = configurations.publish({"unpriced_ceiling": {"input": 1}})
    with_identity = configurations.publish({"identity": IDENTITY})
    writer = actor("config:write")
    configurations.promote(plain, by=writer)
    with pytest.raises(PermissionDenied, match="'admin' scope, which changing the configuration's identity needs"):
        configurations.promote(with_identity, by=writer)
    configurations.promote(with_identity, by=actor("admin"))
    for move in (lambda: configurations.promote(plain, by=writer), lambda: configurations.rollback(writer)):
        with pytest.raises(PermissionDenied):
            move()
    assert configurations.rollback(actor("admin")).version == plain
